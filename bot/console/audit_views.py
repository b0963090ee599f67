"""The audit as an officer reads it: each record and value by the name that staff know, with the code behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.delivery_errors import delivery_error
from bot.console.labels import LABELS
from bot.console.pages import language_name, moment
from bot.console.parts import ConsoleParts
from bot.console.rows import place_name, topic_name
from storage.models import AuditEntry, Notice, Ticket

_PEOPLE = ("asked_by", "approved_by", "proposed_by", "holder")
_TIMES = ("send_at", "expires_at", "made_at")
_BEFORE = "before_"  # in front of the name of what was so before the deed
_TICKETS, _NOTICES = ("source", "target"), ("by_notice",)
# Which list of LABELS says what a value means; the first that knows it.
_VALUES: dict[str, tuple[str, ...]] = {
    "state": ("translation_state",), "outcome": ("outcome",), "kind": ("due", "notice_file"), "role": ("role",),
    "reason": ("recovery", "audit_value"), "why": ("alone",), "what": ("audit_value",), "way": ("audit_value",),
    "to": ("audit_value",),
}


@dataclass(frozen=True, slots=True)
class Named:
    """What staff read. code: what the audit holds, where it says something else; address: the page of it, or None."""

    words: str
    code: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry as the page shows it. details: (English name of the detail, its value)."""

    entry: AuditEntry
    subject: Named
    details: tuple[tuple[str, Named], ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Names of the records that some entries are about: dict of id → name."""

    staff: Mapping[int, str]
    tickets: Mapping[int, str]
    notices: Mapping[int, str]


async def names_for(session: AsyncSession, entries: Iterable[AuditEntry], staff: Mapping[int, str]) -> Names:
    """Read the receipts and the names of notices that these entries need."""
    tickets, notices = set[int](), set[int]()
    for entry in entries:
        kind, _, number = entry.subject.partition(":")
        wanted = [(kind, number), *(("ticket", entry.detail.get(name)) for name in _TICKETS),
                  *(("notice", entry.detail.get(name)) for name in _NOTICES)]
        for what, given in wanted:
            found = _number(given)
            if found is not None and what in ("ticket", "notice"):
                (tickets if what == "ticket" else notices).add(found)
    receipts = await session.execute(select(Ticket.id, Ticket.receipt).where(Ticket.id.in_(tickets)))
    called = await session.execute(select(Notice.id, Notice.name).where(Notice.id.in_(notices)))
    return Names(staff, {row[0]: row[1] for row in receipts}, {row[0]: row[1] for row in called})


def audit_row(entry: AuditEntry, names: Names, parts: ConsoleParts, tag: str) -> AuditRow:
    """Return an entry in the words of a reader."""
    reader = _Reader(names, parts, tag)
    details = tuple((name, reader.value(name, value)) for name, value in _flat(entry.detail) if value is not None)
    return AuditRow(entry, reader.subject(entry.subject), details)


def _flat(detail: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Return what stands in an inner dict (how it was before, why it is held) as details of their own."""
    for name, value in detail.items():
        if isinstance(value, dict):
            prefix = _BEFORE if name == "before" else ""
            yield from ((prefix + inner, each) for inner, each in _flat(value))
        else:
            yield name, value


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


@dataclass(frozen=True, slots=True)
class _Reader:
    names: Names
    parts: ConsoleParts
    tag: str

    def subject(self, subject: str) -> Named:
        """Name the record of an entry, such as `ticket:12` or `answer:stolen_bicycle:vi`."""
        kind, _, rest = subject.partition(":")
        known = LABELS["audit_subject"].get(kind)
        what = self.parts.words(self.tag)(known) if known else kind
        name, address = rest, None
        if kind in ("ticket", "notice"):
            found = self._record(kind, rest)
            name, address = found.words, found.address
        elif kind == "staff":
            name = self.names.staff.get(_number(rest) or 0, rest)
        elif kind == "answer":
            intent_id, _, locale = rest.partition(":")
            name = topic_name(self.parts, intent_id, self.tag)
            if locale:
                language = language_name(locale, self.tag)
                name += f"（{language}）" if self.tag == "ja" else f" ({language})"
        return Named(f"{what} {name}".strip(), subject, address)

    def value(self, name: str, value: Any) -> Named:
        """Name one detail of an entry."""
        name = name.removeprefix(_BEFORE)
        code, number = str(value), _number(value)
        if name in _PEOPLE and number is not None:
            return self._named(self.names.staff.get(number), code)
        if name in _TICKETS or name in _NOTICES:
            return self._record("ticket" if name in _TICKETS else "notice", code)
        if name in ("section", "station", "to") and (place := self._place(name, code)):
            return self._named(place, code)
        if name == "topic":
            return self._named(topic_name(self.parts, code, self.tag), code)
        if name == "locale":
            return self._named(language_name(code, self.tag), code)
        if name in ("languages", "tags") and isinstance(value, list):
            return self._named(", ".join(language_name(each, self.tag) for each in value), ", ".join(value))
        if name == "error":
            return self._named(delivery_error(code, self.parts.words(self.tag)), code)
        if name in _TIMES:
            return Named(_moment(code, self.tag))
        known = (LABELS[kind].get(code) for kind in _VALUES.get(name, ()))
        source = next(filter(None, known), None)
        return self._named(self.parts.words(self.tag)(source) if source else None, code)

    def _record(self, kind: str, code: str) -> Named:
        """Name a consultation by its receipt and a notice by its name, with its page; what is gone has its number."""
        number = _number(code)
        if number is None:
            return Named(code)
        known = self.names.tickets if kind == "ticket" else self.names.notices
        address = f"/tickets/{number}" if kind == "ticket" else f"/notices/{number}"
        return Named(known.get(number, code), f"{kind}:{number}", address)

    def _place(self, name: str, code: str) -> str | None:
        """Return the name of a section or station: `jinshin`, or `section:jinshin` where either may stand."""
        kind, separator, place_id = code.partition(":")
        kind, place_id = (kind, place_id) if separator else (name, code)
        return place_name(self.parts.deployment, place_id if kind == "section" else None,
                          place_id if kind == "station" else None, self.tag)

    @staticmethod
    def _named(words: str | None, code: str) -> Named:
        return Named(code) if words is None or words == code else Named(words, code)


def _moment(text: str, tag: str) -> str:
    """Return a moment that was recorded, as people read it."""
    try:
        return moment(datetime.fromisoformat(text), tag)
    except ValueError:
        return text
