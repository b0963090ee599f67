"""Chinese characters: how much more a text looks like Simplified or Traditional Chinese than like Japanese."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from intents.language_words import FOLDER

_STEP = 0.1
_FIRST, _LAST = 0x3400, 0x9FFF


@lru_cache(maxsize=1)
def _table() -> tuple[NDArray[np.float32], NDArray[np.uint32], NDArray[np.int8]]:
    with np.load(FOLDER / "han.npz") as packed:
        single = np.zeros((_LAST - _FIRST + 1, 2), dtype=np.float32)
        single[packed["single_code"].astype(np.int64) - _FIRST] = packed["single"].astype(np.float32) * _STEP
        return single, packed["pair_code"], packed["pair"]


def load() -> None:
    """Read the table now rather than at the first message."""
    _table()


def lead(text: str) -> tuple[float, float]:
    """Return the log-likelihood of Simplified and of Traditional Chinese, each less that of Japanese.

    Source: the figures of cjclassifier 1.0.5 (Apache-2.0), see intents/data/language/NOTICE.md.
    """
    single, pair_code, pair = _table()
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    known = (codes >= _FIRST) & (codes <= _LAST)
    total = single[codes[known] - _FIRST].sum(axis=0)
    both = known[:-1] & known[1:]
    if both.any():
        pairs = ((codes[:-1][both] << 16) | codes[1:][both]).astype(np.uint32)
        at = np.minimum(np.searchsorted(pair_code, pairs), len(pair_code) - 1)
        hit = pair_code[at] == pairs
        total = total + pair[at[hit]].astype(np.float32).sum(axis=0) * _STEP
    return float(total[0]), float(total[1])
