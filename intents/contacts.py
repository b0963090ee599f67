"""Read the contacts, fill in the deploying police's own, and write one for a resident."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from intents.loading import Fields, Report, read_mapping
from intents.schema import (
    CONFIDENCES,
    PUBLISH,
    Closed,
    Contact,
    Hours,
    LocalContact,
    Number,
    OpenRange,
    Where,
)

NUMBER_KINDS = ("phone", "url", "chat", "sms")
COSTS = ("free", "call_charge", "unknown")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CONTACT_KEYS = frozenset({
    "name", "numbers", "hours", "closed", "languages", "languages_vary", "cost", "what_for", "url", "scope",
    "ip_phone_number", "publish", "confidence", "sources", "checked", "notes",
})  # fmt: skip
_ID = re.compile(r"[a-z][a-z0-9_]*")
_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,8})*")


@dataclass(frozen=True)
class ContactBook:
    """All contacts, and the words around them.

    texts: dict of key → (dict of tag → text); see `texts` in `intents/contacts.yaml`.
    """

    contacts: Mapping[str, Contact]
    texts: Mapping[str, Mapping[str, str]]


def parse_hours(text: str | None, weekly: Mapping[str, str] | None, text_key: str = "") -> Hours:
    """Build Hours from its written form.

    text: `always`, or None.
    weekly: dict of days (`mon-fri`, `sat`) → `09:00-17:00`; several ranges are separated by a comma.

    Raises ValueError that says what is malformed.
    """
    if weekly is None:
        if text == "always":
            return Hours("always", (), "always")
        if text is not None:
            raise ValueError(f"hours `{text}` are not understood; write always, a weekly table, or a text key")
        return Hours("text", (), text_key or "check_first")
    ranges: list[OpenRange] = []
    for days, spans in weekly.items():
        first, _, last = days.partition("-")
        if first not in DAYS or (last and last not in DAYS):
            raise ValueError(f"days `{days}` are not understood; write mon-fri, sat, …")
        start, stop = DAYS.index(first), DAYS.index(last or first)
        if stop < start:
            raise ValueError(f"days `{days}` run backwards; start from mon")
        for span in spans.split(","):
            found = re.fullmatch(r"\s*(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)\s*", span)
            if not found:
                raise ValueError(f"times `{span.strip()}` are not understood; write 09:00-17:00")
            h1, m1, h2, m2 = map(int, found.groups())
            ranges.append(OpenRange(tuple(range(start, stop + 1)), dt.time(h1, m1), dt.time(h2 % 24, m2)))
    return Hours("weekly", tuple(ranges), text_key)


def read_hours(fields: Fields, key: str, *, required: bool = True) -> Hours | None:
    """Read the `hours` of a mapping, reporting what is malformed."""
    if key not in fields:
        if required:
            fields.problem(f"`{fields.prefix}{key}` is missing; write always, a weekly table, or a text key",
                           code="missing_key")
        return None
    quiet = Report(fields.report.root)
    simple = Fields.__new__(Fields)
    simple.__dict__.update(fields.__dict__, report=quiet)
    text = simple.text(key, required=False)
    try:
        if not quiet.problems:
            return parse_hours(text, None)
        inner = fields.mapping(key)
        if inner is None:
            return None
        inner.only({"weekly", "text"})
        text_key = inner.text("text", required="weekly" not in inner) or ""
        table = inner.mapping("weekly", required=False)
        if table is None:
            return Hours("text", (), text_key)
        return parse_hours(None, {day: table.text(day) or "" for day in table}, text_key)
    except ValueError as error:
        fields.problem(str(error), key=key, code="type")
        return None


def _read_numbers(fields: Fields) -> tuple[Number, ...]:
    found: list[Number] = []
    for item in fields.mappings("numbers", required=False):
        item.only({*NUMBER_KINDS, "label", "press", "language", "confidence", "hours"})
        kinds = [kind for kind in NUMBER_KINDS if kind in item]
        if len(kinds) != 1:
            item.problem(f"a number needs exactly one of {', '.join(NUMBER_KINDS)}")
            continue
        value = item.text(kinds[0], required=False)
        if value and kinds[0] in ("phone", "sms") and not re.fullmatch(r"#?[0-9+][0-9-]*", value):
            item.problem(f"`{value}` is not a phone number; write digits and hyphens", key=kinds[0], code="type")
        if value and kinds[0] in ("url", "chat") and not value.startswith("https://"):
            item.problem(f"`{value}` must start with https://", key=kinds[0], code="type")
        found.append(
            Number(
                value=value,
                kind=kinds[0],
                label=item.text("label", required=False) or "",
                press=item.text("press", required=False) or "",
                language=item.text("language", required=False),
                hours=read_hours(item, "hours", required=False),
                confidence=item.choice("confidence", CONFIDENCES, required=False),
            )
        )
    return tuple(found)


def _read_contact(contact_id: str, fields: Fields) -> Contact | None:
    before = len(fields.report.problems)
    fields.only(_CONTACT_KEYS)
    name = fields.mapping("name")
    closed = fields.mapping("closed", required=False)

    def closed_on(key: str) -> bool | None:
        return closed.flag(key) if closed is not None and key in closed else None

    if closed is not None:
        closed.only({"holidays", "year_end"})
    hours = read_hours(fields, "hours")
    url = fields.text("url", required=False)
    if url and not url.startswith("https://"):
        fields.problem(f"`url` is `{url}`; it must start with https://", key="url", code="type")
    contact = Contact(
        id=contact_id,
        name_ja=(name.text("ja") if name else None) or "",
        name_en=(name.text("en") if name else None) or "",
        names=MappingProxyType({}),
        numbers=_read_numbers(fields),
        hours=hours or Hours(),
        closed=Closed(closed_on("holidays"), closed_on("year_end")),
        languages=tuple(text for text, _ in fields.texts("languages", required=False)),
        languages_vary=fields.flag("languages_vary"),
        cost=fields.choice("cost", COSTS, default="unknown"),
        what_for=fields.text("what_for") or "",
        url=url,
        scope=fields.choice("scope", ("national", "per_prefecture"), default="national"),
        ip_phone_number=fields.text("ip_phone_number", required=False),
        publish=fields.choice("publish", PUBLISH, default="never"),
        confidence=fields.choice("confidence", CONFIDENCES, default="knowledge-only"),
        sources=tuple(text for text, _ in fields.texts("sources", required=False)),
        checked=fields.date("checked"),
        notes=fields.text("notes", required=False) or "",
        where=Where(fields.report.name_of(fields.path), MappingProxyType({"": fields.line})),
    )
    for tag, line in fields.texts("languages", required=False):
        if not _TAG.fullmatch(tag):
            fields.problem(f"language `{tag}` is not a BCP 47 tag such as vi or zh-Hans", line=line, code="type")
    if not _ID.fullmatch(contact_id):
        fields.problem(f"contact id `{contact_id}` must be small Latin letters, digits and _")
    return contact if len(fields.report.problems) == before else None


def load_contacts(path: Path, report: Report) -> ContactBook:
    """Read `intents/contacts.yaml`; a malformed contact is left out with its problem reported."""
    top = read_mapping(path, report)
    contacts: dict[str, Contact] = {}
    texts: dict[str, Mapping[str, str]] = {}
    if top is None:
        return ContactBook(MappingProxyType(contacts), MappingProxyType(texts))
    top.only({"texts", "contacts"})
    if (words := top.mapping("texts")) is not None:
        for key in words:
            if (entry := words.mapping(key)) is not None:
                texts[key] = {tag: entry.text(tag) or "" for tag in entry}
    if (entries := top.mapping("contacts")) is not None:
        for contact_id in entries:
            entry = entries.mapping(contact_id)
            contact = _read_contact(contact_id, entry) if entry is not None else None
            if contact is None:
                continue
            contacts[contact_id] = contact
            numbers_hours = [number.hours.text for number in contact.numbers if number.hours]
            labels = [number.label for number in contact.numbers]
            for key in filter(None, [contact.hours.text, *numbers_hours, *labels]):
                if key not in texts:
                    entries.problem(f"contact `{contact_id}` names the text `{key}`, which `texts` does not have",
                                    key=contact_id, code="unknown_id")
    return ContactBook(MappingProxyType(contacts), MappingProxyType(texts))


def add_locale_names(book: ContactBook, files: Iterable[tuple[str, Path]], report: Report) -> ContactBook:
    """Join the names and texts of `locales/<tag>/contacts.yaml` into the book.

    files: (tag, path) of each existing file.
    """
    names: dict[str, dict[str, str]] = {}
    texts = {key: dict(by_tag) for key, by_tag in book.texts.items()}
    for tag, path in files:
        top = read_mapping(path, report)
        if top is None:
            continue
        top.only({"names", "texts"})
        for part, known in (("names", book.contacts), ("texts", book.texts)):
            words = top.mapping(part, required=False)
            for key in words or ():
                assert words is not None
                if key not in known:
                    words.problem(f"`{part}.{key}` is not in intents/contacts.yaml; remove it or mend the id", key=key,
                                  code="unknown_id")
                elif value := words.text(key, required=False):
                    target = names.setdefault(key, {}) if part == "names" else texts[key]
                    target[tag] = value
    contacts = {
        key: replace(contact, names=MappingProxyType(names[key])) if key in names else contact
        for key, contact in book.contacts.items()
    }
    return ContactBook(MappingProxyType(contacts), MappingProxyType({k: MappingProxyType(v) for k, v in texts.items()}))


def fill_local(contacts: Mapping[str, Contact], values: Mapping[str, LocalContact]) -> Mapping[str, Contact]:
    """The contacts with the deploying police's own values; `never` stays hidden.

    A contact to `configure` or to `check_first` is publishable once a number or an address was entered for it: entering
    it is the police saying that it is right.

    Raises KeyError for an id that does not exist.
    """
    filled = dict(contacts)
    for contact_id, local in values.items():
        contact = contacts[contact_id]
        reachable = bool(local.numbers or local.url)
        filled[contact_id] = replace(
            contact,
            name_ja=local.name_ja or contact.name_ja,
            name_en=local.name_en or contact.name_en,
            names=MappingProxyType({**contact.names, **local.names}),
            numbers=local.numbers or contact.numbers,
            hours=local.hours or contact.hours,
            closed=local.closed or contact.closed,
            languages=local.languages or contact.languages,
            languages_vary=contact.languages_vary if local.languages_vary is None else local.languages_vary,
            cost=local.cost or contact.cost,
            url=local.url or contact.url,
            ip_phone_number=local.ip_phone_number or contact.ip_phone_number,
            publish="ok" if reachable and contact.publish == "check_first" else contact.publish,
            local=reachable,
        )
    return MappingProxyType(filled)
