"""The frozen models that the loader builds and every other room reads."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

BASE_TAG = "ja-simple"
CORE_TAGS = (
    "ja-simple", "en", "zh-Hans", "zh-Hant", "ko", "vi", "pt-BR", "es", "th", "id", "fil", "km", "my", "mn", "ne",
)  # fmt: skip
TOPICS = (
    "emergency", "crime", "fraud", "work", "procedure", "traffic", "disaster", "children", "community", "bot",
)  # fmt: skip
KINDS = ("content", "bot_request", "smalltalk")
URGENCIES = ("now", "today", "normal")
STATES = ("drafted", "checked")
FACT_KINDS = ("number", "yen", "date", "time", "text")
PUBLISH = ("ok", "check_first", "configure", "never")
CONFIDENCES = ("confirmed", "single-source", "knowledge-only")
MAX_STEPS = 5

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
RUBY = re.compile(r"\{([^{}|]+)\|([^{}|]+)\}")

_EMPTY_LINES: Mapping[str, int] = MappingProxyType({})


def without_ruby(text: str) -> str:
    """The text with `{漢字|かんじ}` written as 漢字."""
    return RUBY.sub(r"\1", text)


def with_furigana(text: str) -> str:
    """The text with `{漢字|かんじ}` written as 漢字（かんじ）, which every phone can show."""
    return RUBY.sub(r"\1（\2）", text)


@dataclass(frozen=True)
class Where:
    """The file a record came from, and the lines of its parts; for messages to authors.

    lines: dict of part (`answer.now`, `answer.steps.1`) → line.
    """

    path: str = ""
    lines: Mapping[str, int] = field(default_factory=lambda: _EMPTY_LINES)

    def line(self, part: str = "") -> int:
        """The line of a part, or of the nearest part that has one."""
        while part and part not in self.lines:
            part = part.rpartition(".")[0]
        return self.lines.get(part, 1)


@dataclass(frozen=True)
class Locale:
    """One supported language.

    tag: BCP 47 tag, which is also the folder name.
    name: the language's own name for itself.
    fallback: the tag to try when a text is missing; None for the base.
    direction: `ltr` or `rtl`.
    understood_only: residents write it, but are answered in `answers_in`.
    console_only: exists for staff and for texts shown to an officer.
    yen: how an amount is written, with {n} for the number; empty where Babel's own words are plain enough.
    """

    tag: str
    name: str
    fallback: str | None = None
    direction: str = "ltr"
    understood_only: bool = False
    console_only: bool = False
    answers_in: str | None = None
    yen: str = ""


@dataclass(frozen=True)
class OpenRange:
    """Days and times: days count from Monday = 0."""

    days: tuple[int, ...]
    opens: dt.time
    closes: dt.time


@dataclass(frozen=True)
class Hours:
    """When a contact answers.

    kind: always | weekly (see ranges) | text (see text).
    text: key of a text in `contacts.yaml`, such as `varies_by_prefecture`; also allowed beside `weekly`.
    """

    kind: str = "text"
    ranges: tuple[OpenRange, ...] = ()
    text: str = "unknown"


@dataclass(frozen=True)
class Number:
    """One way to reach a contact.

    value: as people dial or open it; None where nothing was confirmed.
    kind: phone | url | chat | sms.
    label: key of a text in `contacts.yaml` (`toll_free`), or empty.
    press: the key to press once somebody answers, or empty.
    hours: of this number only, when they differ from the contact's.
    language: tag, when the number is for one language only.
    confidence: of this number, when it differs from the contact's.
    """

    value: str | None
    kind: str = "phone"
    label: str = ""
    press: str = ""
    language: str | None = None
    hours: Hours | None = None
    confidence: str = ""


@dataclass(frozen=True)
class Closed:
    """Days on which a contact is closed although its hours say otherwise; None = nobody has confirmed it."""

    holidays: bool | None = None
    year_end: bool | None = None


@dataclass(frozen=True)
class Contact:
    """A hotline, office or page that answers point to."""

    id: str
    name_ja: str
    name_en: str
    names: Mapping[str, str]
    numbers: tuple[Number, ...]
    hours: Hours
    closed: Closed
    languages: tuple[str, ...]
    languages_vary: bool
    cost: str
    what_for: str
    url: str | None
    scope: str
    ip_phone_number: str | None
    publish: str
    confidence: str
    sources: tuple[str, ...]
    checked: dt.date | None
    notes: str = ""
    local: bool = False
    where: Where = field(default=Where(), compare=False, repr=False)

    @property
    def is_publishable(self) -> bool:
        """Whether a resident may be shown it: confirmed, or filled in by the deploying police."""
        return self.publish == "ok" or (self.publish == "configure" and self.local)

    @property
    def first_number(self) -> str | None:
        """What a placeholder with this id becomes: the first number that is known, or None."""
        if not self.is_publishable:
            return None
        return next((number.value for number in self.numbers if number.value), None)

    def name(self, tag: str, *, furigana: bool = False) -> str:
        """The name in a language, otherwise in Japanese for Japanese readers and in English for the rest."""
        found = self.names.get(tag)
        if found is None:
            found = self.name_ja if tag.split("-")[0] == "ja" else self.name_en
        return with_furigana(found) if furigana else without_ruby(found)


@dataclass(frozen=True)
class LocalContact:
    """What the deploying police enters for a contact; None or empty leaves the shared value as it is."""

    name_ja: str | None = None
    name_en: str | None = None
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    numbers: tuple[Number, ...] = ()
    hours: Hours | None = None
    closed: Closed | None = None
    languages: tuple[str, ...] = ()
    languages_vary: bool | None = None
    cost: str | None = None
    url: str | None = None
    ip_phone_number: str | None = None


@dataclass(frozen=True)
class Fact:
    """A typed value that no translation retypes.

    kind: number | yen | date | time | text.
    value: as typed; `14`, `2027-04-01`, `17:15`.
    source: id of the fact it rests on (`lost_residence_card.2`), or an https address.
    """

    kind: str
    value: str
    source: str = ""


@dataclass(frozen=True)
class Source:
    """A page that an answer rests on, and the day it was read."""

    url: str
    checked: dt.date


@dataclass(frozen=True)
class Review:
    """Who has checked a base answer; `rev` is what they read."""

    state: str = "drafted"
    by: str = ""
    at: dt.date | None = None
    rev: str = ""


@dataclass(frozen=True)
class AnswerText:
    """The words of an answer, with their placeholders."""

    title: str
    now: str
    steps: tuple[str, ...] = ()
    warning: str = ""

    def parts(self) -> tuple[tuple[str, str], ...]:
        """Each text with the name of its place: (`now`, …), (`steps.1`, …)."""
        found = [("title", self.title), ("now", self.now)]
        found += [(f"steps.{number}", step) for number, step in enumerate(self.steps, start=1)]
        if self.warning:
            found.append(("warning", self.warning))
        return tuple(found)


@dataclass(frozen=True)
class Intent:
    """One curated question with its base answer; requests about the bot itself have none."""

    id: str
    topic: str
    kind: str = "content"
    section: str = ""
    urgency: str = "normal"
    always: bool = False
    sensitive: bool = False
    sources: tuple[Source, ...] = ()
    review_by: dt.date | None = None
    review: Review = Review()
    related: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=lambda: MappingProxyType({}))
    base: AnswerText | None = None
    ruby: AnswerText | None = None
    rev: str = ""
    where: Where = field(default=Where(), compare=False, repr=False)

    @property
    def state(self) -> str:
        """`checked` only when a person checked exactly this text."""
        return "checked" if self.review.state == "checked" and self.review.rev == self.rev else "drafted"


@dataclass(frozen=True)
class Translation:
    """An answer in another language."""

    tag: str
    intent_id: str
    source_rev: str
    state: str
    text: AnswerText
    checked_by: str = ""
    checked_at: dt.date | None = None
    where: Where = field(default=Where(), compare=False, repr=False)


@dataclass(frozen=True)
class DangerCard:
    """What is sent at once when a message tells of danger.

    kind: police_now | medical_fire_now | crisis_now.
    lines: short lines with the numbers already filled in.
    say_ja: Japanese to show or read aloud; say_reading: how to read it, say_romaji: in Latin letters.
    dial: ids of the contacts whose numbers the card gives.
    """

    kind: str
    tag: str
    title: str
    lines: tuple[str, ...]
    say_ja: str
    say_reading: str
    say_romaji: str
    dial: tuple[str, ...]
    state: str
    soft_prefix: str = ""
    button: str = ""
