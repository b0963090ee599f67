"""Fit, calibrate and pack the linear models of `matcher`. Authoring only: needs SciPy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intents import features
from intents.matcher import Floats

VOCABULARY = 45000
MIN_COUNT = 3
DENSE_SCALE = 2.0
"""How much the sentence vector weighs beside the n-grams, chosen by cross-validation."""


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


def slice_of(matrix: Matrix, rows: NDArray[np.int64]) -> Matrix:
    """Return some rows of a matrix."""
    return Matrix(matrix.grams[rows], matrix.dense[rows])
