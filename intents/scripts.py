"""What can be wrong with the characters of a translated text, whatever it says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

# The writing systems of each language; Latin is allowed everywhere (LINE, web171, names).
SCRIPTS: dict[str, frozenset[str]] = {
    "ja": frozenset({"CJK", "HIRAGANA", "KATAKANA"}),
    "zh": frozenset({"CJK"}),
    "ko": frozenset({"HANGUL"}),
    "th": frozenset({"THAI"}),
    "km": frozenset({"KHMER"}),
    "my": frozenset({"MYANMAR"}),
    "mn": frozenset({"CYRILLIC"}),
    "ru": frozenset({"CYRILLIC"}),
    "uk": frozenset({"CYRILLIC"}),
    "ne": frozenset({"DEVANAGARI"}),
    "hi": frozenset({"DEVANAGARI"}),
    "si": frozenset({"SINHALA"}),
    "bn": frozenset({"BENGALI"}),
    "ur": frozenset({"ARABIC"}),
}
# Invisible characters that spelling needs: joiners in Indic scripts and Urdu, word breaks in Khmer and Burmese.
_JOINERS = {"ne": "\u200c\u200d", "hi": "\u200c\u200d", "si": "\u200c\u200d", "bn": "\u200c\u200d", "ur": "\u200c",
            "km": "\u200b\u200c\u200d", "my": "\u200b\u200c\u200d", "th": "\u200b"}  # fmt: skip
_INVISIBLE = frozenset("\u00ad\u180e\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff")
_OFFICIAL = re.compile(r"「[^」]*」|『[^』]*』|（[^）]*）|\([^)]*\)|“[^”]*”|«[^»]*»")
_WORD = re.compile(r"[^\W\d_]+")
_PAIRS = (("\u2066\u2067\u2068", "\u2069"), ("\u202a\u202b\u202d\u202e", "\u202c"))


@lru_cache(maxsize=8192)
def script(char: str) -> str | None:
    """The writing system of a letter (LATIN, CYRILLIC, CJK …), or None for marks, digits and signs."""
    if unicodedata.category(char)[0] != "L":
        return None
    name = unicodedata.name(char, "")
    if name.startswith(("IDEOGRAPHIC", "CJK")):
        return "CJK"
    if char in "ー・〆":
        return "KATAKANA"
    if name.startswith(("FULLWIDTH LATIN", "MODIFIER LETTER")):
        return "LATIN"
    if name.startswith("HALFWIDTH KATAKANA"):
        return "KATAKANA"
    return name.split(" ")[0].split("-")[0]


def _mixed_words(text: str) -> Iterator[str]:
    """Words that mix Latin, Cyrillic or Greek letters, which look alike."""
    for word in _WORD.findall(text):
        if word.isascii():
            continue
        found = {script(char) for char in word} & {"LATIN", "CYRILLIC", "GREEK"}
        if len(found) > 1:
            yield word


def _foreign(text: str, tag: str) -> str:
    """The letters of a writing system that the language does not use, outside brackets and quotation marks."""
    own = SCRIPTS.get(tag.split("-")[0], frozenset())
    rest = _OFFICIAL.sub(" ", text)
    kinds = {char: script(char) for char in dict.fromkeys(rest) if not char.isascii()}
    return "".join(char for char, kind in kinds.items() if kind not in (None, "LATIN") and kind not in own)


def _wrong_han(text: str, tag: str) -> tuple[str, str]:
    """Characters of the other Chinese writing, and characters of neither, outside brackets and quotation marks."""
    import hanzidentifier  # for authors only, and slow to load

    other = hanzidentifier.TRADITIONAL if tag == "zh-Hans" else hanzidentifier.SIMPLIFIED
    chars = dict.fromkeys(char for char in _OFFICIAL.sub(" ", text) if script(char) == "CJK")
    kinds = {char: hanzidentifier.identify(char) for char in chars}
    return (
        "".join(char for char, kind in kinds.items() if kind == other),
        "".join(char for char, kind in kinds.items() if kind == hanzidentifier.UNKNOWN),
    )


def character_problems(text: str, tag: str) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the characters of one text: (severity, code, message)."""
    if not unicodedata.is_normalized("NFC", text):
        yield "error", "nfc", "is not in Unicode NFC; save it normalised"
    allowed = _JOINERS.get(tag.split("-")[0], "")
    for at, char in enumerate(text):
        if char in _INVISIBLE and char not in allowed:
            near = text[max(0, at - 1) : at] + text[at + 1 : at + 2]
            if char == "\u200d" and any(unicodedata.category(item) in ("So", "Sk") for item in near):
                continue  # joins two emoji
            yield "error", "invisible", f"holds the invisible character U+{ord(char):04X}; remove it"
            break
        if unicodedata.category(char) in ("Cc", "Co", "Cn") and char != "\n":
            yield "error", "invisible", f"holds the control or unassigned character U+{ord(char):04X}; remove it"
            break
    for opening, closing in _PAIRS:
        depth = 0
        for char in text:
            depth += (char in opening) - (char in closing)
            if depth < 0:
                break
        if depth != 0:
            yield "error", "direction", "has a direction mark without its partner; close what is opened"
    if text.isascii():
        return
    for word in _mixed_words(text):
        yield "error", "script_mix", f"the word `{word}` mixes Latin and other letters that look alike; retype it"
    if foreign := _foreign(text, tag):
        yield ("error", "foreign_script", f"has letters of another writing system: {foreign}; Japanese names belong in "
               "「」 or brackets")
    if tag in ("zh-Hans", "zh-Hant"):
        wrong, unknown = _wrong_han(text, tag)
        if wrong:
            writing = "traditional" if tag == "zh-Hans" else "simplified"
            yield "error", "han", f"has {writing} characters: {wrong}; write {tag}"
        if unknown:
            yield "warning", "han", f"has characters that Chinese does not use: {unknown}; put Japanese names in 「」"
