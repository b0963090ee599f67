"""Tune the upper layers of the sentence encoder on the utterances. Authoring only: needs PyTorch (`pip install torch`).

The lower layers stay as the package has them, so what they make of each message is worked out once and kept. The upper
ones learn with two linear heads (which intent, which danger) and with their weights rounded to four bits all along, so
that what is shipped is what was learned.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as nn
from numpy.typing import NDArray

from intents import danger_fitting, encoder, training
from intents.encoder_file import BLOCK, EncoderFile, as_bytes, pack
from intents.encoder_file import unpack as unpack_blocks
from intents.encoder_top import TOP_FILE, Top, digest_of, save_top, text_hash
from intents.examples import CALM, DANGERS, Example
from intents.fitting import fit
from intents.pieces import Tokenizer

N_TOP = 4
"""Layers that are tuned: each takes a megabyte of the repository."""
SCALE = 16.0
TOKENS_A_STEP = 4000
RATE, HEAD_RATE, SMOOTHING, DROPOUT, DANGER_SHARE = 2.5e-4, 1e-3, 0.05, 0.1, 0.7
_PARTS = ("q", "k", "v", "ao", "fi", "fo")
_NAMES = (*(f"{part}.{kind}" for part in _PARTS for kind in "wb"), "aln.w", "aln.b", "oln.w", "oln.b")
Progress = Callable[[int], None]
Layer = dict[str, Any]


@dataclass(frozen=True)
class Lesson:
    """What one message teaches. intent, danger: numbers of the classes, or -1; the weights say how much each counts."""

    ids: list[int]
    intent: int
    danger: int
    intent_weight: float
    danger_weight: float


def lessons(examples: Sequence[Example], labels: Sequence[str], tokenizer: Tokenizer) -> list[Lesson]:
    """Return the examples as numbers."""
    numbers, order = {label: i for i, label in enumerate(labels)}, (*DANGERS, CALM)
    return [
        Lesson(
            tokenizer.ids(encoder.prepare(example.text)),
            numbers[example.intent] if example.intent else -1,
            order.index(example.danger) if example.danger else -1,
            0.5 if example.style == "curated" else 1.0,
            danger_fitting.weight(example),
        )
        for example in examples
    ]


def _round_to_four_bits(weights: Any) -> Any:
    """Return the weights as Q4_0 keeps them; the gradient passes as if nothing had been rounded."""
    blocks = weights.reshape(-1, BLOCK)
    extreme = blocks.gather(1, blocks.abs().argmax(1, keepdim=True))
    scale = (extreme / -8).half().float()
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    rounded = (((blocks / scale).round() + 8).clamp(0, 15) - 8) * scale
    return weights + (rounded.reshape(weights.shape) - weights).detach()


class Network:
    """The encoder's layers in PyTorch."""

    def __init__(self, file: EncoderFile) -> None:
        self._file = file
        self._head_width = file.width // file.n_heads

    def layer(self, number: int) -> Layer:
        """Return the weights of one layer by name."""
        return {name: torch.from_numpy(self._weights(f"l{number}.{name}")) for name in _NAMES}

    def _weights(self, name: str) -> Any:
        return np.array(self._file.weights(name))

    def embed(self, ids: NDArray[np.int64]) -> Any:
        """Return what goes into the first layer. ids: messages × pieces."""
        tensor, width = self._file.tensors["emb.word"], self._file.width
        rows = np.unique(ids)
        raw = self._file.data[tensor.offset : tensor.offset + tensor.size].reshape(-1, width // BLOCK * 18)[rows]
        table = unpack_blocks(np.ascontiguousarray(raw)).reshape(len(rows), width)
        x = torch.from_numpy(table[np.searchsorted(rows, ids)])
        x = x + torch.from_numpy(self._weights("emb.pos")).view(-1, width)[: ids.shape[1]]
        x = x + torch.from_numpy(self._weights("emb.type")).view(-1, width)[0]
        return self._norm(x, torch.from_numpy(self._weights("emb.ln.w")), torch.from_numpy(self._weights("emb.ln.b")))

    def _norm(self, x: Any, weight: Any, bias: Any) -> Any:
        return nn.layer_norm(x, (self._file.width,), weight, bias, self._file.epsilon)

    def run(self, x: Any, mask: Any, weights: Layer, *, is_tuned: bool, drop: float = 0.0) -> Any:
        """Return the output of one layer."""
        n, length, width = x.shape

        def linear(values: Any, part: str) -> Any:
            w = weights[f"{part}.w"]
            return nn.linear(values, _round_to_four_bits(w) if is_tuned else w, weights[f"{part}.b"])

        def heads(part: str) -> Any:
            return linear(x, part).view(n, length, self._file.n_heads, self._head_width).transpose(1, 2)

        seen = nn.scaled_dot_product_attention(heads("q"), heads("k"), heads("v"), attn_mask=mask[:, None, None, :])
        seen = nn.dropout(linear(seen.transpose(1, 2).reshape(n, length, width), "ao"), drop)
        x = self._norm(x + seen, weights["aln.w"], weights["aln.b"])
        inner = nn.dropout(linear(nn.gelu(linear(x, "fi")), "fo"), drop)
        return self._norm(x + inner, weights["oln.w"], weights["oln.b"])


def _batches(lengths: Sequence[int], chooser: random.Random | None = None) -> list[list[int]]:
    """Return messages of like length together, about TOKENS_A_STEP pieces a batch; in random order with a chooser."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i] + (chooser.random() * 6 if chooser else 0))
    out: list[list[int]] = [[]]
    longest = 0
    for i in order:
        longest = max(longest, lengths[i])
        if out[-1] and longest * (len(out[-1]) + 1) > TOKENS_A_STEP:
            out.append([])
            longest = lengths[i]
        out[-1].append(i)
    if chooser:
        chooser.shuffle(out)
    return out


@dataclass
class States:
    """What the lower layers make of every message, one after the other. starts: where each begins, and the end."""

    flat: Any
    starts: NDArray[np.int64]

    @property
    def lengths(self) -> list[int]:
        """Pieces of each message."""
        return [int(n) for n in np.diff(self.starts)]

    def batch(self, rows: Sequence[int]) -> tuple[Any, Any]:
        """Return the states of some messages, filled up to the longest, and which places are real."""
        longest = max(int(self.starts[i + 1] - self.starts[i]) for i in rows)
        x, mask = torch.zeros((len(rows), longest, self.flat.shape[1])), torch.zeros((len(rows), longest), dtype=bool)
        for row, i in enumerate(rows):
            length = int(self.starts[i + 1] - self.starts[i])
            x[row, :length] = self.flat[self.starts[i] : self.starts[i + 1]].float()
            mask[row, :length] = True
        return x, mask


def lower_states(network: Network, file: EncoderFile, learned: Sequence[Lesson], progress: Progress) -> States:
    """Run everything below the tuned layers, once."""
    layers = [network.layer(number) for number in range(file.n_layers - N_TOP)]
    lengths = [len(each.ids) for each in learned]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    flat = torch.empty((int(starts[-1]), file.width), dtype=torch.float16)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for rows in _batches(lengths):
            ids = np.ones((len(rows), max(lengths[i] for i in rows)), dtype=np.int64)
            mask = torch.zeros(ids.shape, dtype=bool)
            for row, i in enumerate(rows):
                ids[row, : lengths[i]] = learned[i].ids
                mask[row, : lengths[i]] = True
            x = network.embed(ids)
            for weights in layers:
                x = network.run(x, mask, weights, is_tuned=False)
            for row, i in enumerate(rows):
                flat[starts[i] : starts[i + 1]] = x[row, : lengths[i]].half()
            progress(len(rows))
    return States(flat, starts)


class Student:
    """The tuned layers and their two heads."""

    def __init__(self, network: Network, file: EncoderFile) -> None:
        self._network = network
        self.layers = {number: network.layer(number) for number in range(file.n_layers - N_TOP, file.n_layers)}
        for weights in self.layers.values():
            for tensor in weights.values():
                tensor.requires_grad_(True)
        self.heads: dict[str, Any] = {}

    def vectors(self, states: States, rows: Sequence[int], *, drop: float = 0.0) -> Any:
        """Return unit vectors of some messages."""
        x, mask = states.batch(rows)
        with torch.autocast("cpu", torch.bfloat16):
            for weights in self.layers.values():
                x = self._network.run(x, mask, weights, is_tuned=True, drop=drop)
        real = mask[:, :, None].float()
        return nn.normalize((x.float() * real).sum(1) / real.sum(1), dim=1)

    def start_heads(self, states: States, learned: Sequence[Lesson], n_intents: int) -> None:
        """Fit the heads to the layers as they are, so that tuning does not begin by unlearning."""
        with torch.no_grad():
            found = np.zeros((len(learned), states.flat.shape[1]), dtype=np.float32)
            for rows in _batches(states.lengths):
                found[rows] = self.vectors(states, rows).numpy()
        for name, n, classes, counts in (
            ("intent", n_intents, [each.intent for each in learned], [each.intent_weight for each in learned]),
            ("danger", len(DANGERS) + 1, [each.danger for each in learned], [each.danger_weight for each in learned]),
        ):
            rows = [i for i, target in enumerate(classes) if target >= 0]
            linear = fit(found[rows] * SCALE, np.array(classes)[rows], n, c=6.0,
                         weights=np.array(counts, dtype=np.float32)[rows])
            self.heads[f"{name}.w"] = torch.from_numpy(linear.weights.T.copy()).requires_grad_(True)
            self.heads[f"{name}.b"] = torch.from_numpy(linear.bias.copy()).requires_grad_(True)

    def loss(self, states: States, learned: Sequence[Lesson], rows: Sequence[int]) -> Any:
        """Return how wrong both heads are about some messages."""
        vectors = self.vectors(states, rows, drop=DROPOUT) * SCALE
        total = torch.zeros(())
        for name, share, smoothing in (("intent", 1.0, SMOOTHING), ("danger", DANGER_SHARE, 0.0)):
            targets = torch.tensor([getattr(learned[i], name) for i in rows])
            counts = torch.tensor([getattr(learned[i], f"{name}_weight") for i in rows])
            known = targets >= 0
            if known.any():
                logits = nn.linear(vectors[known], self.heads[f"{name}.w"], self.heads[f"{name}.b"])
                each = nn.cross_entropy(logits, targets[known], reduction="none", label_smoothing=smoothing)
                total = total + share * (each * counts[known]).sum() / len(rows)
        return total

    def tensors(self) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Yield the tuned tensors, packed."""
        for number, weights in self.layers.items():
            for name, tensor in weights.items():
                is_matrix = tensor.dim() == 2
                values = (_round_to_four_bits(tensor) if is_matrix else tensor).detach().numpy()
                yield f"l{number}.{name}", pack(values.reshape(-1)) if is_matrix else as_bytes(values)


def tune(root: Path, examples: list[Example], *, epochs: int, progress: Callable[[str, int], Progress]) -> Path:
    """Tune on the examples that are not held out, and write the layers.

    epochs: how often every example is seen. progress: called with a title and a total; returns what moves that bar.

    Raises ImportError where the encoder's package is not installed.
    """
    torch.manual_seed(0)
    chooser = random.Random(0)  # noqa: S311 - repeatable
    base = encoder.base_file()
    file = EncoderFile(base)
    labels = training.labels_of(examples)
    kept = [each for each, out in zip(examples, training.held_out(examples), strict=True) if not out]
    learned = lessons(training.augmented(kept), labels, Tokenizer(file))
    network = Network(file)
    states = lower_states(network, file, learned, progress("lower layers", len(learned)))
    student = Student(network, file)
    student.start_heads(states, learned, len(labels))
    layers = [tensor for weights in student.layers.values() for tensor in weights.values()]
    heads = list(student.heads.values())
    optimiser = torch.optim.AdamW(
        [{"params": layers, "lr": RATE, "weight_decay": 0.01}, {"params": heads, "lr": HEAD_RATE, "weight_decay": 0.0}],
        betas=(0.9, 0.98),
    )
    n_steps = epochs * len(_batches(states.lengths))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step / n_steps))
    move = progress("tuning", epochs * len(learned))
    for _ in range(epochs):
        for rows in _batches(states.lengths, chooser):
            optimiser.zero_grad()
            student.loss(states, learned, rows).backward()
            torch.nn.utils.clip_grad_norm_(layers + heads, 1.0)
            optimiser.step()
            scheduler.step()
            move(len(rows))
    tensors = dict(student.tensors())
    found = {name: head.detach().numpy() for name, head in student.heads.items()}
    top = Top(
        tensors=tensors, base=digest_of(EncoderFile(base), list(tensors)), labels=labels,
        intents=(found["intent.w"], found["intent.b"]), dangers=(found["danger.w"], found["danger.b"]), scale=SCALE,
        learned=np.unique(np.array([text_hash(each.text) for each in kept], dtype=np.uint32)),
    )
    save_top(root / TOP_FILE, top)
    return root / TOP_FILE


def _rate(done: float) -> float:
    """Return the share of the learning rate at a point of the way, 0.0–1.0: up for a sixteenth, then down a cosine."""
    return min(1.0, done * 16) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))
