"""Readings for a Japanese text: made by the dictionary and our own tables, stored as mark-up, checked by a person.

`furigana` gives the segments, `annotate` also what a person must look at. What decides a reading, the first that knows:

1. the author's own mark-up, `{方|かた}`;
2. numbers with a counter (`plain_readings`), so that 14日以内 is one unit, and the emergency numbers;
3. `overrides.tsv`, longest match, at word boundaries;
4. `contexts.tsv`: how a homograph is read beside its neighbours;
5. the Sudachi dictionary, mode C.

Spaces are taken out before the text is split into words, because they change readings. A placeholder is read with the
value it has and stays a placeholder in the segment, `{card_days}日以内` → じゅうよっかいない. A value that brings
readings of its own (`2027{年|ねん}…`) is left alone, and so is a number without a counter.
About 1 reading in 120 is wrong on unseen text, so each stored answer needs a reader once.
Authoring and CI only; the bot uses `intents.ruby`.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from intents.plain_readings import NUMBER, counted
from intents.ruby import KANJI, LINT_COMMENT, PLACEHOLDER, Segment, parse_markup, plain_text, unread
from intents.wordlevels import Token, hiragana, rows, tokenize

_KANJI_RUN = re.compile(rf"(?:{KANJI.pattern})+")
_KANJI_WORD = re.compile(rf"((?:{KANJI.pattern})+)[ぁ-ゖ]*")
_KANA = re.compile(r"[ぁ-ゖァ-ヺー]+")
_EMERGENCY = re.compile(r"(?<![\d\-#*.,])(110|119)(?![\d\-.,]|[円人年日月時分])(?:番(?![号\d])|(?!番))")
_EMERGENCY_READINGS = {"110": "ひゃくとおばん", "119": "ひゃくじゅうきゅうばん"}


@dataclass(frozen=True)
class Problem:
    """Something in a text that a person must look at.

    kind: `oov` (the dictionary has no such word: an error) or `ambiguous` (read in more than one way: a warning).
    surface: the word. rule: how to choose, from `ambiguous.tsv`; empty for `oov`.
    """

    kind: Literal["oov", "ambiguous"]
    surface: str
    rule: str = ""


@dataclass(frozen=True)
class Annotated:
    """A text with its readings, and what a person must look at."""

    segments: tuple[Segment, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Unit:
    """What is written as one thing: a character or a placeholder; shown: what is read there, empty for a space."""

    written: str
    shown: str


@dataclass(frozen=True)
class _Span:
    """A part of what is shown with its reading, or None where nothing is to be added."""

    start: int
    end: int
    reading: str | None


def furigana(text: str, values: Mapping[str, str] | None = None) -> list[Segment]:
    """The text in segments, each with its reading in hiragana where it shows kanji or a number with a counter.

    text: plain text or with an author's mark-up. values: dict of placeholder → text as shown.

    Raises MarkupError for braces outside the grammar of `intents.ruby`.
    """
    return list(annotate(text, values).segments)


def annotate(text: str, values: Mapping[str, str] | None = None) -> Annotated:
    """The same with the problems a person must look at."""
    units, spans = _units(unicodedata.normalize("NFC", LINT_COMMENT.sub("", text)), values or {})
    shown = "".join(unit.shown for unit in units)
    tokens = tokenize(shown)
    for found in (_numbers(shown), _overridden(shown, tokens), _in_context(shown, tokens)):
        spans += [span for span in found if not _overlaps(span, spans)]
    decided = list(spans)
    problems: list[Problem] = []
    for token in tokens:
        spans += _by_dictionary(token, decided, problems)
    segments = _segments(units, sorted(spans, key=lambda span: span.start))
    problems += [Problem("oov", base) for base in unread(segments) if not any(p.surface in base for p in problems)]
    return Annotated(tuple(segments), tuple(problems))


def _units(text: str, values: Mapping[str, str]) -> tuple[list[_Unit], list[_Span]]:
    """What is written and what is read there, and what is decided already: by the author, or within a value."""
    units: list[_Unit] = []
    fixed: list[_Span] = []
    length = 0

    def add(written: str, shown: str) -> None:
        nonlocal length
        units.append(_Unit(written, shown))
        length += len(shown)

    for segment in parse_markup(text):
        start, at = length, 0
        while at < len(segment.base):
            if found := PLACEHOLDER.match(segment.base, at):
                value, before = values.get(found[1], ""), length
                add(found[0], _visible(plain_text(value)))
                if plain_text(value) != value and segment.ruby is None:
                    fixed.append(_Span(before, length, None))
                at = found.end()
            else:
                add(segment.base[at], _visible(segment.base[at]))
                at += 1
        if segment.ruby is not None:
            fixed.append(_Span(start, length, segment.ruby))
    return units, fixed


def _visible(value: str) -> str:
    return "".join(_narrow(c) for c in value if not c.isspace() and unicodedata.category(c) != "Cf")


def _narrow(c: str) -> str:
    return chr(ord(c) - 0xFEE0) if "０" <= c <= "９" else c


def _overlaps(span: _Span, others: list[_Span]) -> bool:
    return any(span.start < other.end and other.start < span.end for other in others)


def _numbers(text: str) -> list[_Span]:
    spans = [_Span(*m.span(), _EMERGENCY_READINGS[m[1]]) for m in _EMERGENCY.finditer(text)]
    for found in NUMBER.finditer(text):
        after_month = bool(re.search(r"\d月$", text[: found.start()]))
        reading = counted(found, after_month=after_month)
        if reading and not _overlaps(_Span(*found.span(), reading), spans):
            spans.append(_Span(*found.span(), reading))
    return spans


@cache
def _override_pattern() -> tuple[re.Pattern[str], Mapping[str, str]]:
    table = dict(rows("overrides.tsv"))
    longest_first = sorted(table, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))), table


def _overridden(text: str, tokens: list[Token]) -> list[_Span]:
    pattern, table = _override_pattern()
    borders = {0} | {part.end for token in tokens for part in token.parts or (token,)}
    spans: list[_Span] = []
    at = 0
    while found := pattern.search(text, at):
        at = found.start() + 1
        touches_digits = re.search(r"[\d\-#]$", text[: found.start()]) or re.match(r"[\d\-]", text[found.end() :])
        if {found.start(), found.end()} <= borders and not (found[0][0].isdigit() and touches_digits):
            at = found.end()
            spans += align(found[0], table[found[0]], found.start())
    return spans


@cache
def _contexts() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), reading) for pattern, reading in rows("contexts.tsv"))


def _in_context(text: str, tokens: list[Token]) -> list[_Span]:
    """Homographs that stand alone as a word (kana endings aside) and whose neighbours say how they are read."""
    words = {token.start: _KANJI_WORD.fullmatch(token.surface) for token in tokens}
    spans: list[_Span] = []
    for pattern, reading in _contexts():
        for found in pattern.finditer(text):
            group = found.lastindex or 0
            word = words.get(found.start(group))
            span = _Span(*found.span(group), reading)
            if word and word[1] == found[group] and not _overlaps(span, spans):
                spans.append(span)
    return spans


@cache
def _ambiguous() -> Mapping[str, str]:
    return {surface: row[2] for row in rows("ambiguous.tsv") for surface in row[0].split("・")}


def _by_dictionary(token: Token, decided: list[_Span], problems: list[Problem]) -> list[_Span]:
    around = [span for span in decided if span.start < token.end and token.start < span.end]
    if not KANJI.search(token.surface):
        return []
    if not around:
        problems += _doubts(token)
        if token.parts and re.search(r"[0-9A-Za-z]", token.surface):  # PCR検査: no reading on Latin letters
            return [span for part in token.parts for span in _by_dictionary(part, decided, problems)]
        return [] if token.is_oov else align(token.surface, token.reading, token.start)
    if any(span.start <= token.start and token.end <= span.end for span in around):
        return []
    return [span for part in token.parts for span in _by_dictionary(part, decided, problems)]


def _doubts(token: Token) -> list[Problem]:
    if token.is_oov:
        return [Problem("oov", token.surface)]
    rule = _ambiguous().get(token.surface) or _ambiguous().get(token.lemma)
    return [Problem("ambiguous", token.surface, rule)] if rule else []


def align(surface: str, reading: str, start: int = 0) -> list[_Span]:
    """Give each run of kanji its part of the reading and leave the kana outside: 振り込ま, ふりこま → ふ, こ.

    A word whose kana cannot be found in its reading, and one with a number in it, is read as a whole.
    """
    runs = list(_KANJI_RUN.finditer(surface))
    pattern, at = "", 0
    for run in runs:
        pattern += re.escape(hiragana(surface[at : run.start()])) + "(.+?)"
        at = run.end()
    found = re.fullmatch(pattern + re.escape(hiragana(surface[at:])), hiragana(reading))
    if not found:
        return [_Span(start, start + len(surface), hiragana(reading))]
    return [_Span(start + run.start(), start + run.end(), found[i]) for i, run in enumerate(runs, 1)]


def _segments(units: list[_Unit], spans: list[_Span]) -> list[Segment]:
    """Put the readings on what is written; a placeholder is never divided, so what touches it is read together."""
    starts = [0]
    for unit in units:
        starts.append(starts[-1] + len(unit.shown))
    shown = "".join(unit.shown for unit in units)
    groups: list[tuple[int, int, list[_Span]]] = []  # first unit, unit after the last, the readings within
    for span in spans:
        first = bisect_right(starts, span.start) - 1
        after = bisect_left(starts, span.end)
        if groups and first < groups[-1][1]:
            first, _, together = groups.pop()
            groups.append((first, after, [*together, span]))
        else:
            groups.append((first, after, [span]))
    segments: list[Segment] = []
    at = 0
    for first, after, together in groups:
        _add(segments, units[at:first], None)
        ruby = _read_together(shown, starts[first], starts[after], together)
        _add(segments, units[first:after], ruby if _can_be_stored(units[first:after]) else None)
        at = after
    _add(segments, units[at:], None)
    return segments


def _can_be_stored(units: list[_Unit]) -> bool:
    """Whether the mark-up can hold one reading over them: a placeholder may only come first, with text behind it."""
    is_placeholder = [bool(PLACEHOLDER.fullmatch(unit.written)) for unit in units]
    return not any(is_placeholder[1:]) and not (is_placeholder[0] and len(units) == 1)


def _add(segments: list[Segment], units: list[_Unit], ruby: str | None) -> None:
    base = "".join(unit.written for unit in units)
    if base and ruby is None and segments and segments[-1].ruby is None:
        base = segments.pop().base + base
    elif ruby is not None and segments and segments[-1].ruby and _is_kanji(base) and _is_kanji(segments[-1].base):
        last = segments.pop()  # a compound reads better as one: 受理番号（じゅりばんごう）
        base, ruby = last.base + base, f"{last.ruby}{ruby}"
    if base:
        segments.append(Segment(base, ruby))


def _is_kanji(base: str) -> bool:
    return bool(_KANJI_RUN.fullmatch(base))


def _read_together(shown: str, start: int, end: int, spans: list[_Span]) -> str | None:
    """The reading of a stretch that readings and kana cover; None when something else stands between them."""
    reading, at = "", start
    for span in spans:
        if span.reading is None:
            return None
        reading += hiragana(shown[at : span.start]) + span.reading
        at = span.end
    reading += hiragana(shown[at:end])
    return reading if _KANA.fullmatch(reading) else None
