"""The upper layers of the sentence encoder as we have tuned them, and how they are put into the engine's file.

The package's own file stays as it is: a copy in memory gets our layers and is what the engine loads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intents.encoder_file import EncoderFile

TOP_FILE = Path("intents") / "data" / "encoder_top.npz"

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


class WrongBase(ValueError):
    """The layers were tuned for another file than the installed one."""


@dataclass(frozen=True)
class Top:
    """Tuned layers and the linear heads that were tuned with them.

    tensors: dict of tensor name → packed bytes. base: digest of the bytes that they replace.
    intents, dangers: weights of a head (classes × width) and its bias; `scale` is what a unit vector is multiplied by
    before them. labels: the intents, in the order of their rows.
    learned: hashes of the messages that were learned from, sorted; what is not among them may judge the layers.
    """

    tensors: Mapping[str, Bytes]
    base: str
    labels: tuple[str, ...]
    intents: tuple[Floats, Floats]
    dangers: tuple[Floats, Floats]
    scale: float
    learned: NDArray[np.uint32]

    @property
    def name(self) -> str:
        """Eight hexadecimal digits that change with the layers."""
        digest = blake2b(digest_size=4)
        for name in sorted(self.tensors):
            digest.update(self.tensors[name].tobytes())
        return digest.hexdigest()


def text_hash(text: str) -> int:
    """Return 32 bits that stand for a text."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big")


def load_top(path: Path) -> Top | None:
    """Return the tuned layers, or None where there are none."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as packed:
        return Top(
            tensors={name.removeprefix("tensor:"): packed[name] for name in packed.files if name.startswith("tensor:")},
            base=str(packed["base"]),
            labels=tuple(str(label) for label in packed["labels"]),
            intents=(packed["intents_w"].astype(np.float32), packed["intents_b"].astype(np.float32)),
            dangers=(packed["dangers_w"].astype(np.float32), packed["dangers_b"].astype(np.float32)),
            scale=float(packed["scale"]),
            learned=packed["learned"],
        )


def save_top(path: Path, top: Top) -> None:
    """Write tuned layers; the bytes are packed already and hardly compress."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path, base=np.array(top.base), labels=np.array(top.labels), scale=np.float32(top.scale),
        learned=top.learned, intents_w=top.intents[0].astype(np.float16), intents_b=top.intents[1],
        dangers_w=top.dangers[0].astype(np.float16), dangers_b=top.dangers[1],
        **{f"tensor:{name}": raw for name, raw in top.tensors.items()},  # type: ignore[arg-type]
    )


def digest_of(file: EncoderFile, names: list[str]) -> str:
    """Return the digest of some tensors of a file, as they are."""
    digest = blake2b(digest_size=16)
    for name in sorted(names):
        tensor = file.tensors[name]
        digest.update(file.data[tensor.offset : tensor.offset + tensor.size].tobytes())
    return digest.hexdigest()


@contextmanager
def merged_file(base: Path, top: Top) -> Iterator[str]:
    """Yield the path of a file in memory: the base with the tuned layers; it is gone once nobody has it open.

    Raises WrongBase where the layers were tuned for another base, OSError.
    """
    file = EncoderFile(base)
    if set(top.tensors) - set(file.tensors) or digest_of(file, list(top.tensors)) != top.base:
        raise WrongBase("the installed encoder is not the one that was tuned; run `python -m intents tune`")
    for name, raw in top.tensors.items():
        file.put(name, raw)
    handle = os.memfd_create("koban-encoder")
    try:
        with open(handle, "wb", closefd=False) as stream:
            stream.write(file.data.data)
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)
