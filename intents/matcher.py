"""Which intents does a message mean? Ranks all of them, across languages, with calibrated scores.

Two linear models stand side by side in one file: one reads the n-grams, the other the sentence vector. Together they
answer; the n-grams alone for messages that need no encoder and for machines that have none.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intents import features

OUT_OF_SCOPE = "out_of_scope"
BOT_REQUESTS = frozenset({
    "talk_to_staff", "change_language", "privacy", "stop_notices", "start_notices", "ticket_status",
    "delete_data", "export_data",
})  # fmt: skip
SMALLTALK = frozenset({"greeting", "thanks", "what_can_you_do"})
MODEL_FILE = Path("intents") / "data" / "model.npz"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Ranked:
    """One intent and the probability, 0.0–1.0, that it is what the message means."""

    intent_id: str
    score: float


@dataclass(frozen=True)
class Message:
    """The features of one message, worked out once and read by every model."""

    columns: NDArray[np.int64]
    weights: Floats
    vector: Floats | None = None


@dataclass(frozen=True)
class Head:
    """One question to a message, answered by its words and, where the encoder ran, by its meaning.

    grams: int8, one row a feature and one column a class; `scale` brings a column back to logits.
    dense, dense_bias: the same for the sentence vector.
    mix: how much the logits of words and of meaning count together. temperature: what the logits of the words are
    divided by where there is no vector.
    """

    grams: NDArray[np.int8]
    scale: Floats
    bias: Floats
    temperature: float
    dense: Floats
    dense_bias: Floats
    mix: tuple[float, float]

    def probabilities(self, message: Message) -> Floats:
        """Return one probability a class."""
        logits = (message.weights @ self.grams[message.columns].astype(np.float32)) * self.scale + self.bias
        if message.vector is None:
            logits = logits / self.temperature
        else:
            logits = self.mix[0] * logits + self.mix[1] * (message.vector @ self.dense + self.dense_bias)
        raised = np.exp(logits - logits.max())
        result: Floats = raised / raised.sum()
        return result


def _head(packed: Any, name: str) -> Head:
    return Head(
        grams=packed[f"{name}_grams"],
        scale=packed[f"{name}_scale"].astype(np.float32),
        bias=packed[f"{name}_bias"].astype(np.float32),
        temperature=float(packed[f"{name}_temperature"]),
        dense=packed[f"{name}_dense"].astype(np.float32),
        dense_bias=packed[f"{name}_dense_bias"].astype(np.float32),
        mix=(float(packed[f"{name}_mix"][0]), float(packed[f"{name}_mix"][1])),
    )


class Matcher:
    """The trained models of one file, and the questions they answer."""

    def __init__(self, packed: dict[str, Any]) -> None:
        self.labels: tuple[str, ...] = tuple(str(label) for label in packed["labels"])
        self.danger_labels: tuple[str, ...] = tuple(str(label) for label in packed["danger_labels"])
        self.settings: dict[str, float] = json.loads(str(packed["settings"]))
        self.fingerprint: str = str(packed["fingerprint"])
        self.encoder_name: str = str(packed["encoder"])
        self._vocabulary: NDArray[np.uint32] = packed["vocabulary"]
        self._idf: Floats = packed["idf"].astype(np.float32)
        self._intents, self._dangers = _head(packed, "intents"), _head(packed, "dangers")

    @classmethod
    def load(cls, root: Path) -> "Matcher":
        """Return the matcher trained for the project in `root`.

        Raises FileNotFoundError where no model has been trained there (`python -m intents train`).
        """
        with np.load(root / MODEL_FILE, allow_pickle=False) as packed:
            return cls({name: packed[name] for name in packed.files})

    def read(self, text: str, vector: Floats | None = None) -> Message:
        """Return the features of a message.

        vector: from the encoder, or None where it was not asked.
        """
        columns, weights = features.weigh(features.grams(text), self._vocabulary, self._idf)
        return Message(columns, weights, vector)

    def intent_probabilities(self, message: Message) -> Floats:
        """Return one probability for each of `labels`."""
        return self._intents.probabilities(message)

    def danger_probabilities(self, message: Message) -> Floats:
        """Return one probability for each of `danger_labels`, the last of which means no danger."""
        return self._dangers.probabilities(message)

    def ranked(self, probabilities: Floats, n: int = 5) -> tuple[Ranked, ...]:
        """Return the best `n` intents, best first; out of scope is not an intent."""
        out = []
        for i in np.argsort(-probabilities):
            if self.labels[i] != OUT_OF_SCOPE:
                out.append(Ranked(self.labels[i], round(float(probabilities[i]), 4)))
            if len(out) == n:
                break
        return tuple(out)

    def rank(self, text: str, n: int = 5, *, vector: Floats | None = None) -> tuple[Ranked, ...]:
        """Return the best `n` intents for a text, best first, always `n` of them.

        vector: from the encoder, or None for the words alone.
        """
        return self.ranked(self.intent_probabilities(self.read(text, vector)), n)


def fingerprint(texts: list[str]) -> str:
    """Return sixteen hexadecimal digits that change with any of the texts or their order."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()[:16]
