"""Word frequencies by language: the evidence that one or two words give, where letters alone say too little."""

import math
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("en", "es", "pt", "vi", "id", "fil", "tr", "vi-plain", "romaji", "ru", "uk", "hi", "ne", "ne-latin", "mn")
"""Languages of the table, in the order of its columns."""
FLOOR = math.log(1e-8)
"""Natural logarithm of the frequency given to a word that a language's list does not have."""
STEP = 0.07
"""Size of one step of the packed figures, in natural logarithms."""
FOLDER = Path(__file__).parent / "data" / "language"


@lru_cache(maxsize=1)
def _table() -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    with np.load(FOLDER / "words.npz") as packed:
        figures = packed["figures"].astype(np.float32) * STEP
        return packed["code"], figures


def load() -> None:
    """Read the table now rather than at the first message."""
    _table()


def evidence(words: list[str]) -> NDArray[np.float32]:
    """Return one row a word and one column a language: its log-frequency above FLOOR, 0 where it is not listed.

    words: cleaned words in lower case, marks kept.
    """
    codes, figures = _table()
    wanted = np.array([crc32(word.encode("utf-8", "ignore")) for word in words], dtype=np.uint32)
    at = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
    found = figures[at]
    found[codes[at] != wanted] = 0.0
    return found
