"""Make one message comparable: the same words typed in different ways become the same text.

Everything here is cheap (microseconds a message) and survives anything Telegram can carry: lone surrogates, NULs,
private-use
characters, a hundred thousand letters.
"""

import re
import unicodedata
from functools import lru_cache

MAX_CHARS = 4096
"""Longest text that is read at all. Source: Telegram's limit of a message text, Bot API `sendMessage`."""

_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SPACES = re.compile(r"\s+")
_QUOTES = str.maketrans({
    "\u2018": "'", "\u2019": "'", "\u201b": "'", "\u02bc": "'", "\u00b4": "'", "`": "'", "\u2032": "'",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-",
    "\u301c": "~", "\uff5e": "~",
})  # fmt: skip
# Three or more of one character say no more than one does; digits are kept (110, 119, 1000).
_REPEATED = re.compile(r"([^\W\d]|[!?。.！？…~ー、,])\1{2,}")
# An address is looked for once in a word, from its beginning: a search from each letter took seconds for 1,200 signs.
_LINK = re.compile(r"(?:https?://|www\.)\S+|(?<!\S)\S[^\s@]*@\S+\.\S+|(?<!\w)[@#]\w+")
_EXTRA_LATIN = str.maketrans({"đ": "d", "ð": "d", "ł": "l", "ø": "o", "ı": "i", "æ": "ae", "œ": "oe"})


def clip(text: str, limit: int = MAX_CHARS) -> str:
    """Return at most `limit` characters: the beginning and the end, since a long message often ends with its point.

    limit: characters, at least 8.
    """
    if len(text) <= limit:
        return text
    tail = limit // 4
    return text[: limit - tail - 1] + " " + text[-tail:]


def printable(text: str, limit: int = MAX_CHARS) -> str:
    """Return the text without what no reader can see: lone surrogates, controls, joiners and direction marks.

    limit: characters; the rest is left out as `clip` does.
    """
    text = clip(text, limit)
    if text.isascii():
        return _CONTROL.sub(" ", text)
    text = text.encode("utf-8", "ignore").decode("utf-8")
    return _INVISIBLE.sub("", _CONTROL.sub(" ", text))


@lru_cache(maxsize=4)  # who looks for the language, for danger and for the topic reads the same message in turn
def clean(text: str, limit: int = MAX_CHARS) -> str:
    """Return the form in which messages are compared: NFKC, lower case, plain quotes, single spaces, no long repeats.

    Marks (é, ờ, が) are kept; `fold` takes them off.
    """
    text = printable(text, limit)
    if text.isascii():
        text = text.replace("`", "'").lower()
    else:
        text = unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold()
        if "\u0307" in text:  # the dot that casefold leaves behind on a Turkish İ
            text = text.replace("i\u0307", "i")
        text = unicodedata.normalize("NFC", text)
    text = _REPEATED.sub(r"\1", text)
    return _SPACES.sub(" ", text).strip()


def without_links(text: str) -> str:
    """Return the text without addresses, e-mail addresses, @names and #tags, which speak no language."""
    return _LINK.sub(" ", text)


@lru_cache(maxsize=4096)
def _bare(character: str) -> str:
    """Return one Latin letter without its marks; other letters as they are."""
    parts = unicodedata.normalize("NFD", character)
    if len(parts) > 1 and parts[0].isascii() and parts[0].isalpha():
        return parts[0]
    return character


@lru_cache(maxsize=4)
def fold(cleaned: str) -> str:
    """Return the text without the marks of Latin letters (ã → a, ờ → o, đ → d); every other script stays as it is.

    cleaned: text from `clean`.
    """
    if cleaned.isascii():
        return cleaned
    return "".join([c if c < "\x80" else _bare(c) for c in cleaned.translate(_EXTRA_LATIN)])
