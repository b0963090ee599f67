"""What can be said about one answer text: its placeholders, typed digits and fingerprint."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path

import babel
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from intents.contact_words import clock
from intents.schema import BASE_TAG, PLACEHOLDER, AnswerText, Fact

_NAMES_FILE = Path(__file__).parent / "data" / "official_names.txt"


@lru_cache(maxsize=1)
def official_names() -> tuple[str, ...]:
    """Names that contain digits and may stand in a text as they are, longest first."""
    lines = _NAMES_FILE.read_text(encoding="utf-8").splitlines()
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return tuple(sorted(names, key=len, reverse=True))


def typed_digits(text: str) -> str:
    """The digits of any script that stand in a text outside placeholders and official names; empty when none do."""
    if not any(char.isdigit() for char in text):  # most texts end here
        return ""
    rest = PLACEHOLDER.sub(" ", text)
    for name in official_names():
        rest = rest.replace(name, " ")
    return "".join(char for char in rest if char.isdigit())


def placeholders(text: str) -> list[str]:
    """The names in braces, in order."""
    return PLACEHOLDER.findall(text)


def stray_braces(text: str) -> bool:
    """Whether a brace remains that is not part of a placeholder."""
    rest = PLACEHOLDER.sub("", text)
    return "{" in rest or "}" in rest


def fingerprint(answer: AnswerText, facts: Mapping[str, Fact]) -> str:
    """The first 8 hex digits of SHA-256 over the words and the typed values; it changes when a translator must look."""
    content = {
        "title": answer.title,
        "now": answer.now,
        "steps": list(answer.steps),
        "warning": answer.warning,
        "facts": {key: [fact.kind, fact.value] for key, fact in facts.items()},
    }
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def fact_problem(fact: Fact) -> str | None:
    """What is wrong with a typed value, or None."""
    try:
        if fact.kind in ("number", "yen"):
            number = Decimal(fact.value)
            if not number.is_finite() or number < 0 or (fact.kind == "yen" and number != int(number)):
                return f"`{fact.value}` is not a {'whole amount' if fact.kind == 'yen' else 'number'}"
        elif fact.kind == "date":
            dt.date.fromisoformat(fact.value)
        elif fact.kind == "time":
            if not re.fullmatch(r"\d\d:\d\d", fact.value):
                return f"`{fact.value}` is not a time; write HH:MM"
            dt.time.fromisoformat(fact.value)
    except (ValueError, InvalidOperation):
        return f"`{fact.value}` is not a {fact.kind}; write a plain number, YYYY-MM-DD or HH:MM"
    return None


_DAYS = {
    1: "ついたち", 2: "ふつか", 3: "みっか", 4: "よっか", 5: "いつか", 6: "むいか", 7: "なのか", 8: "ようか",
    9: "ここのか", 10: "とおか", 14: "じゅうよっか", 20: "はつか", 24: "にじゅうよっか",
}  # fmt: skip


def _in_plain_japanese(fact: Fact) -> str:
    """An amount or a day with its readings; the days of the month that are read in an old way keep it."""
    if fact.kind == "yen":
        return f"{int(Decimal(fact.value)):,}{{円|えん}}"
    day = dt.date.fromisoformat(fact.value)
    read = f"{{{day.day}日|{_DAYS[day.day]}}}" if day.day in _DAYS else f"{day.day}{{日|にち}}"
    return f"{day.year}{{年|ねん}}{day.month}{{月|がつ}}{read}"


@lru_cache(maxsize=4096)
def format_fact(fact: Fact, tag: str, *, yen: str = "") -> str:
    """A typed value as the language writes it: 2027-04-01 → `April 1, 2027`; with ruby markup in やさしい日本語.

    yen: `Locale.yen` of the language; Babel's currency name (`5,000 Japanese yen`) where it is empty.
    """
    if tag == BASE_TAG and fact.kind in ("yen", "date"):
        return _in_plain_japanese(fact)
    locale = babel.Locale.parse({"ja-simple": "ja"}.get(tag, tag).replace("-", "_"))
    if fact.kind == "number":
        return format_decimal(Decimal(fact.value), locale=locale)
    if fact.kind == "yen" and yen:
        return yen.replace("{n}", format_decimal(Decimal(fact.value), locale=locale))
    if fact.kind == "yen":
        return format_currency(Decimal(fact.value), "JPY", locale=locale, format_type="name")
    if fact.kind == "date":
        return format_date(dt.date.fromisoformat(fact.value), format="long", locale=locale)
    if fact.kind == "time":
        return clock(dt.time.fromisoformat(fact.value), tag)
    return fact.value
