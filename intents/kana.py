"""Japanese as learners type it: the reading in kana, the kana in Latin letters. Authoring only (needs SudachiPy)."""

import re
from functools import lru_cache
from typing import Any

from intents.romaji import SYLLABLES, to_hiragana

_ALL_KANA = re.compile(r"[\u3041-\u3096ー]+")
_PREFERRED = {
    "し": "shi",
    "ち": "chi",
    "つ": "tsu",
    "ふ": "fu",
    "じ": "ji",
    "ぢ": "ji",
    "づ": "zu",
    "ず": "zu",
    "を": "o",
    "ん": "n",
}
_FROM_KANA: dict[str, str] = {}
for _latin, _sign in SYLLABLES.items():
    if _latin[0] != "l":
        _FROM_KANA.setdefault(_sign, _latin)
for _row, _latin in {"し": "sh", "ち": "ch", "じ": "j", "ぢ": "j"}.items():
    for _small, _vowel in {"ゃ": "a", "ゅ": "u", "ょ": "o"}.items():
        _FROM_KANA[_row + _small] = _latin + _vowel
_FROM_KANA.update(_PREFERRED)
_FROM_KANA.update({"ぁ": "a", "ぃ": "i", "ぅ": "u", "ぇ": "e", "ぉ": "o", "ゎ": "wa"})


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    from sudachipy import Dictionary

    return Dictionary(dict="core").tokenizer()


def reading(text: str) -> str:
    """Return a Japanese text in hiragana, words apart by spaces; signs and Latin letters stay."""
    out = []
    for token in _tokenizer().tokenize(text):
        surface = token.surface()
        kana = to_hiragana(token.reading_form())
        if surface == "は" and token.part_of_speech()[0] == "助詞":
            kana = "は"
        out.append(kana if _ALL_KANA.fullmatch(kana) else surface)
    return " ".join(" ".join(out).split())


def romaji(kana: str, *, long: str = "keep") -> str:
    """Return hiragana in Latin letters (Hepburn).

    long: "keep" writes ou and uu as they stand, "short" drops the second vowel (Toukyou → Tokyo).
    """
    out: list[str] = []
    i = 0
    while i < len(kana):
        two, one = kana[i : i + 2], kana[i]
        if len(two) == 2 and two in _FROM_KANA:
            out.append(_FROM_KANA[two])
            i += 2
        elif one == "っ":
            following = _FROM_KANA.get(kana[i + 1 : i + 3]) or _FROM_KANA.get(kana[i + 1 : i + 2], "")
            out.append("t" if following.startswith("ch") else following[:1])
            i += 1
        elif one == "ー":
            out.append(out[-1][-1] if out and out[-1] and long == "keep" else "")
            i += 1
        else:
            out.append(_FROM_KANA.get(one, one))
            i += 1
    text = "".join(out)
    if long == "short":
        text = re.sub(r"o[ou]|uu", lambda m: m.group()[0], text)
    return text


def romaji_forms(kana: str) -> set[str]:
    """Return the usual spellings of one kana word in Latin letters; empty where a sign has no letter."""
    forms = {romaji(kana), romaji(kana, long="short")}
    return {form for form in forms if form.isascii() and form.replace("'", "").isalpha()}
