"""What a translation must not change: numbers, dates, times, telephone numbers and locked terms.

Nothing here judges style. It marks what a person who does not read the other language can still check, and says nothing
about what it cannot see, such as numbers that are written in words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from babel.dates import get_day_names, get_month_names

from bot.i18n import babel_locale
from bot.translation import glossary

_GROUPED = re.compile(r"(?<=\d)[.,\u00a0\u202f'](?=\d{3}(?!\d))")
_PHONE = re.compile(r"(?<!\d)\+?\d{1,4}(?:[-‐–ー－\s().]{1,2}\d{2,4}){2,3}(?!\d)")
_LINK = re.compile(r"https?://[^\s、。）)]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_NUMBER = re.compile(r"\d+(?:[.:]\d+)?")
_JAPANESE = re.compile(
    r"令和(?P<reiwa>\d{1,2})年"
    r"|(?P<month>1[0-2]|[1-9])月(?!間)"
    r"|(?P<half>午前|午後)(?P<hour>1[0-2]|\d)時(?:(?P<minute>\d{1,2})分|(?P<past>半))?"
    r"|(?P<wide>[一二三四五六七八九\d]?\d*)万"
    r"|(?P<day>[月火水木金土日])曜"
)
_DAYS = "月火水木金土日"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that has to stay the same. kind: number, phone, date, time, link or term; words: as the text has it.

    numbers: digits of which one has to be in the other text; forms: words of which one may stand there instead.
    """

    kind: str
    words: str
    start: int
    end: int
    numbers: frozenset[str] = frozenset()
    forms: tuple[str, ...] = ()
    is_kept: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """The facts of a Japanese text, whether the other text has them, and the numbers that only the other text has."""

    facts: tuple[Fact, ...]
    extra: tuple[str, ...]

    @property
    def lost(self) -> tuple[Fact, ...]:
        """The facts that the other text does not have."""
        return tuple(fact for fact in self.facts if not fact.is_kept)

    @property
    def is_same(self) -> bool:
        """Tell whether nothing is lost and nothing was added."""
        return not self.lost and not self.extra


def compare(japanese: str, other: str, tag: str) -> Comparison:
    """Compare a Japanese text with the same one in another language, or with its back-translation (tag ja)."""
    facts = facts_of(japanese, tag)
    there = numbers_of(other)
    found = tuple(
        replace(fact, is_kept=bool(fact.numbers & there) or glossary.contains(other, fact.forms)) for fact in facts
    )
    explained = frozenset().union(*(fact.numbers for fact in facts)) if facts else frozenset()
    own = numbers_of(japanese) if tag == "ja" else frozenset()
    return Comparison(found, tuple(sorted(there - explained - own, key=lambda each: (len(each), each))))


def facts_of(japanese: str, tag: str) -> list[Fact]:
    """Return what a Japanese text states, in order, with what counts as the same in a language."""
    text = _digits(japanese)
    facts: list[Fact] = []
    taken: list[tuple[int, int]] = []

    def add(fact: Fact) -> None:
        if not any(fact.start < end and start < fact.end for start, end in taken):
            taken.append((fact.start, fact.end))
            facts.append(fact)

    for found in glossary.find(japanese):
        if forms := found.term.forms(tag):
            add(Fact("term", found.words, found.start, found.end, forms=forms))
    for match in _LINK.finditer(text):
        add(_fact("link", japanese, match, set(), (match.group(),)))
    for match in _PHONE.finditer(text):
        add(_fact("phone", japanese, match, {_only_digits(match.group())}))
    for match in _JAPANESE.finditer(text):
        if fact := _japanese_fact(japanese, match, tag):
            add(fact)
    for match in _NUMBER.finditer(text):
        add(_fact("number", japanese, match, {_number(match.group())}))
    return sorted(facts, key=lambda fact: fact.start)


def _japanese_fact(japanese: str, match: re.Match[str], tag: str) -> Fact | None:
    if match["reiwa"]:
        return _fact("date", japanese, match, {str(2018 + int(match["reiwa"])), _number(match["reiwa"])})
    if match["month"]:
        return _fact("date", japanese, match, {match["month"]}, _names("month", int(match["month"]), tag))
    if match["day"]:
        if tag in ("ja", "ja-simple"):
            return _fact("date", japanese, match, set(), (match.group(),))
        return _fact("date", japanese, match, set(), _names("day", _DAYS.index(match["day"]), tag))
    if match["half"]:
        hour = int(match["hour"]) % 12
        long = hour + (12 if match["half"] == "午後" else 0)
        minute = 30 if match["past"] else int(match["minute"] or 0)
        return _fact("time", japanese, match, {
            form for each in {long, hour or 12}
            for form in ((f"{each}:{minute:02}",) if minute else (f"{each}:00", str(each)))
        })
    if match["wide"] and match["wide"].isdecimal():
        return _fact("number", japanese, match, {str(int(match["wide"]) * 10_000)} | (
            {match["wide"]} if tag.split("-")[0] in ("ja", "zh", "ko") else set()
        ))
    return None


def _fact(
    kind: str, japanese: str, match: re.Match[str], numbers: set[str], forms: Sequence[str] = ()
) -> Fact:
    return Fact(kind, japanese[match.start() : match.end()], match.start(), match.end(), frozenset(numbers),
                tuple(forms))


def numbers_of(text: str) -> frozenset[str]:
    """Return every number of a text, without leading zeros and separators; a telephone number is one number."""
    plain = _LINK.sub(" ", _digits(text))
    phones = {_only_digits(match.group()) for match in _PHONE.finditer(plain)}
    rest = _GROUPED.sub("", _PHONE.sub(" ", plain))
    found = {_number(match.group()) for match in _NUMBER.finditer(rest)}
    return frozenset(phones | found)


def _number(text: str) -> str:
    if ":" in text:
        hour, _colon, minute = text.partition(":")
        return f"{int(hour)}:{minute}"
    return text.lstrip("0") or "0"


def _only_digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdecimal())


def _digits(text: str) -> str:
    """Return the text with the digits and signs of every script as ASCII, of the same length."""
    return "".join(
        str(unicodedata.decimal(sign)) if sign.isdecimal() else "+" if sign == "＋" else ":" if sign == "：" else sign
        for sign in text
    )


@cache
def _names(what: str, number: int, tag: str) -> tuple[str, ...]:
    """Return how a language writes a month (1 to 12) or a day of the week (0 is Monday)."""
    names = get_month_names if what == "month" else get_day_names
    locale = babel_locale(tag)
    found = {
        str(names(width, context, locale)[number]).strip(".")
        for width in ("wide", "abbreviated") for context in ("format", "stand-alone")
    }
    return tuple(sorted(name for name in found if not name.isdecimal()))


def segments(text: str, facts: Sequence[Fact]) -> list[tuple[str, Fact | None]]:
    """Return the text in pieces, each with its fact or None, to be shown with marks."""
    pieces: list[tuple[str, Fact | None]] = []
    at = 0
    for fact in facts:
        if text[at : fact.start]:
            pieces.append((text[at : fact.start], None))
        pieces.append((text[fact.start : fact.end], fact))
        at = fact.end
    if text[at:]:
        pieces.append((text[at:], None))
    return pieces
