"""Take out of a text what points at a person, before the text leaves this machine.

Addresses of every kind, handles, links and numbers are replaced by a word for what stood there, or, where the text
comes back, by a number in brackets. A name in running text cannot be told from other words in twenty languages: what
is sent outside is sent to a server that the police chose for it.
"""

from __future__ import annotations

import re
import unicodedata

_DIGIT = r"\d"  # of every script, as in Python
_PARTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[\w.+-]{1,256}[@＠][\w-]+(?:\.[\w-]+)+"), "<mail>"),
    (re.compile(r"(?:https?://|www\.)\S+|\b(?:t\.me|line\.me|wa\.me|fb\.com)/\S+", re.IGNORECASE), "<link>"),
    (re.compile(r"(?<![\w])[@＠]\w{3,}"), "<handle>"),
    # A residence card (AB12345678CD), a passport (TR1234567), a number plate: letters and digits in one word.
    (re.compile(rf"\b[A-Za-z]{{1,3}}{_DIGIT}{{4,}}[A-Za-z]{{0,2}}\b"), "<number>"),
    # Telephone, account, card and house numbers: four digits or more, also with signs between them. 110 and 119 stay.
    (re.compile(rf"[+＋]?{_DIGIT}(?:[\s().\-‐\u2011–—ー－]{{0,2}}{_DIGIT}){{3,}}"), "<number>"),
)  # fmt: skip
_PLACE = re.compile(r"[\[［【]\s*[#＃]\s*(\d+)\s*[\]］】]")


def redact(text: str) -> str:
    """Return the text with `<mail>`, `<link>`, `<handle>` and `<number>` where something personal stood."""
    for pattern, word in _PARTS:
        text = pattern.sub(word, text)
    return text


def take_out(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text with `[#1]`, `[#2]` … where something personal stood, and what stood there, in that order.

    What looks like such a place already is taken out too, so that `put_back` cannot be misled.
    """
    taken: list[str] = []

    # The places are marked with characters that no text has, so that a later pattern does not see an earlier place.
    text = _PLACE.sub(lambda match: _hidden(taken, match.group(0)), _HIDDEN.sub("", text))
    for pattern, _word in _PARTS:
        text = pattern.sub(lambda match: _hidden(taken, match.group(0)), text)
    order: list[str] = []

    def number(match: re.Match[str]) -> str:
        order.append(_shown(taken, match.group(0)))
        return f"[#{len(order)}]"

    return _HIDDEN.sub(number, text), tuple(order)


_PRIVATE = 0xF0000  # the first character of a plane for private use
_HIDDEN = re.compile("[\U000f0000-\U000ffffd]")


def _shown(taken: list[str], place: str) -> str:
    """Return what a hidden place stands for; a link may hold a place of its own."""
    words = taken[ord(place) - _PRIVATE]
    return _HIDDEN.sub(lambda match: _shown(taken, match.group(0)), words)


def _hidden(taken: list[str], words: str) -> str:
    taken.append(words)
    return chr(_PRIVATE + len(taken) - 1)


def put_back(text: str, taken: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return a translated text with what `take_out` took, and what had no place in it any more.

    A translator may change the brackets and the digits to its own, and leave a place out or write it twice.
    """
    seen: set[int] = set()

    def fill(match: re.Match[str]) -> str:
        number = int(unicodedata.normalize("NFKC", match.group(1)))
        if not 1 <= number <= len(taken):
            return match.group(0)
        seen.add(number)
        return taken[number - 1]

    filled = _PLACE.sub(fill, text)
    return filled, tuple(words for number, words in enumerate(taken, start=1) if number not in seen)
