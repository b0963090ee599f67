"""The danger cards: read once at start, kept in the process, sent whatever else is away.

`load_cards(root)` needs `intents/contacts.yaml`, `intents/danger_cards.yaml` and the locale folders, and nothing else:
no catalogue, no database, no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from intents.contact_words import clock, languages_in, listed
from intents.contacts import load_contacts
from intents.errors import CardsError, Problem
from intents.loading import Fields, Report, read_mapping
from intents.locales import load_locales
from intents.schema import (
    BASE_TAG,
    PLACEHOLDER,
    STATES,
    Contact,
    DangerCard,
    Locale,
    with_furigana,
    without_ruby,
)
from intents.texts import placeholders, typed_digits

CARD_KINDS = ("police_now", "medical_fire_now", "crisis_now")
MAX_LINES = 10
_TOP = frozenset({"state", "button", "soft_prefix", "language", "cards"})
_SAY = ("say_ja", "say_reading", "say_romaji")


@dataclass(frozen=True)
class _Raw:
    """One file of cards as written, with its placeholders.

    cards: dict of kind → (title, lines).
    language: the language's name in Japanese, its kana reading, its romaji.
    """

    tag: str
    state: str
    button: str
    soft_prefix: str
    language: tuple[str, str, str]
    cards: Mapping[str, tuple[str, tuple[str, ...]]]
    say: Mapping[str, tuple[str, str, str]]
    dial: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Cards:
    """All danger cards, filled in.

    problems: what was wrong with a translation, which was then left out; its residents get the fallback.
    """

    by_tag: Mapping[tuple[str, str, bool], DangerCard]
    locales: Mapping[str, Locale]
    problems: tuple[Problem, ...] = ()

    def tag_for(self, tag: str | None) -> str:
        """The language in which somebody is shown a card: their own, else the nearest that has one, else English."""
        seen: list[str] = []
        current = tag
        while current and current not in seen:
            if (CARD_KINDS[0], current, False) in self.by_tag:
                return current
            seen.append(current)
            locale = self.locales.get(current)
            current = (locale.answers_in or locale.fallback) if locale else None
        return "en" if (CARD_KINDS[0], "en", False) in self.by_tag else BASE_TAG

    def card(self, kind: str, tag: str | None, *, furigana: bool = False) -> DangerCard:
        """The card of a kind in the nearest language.

        kind: police_now | medical_fire_now | crisis_now. Raises KeyError for another.
        furigana: with readings, in やさしい日本語 only.
        """
        found = self.tag_for(tag)
        return self.by_tag[kind, found, furigana and found == BASE_TAG]

    def button(self, tag: str | None) -> str:
        """The label of the emergency button."""
        return self.card(CARD_KINDS[0], tag).button

    def __iter__(self) -> Iterator[DangerCard]:
        return (card for (_, _, furigana), card in self.by_tag.items() if not furigana)


def card_text(card: DangerCard, *, soft: bool = False) -> str:
    """The whole card as one message.

    soft: starts with “if this is happening now”, for a message that only may tell of danger.
    """
    head = [card.soft_prefix] if soft else []
    lines = [f"• {line}" for line in card.lines[:-1]]
    return "\n".join([*head, card.title, *lines, "", card.lines[-1], card.say_ja, card.say_reading, card.say_romaji])


def _read_file(path: Path, tag: str, report: Report) -> _Raw | None:
    before = len(report.errors)
    fields = read_mapping(path, report)
    if fields is None:
        return None
    fields.only(_TOP)
    is_base = tag == BASE_TAG
    name = fields.mapping("language")
    if name is not None:
        name.only({"ja", "reading", "romaji"})
    language = tuple((name.text(key) if name else None) or "" for key in ("ja", "reading", "romaji"))
    cards: dict[str, tuple[str, tuple[str, ...]]] = {}
    say: dict[str, tuple[str, str, str]] = {}
    dial: dict[str, tuple[str, ...]] = {}
    entries = fields.mapping("cards")
    if entries is not None:
        entries.only(CARD_KINDS)
        for kind in CARD_KINDS:
            entry = entries.mapping(kind)
            if entry is None:
                continue
            entry.only({"title", "lines", *((*_SAY, "dial") if is_base else ())})
            cards[kind] = _read_words(entry)
            if is_base:
                spoken = [entry.text(key) or "" for key in _SAY]
                say[kind] = (spoken[0], spoken[1], spoken[2])
                dial[kind] = tuple(text for text, _ in entry.texts("dial"))
    raw = _Raw(
        tag=tag,
        state=fields.choice("state", STATES, default="drafted"),
        button=fields.text("button") or "",
        soft_prefix=fields.text("soft_prefix") or "",
        language=(language[0], language[1], language[2]),
        cards=cards,
        say=say,
        dial=dial,
    )
    return raw if len(report.errors) == before else None


def _read_words(entry: Fields) -> tuple[str, tuple[str, ...]]:
    title, lines = entry.text("title") or "", entry.texts("lines")
    if len(lines) > MAX_LINES:
        entry.problem(f"{len(lines)} lines; a frightened person reads at most {MAX_LINES}", key="lines", code="lines")
    for text, line in ((title, entry.line_of("title")), *lines):
        if digits := typed_digits(without_ruby(text)):
            entry.problem(f"a card types the digits {digits!r}; name the contact in braces", line=line,
                          code="typed_digits")
    return title, tuple(text for text, _ in lines)


def _values(contacts: Mapping[str, Contact], dial: tuple[str, ...], tag: str) -> dict[str, str]:
    """What the placeholders of a card stand for, in a language; only what may be published."""
    found: dict[str, str] = {}
    for contact_id in dial:
        contact = contacts.get(contact_id)
        if contact is None or contact.first_number is None:
            continue
        found[contact_id] = contact.first_number
        known = [number for number in contact.numbers if number.value]
        if known[0].press:
            found[f"{contact_id}_press"] = known[0].press
        if len(known) > 1 and known[1].value:
            found[f"{contact_id}_other"] = known[1].value
        if contact.hours.kind == "weekly" and len(contact.hours.ranges) == 1:
            found[f"{contact_id}_opens"] = clock(contact.hours.ranges[0].opens, tag)
            found[f"{contact_id}_closes"] = clock(contact.hours.ranges[0].closes, tag)
        if contact.languages:
            found[f"{contact_id}_languages"] = listed(languages_in(contact.languages, tag), tag)
    return found


def _fill(raw: _Raw, kind: str, base: _Raw, contacts: Mapping[str, Contact], *, furigana: bool) -> DangerCard:
    values = _values(contacts, base.dial[kind], raw.tag)

    def words(text: str) -> str:
        filled = PLACEHOLDER.sub(lambda match: values[match.group(1)], text)
        return with_furigana(filled) if furigana else without_ruby(filled)

    title, lines = raw.cards[kind]
    say = [text.replace("{language}", name) for text, name in zip(base.say[kind], raw.language, strict=True)]
    return DangerCard(
        kind=kind,
        tag=raw.tag,
        title=words(title),
        lines=tuple(words(line) for line in lines),
        say_ja=say[0],
        say_reading=say[1],
        say_romaji=say[2],
        dial=base.dial[kind],
        state=raw.state,
        soft_prefix=words(raw.soft_prefix),
        button=words(raw.button),
    )


def _problems(raw: _Raw, base: _Raw, contacts: Mapping[str, Contact], path: str) -> list[Problem]:
    """Placeholders that nothing fills, and cards that differ in shape from the base."""
    found: list[Problem] = []
    for kind in CARD_KINDS:
        values = _values(contacts, base.dial[kind], raw.tag)
        title, lines = raw.cards[kind]
        base_title, base_lines = base.cards[kind]
        for name in [name for text in (title, *lines) for name in placeholders(text)]:
            if name not in values:
                found.append(Problem(path, 1, f"{kind}: placeholder {{{name}}} has no value that may be shown", "error",
                                     "placeholder"))
        pairs = zip((title, *lines), (base_title, *base_lines), strict=False)
        if len(lines) != len(base_lines):
            message = f"{kind}: {len(lines)} lines, the base has {len(base_lines)}"
            found.append(Problem(path, 1, message, "error", "lines"))
        elif any(sorted(placeholders(text)) != sorted(placeholders(other)) for text, other in pairs):
            found.append(Problem(path, 1, f"{kind}: the placeholders of a line differ from those of the base", "error",
                                 "placeholder"))
    for item in base.dial.values():
        found += [
            Problem(path, 1, f"dial `{contact_id}` is no contact that may be shown", "error", "publish")
            for contact_id in item if contact_id not in contacts or contacts[contact_id].first_number is None
        ]
    for text, spoken in ((raw.language[0], "ja"), (raw.language[2], "romaji")):
        if re.search(r"[{}]", text):
            found.append(Problem(path, 1, f"language.{spoken} holds a brace", "error", "placeholder"))
    return found


def load_cards(root: Path, *, strict: bool = False) -> Cards:
    """Read the cards of every language.

    strict: a malformed translation raises; otherwise it is left out and its residents get the fallback.

    Raises CardsError when the base cards cannot be used: the bot must not start without them.
    """
    report = Report(root)
    book = load_contacts(root / "intents/contacts.yaml", report)
    base_path = root / "intents/danger_cards.yaml"
    base = _read_file(base_path, BASE_TAG, report)
    if base is None:
        raise CardsError(report.problems)
    if base_problems := _problems(base, base, book.contacts, report.name_of(base_path)):
        raise CardsError([*report.problems, *base_problems])
    locales = load_locales(root / "locales", report)
    by_tag: dict[tuple[str, str, bool], DangerCard] = {}
    for kind in CARD_KINDS:
        by_tag[kind, BASE_TAG, False] = _fill(base, kind, base, book.contacts, furigana=False)
        by_tag[kind, BASE_TAG, True] = _fill(base, kind, base, book.contacts, furigana=True)
    for tag in locales:
        path = root / "locales" / tag / "danger_cards.yaml"
        if tag == BASE_TAG or not path.is_file():
            continue
        raw = _read_file(path, tag, report)
        if raw is None:
            continue
        found = _problems(raw, base, book.contacts, report.name_of(path))
        report.problems += found
        if not found:
            for kind in CARD_KINDS:
                by_tag[kind, tag, False] = _fill(raw, kind, base, book.contacts, furigana=False)
    if strict and report.errors:
        raise CardsError(report.problems)
    return Cards(MappingProxyType(by_tag), MappingProxyType(locales), tuple(report.problems))
