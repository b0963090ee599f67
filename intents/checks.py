"""Everything `python -m intents check` looks at beyond reading the files: translations, glossaries, lengths, gaps."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from intents.cards import load_cards
from intents.catalogue import Catalogue, RenderedAnswer, load_catalogue
from intents.errors import CardsError, CatalogueError, Problem
from intents.loading import Report, read_mapping
from intents.schema import BASE_TAG, CORE_TAGS, AnswerText, Intent, Translation, without_ruby
from intents.scripts import character_problems
from intents.texts import placeholders, typed_digits
from intents.utterance_checks import utterance_problems

MESSAGE_LIMIT = 4096
"""UTF-16 units of one Telegram message. Source: Bot API `sendMessage`, read 2026-11-22."""
RESERVE = 400  # for the labels, source line and headings that the bot adds around an answer
_URL = re.compile(r"https?://[^\s）)」〉]+")


@dataclass(frozen=True)
class Term:
    """One line of a glossary: when the base says `ja`, the translation says one of `use` and none of `avoid`."""

    ja: str
    use: tuple[str, ...]
    avoid: tuple[str, ...]


def message_length(answer: RenderedAnswer) -> int:
    """UTF-16 units of an answer with its contacts, without what the bot adds around it."""
    texts = [answer.title, answer.now, *answer.steps, answer.warning]
    for contact in answer.contacts:
        texts += [contact.name, contact.hours, contact.languages_text, contact.cost]
        texts += [f"{number.value} ({number.note})" for number in contact.numbers]
    return sum(len(text.encode("utf-16-le")) // 2 + 4 for text in texts)


def check_all(root: Path, *, only: str | None = None) -> tuple[Catalogue | None, list[Problem]]:
    """Read everything and check it; the catalogue is None when it cannot be read at all.

    only: this intent alone; then nothing is said about gaps, cards and other intents' utterances.
    """
    try:
        catalogue = load_catalogue(root, strict=False, only=only)
    except CatalogueError as error:
        return None, list(error.problems)
    problems = list(catalogue.problems)
    report = Report(root)
    glossaries = {
        tag: read_glossary(path, report)
        for tag in catalogue.locales
        if (path := root / "locales" / tag / "glossary.yaml").is_file()
    }
    problems += report.problems
    for intent in catalogue:
        problems += base_problems(intent, catalogue)
    for translation in catalogue.translations.values():
        problems += translation_problems(translation, catalogue, glossaries.get(translation.tag, ()))
    problems += utterance_problems(root, catalogue, only=only)
    if only is None:
        problems += contact_word_problems(catalogue)
    if only is None:
        problems += list(_gaps(catalogue, root))
        problems += _card_problems(root, problems)
    return catalogue, sorted(set(problems))


def _card_problems(root: Path, known: list[Problem]) -> list[Problem]:
    try:
        cards = load_cards(root)
    except CardsError as error:
        return [problem for problem in error.problems if problem not in known]
    found = [problem for problem in cards.problems if problem not in known]
    for card in cards:
        path = "intents/danger_cards.yaml" if card.tag == BASE_TAG else f"locales/{card.tag}/danger_cards.yaml"
        for text in (card.title, *card.lines, card.soft_prefix, card.button):
            found += [Problem(path, 1, f"{card.kind}: `{text}` {message}", severity, code)
                      for severity, code, message in character_problems(text, card.tag)]
    return found


def base_problems(intent: Intent, catalogue: Catalogue) -> Iterator[Problem]:
    """What is wrong with a base answer: its characters, its length, an overdue or outdated review."""
    if intent.base is None:
        return
    where = intent.where
    for part, text in intent.base.parts():
        for severity, code, message in character_problems(text, BASE_TAG):
            yield Problem(where.path, where.line(f"answer.{part}"), f"`{part}` {message}", severity, code)
    if intent.review.state == "checked" and intent.review.rev != intent.rev:
        yield Problem(where.path, where.line("review"), f"the text has changed since {intent.review.by} checked it "
                      f"(now {intent.rev}); it counts as drafted until it is checked again", "warning", "review")
    yield from _length(intent, BASE_TAG, catalogue, where.path)


def _length(intent: Intent, tag: str, catalogue: Catalogue, path: str) -> Iterator[Problem]:
    day = intent.review_by or dt.date.min
    answer = catalogue.answer(intent.id, tag, today=day, furigana=tag == BASE_TAG)
    if answer is not None and (n := message_length(answer)) > MESSAGE_LIMIT - RESERVE:
        yield Problem(path, 1, f"the answer takes {n} of {MESSAGE_LIMIT - RESERVE} UTF-16 units with its contacts; "
                      "shorten it, so that it fits one Telegram message", "error", "length")


def translation_problems(
    translation: Translation, catalogue: Catalogue, glossary: tuple[Term, ...]
) -> Iterator[Problem]:
    """What is wrong with one translation that the loader does not see."""
    intent = catalogue.intents[translation.intent_id]
    assert intent.base is not None
    where, tag = translation.where, translation.tag

    def problem(part: str, message: str, code: str, severity: str = "error") -> Problem:
        return Problem(where.path, where.line(part), message, severity, code)

    for part, text in translation.text.parts():
        for severity, code, message in character_problems(text, tag):
            yield problem(f"answer.{part}", f"`{part}` {message}", code, severity)
    yield from _length(intent, tag, catalogue, where.path)
    if translation.source_rev != intent.rev:
        yield problem("source_rev", f"made from {translation.source_rev}, the base is now {intent.rev}; compare, then "
                      "write the new fingerprint", "stale", "warning")
        return
    ours, theirs = dict(translation.text.parts()), dict(intent.base.parts())
    for part, original in theirs.items():
        if part in ours and sorted(_URL.findall(original)) != sorted(_URL.findall(ours[part])):
            yield problem(f"answer.{part}", f"`{part}` has other web addresses than the base; copy them", "url")
    whole, base = _whole(translation.text), _whole(intent.base)
    for term in glossary:
        if term.ja not in base:
            continue
        if not any(word.casefold() in whole for word in term.use):
            yield problem("answer.title", f"the base says {term.ja}; the glossary wants “{' / '.join(term.use)}”",
                          "glossary")
        for word in term.avoid:
            if word.casefold() in whole:
                yield problem("answer.title", f"“{word}” for {term.ja} is to be avoided; the glossary wants "
                              f"“{' / '.join(term.use)}”", "glossary")


def _whole(answer: AnswerText) -> str:
    return "\n".join(text for _, text in answer.parts()).casefold()


def read_glossary(path: Path, report: Report) -> tuple[Term, ...]:
    """Read `terms: [{ja: …, use: … or a list of forms, avoid: […]}]`."""
    fields = read_mapping(path, report)
    if fields is None:
        return ()
    fields.only({"terms"})
    terms: list[Term] = []
    for entry in fields.mappings("terms", required=False):
        entry.only({"ja", "use", "avoid", "note"})
        ja = entry.text("ja")
        use = tuple(text for text, _ in entry.texts("use")) if entry.is_list("use") else (entry.text("use") or "",)
        if ja and all(use) and use:
            terms.append(Term(ja, use, tuple(text for text, _ in entry.texts("avoid", required=False))))
    return tuple(terms)


def _gaps(catalogue: Catalogue, root: Path) -> Iterator[Problem]:
    """Warnings for what a core language does not have yet, one line each."""
    wanted = [intent.id for intent in catalogue if intent.base is not None]
    used = {contact_id for intent in catalogue for contact_id in intent.contacts}
    for tag in CORE_TAGS:
        if tag not in catalogue.locales:
            yield Problem(f"locales/{tag}", 1, "the core language has no folder", "error", "missing")
            continue
        if tag != BASE_TAG:
            missing = [item for item in wanted if (tag, item) not in catalogue.translations]
            if missing:
                yield Problem(f"locales/{tag}/intents", 1, f"{len(missing)} of {len(wanted)} answers are missing; "
                              f"residents read another language: {', '.join(missing)}", "warning", "missing")
            if not (root / "locales" / tag / "danger_cards.yaml").is_file():
                yield Problem(f"locales/{tag}", 1, "the danger cards are missing", "error", "missing")
            texts = [key for key, by_tag in catalogue.contact_texts.items() if tag != "en" and tag not in by_tag]
            names = [key for key in sorted(used) if tag != "en" and tag not in catalogue.contacts[key].names]
            if texts or names:
                yield Problem(f"locales/{tag}/contacts.yaml", 1, f"{len(names)} names and {len(texts)} texts of "
                              "contacts are missing; they appear in English", "warning", "missing")


def contact_word_problems(catalogue: Catalogue) -> Iterator[Problem]:
    """What is wrong with the translated words around contacts: typed digits, a lost `{press}`, their characters."""
    for key, by_tag in catalogue.contact_texts.items():
        wanted = placeholders(without_ruby(by_tag.get("en", "")))
        for tag, text in by_tag.items():
            path = "intents/contacts.yaml" if tag in ("en", BASE_TAG) else f"locales/{tag}/contacts.yaml"
            plain = without_ruby(text)
            if placeholders(plain) != wanted:
                yield Problem(path, 1, f"texts.{key} has other placeholders than the English", "error", "placeholder")
            if digits := typed_digits(plain):
                yield Problem(path, 1, f"texts.{key} types the digits {digits!r}", "error", "typed_digits")
            for severity, code, message in character_problems(plain, tag):
                yield Problem(path, 1, f"texts.{key} {message}", severity, code)
    for contact in catalogue.contacts.values():
        for tag, name in contact.names.items():
            for severity, code, message in character_problems(without_ruby(name), tag):
                yield Problem(f"locales/{tag}/contacts.yaml", 1, f"names.{contact.id} {message}", severity, code)


def open_facts(root: Path, catalogue: Catalogue) -> list[Problem]:
    """A line for each statement that rests on one source or on memory: its section answers yes or no before release.

    Answers leave these out, or word them without the figure. An error for one that is missing or confirmed already.
    """
    path = root / "intents/open_facts.yaml"
    report = Report(root)
    fields = read_mapping(path, report)
    found = list(report.problems)
    statements = {} if fields is None else {key: (fields.text(key) or "", fields.line_of(key)) for key in fields}
    for fact_id, confidence in catalogue.fact_sources.items():
        is_open = confidence != "confirmed"
        text, line = statements.get(fact_id, ("", 1))
        if is_open and not text:
            found.append(Problem("intents/open_facts.yaml", 1, f"{fact_id} is {confidence} and not listed", "error",
                                 "fact"))
        elif is_open:
            intent = catalogue.intents.get(fact_id.rpartition(".")[0])
            section = intent.section if intent is not None else "?"
            found.append(Problem("intents/open_facts.yaml", line, f"{fact_id} ({confidence}), for {section}: {text}",
                                 "warning", "fact"))
        elif text:
            found.append(Problem("intents/open_facts.yaml", line, f"{fact_id} is confirmed: remove it", "error",
                                 "fact"))
    return found


def facts_to_confirm(catalogue: Catalogue) -> list[Problem]:
    """A line for each value and contact used by an answer that the police has to confirm before release."""
    found: list[Problem] = []
    used: dict[str, list[str]] = {}
    for intent in catalogue:
        for name, fact in intent.facts.items():
            confidence = catalogue.fact_sources.get(fact.source, "confirmed" if fact.source else "without a source")
            if confidence != "confirmed":
                found.append(Problem(intent.where.path, intent.where.line("facts"), f"{{{name}}} = {fact.value} "
                             f"({fact.source or 'no source'}): {confidence}; ask the section {intent.section}",
                             "warning", "fact"))
        for contact_id in intent.contacts:
            used.setdefault(contact_id, []).append(intent.id)
    advice: Mapping[str, str] = {
        "check_first": "open the official page before release",
        "configure": "enter it in the deployment file",
    }
    for contact_id, intents in used.items():
        contact = catalogue.contacts[contact_id]
        if contact.publish in advice and not contact.is_publishable:
            found.append(Problem(contact.where.path, contact.where.line(), f"{contact_id} ({contact.name_ja}): "
                         f"{advice[contact.publish]}; used by {', '.join(intents)}", "warning", contact.publish))
    return sorted(found)
