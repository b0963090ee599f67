"""Character n-grams and words of a message as numbers: the features that a model without any encoder sees.

A text is read in two or three forms at once: as cleaned; with the marks off; and, where it can be Japanese, in
hiragana, so that
`jitensha`, `じてんしゃ` and `ジテンシャ` are one word.
"""

import re
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from intents.normalise import clean, fold, without_links
from intents.romaji import loose_kana, romaji_to_kana, to_hiragana

MAX_CHARS = 600
_PRIME = np.uint32(0x01000193)
_MIX = np.uint32(0x9E3779B1)
_DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"[^\s!-/:-@\[-`{-~。、，！？।॥။៖៕]+")
_KANA = re.compile("[\u3041-\u30ff]")
_SIZES = (1, 2, 3, 4, 5)


def forms(text: str) -> list[str]:
    """Return the forms of one message whose n-grams count.

    text: as sent; at most MAX_CHARS characters are read.
    """
    body = _DIGITS.sub("0", clean(without_links(text[: MAX_CHARS * 3]), MAX_CHARS))
    out = [body]
    bare = fold(body)
    if bare != body:
        out.append(bare)
    if _KANA.search(body):
        out.append("~" + loose_kana(to_hiragana(romaji_to_kana(body)[0])))
    else:
        kana, share = romaji_to_kana(body)
        if share >= 0.75:
            out.append("~" + loose_kana(to_hiragana(kana)))
    return out


def grams(text: str) -> NDArray[np.uint32]:
    """Return the hashes of all n-grams of one to five characters, all words and all pairs of words, with repeats."""
    parts: list[NDArray[np.uint32]] = []
    for form in forms(text):
        parts.extend(_characters(f" {form} "))
    words = _WORD.findall(fold(forms_first(text)))
    codes = [crc32(word.encode("utf-8", "ignore")) for word in words]
    pairs = [((a * 31) ^ b) & 0xFFFFFFFF for a, b in pairwise(codes)]
    parts.append(np.array(codes + pairs, dtype=np.uint32))
    return np.concatenate(parts)


def forms_first(text: str) -> str:
    """Return the cleaned form of one message, digits as 0."""
    return _DIGITS.sub("0", clean(without_links(text[: MAX_CHARS * 3]), MAX_CHARS))


def _characters(form: str) -> list[NDArray[np.uint32]]:
    """Return the hashes of the character n-grams of one form."""
    codes = np.frombuffer(form.encode("utf-32-le", "ignore"), dtype=np.uint32)
    out: list[NDArray[np.uint32]] = []
    rolling = np.zeros(len(codes), dtype=np.uint32)
    for size in _SIZES:
        if len(codes) < size:
            break
        rolling = (rolling[: len(codes) - size + 1] ^ codes[size - 1 :]) * _PRIME + np.uint32(size)
        mixed = (rolling ^ (rolling >> np.uint32(15))) * _MIX
        out.append(mixed)
    return out


def weigh(
    hashes: NDArray[np.uint32], vocabulary: NDArray[np.uint32], idf: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the columns of a message in a vocabulary and their weights: damped counts times rarity, unit length.

    vocabulary: sorted hashes. idf: one figure each.
    """
    if not len(vocabulary):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    values, counts = np.unique(hashes, return_counts=True)
    at = np.minimum(np.searchsorted(vocabulary, values), len(vocabulary) - 1)
    hit = vocabulary[at] == values
    columns = at[hit]
    weights = (1.0 + np.log(counts[hit].astype(np.float32))) * idf[columns]
    length = float(np.sqrt(np.dot(weights, weights)))
    return columns, (weights / length if length else weights).astype(np.float32)
