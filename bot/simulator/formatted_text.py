"""Text and its entities, counted in UTF-16 units as Telegram does, and what writes them piece by piece."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bot.simulator.errors import ApiError, bad_request
from bot.simulator.models import Json


@dataclass(frozen=True)
class FormattedText:
    """Text as a resident sees it, and its entities."""

    text: str
    entities: list[Json]


def utf16_length(text: str) -> int:
    """Return how many UTF-16 units the text takes, which is how Telegram counts."""
    return len(text) + sum(1 for char in text if ord(char) > 0xFFFF) if not text.isascii() else len(text)


def unparsable(words: str) -> ApiError:
    """Return the 400 with which Telegram refuses a text whose marks are wrong."""
    return bad_request(f"can't parse entities: {words}")


class Writer:
    """Collects plain text and knows its length in UTF-16 units."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.units = 0
        self.entities: list[Json] = []

    def write(self, text: str) -> None:
        self.parts.append(text)
        self.units += utf16_length(text)

    def close(self, kind: str, start: int, **more: Any) -> None:
        if self.units > start:
            self.entities.append({"type": kind, "offset": start, "length": self.units - start} | more)

    def done(self) -> FormattedText:
        return FormattedText("".join(self.parts), self.entities)


def valid_url(url: str) -> str | None:
    """Return the URL as Telegram keeps it (a bare host gets http://), or None when it is none."""
    url = url.strip()
    if re.fullmatch(r"(?:https?|tg|tel|mailto|geo):[^\s]+", url, re.IGNORECASE):
        return url
    return f"http://{url}" if re.fullmatch(r"[\w-]+(?:\.[\w-]+)+(?:[/?#][^\s]*)?", url) else None
