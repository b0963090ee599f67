"""What the pages about answers show: one text with its furigana and state, and lists of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from intents import coverage
from intents.catalogue import Catalogue
from intents.reviews import text_of
from intents.ruby import MarkupError, as_html, parse_markup
from intents.schema import BASE_TAG, AnswerText, Intent, without_ruby

EXPIRES_SOON = timedelta(days=60)


@dataclass(frozen=True)
class Part:
    """One text of an answer. name: `title`, `now`, `steps.1` …, `warning`; html: escaped, the base with `<ruby>`."""

    name: str
    html: Markup


@dataclass(frozen=True)
class Row:
    """One answer in one language, as a list shows it. state: a key of the labels `answer_state`."""

    intent: Intent
    tag: str
    title: str
    state: str
    expires_soon: bool
    by: str
    at: date | None


def parts_of_answer(catalogue: Catalogue, intent: Intent, text: AnswerText, tag: str) -> list[Part]:
    """Return a text part by part, numbers filled in; furigana become `<ruby>`."""
    return [Part(name, _html(catalogue.fill(words, intent, tag))) for name, words in text.parts()]


def _html(text: str) -> Markup:
    try:
        return Markup(as_html(parse_markup(text)))  # noqa: S704 - as_html escapes everything but its own tags
    except MarkupError:
        return Markup.escape(without_ruby(text))


def earlier_parts(text: Mapping[str, str]) -> list[Part]:
    """Return a text as it was kept with an approval, in the order of an answer; placeholders as written."""
    order = ["title", "now", *sorted(name for name in text if name.startswith("steps.")), "warning"]
    return [Part(name, Markup.escape(text[name])) for name in order if text.get(name)]


def state_of(catalogue: Catalogue, intent: Intent, tag: str, *, today: date) -> str:
    """Return the state of one text, a key of the labels `answer_state`."""
    if intent.review_by is not None and intent.review_by < today:
        return "expired"
    return coverage.state_of(catalogue, intent, tag)


def rows(
    catalogue: Catalogue, tag: str, *, today: date, section: str = "", topic: str = "", state: str = ""
) -> Iterator[Row]:
    """Yield the answers of one language that fit the filters; state `expiring` asks for those that expire soon."""
    for intent in catalogue:
        if intent.base is None or (section and intent.section != section) or (topic and intent.topic != topic):
            continue
        current = state_of(catalogue, intent, tag, today=today)
        soon = intent.review_by is not None and intent.review_by - EXPIRES_SOON <= today
        if state and state != current and not (state == "expiring" and soon):
            continue
        translation = catalogue.translations.get((tag, intent.id))
        text = text_of(catalogue, intent.id, tag) or intent.base
        by, at = (intent.review.by, intent.review.at) if tag == BASE_TAG else (
            (translation.checked_by, translation.checked_at) if translation else ("", None))
        yield Row(intent, tag, catalogue.fill(text.title, intent, tag), current, soon,
                  by if current == "checked" else "", at if current == "checked" else None)
