"""Load every intent, contact and translation, and answer in the best language there is.

`load_catalogue(root)` reads `intents/` and `locales/` once; `Catalogue.answer` then needs neither files nor a database.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from intents.base_files import read_base, read_pairs, read_translation
from intents.contact_words import ShownContact, show_contact
from intents.contacts import ContactBook, add_locale_names, fill_local, load_contacts
from intents.errors import CatalogueError, Problem
from intents.loading import Report
from intents.locales import load_locales
from intents.schema import (
    BASE_TAG,
    CONFIDENCES,
    PLACEHOLDER,
    AnswerText,
    Contact,
    Intent,
    LocalContact,
    Locale,
    Source,
    Translation,
    with_furigana,
    without_ruby,
)
from intents.texts import format_fact

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class RenderedAnswer:
    """An answer ready to be shown, in the language of `tag`.

    wanted_tag: the language asked for; tag: the one really used.
    checked: the oldest day on which one of its sources was read.
    state: drafted (nobody has checked these words) | checked.
    stale: the base answer has changed since this translation was made.
    has_furigana: the texts carry readings in brackets.
    """

    intent_id: str
    wanted_tag: str
    tag: str
    title: str
    now: str
    steps: tuple[str, ...]
    warning: str
    contacts: tuple[ShownContact, ...]
    sources: tuple[Source, ...]
    checked: dt.date | None
    state: str
    stale: bool
    related: tuple[str, ...]
    sensitive: bool
    urgency: str
    has_furigana: bool = False


@dataclass(frozen=True)
class Catalogue:
    """Everything curated, read once and never changed.

    translations: dict of (tag, intent id) → Translation.
    contact_texts: dict of key → (dict of tag → text), the words around contacts.
    problems: what was wrong and left out, when loaded with `strict=False`; warnings otherwise.
    """

    intents: Mapping[str, Intent]
    locales: Mapping[str, Locale]
    contacts: Mapping[str, Contact]
    translations: Mapping[tuple[str, str], Translation]
    contact_texts: Mapping[str, Mapping[str, str]]
    sections: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    fact_sources: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    problems: tuple[Problem, ...] = ()

    def __iter__(self) -> Iterator[Intent]:
        return iter(self.intents.values())

    def intent(self, intent_id: str) -> Intent | None:
        """The intent with this id, or None."""
        return self.intents.get(intent_id)

    def chain(self, tag: str) -> tuple[str, ...]:
        """The languages to try for a resident, best first; always ends with the base."""
        found: list[str] = []
        current: str | None = tag
        while current and current not in found:
            locale = self.locales.get(current)
            if locale is None:
                break
            if not locale.understood_only and not (locale.console_only and current != tag):
                found.append(current)
            current = locale.answers_in if locale.understood_only else locale.fallback
        if not found and tag not in self.locales and "en" in self.locales:
            found.append("en")
        return (*found, BASE_TAG) if BASE_TAG not in found else tuple(found)

    def answer_tags(self) -> tuple[str, ...]:
        """The languages that residents can be answered in."""
        return tuple(tag for tag, item in self.locales.items() if not item.understood_only and not item.console_only)

    def answer(
        self, intent_id: str, tag: str, *, today: dt.date, unchecked: str = "label", furigana: bool = False
    ) -> RenderedAnswer | None:
        """The answer in the best language there is, or None when there is nothing that may be shown.

        today: the day in Japan; an answer whose review is overdue is not shown.
        unchecked: `label` shows unchecked words (the caller labels them), `hold` skips them.
        furigana: adds readings, when the language used turns out to be やさしい日本語.

        Raises ValueError for another value of `unchecked`.
        """
        if unchecked not in ("label", "hold"):
            raise ValueError(f"unchecked must be label or hold, not {unchecked!r}")
        intent = self.intents.get(intent_id)
        if intent is None or intent.base is None or (intent.review_by is not None and intent.review_by < today):
            return None
        for candidate in self.chain(tag):
            if candidate == BASE_TAG:
                if unchecked == "hold" and intent.state != "checked":
                    return None
                readings = intent.ruby if furigana else None
                return self._render(intent, readings or intent.base, tag, BASE_TAG, intent.state, stale=False,
                                    furigana=readings is not None)
            translation = self.translations.get((candidate, intent_id))
            if translation is None:
                continue
            stale = translation.source_rev != intent.rev
            state = "drafted" if stale else translation.state
            if unchecked == "hold" and state != "checked":
                continue
            return self._render(intent, translation.text, tag, candidate, state, stale=stale, furigana=False)
        return None

    def in_japanese(self, intent_id: str, *, today: dt.date) -> RenderedAnswer | None:
        """What a resident shows to an officer or clerk: the base text, plain, with the Japanese names of contacts."""
        return self.answer(intent_id, "ja", today=today)

    def fill(self, text: str, intent: Intent, tag: str) -> str:
        """Replace the placeholders of a text by numbers and typed values; やさしい日本語 keeps its ruby markup."""
        if "{" not in text:
            return text

        def value(found: re.Match[str]) -> str:
            name = found.group(1)
            if name in intent.facts:
                return format_fact(intent.facts[name], tag, yen=self.locales[tag].yen if tag in self.locales else "")
            contact = self.contacts.get(name)
            number = contact.first_number if contact is not None else None
            return number if number is not None else found.group(0)

        return PLACEHOLDER.sub(value, text)

    def shown_contacts(
        self, contact_ids: tuple[str, ...], tag: str, *, furigana: bool = False
    ) -> tuple[ShownContact, ...]:
        """The contacts that may be shown, written in a language."""
        chain = self.chain(tag)
        return tuple(
            show_contact(contact, tag, chain=chain, texts=self.contact_texts, furigana=furigana)
            for contact in (self.contacts.get(item) for item in contact_ids)
            if contact is not None and contact.is_publishable
        )

    def with_local_contacts(self, values: Mapping[str, LocalContact]) -> Catalogue:
        """The same catalogue with the numbers that the deploying police entered.

        values: dict of contact id → LocalContact. Raises KeyError for an unknown id.
        """
        return replace(self, contacts=fill_local(self.contacts, values))

    def _render(
        self, intent: Intent, text: AnswerText, wanted: str, tag: str, state: str, *, stale: bool, furigana: bool
    ) -> RenderedAnswer:
        def words(part: str) -> str:
            filled = self.fill(part, intent, tag)
            return with_furigana(filled) if furigana else without_ruby(filled)

        return RenderedAnswer(
            intent_id=intent.id,
            wanted_tag=wanted,
            tag=tag,
            title=words(text.title),
            now=words(text.now),
            steps=tuple(words(step) for step in text.steps),
            warning=words(text.warning),
            contacts=self.shown_contacts(intent.contacts, "ja" if wanted == "ja" else tag, furigana=furigana),
            sources=intent.sources,
            checked=min((source.checked for source in intent.sources), default=None),
            state=state,
            stale=stale,
            related=intent.related,
            sensitive=intent.sensitive,
            urgency=intent.urgency,
            has_furigana=furigana,
        )


def load_catalogue(root: Path, *, strict: bool = True, only: str | None = None) -> Catalogue:
    """Read all data files below the project root.

    strict: any error raises. Otherwise bad translations and bad intents are left out and their problems kept in
        `Catalogue.problems`, so that a running bot falls back instead of stopping.
    only: read the files of this intent alone (the related ids are then not checked).

    Raises CatalogueError with every problem at once; without contacts or locales also when not strict.
    """
    report = Report(root)
    sections = read_pairs(root / "intents/sections.yaml", report)
    fact_sources = read_pairs(root / "intents/fact_sources.yaml", report, values=CONFIDENCES)
    book = load_contacts(root / "intents/contacts.yaml", report)
    locales = load_locales(root / "locales", report)
    if not book.contacts or BASE_TAG not in locales:
        report.add("locales", 1, f"no contacts or no `{BASE_TAG}` locale could be read; nothing can be answered")
        raise CatalogueError(report.problems)
    names = [(tag, path) for tag in locales if (path := root / "locales" / tag / "contacts.yaml").is_file()]
    book = add_locale_names(book, names, report)
    intents, known_ids = _load_intents(root, report, book, sections, fact_sources, only)
    translations: dict[tuple[str, str], Translation] = {}
    for tag in locales:
        folder = root / "locales" / tag / "intents"
        paths = [folder / f"{only}.yaml"] if only else sorted(folder.glob("*.yaml"))
        for path in paths:
            if not path.is_file():
                continue
            if tag == BASE_TAG or locales[tag].understood_only:
                report.add(path, 1, f"`{tag}` has no answers here; the base answer stands in intents/topics/")
                continue
            found = read_translation(
                path, tag, report, intents=intents, contacts=book.contacts, known_ids=known_ids
            )
            if found is not None:
                translations[tag, found.intent_id] = found
    if strict and report.errors:
        raise CatalogueError(report.problems)
    return Catalogue(
        intents=MappingProxyType(intents),
        locales=MappingProxyType(locales),
        contacts=book.contacts,
        translations=MappingProxyType(translations),
        contact_texts=book.texts,
        sections=MappingProxyType(sections),
        fact_sources=MappingProxyType(fact_sources),
        problems=tuple(sorted(report.problems)),
    )


def _load_intents(
    root: Path, report: Report, book: ContactBook, sections: Mapping[str, str], fact_sources: Mapping[str, str],
    only: str | None,
) -> tuple[dict[str, Intent], set[str]]:
    """Read the base files; returns the usable intents and the ids of all files."""
    intents: dict[str, Intent] = {}
    paths: dict[str, Path] = {}
    for path in sorted((root / "intents/topics").glob("*/*.yaml")):
        if path.stem in paths:
            report.add(path, 1, f"the intent `{path.stem}` stands also in {report.name_of(paths[path.stem])}; keep one",
                       code="duplicate")
            continue
        paths[path.stem] = path
        if only is not None and path.stem != only:
            continue
        intent = read_base(
            path, report, contacts=book.contacts, sections=sections, fact_sources=fact_sources
        )
        if intent is not None:
            intents[intent.id] = intent
    for intent in intents.values():
        for other in intent.related:
            if other not in paths or other == intent.id:
                report.add(intent.where.path, intent.where.line("related"),
                           f"related intent `{other}` {'is itself' if other == intent.id else 'does not exist'}",
                           code="unknown_id")
    return intents, set(paths)
