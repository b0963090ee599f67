"""Cutting an answer into the sentences that the plain-Japanese lint measures.

What a reader does not read as text is taken out first: spaces between words, line breaks, readings, the glosses in
〈 〉 and web addresses. White space never counts, and a doubled mark counts once, so neither can make a text look
shorter.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from intents.ruby import LINT_COMMENT, PLACEHOLDER, plain_text
from intents.wordlevels import Token, tokenize

NEUTRAL_VALUE = "110"
KANJI = "\u3400-\u4dbf\u4e00-\u9fff々〆"
_MARKUP_READING = re.compile(r"\{([^{}|]+)\|[^{}|]*\}")
_CHAT_READING = re.compile(rf"(?<=[{KANJI}0-9ァ-ヺーぁ-ゖ])[（(][ぁ-ゖー]+[）)]")
_GLOSS = re.compile(r"〈[^〈〉]*〉")
_URL = re.compile(r"https?://[!-~]+")
_ALLOW = re.compile(r"<!--\s*lint:\s*allow\s+([A-Z]\d\d)\b\s*(.*?)\s*-->", re.DOTALL)
_REPEATED = re.compile(r"([。、，,！？!?])\1+")
_OPEN, _CLOSE, _ENDS = "「『", "」』", "。！？!?"
_Pair = tuple[str, int]
_Make = Callable[[re.Match[str], list[_Pair]], list[_Pair]]


@dataclass(frozen=True)
class Allowance:
    """An author's `<!-- lint: allow E03 reason -->`; at: its offset in the text."""

    rule: str
    reason: str
    at: int


@dataclass(frozen=True)
class Sentence:
    """One sentence as it is measured.

    text: without spaces, readings and glosses.
    origin: for each character of text, its offset in the author's text, and one more for the end.
    allowances: what the author lets pass in this sentence.
    gloss_starts: offsets in the author's text where a gloss 〈 〉 was taken out.
    """

    text: str
    origin: tuple[int, ...]
    allowances: tuple[Allowance, ...] = ()
    gloss_starts: tuple[int, ...] = ()

    @cached_property
    def tokens(self) -> list[Token]:
        return tokenize(self.text)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place of text[start:end] in the author's text."""
        return self.origin[start], self.origin[max(start, end - 1)] + 1

    def is_glossed(self, end: int) -> bool:
        """Whether a gloss followed text[:end] at once."""
        next_at = self.origin[end] if end < len(self.text) else float("inf")
        return any(self.origin[end - 1] < at < next_at for at in self.gloss_starts)

    @property
    def n_characters(self) -> int:
        return len(self.text)

    @property
    def n_kanji(self) -> int:
        return len(re.findall(f"[{KANJI}]", self.text))


def sentences(text: str, values: Mapping[str, str] | None = None) -> list[Sentence]:
    """Cut a text into sentences at 。！？, but not within 「 」.

    values: dict of placeholder → text as shown; one without a value counts as a short number.
    """
    allowances = [Allowance(m[1], m[2], m.start()) for m in _ALLOW.finditer(text)]
    gloss_starts = tuple(at - 1 for at, _ in glosses(text))
    found = [
        Sentence("".join(c for c, _ in piece), (*(at for _, at in piece), piece[-1][1] + 1), (), gloss_starts)
        for piece in _cut(_visible(text, values or {}))
    ]
    for allowance in allowances:
        i = next((i for i, s in enumerate(found) if s.origin[-1] > allowance.at), len(found) - 1)
        if found:
            found[i] = replace(found[i], allowances=(*found[i].allowances, allowance))
    return found


def glosses(text: str) -> list[tuple[int, str]]:
    """The glosses of a text: (offset, what stands between 〈 and 〉)."""
    return [(m.start() + 1, m[0][1:-1]) for m in _GLOSS.finditer(LINT_COMMENT.sub(lambda c: " " * len(c[0]), text))]


def _visible(text: str, values: Mapping[str, str]) -> list[_Pair]:
    """The characters that count, each with its offset in the text."""
    pairs = [(_narrow(c), at) for at, c in enumerate(text)]
    pairs = _replace(pairs, LINT_COMMENT, lambda m, found: [])
    pairs = _replace(pairs, _MARKUP_READING, lambda m, found: found[m.start(1) - m.start() : m.end(1) - m.start()])
    pairs = _replace(pairs, PLACEHOLDER, lambda m, found: [(_narrow(c), found[0][1]) for c in _value(m[1], values)])
    pairs = _replace(pairs, _URL, lambda m, found: [])
    pairs = [(c, at) for c, at in pairs if not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc")]
    pairs = _replace(pairs, _GLOSS, lambda m, found: [])
    pairs = _replace(pairs, _CHAT_READING, lambda m, found: [])
    return _replace(pairs, _REPEATED, lambda m, found: found[:1])


def _value(name: str, values: Mapping[str, str]) -> str:
    return plain_text(values.get(name, NEUTRAL_VALUE))


def _narrow(c: str) -> str:
    """Full-width Latin letters, digits and signs as half-width ones; marks of Japanese text stay."""
    return chr(ord(c) - 0xFEE0) if "！" <= c <= "～" and c not in _ENDS + "（），．" else c


def _replace(pairs: list[_Pair], pattern: re.Pattern[str], make: _Make) -> list[_Pair]:
    text, kept, at = "".join(c for c, _ in pairs), [], 0
    for found in pattern.finditer(text):
        kept += pairs[at : found.start()]
        kept += make(found, pairs[found.start() : found.end()])
        at = found.end()
    return kept + pairs[at:]


def _cut(pairs: list[_Pair]) -> list[list[_Pair]]:
    pieces: list[list[_Pair]] = [[]]
    depth = 0
    for c, at in pairs:
        if not pieces[-1] and c in _ENDS and len(pieces) > 1:
            pieces[-2].append((c, at))
            continue
        pieces[-1].append((c, at))
        depth = max(0, depth + (c in _OPEN) - (c in _CLOSE))
        if c in _ENDS and depth == 0:
            pieces.append([])
    return [piece for piece in pieces if any(c.isalnum() for c, _ in piece)]
