"""Train the models of `matcher` from the utterances. Authoring only: needs SciPy; run time needs numpy alone.

Two questions are learned: which intent (66 topics, requests about the bot, and everything that is out of scope), and
which danger, if any. Each is answered by the words (n-grams, learned here) and by the meaning (the sentence vector:
the heads that were tuned with the encoder, or ones learned here where it is not tuned). How much the two count, and
every threshold, comes from messages that neither has seen, so that a score of 0.8 is right about eight times in ten.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intents import danger_fitting, encoder, evaluation, features
from intents.danger_fitting import DENSE_SCALE
from intents.encoder_top import Top, text_hash
from intents.examples import CALM, CURATED, DANGERS, Example, training_examples
from intents.fitting import Linear, Matrix, Mixed, calibrate, fit, pack, slice_of
from intents.matcher import MODEL_FILE, OUT_OF_SCOPE, Floats, fingerprint
from intents.normalise import clean, fold
from intents.romaji import to_hiragana
from intents.vectors import Progress, VectorCache

VOCABULARY = 150000
MIN_COUNT = 2
C_WORDS, C_DENSE = 12.0, 6.0
MOST_MEANING = 0.5
"""How much the meaning of a message may count beside its words, for the reason that `danger_fitting.MIX` names."""
HELD_SHARE, HELD_DANGERS = 16, 5
"""One line of so many is held out, and one danger or look-alike of so many: from the tuning of the encoder and from the
words that are measured. Thresholds of danger need many, and layers that have learned a line cannot tell how sure they
would be of another."""


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
    return Example(text, example.intent, example.danger, tag, example.style)


def vocabulary_of(hashes: Sequence[NDArray[np.uint32]]) -> tuple[NDArray[np.uint32], Floats]:
    """Return the hashes worth keeping, sorted, and how rare each is (idf)."""
    unique = [np.unique(row) for row in hashes]
    values, counts = np.unique(np.concatenate(unique), return_counts=True)
    # What is in one message of five says nothing; what is in a single message cannot be trusted.
    keep = (counts >= MIN_COUNT) & (counts <= len(hashes) // 5)
    values, counts = values[keep], counts[keep]
    if len(values) > VOCABULARY:
        order = np.argsort(-counts)[:VOCABULARY]
        order.sort()
        values, counts = values[order], counts[order]
    idf = np.log(len(hashes) / counts).astype(np.float16).astype(np.float32)
    return values, idf


def matrix_of(
    hashes: Sequence[NDArray[np.uint32]], dense: Floats, vocabulary: NDArray[np.uint32], idf: Floats
) -> Matrix:
    """Return the features of many messages in one vocabulary."""
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    columns, weights, starts = [], [], [0]
    for row in hashes:
        at, weight = features.weigh(row, vocabulary, idf)
        columns.append(at)
        weights.append(weight)
        starts.append(starts[-1] + len(at))
    shape = (len(hashes), len(vocabulary))
    return Matrix(csr_matrix((np.concatenate(weights), np.concatenate(columns), np.array(starts)), shape=shape), dense)


SETTINGS = {
    "skip_encoder": 0.97, "skip_calm": 0.995, "outside": 0.4, "answer": 0.6, "answer_outside": 0.25,
    "choice": 0.05, "choices": 0.5,
    "danger_phrase": 0.7, "danger_soft_phrase": 0.15, "danger_firm": 0.5, "danger_soft": 0.2,
    "words_danger_phrase": 0.7, "words_danger_soft_phrase": 0.15, "words_danger_firm": 0.6, "words_danger_soft": 0.4,
}  # fmt: skip
"""Thresholds, 0.0–1.0; `evaluation.choose_settings` replaces those that held-out messages can decide."""


@dataclass(frozen=True)
class Data:
    """The examples in arrays. The rows of `matrix.dense` are zero where no vector was needed."""

    examples: list[Example]
    matrix: Matrix
    vocabulary: NDArray[np.uint32]
    idf: Floats
    labels: tuple[str, ...]
    held: NDArray[np.bool_]
    top: Top | None = None

    def intents(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Return the rows that have an intent, its number for each, and how much each counts."""
        rows = [i for i, example in enumerate(self.examples) if example.intent is not None]
        numbers = {label: i for i, label in enumerate(self.labels)}
        targets = np.array([numbers[self.examples[i].intent or ""] for i in rows])
        counts = np.bincount(targets, minlength=len(self.labels)).astype(np.float32)
        balance = (counts[counts > 0].mean() / np.maximum(counts, 1.0)) ** 0.5
        curated = np.array([0.5 if self.examples[i].style == CURATED else 1.0 for i in rows], dtype=np.float32)
        return np.array(rows), targets, balance[targets] * curated

    def dangers(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Return the rows that say something about danger, the class of each, and how much each counts."""
        order = (*DANGERS, CALM)
        rows = [i for i, example in enumerate(self.examples) if example.danger is not None]
        targets = np.array([order.index(self.examples[i].danger or CALM) for i in rows])
        weights = np.array([danger_fitting.weight(self.examples[i]) for i in rows], dtype=np.float32)
        return np.array(rows), targets, weights


def held_out(examples: Sequence[Example], top: Top | None = None) -> NDArray[np.bool_]:
    """Return which examples are held out: the same ones every time, by their words; never those of curated answers.

    top: the tuned layers, of which only messages that they have not learned can judge.
    """
    hashes = np.array([text_hash(example.text) for example in examples], dtype=np.uint32)
    curated = np.array([example.style == CURATED for example in examples])
    about_danger = np.array([example.style in (*DANGERS, "lookalikes") for example in examples])
    share = np.where(about_danger, HELD_DANGERS, HELD_SHARE)
    seen = hashes % share != 0 if top is None else np.isin(hashes, top.learned)
    result: NDArray[np.bool_] = ~curated & ~seen
    return result


def labels_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """Return the classes of the question about intents, out of scope last."""
    found = {example.intent for example in examples if example.intent and example.intent != OUT_OF_SCOPE}
    return (*sorted(found), OUT_OF_SCOPE)


def prepare(
    examples: list[Example], cache: VectorCache, *, top: Top | None = None, progress: Progress | None = None
) -> Data:
    """Return the examples as arrays. Held-out ones are not retyped: each stands there as somebody wrote it.

    top: the tuned layers, whose heads spare a vector of every example that was learned.
    """
    n_given, held = len(examples), held_out(examples, top)
    kept = [example for example, out in zip(examples, held, strict=True) if not out]
    examples = [*augmented(kept), *(example for example, out in zip(examples, held, strict=True) if out)]
    held = np.arange(len(examples)) >= len(examples) - int(held.sum())
    wanted = np.nonzero(held)[0] if top else np.arange(len(examples))
    dense = np.zeros((len(examples), encoder.DIMENSION), dtype=np.float32)
    if progress:
        progress(max(0, n_given - len(wanted)))  # retyped ones are shown as a part of those that they were made from
    dense[wanted] = cache.vectors([examples[i].text for i in wanted], progress=progress)
    hashes = [features.grams(example.text) for example in examples]
    vocabulary, idf = vocabulary_of(hashes)
    matrix = matrix_of(hashes, dense, vocabulary, idf)
    return Data(examples, matrix, vocabulary, idf, labels_of(examples), held, top)


STEPS = 2 + danger_fitting.STEPS


def fit_question(
    data: Data, rows: NDArray[np.int64], targets: NDArray[np.int64], weights: Floats, n_classes: int,
    tuned: tuple[Floats, Floats] | None, *, c: float, rounds: int, progress: Progress,
) -> tuple[Mixed, Mixed]:
    """Return the models of one question: those that learned everything, and those that held-out examples may judge.

    Both are mixed as the held-out examples ask for.
    """
    out = data.held[rows]

    def words(which: NDArray[np.bool_]) -> Linear:
        grams = slice_of(data.matrix, rows[which]).grams
        fitted = fit(grams, targets[which], n_classes, c=c, weights=weights[which], rounds=rounds)
        progress(1)
        return fitted

    if tuned is None or data.top is None:
        fitted = fit(data.matrix.dense[rows[~out]] * DENSE_SCALE, targets[~out], n_classes, c=C_DENSE,
                     weights=weights[~out], rounds=rounds)
        dense = Linear(fitted.weights * DENSE_SCALE, fitted.bias)
    else:
        dense = Linear(tuned[0].T * data.top.scale, tuned[1])
    trial = Mixed(words(~out), dense)
    calibrate(trial, slice_of(data.matrix, rows[out]), targets[out], most=MOST_MEANING if tuned else math.inf)
    return replace(trial, words=words(np.ones(len(rows), dtype=bool))), trial


def train(root: Path, data: Data, *, rounds: int = 60, progress: Progress | None = None) -> Path:
    """Learn both questions, choose the thresholds from what was held out, and write the file.

    rounds: of the optimiser. progress: called with 1 after each of STEPS steps.
    """
    done = progress or (lambda n: None)
    top = data.top
    rows, targets, weights = data.intents()
    intents, trial = fit_question(data, rows, targets, weights, len(data.labels), top.intents if top else None,
                                  c=C_WORDS, rounds=rounds, progress=done)
    held = rows[data.held[rows]]
    matrix, truth = slice_of(data.matrix, held), targets[data.held[rows]]
    settings = evaluation.choose_settings(
        SETTINGS, labels=data.labels, probabilities=trial.probabilities(matrix),
        words=trial.by_words(matrix), truth=[data.labels[target] for target in truth],
        weights=_style_weights([data.examples[i] for i in held]),
    )
    rows, targets, weights = data.dangers()
    head = Linear(top.dangers[0].T * top.scale, top.dangers[1]) if top else None
    question = danger_fitting.Question(
        [data.examples[i] for i in rows], slice_of(data.matrix, rows), targets, weights, data.held[rows], head
    )
    dangers, settings = danger_fitting.fit_dangers(question, settings, rounds=rounds, progress=done)
    return write_model(root, data, {"intents": intents, "dangers": dangers}, settings)


def _style_weights(examples: Sequence[Example]) -> Floats:
    """Return weights under which every style counts alike: most lines are stories, most messages are not."""
    counts = Counter(example.style for example in examples)
    return np.array([1.0 / counts[example.style] for example in examples], dtype=np.float32) * len(examples)


def write_model(root: Path, data: Data, questions: dict[str, Mixed], settings: dict[str, float]) -> Path:
    """Write the file that `Matcher.load` reads, and return its path."""
    packed: dict[str, Any] = {
        "labels": np.array(data.labels),
        "danger_labels": np.array((*DANGERS, CALM)),
        "settings": np.array(json.dumps(settings)),
        "fingerprint": np.array(examples_fingerprint(training_examples(root))),
        "encoder": np.array(encoder.engine_name(data.top)),
        "vocabulary": data.vocabulary,
        "idf": data.idf.astype(np.float16),
    }
    for name, mixed in questions.items():
        packed.update(pack(mixed, name))
    target = root / MODEL_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target, **packed)
    return target


def examples_fingerprint(examples: Sequence[Example]) -> str:
    """Return the fingerprint of the utterances that a model was trained on; a test compares it with the files.

    The words of answers are learned too and do not count: a corrected answer needs no new model.
    """
    return fingerprint([
        f"{each.tag}/{each.intent}/{each.danger}/{each.style}/{each.text}" for each in examples if each.style != CURATED
    ])
