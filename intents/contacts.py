"""Read the contacts, fill in the deploying police's own, and write one for a resident."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import babel
from babel.dates import format_time, get_day_names

from intents.errors import Problem
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
    with_furigana,
    without_ruby,
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


@dataclass(frozen=True)
class ShownNumber:
    """One number as a resident sees it; `note` says what it is for, and may be empty."""

    value: str
    kind: str
    note: str = ""


@dataclass(frozen=True)
class ShownContact:
    """A contact written in one language; what is unknown is empty, never guessed.

    languages: tags of the languages that are really spoken; languages_text: their names, with a word when they vary.
    speaks: whether the resident's own language is among them; None when that depends on place or day.
    """

    id: str
    name: str
    numbers: tuple[ShownNumber, ...]
    hours: str
    languages: tuple[str, ...]
    languages_text: str
    speaks: bool | None
    cost: str
    url: str | None


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


@lru_cache(maxsize=64)
def _babel(tag: str) -> babel.Locale:
    return babel.Locale.parse({"ja-simple": "ja", "ja-Hira": "ja", "ja-Latn": "ja"}.get(tag, tag).replace("-", "_"))


@lru_cache(maxsize=256)
def clock(at: dt.time, tag: str) -> str:
    """A time of day as the language writes it; with ruby markup for やさしい日本語 (午後5時15分)."""
    if tag == "ja-simple":
        half = "{午前|ごぜん}" if at.hour < 12 else "{午後|ごご}"
        minutes = f"{at.minute}{{分|{'ふん' if at.minute % 10 in (2, 5, 7, 9) else 'ぷん'}}}" if at.minute else ""
        return f"{half}{at.hour % 12 if at.hour != 12 else 12}{{時|じ}}{minutes}"
    return format_time(at, format="short", locale=_babel(tag)).replace("\u202f", " ")


@lru_cache(maxsize=2048)
def language_name(tag: str, in_tag: str) -> str:
    """The name of a language in another language: (`vi`, `ja`) → ベトナム語."""
    if tag == "ja-simple":
        tag = "ja"
    name = babel.Locale.parse(tag.replace("-", "_")).get_language_name(_babel(in_tag)) or tag
    if tag in ("zh-Hans", "zh-Hant", "pt-BR"):
        name = babel.Locale.parse(tag.split("-")[0]).get_language_name(_babel(in_tag)) or name
    return name


_RUBY_NAMES = {
    "ja": "{日本語|にほんご}",
    "en": "{英語|えいご}",
    "zh": "{中国語|ちゅうごくご}",
    "ko": "{韓国語|かんこくご}",
    "fil": "フィリピン{語|ご}",
}
_RUBY_DAYS = (
    "{月曜日|げつようび}", "{火曜日|かようび}", "{水曜日|すいようび}", "{木曜日|もくようび}", "{金曜日|きんようび}",
    "{土曜日|どようび}", "{日曜日|にちようび}",
)  # fmt: skip


def separator(tag: str) -> str:
    """What stands between the items of a list."""
    return {"ja": "、", "zh": "、", "my": "၊ ", "ur": "، "}.get(tag.split("-")[0], ", ")


def languages_in(tags: Iterable[str], in_tag: str) -> list[str]:
    """The names of languages in a language; with ruby markup for やさしい日本語."""
    if in_tag != "ja-simple":
        return [language_name(tag, in_tag) for tag in tags]
    names: list[str] = []
    for tag in tags:
        name = language_name(tag, in_tag)
        ruby = _RUBY_NAMES.get(tag.split("-")[0])
        names.append(ruby or (name[:-1] + "{語|ご}" if name.endswith("語") else name))
    return names


def describe_hours(hours: Hours, closed: Closed, tag: str, say: Callable[[str], str]) -> str:
    """The hours in words; with ruby markup for やさしい日本語.

    say: gives the text of a key in the wanted language.
    """
    if hours.kind == "always":
        return say("always")
    if hours.kind == "text":
        return say(hours.text)
    days = _RUBY_DAYS if tag == "ja-simple" else get_day_names("abbreviated", locale=_babel(tag))
    parts: list[str] = []
    for item in hours.ranges:
        first, last = days[item.days[0]], days[item.days[-1]]
        span = f"{clock(item.opens, tag)}–{clock(item.closes, tag)}"
        if tag == "ja-simple":
            span = f"{clock(item.opens, tag)}から {clock(item.closes, tag)}まで"
        if len(item.days) == len(DAYS):
            parts.append(f"{say('every_day')} {span}".strip())
            continue
        joined = first if first == last else f"{first}{'から ' if tag == 'ja-simple' else '–'}{last}"
        parts.append(f"{joined} {span}")
    notes = [say(hours.text)] if hours.text else []
    if closed.holidays:
        notes.append(say("closed_holidays"))
    if closed.year_end:
        notes.append(say("closed_year_end"))
    return separator(tag).join(parts) + (f" ({separator(tag).join(notes)})" if notes else "")


def show_contact(
    contact: Contact,
    tag: str,
    *,
    chain: tuple[str, ...],
    texts: Mapping[str, Mapping[str, str]],
    furigana: bool = False,
) -> ShownContact:
    """Write a contact for a resident.

    tag: the resident's language.
    chain: tags to try for the words, best first.
    """

    def say(key: str) -> str:
        by_tag = texts.get(key, {})
        return next((by_tag[item] for item in chain if item in by_tag), "")

    def spell(text: str) -> str:
        return with_furigana(text) if furigana else without_ruby(text)

    numbers: list[ShownNumber] = []
    own = [item for item in contact.numbers if item.language == tag]
    general = [item for item in contact.numbers if item.language is None]
    rest = [item for item in contact.numbers if item.language not in (None, tag)]
    for item in own or general or rest:
        if item.value is None:
            continue
        notes = [say(item.label)] if item.label else []
        if item.press:
            notes.append(say("then_press").replace("{press}", item.press))
        if item.hours:
            notes.append(describe_hours(item.hours, contact.closed, tag, say))
        numbers.append(ShownNumber(item.value, item.kind, spell(separator(tag).join(note for note in notes if note))))
    names = languages_in(contact.languages, tag)
    if contact.languages_vary:
        names.append(say("languages_vary") if names else say("ask_languages"))
    own_tags = {tag, "ja"} if tag.split("-")[0] == "ja" else {tag, *(["zh-Hans"] if tag == "zh-Hant" else [])}
    speaks = True if own_tags & set(contact.languages) else (None if contact.languages_vary else False)
    return ShownContact(
        id=contact.id,
        name=contact.name(next((item for item in chain if item in contact.names or item in ("en", "ja")), tag),
                          furigana=furigana),
        numbers=tuple(numbers),
        hours=spell(describe_hours(contact.hours, contact.closed, tag, say)),
        languages=contact.languages,
        languages_text=spell(separator(tag).join(name for name in names if name)),
        speaks=speaks,
        cost=spell(say(contact.cost)) if contact.cost != "unknown" else "",
        url=contact.url,
    )


def unpublished(contacts: Mapping[str, Contact]) -> list[Problem]:
    """A line for each contact that the police still has to check or enter."""
    advice = {"check_first": "open the official page before release", "configure": "enter it in the deployment file"}
    return [
        Problem(item.where.path, item.where.line(), f"contact `{item.id}` ({item.name_ja}): {advice[item.publish]}",
                "warning", item.publish)
        for item in contacts.values()
        if item.publish in advice and not item.is_publishable
    ]
