"""Stored furigana: the mark-up in which a Japanese text carries its readings, and how it is shown.

This is the part of furigana that may run in the bot; it needs nothing but the standard library. The readings
themselves are made at authoring time by `intents.furigana` and stored in the `ruby:` block of a base file.

The mark-up has two things, and braces never nest:

- `{漢字|かんじ}`: the part before the bar is read as the part after it, which is kana.
- `{emg_110}`: a placeholder, lower-case letters, digits and underscores; it never contains a bar.

A number and its counter are read together, so a reading right behind a placeholder is the reading of both:
`{emg_110}{番|ひゃくとおばん}`, `{card_days}{日以内|じゅうよっかいない}` (made for the value at that time). In a chat
this comes out right whether the placeholder is filled before or after: 110番（ひゃくとおばん）.

An author may write `{方|かた}` in an answer to fix a reading, and `<!-- lint: allow E03 reason -->` to let one rule
pass; `plain_text` takes both out again.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
LINT_COMMENT = re.compile(r"<!--\s*lint:.*?-->", re.DOTALL)
KANJI = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f々〆ヶ]")
_READING = re.compile(r"\{([^{}|]+)\|([ぁ-ゖァ-ヺー]+)\}")
_MARK = re.compile(rf"({PLACEHOLDER.pattern})?{_READING.pattern}|{PLACEHOLDER.pattern}|[{{}}|]")


@dataclass(frozen=True)
class Segment:
    """A piece of text, placeholders as they are written; ruby: its reading in kana, or None where it needs none."""

    base: str
    ruby: str | None = None


class MarkupError(ValueError):
    """A brace or a bar that is part of neither a reading nor a placeholder."""


def parse_markup(markup: str) -> list[Segment]:
    """Read stored mark-up into segments; placeholders stay in the bases as they are written.

    Raises MarkupError, which says where, on anything outside the grammar above.
    """
    segments: list[Segment] = []
    plain_from = 0
    for found in _MARK.finditer(markup):
        placeholder, _, base, reading = found.group(1, 2, 3, 4)
        if reading:
            _append(segments, markup[plain_from : found.start()], None)
            segments.append(Segment((placeholder or "") + base, reading))
            plain_from = found.end()
        elif len(found[0]) == 1:
            raise MarkupError(f"`{found[0]}` at {found.start()} is part of no reading and no placeholder: {markup!r}")
    _append(segments, markup[plain_from:], None)
    return segments


def _append(segments: list[Segment], base: str, ruby: str | None) -> None:
    if base:
        segments.append(Segment(base, ruby))


def as_markup(segments: Iterable[Segment]) -> str:
    """Write segments as the mark-up that `parse_markup` reads.

    Raises MarkupError for a reading over a placeholder that has no text behind it, or text before it.
    """
    return "".join(s.base if s.ruby is None else _marked(s.base, s.ruby) for s in segments)


def _marked(base: str, ruby: str) -> str:
    found = PLACEHOLDER.match(base)
    placeholder, rest = (found[0], base[found.end() :]) if found else ("", base)
    if not rest or set("{}|") & set(rest):
        raise MarkupError(f"no mark-up for the reading {ruby} of {base}")
    return f"{placeholder}{{{rest}|{ruby}}}"


def as_plain(segments: Iterable[Segment]) -> str:
    """The text alone, without readings."""
    return "".join(s.base for s in segments)


def as_chat(segments: Iterable[Segment]) -> str:
    """For a chat, which has no ruby: each reading follows its base in full-width brackets, 漢字（かんじ）."""
    return "".join(s.base if s.ruby is None else f"{s.base}（{s.ruby}）" for s in segments)


def as_html(segments: Iterable[Segment]) -> str:
    """For a web page: `<ruby>` with brackets for browsers that cannot show it; everything is escaped."""
    return "".join(escape(s.base) if s.ruby is None else _ruby_element(s.base, s.ruby) for s in segments)


def _ruby_element(base: str, ruby: str) -> str:
    return f"<ruby>{escape(base)}<rp>（</rp><rt>{escape(ruby)}</rt><rp>）</rp></ruby>"


def fill(segments: Iterable[Segment], values: Mapping[str, str]) -> list[Segment]:
    """Put the values of placeholders into the bases.

    values: dict of placeholder → text as shown. Readings that a value brings along are kept where its segment has none.

    Raises KeyError with the name of a placeholder that has no value.
    """
    filled: list[Segment] = []
    for segment in segments:
        if segment.ruby is not None:
            base = PLACEHOLDER.sub(lambda found: _READING.sub(r"\1", values[found[1]]), segment.base)
            filled.append(Segment(base, segment.ruby))
            continue
        at = 0
        for found in PLACEHOLDER.finditer(segment.base):
            _append(filled, segment.base[at : found.start()], None)
            value = values[found[1]]
            filled += parse_markup(value) if _READING.search(value) else [Segment(value)]
            at = found.end()
        _append(filled, segment.base[at:], None)
    return filled


def plain_text(markup: str) -> str:
    """An author's text without readings and lint comments, placeholders kept; stray braces stay as they are."""
    return _READING.sub(r"\1", LINT_COMMENT.sub("", markup))


def unread(segments: Iterable[Segment]) -> list[str]:
    """The bases that show a kanji and carry no reading, in order; empty when everyone can read the text."""
    return [s.base for s in segments if s.ruby is None and KANJI.search(s.base)]
