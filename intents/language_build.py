"""Build the files of `intents/data/language/` from the packages they come from. Authoring only.

`pip install wordfreq==3.1.1`, then `python -m intents.language_build`. What comes out is described in
intents/data/language/NOTICE.md.
"""

import gzip
import importlib.resources
import math
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from intents.examples import training_examples
from intents.language_words import COLUMNS, FLOOR, STEP
from intents.normalise import clean, fold

HAN_FLOOR = -16.0
HAN_STEP = 0.1
_WORD = re.compile(r"(?:[^\W\d_]|[\u0900-\u0963])+")
_WORDS_EACH = {"en": 70000, "es": 50000, "pt": 50000, "tr": 30000, "ru": 40000, "uk": 40000, "hi": 27000}


def build_han(target: Path) -> None:
    """Write how much likelier each character and pair is in Simplified and in Traditional Chinese than in Japanese.

    Source: cjclassifier 1.0.5 (Apache-2.0), whose own file takes four seconds to load. Pairs seen less than about
    once in a million,
    or about as often in all three, are left out: 220,000 of 980,000 stay.
    """
    packed = importlib.resources.files("cjclassifier").joinpath("cjlogprobs.gz").read_bytes()
    single_code, single, pair_code, pair = [], [], [], []
    for line in gzip.decompress(packed).decode().splitlines()[1:]:
        key, *figures = line.split(" ")
        hans, hant, ja = (max(float(figure) or HAN_FLOOR, HAN_FLOOR) for figure in figures)
        lead = (hans - ja, hant - ja)
        if len(key) == 1:
            single_code.append(ord(key))
            single.append(lead)
        elif max(hans, hant, ja) >= -14 and max(abs(lead[0]), abs(lead[1]), abs(lead[0] - lead[1])) >= 2:
            pair_code.append(ord(key[0]) << 16 | ord(key[1]))
            pair.append(lead)
    order = np.argsort(np.array(pair_code, dtype=np.uint32))
    np.savez_compressed(
        target,
        single_code=np.array(single_code, dtype=np.uint16),
        single=_small(single),
        pair_code=np.array(pair_code, dtype=np.uint32)[order],
        pair=_small(pair)[order],
    )


def _small(leads: list[tuple[float, float]]) -> Any:
    return np.clip(np.round(np.array(leads) / HAN_STEP), -127, 127).astype(np.int8)


def build_words(target: Path) -> None:
    """Write how frequent each common word is in each language that shares its letters with another.

    Source: wordfreq 3.1.1 (data CC BY-SA 4.0). Column `vi-plain` is Vietnamese without its marks, `romaji` the
    Japanese words in Latin letters.
    """
    from wordfreq import get_frequency_dict  # type: ignore[import-not-found]

    table: dict[str, dict[str, float]] = {column: defaultdict(float) for column in COLUMNS}
    for language in ("en", "es", "pt", "vi", "id", "fil", "tr", "ru", "uk", "hi"):
        found = get_frequency_dict(language, "best")
        for word in sorted(found, key=found.__getitem__, reverse=True)[: _WORDS_EACH.get(language, 60000)]:
            for piece in clean(word).split():
                if any(c.isalpha() for c in piece):
                    table[language][piece] += found[word]
                    plain = fold(piece)
                    if language == "vi":
                        table["vi-plain"][plain] += found[word]
                    elif plain != piece and language in ("es", "pt", "tr"):
                        table[language][plain] += found[word] * 0.2
    japanese = get_frequency_dict("ja", "best")
    for word in sorted(japanese, key=japanese.__getitem__, reverse=True)[:40000]:
        for form in _romaji(word):
            table["romaji"][form] += japanese[word]
    _add_our_own(table)
    words = sorted({word for column in table.values() for word in column if len(word) <= 24}, key=_code)
    code = np.array([_code(word) for word in words], dtype=np.uint32)
    figures = np.zeros((len(words), len(COLUMNS)), dtype=np.uint8)
    for j, column in enumerate(COLUMNS):
        for i, word in enumerate(words):
            if frequency := table[column].get(word):
                figures[i, j] = max(1, min(255, round((math.log(frequency) - FLOOR) / STEP)))
    keep = np.concatenate([[True], code[1:] != code[:-1]])
    np.savez_compressed(target, code=code[keep], figures=figures[keep])


_OURS = {"pt-BR": "pt", "ja-Latn": "romaji"}
_SHARE = 0.3
_DEVANAGARI = {
    "क": "k", "ख": "kh", "ग": "g", "घ": "gh", "ङ": "ng", "च": "ch", "छ": "ch", "ज": "j", "झ": "jh",
    "ञ": "ny", "ट": "t", "ठ": "th", "ड": "d", "ढ": "dh", "ण": "n", "त": "t", "थ": "th", "द": "d",
    "ध": "dh", "न": "n", "प": "p", "फ": "ph", "ब": "b", "भ": "bh", "म": "m", "य": "y", "र": "r",
    "ल": "l", "व": "b", "श": "sh", "ष": "sh", "स": "s", "ह": "h",
}  # fmt: skip
_SIGNS = {
    "ा": "a", "ि": "i", "ी": "i", "ु": "u", "ू": "u", "े": "e", "ै": "ai", "ो": "o", "ौ": "au",
    "ृ": "ri", "ं": "n", "ँ": "n", "ः": "", "अ": "a", "आ": "aa", "इ": "i", "ई": "i", "उ": "u",
    "ऊ": "u", "ए": "e", "ऐ": "ai", "ओ": "o", "औ": "au", "ऋ": "ri",
}  # fmt: skip
_SPELLINGS = (("ch", "x"), ("bh", "v"), ("b", "w"), ("ph", "f"), ("sh", "s"), ("a", "aa"), ("chh", "ch"), ("ai", "e"))


def nepali_latin(word: str) -> set[str]:
    """Return how a Nepali word is typed in Latin letters: one plain spelling and the usual variations of it."""
    out: list[str] = []
    for i, sign in enumerate(word):
        following = word[i + 1] if i + 1 < len(word) else ""
        if sign in _DEVANAGARI:
            out.append(_DEVANAGARI[sign])
            # the vowel inside a letter is spoken unless another follows it, a joint takes it away, or the word ends
            if following and following not in "ािीुूेैोौृ्":
                out.append("a")
        else:
            out.append(_SIGNS.get(sign, ""))
    plain = "".join(out)
    if plain.endswith(("ch", "h")) and len(plain) <= 4:
        plain += "a"
    forms = {plain, plain.replace("aa", "a")}
    for old, new in _SPELLINGS:
        forms |= {form.replace(old, new) for form in forms if old in form and not (old == "a" and "aa" in form)}
    return {form for form in forms if form.isascii() and form.isalpha() and len(form) > 1}


def _add_our_own(table: dict[str, dict[str, float]]) -> None:
    """Add the words of the utterances: the language of residents, and all we have of Nepali and Mongolian."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for example in training_examples(Path(__file__).parent.parent):
        column = _OURS.get(example.tag, example.tag)
        for word in _WORD.findall(clean(example.text)):
            if example.tag == "ne":
                if "\u0900" <= word[0] <= "\u097f":
                    counts["ne"][word] += 1
                    for form in nepali_latin(word):
                        counts["ne-latin"][form] += 1
                elif not table["en"].get(word):
                    counts["ne-latin"][word] += 1
            elif column in COLUMNS and not (example.style == "rough" and table["en"].get(word)):
                counts[column][word] += 1
                if example.tag == "vi":
                    counts["vi-plain"][fold(word)] += 1
    for word in nepali_words():
        counts["ne-latin"][word] += 20 if len(word) > 2 else 8
    for column, found in counts.items():
        total = sum(found.values())
        share = 1.0 if column in ("ne", "mn", "ne-latin") else _SHARE
        for word, n in found.items():
            table[column][word] += share * n / total


def nepali_words() -> list[str]:
    """Return the words of nepali_latin.txt."""
    lines = (Path(__file__).parent / "data" / "language" / "nepali_latin.txt").read_text(encoding="utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


def _code(word: str) -> int:
    return crc32(word.encode())


def _romaji(word: str) -> set[str]:
    """Return how learners write one Japanese word in Latin letters: with long vowels kept, shortened and doubled."""
    from intents.kana import reading, romaji_forms

    kana = reading(word)
    return romaji_forms(kana) if kana else set()


if __name__ == "__main__":
    folder = Path(__file__).parent / "data" / "language"
    folder.mkdir(parents=True, exist_ok=True)
    build_han(folder / "han.npz")
    build_words(folder / "words.npz")
