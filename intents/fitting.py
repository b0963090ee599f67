"""Linear models over n-grams and sentence vectors: fitted, mixed, calibrated, packed. Authoring only: needs SciPy."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intents.matcher import Floats


@dataclass(frozen=True)
class Matrix:
    """The features of many messages: n-grams as a sparse matrix, sentence vectors as rows."""

    grams: Any
    dense: Floats


def slice_of(matrix: Matrix, rows: NDArray[np.int64]) -> Matrix:
    """Return some rows of a matrix."""
    return Matrix(matrix.grams[rows], matrix.dense[rows])


def softmax(logits: Floats) -> Floats:
    """Return each row as probabilities."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Floats = raised / raised.sum(axis=1, keepdims=True)
    return result


@dataclass
class Linear:
    """One linear model: weights (features × classes) and a bias."""

    weights: Floats
    bias: Floats

    def logits(self, matrix: Any) -> Floats:
        """Return one row of logits a message."""
        return np.asarray(matrix @ self.weights) + self.bias


@dataclass
class Mixed:
    """The two models of one question, how they are mixed, and the temperature of the words alone."""

    words: Linear
    dense: Linear
    mix: tuple[float, float] = (0.5, 0.5)
    temperature: float = 1.0

    def probabilities(self, matrix: Matrix) -> Floats:
        """Return one row of probabilities a message."""
        a, b = self.mix
        return softmax(a * self.words.logits(matrix.grams) + b * self.dense.logits(matrix.dense))

    def by_words(self, matrix: Matrix) -> Floats:
        """Return the same without the sentence vector."""
        return softmax(self.words.logits(matrix.grams) / self.temperature)


def fit(
    x: Any, targets: NDArray[np.int64], n_classes: int, *, c: float, weights: Floats, rounds: int = 60,
    offset: Floats | None = None,
) -> Linear:
    """Return a multinomial logistic regression, fitted by L-BFGS.

    x: one row a message, sparse or dense. c: inverse of the ridge, as in scikit-learn. weights: one a message.
    offset: logits that another model gives already; what is fitted is added to them.
    """
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    x = x.astype(np.float32)
    onehot = np.zeros((x.shape[0], n_classes), dtype=np.float32)
    onehot[np.arange(len(targets)), targets] = 1.0
    row_weights = (weights / weights.sum() * len(weights)).astype(np.float32)[:, None]
    transposed = x.T if isinstance(x, np.ndarray) else x.T.tocsr()
    size = (x.shape[1] + 1, n_classes)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w = flat.reshape(size).astype(np.float32)
        logits = np.asarray(x @ w[:-1]) + w[-1]
        if offset is not None:
            logits = logits + offset
        top = logits.max(axis=1, keepdims=True)
        raised = np.exp(logits - top)
        total = raised.sum(axis=1, keepdims=True)
        value = float((row_weights * (np.log(total) + top - (logits * onehot).sum(axis=1, keepdims=True))).sum())
        error = row_weights * (raised / total - onehot)
        gradient = np.empty(size, dtype=np.float64)
        gradient[:-1] = transposed @ error
        gradient[-1] = error.sum(axis=0)
        value += 0.5 / c * float((w[:-1] ** 2).sum())
        gradient[:-1] += w[:-1] / c
        return value, gradient.ravel()

    found = minimize(
        loss, np.zeros(size).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": rounds, "maxcor": 6}
    )
    w = found.x.reshape(size).astype(np.float32)
    return Linear(w[:-1], w[-1])


def _loss(probabilities: Floats, targets: NDArray[np.int64]) -> float:
    return float(-np.log(np.maximum(probabilities[np.arange(len(targets)), targets], 1e-9)).mean())


def calibrate(mixed: Mixed, matrix: Matrix, targets: NDArray[np.int64], *, most: float = math.inf) -> None:
    """Choose the mix and the temperature under which held-out messages are likeliest.

    most: how much meaning may count beside the words.
    """
    words, dense = mixed.words.logits(matrix.grams), mixed.dense.logits(matrix.dense)
    shares = np.linspace(0.0, 1.6, 17)
    mixed.mix = min(
        ((float(a), float(b)) for a in shares for b in shares if 0 < a >= b / most),
        key=lambda pair: _loss(softmax(pair[0] * words + pair[1] * dense), targets),
    )
    mixed.temperature = best_temperature(words, targets)


def best_temperature(logits: Floats, targets: NDArray[np.int64]) -> float:
    """Return what logits are divided by so that held-out messages are likeliest."""
    candidates = (float(each) for each in np.geomspace(0.15, 4.0, 60))
    return min(candidates, key=lambda each: _loss(softmax(logits / each), targets))


def pack(mixed: Mixed, name: str) -> dict[str, Any]:
    """Return both models of a question as arrays for the file: n-grams in eight bits a class, the rest in sixteen."""
    scale = np.maximum(np.abs(mixed.words.weights).max(axis=0), 1e-6) / 127.0
    return {
        f"{name}_grams": np.round(mixed.words.weights / scale).astype(np.int8),
        f"{name}_scale": scale.astype(np.float32),
        f"{name}_bias": mixed.words.bias.astype(np.float32),
        f"{name}_temperature": np.float32(mixed.temperature),
        f"{name}_dense": mixed.dense.weights.astype(np.float16),
        f"{name}_dense_bias": mixed.dense.bias.astype(np.float32),
        f"{name}_mix": np.array(mixed.mix, dtype=np.float32),
    }
