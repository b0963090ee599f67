"""Reads single values of the deployment file: names, numbers, days of the year, hours of the night."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time
from typing import TypeVar

from bot.duty import DAY_MINUTES, QuietHours, parse_clock
from intents.loading import Fields

_T = TypeVar("_T")
_MAX_NAME = {"ja": 100}  # columns of storage.models; every other language has 150


def clean_text(fields: Fields, key: str) -> str:
    """Read a required name of one line that fits its column and holds no control characters."""
    text = fields.text(key) or ""
    limit = _MAX_NAME.get(key, 150)
    if len(text) > limit:
        fields.problem(f"`{fields.prefix}{key}` has {len(text)} characters; write at most {limit}", key=key)
    if not text.isprintable():
        fields.problem(f"`{fields.prefix}{key}` holds a line break or an invisible character; remove it", key=key)
    return text


def whole_number(fields: Fields, key: str, lowest: int, highest: int) -> int:
    """Read a required whole number between two limits, like `number`."""
    return int(number(fields, key, lowest, highest, whole=True))


def number(fields: Fields, key: str, lowest: float, highest: float, *, whole: bool = False) -> float:
    """Read a required number between two limits; the lowest when it is malformed, with the problem reported."""
    text = fields.text(key)
    if text is None:
        return lowest
    if not re.fullmatch(r"-?[0-9]{1,9}" if whole else r"-?[0-9]{1,9}(\.[0-9]{1,9})?", text):
        kind = "whole number" if whole else "number"
        fields.problem(f"`{fields.prefix}{key}` is `{text}`; write a {kind} in digits", key=key, code="type")
        return lowest
    if not lowest <= float(text) <= highest:
        fields.problem(f"`{fields.prefix}{key}` is {text}; it must lie between {lowest} and {highest}", key=key)
        return lowest
    return float(text)


def parsed(fields: Fields, key: str, parse: Callable[[str], _T], *, required: bool = True) -> _T | None:
    """Read a text and parse it; the parser's ValueError becomes a problem at the key."""
    text = fields.text(key, required=required)
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        fields.problem(f"`{fields.prefix}{key}`: {error}", key=key, code="type")
        return None


def read_month_day(text: str) -> tuple[int, int]:
    """Read `12-29` as (month, day). Raises ValueError."""
    if not re.fullmatch(r"[0-9]{2}-[0-9]{2}", text):
        raise ValueError(f"`{text}` is not a day of the year; write 12-29")
    day = date.fromisoformat(f"2027-{text}")  # an ordinary year: a rest that begins on 29 February is a mistake
    return day.month, day.day


def read_group(text: str) -> int:
    """Read the number of a Telegram group or channel. Raises ValueError."""
    if not re.fullmatch(r"-[1-9][0-9]{0,15}", text):
        raise ValueError(f"`{text}` is not the number of a Telegram group or channel; it begins with -")
    return int(text)


def read_channel(text: str) -> int | str:
    """Read the number or the @name of a Telegram channel. Raises ValueError."""
    if re.fullmatch(r"@[A-Za-z][A-Za-z0-9_]{3,31}", text):
        return text
    if not re.fullmatch(r"-100[0-9]{4,13}", text):
        raise ValueError(f"`{text}` is not a Telegram channel; write its @name, or its number, which begins with -100")
    return int(text)


def read_quiet_hours(text: str) -> QuietHours:
    """Read `21:00-08:00`. Raises ValueError."""
    first, dash, last = text.partition("-")
    if not dash:
        raise ValueError(f"`{text}` is not a stretch of time; write 21:00-08:00")
    starts, ends = parse_clock(first) % DAY_MINUTES, parse_clock(last) % DAY_MINUTES
    if starts == ends:
        raise ValueError("the quiet hours are empty; leave the key out to have none")
    return QuietHours(time(*divmod(starts, 60)), time(*divmod(ends, 60)))
