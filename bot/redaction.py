"""Take out of a text what points at a person, before the text leaves this machine.

Addresses of every kind, handles, links and numbers are replaced by a word for what stood there. A name in running text
cannot be told from other words in twenty languages: what is sent outside is sent to a server that the police runs.
"""

from __future__ import annotations

import re

_DIGIT = r"\d"  # of every script, as in Python
_PARTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[\w.+-]+[@＠][\w-]+(?:\.[\w-]+)+"), "<mail>"),
    (re.compile(r"(?:https?://|www\.)\S+|\b(?:t\.me|line\.me|wa\.me|fb\.com)/\S+", re.IGNORECASE), "<link>"),
    (re.compile(r"(?<![\w])[@＠]\w{3,}"), "<handle>"),
    # A residence card (AB12345678CD), a passport (TR1234567), a number plate: letters and digits in one word.
    (re.compile(rf"\b[A-Za-z]{{1,3}}{_DIGIT}{{4,}}[A-Za-z]{{0,2}}\b"), "<number>"),
    # Telephone, account, card and house numbers: four digits or more, also with signs between them. 110 and 119 stay.
    (re.compile(rf"[+＋]?{_DIGIT}(?:[\s().\-‐–—ー－]{{0,2}}{_DIGIT}){{3,}}"), "<number>"),
)  # fmt: skip


def redact(text: str) -> str:
    """Return the text with `<mail>`, `<link>`, `<handle>` and `<number>` where something personal stood."""
    for pattern, word in _PARTS:
        text = pattern.sub(word, text)
    return text
