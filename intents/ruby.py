"""Stored furigana: the mark-up in which a Japanese text carries its readings, and how it is shown.

This is the only part of furigana that runs in the bot, and it needs nothing but the standard library. The readings
themselves are made at authoring time by `intents.furigana` and stored in the `ruby:` block of a base file.

The mark-up has three things and nothing else:

- `{漢字|かんじ}`: the part before the bar is read as the part after it. The reading is kana, without braces.
- `{emg_110}`: a placeholder, lower-case letters, digits and underscores; it never contains a bar.
- `{{emg_110}番|ひゃくとおばん}`: a placeholder may stand within the base of a reading, because a number and its counter
  are read together. The value replaces the inner braces; the reading was made for that value.

So a brace with a bar at its own level is a reading, any other is a placeholder. Fill placeholders after `parse_markup`
(with `fill`), never with `str.format`, which does not know the bar. An author may write `{方|かた}` in an answer to
fix a reading, and `<!-- lint: allow E03 reason -->` to let one rule pass; `plain_text` takes both out again.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
LINT_COMMENT = re.compile(r"<!--\s*lint:.*?-->", re.DOTALL)
KANJI = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f々〆ヶ]")
_READING = re.compile(r"[ぁ-ゖァ-ヺー]+")


@dataclass(frozen=True)
class Segment:
    """A piece of text; ruby: its reading in kana, or None where it needs none."""

    base: str
    ruby: str | None = None


class MarkupError(ValueError):
    """A brace that does not close, is empty, or holds a reading that is not kana."""


def parse_markup(markup: str) -> list[Segment]:
    """Read stored mark-up into segments; placeholders stay in the bases as they are written.

    Raises MarkupError, which says where, on anything outside the grammar above.
    """
    segments: list[Segment] = []
    plain_from = at = 0
    while at < len(markup):
        if markup[at] == "}":
            raise MarkupError(f"closing brace without an opening one at {at}: {markup!r}")
        if markup[at] != "{":
            at += 1
            continue
        if found := PLACEHOLDER.match(markup, at):
            at = found.end()
            continue
        end = _closing(markup, at)
        base, bar, reading = markup[at + 1 : end].rpartition("|")
        if not bar or not base or not _READING.fullmatch(reading) or set("{}|") & set(PLACEHOLDER.sub("", base)):
            raise MarkupError(f"neither a reading nor a placeholder at {at}: {markup[at : end + 1]!r}")
        _append(segments, Segment(markup[plain_from:at]))
        segments.append(Segment(base, reading))
        plain_from = at = end + 1
    _append(segments, Segment(markup[plain_from:]))
    return segments


def _closing(markup: str, start: int) -> int:
    depth = 0
    for at in range(start, len(markup)):
        depth += {"{": 1, "}": -1}.get(markup[at], 0)
        if depth == 0:
            return at
    raise MarkupError(f"brace never closed at {start}: {markup!r}")


def _append(segments: list[Segment], segment: Segment) -> None:
    if segment.base:
        segments.append(segment)


def as_markup(segments: Iterable[Segment]) -> str:
    """Write segments as the mark-up that `parse_markup` reads."""
    return "".join(s.base if s.ruby is None else f"{{{s.base}|{s.ruby}}}" for s in segments)


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

    values: dict of placeholder → text as shown. Braces in a value are only characters: nothing is parsed twice.

    Raises KeyError with the name of a placeholder that has no value.
    """
    return [Segment(PLACEHOLDER.sub(lambda found: values[found[1]], s.base), s.ruby) for s in segments]


def plain_text(markup: str) -> str:
    """An author's text without readings and lint comments, placeholders kept."""
    return as_plain(parse_markup(LINT_COMMENT.sub("", markup)))


def unread(segments: Iterable[Segment]) -> list[str]:
    """The bases that show a kanji and carry no reading, in order; empty when everyone can read the text."""
    return [s.base for s in segments if s.ruby is None and KANJI.search(s.base)]
