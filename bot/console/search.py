"""Finding consultations by what stands beside their words: receipt, topic, language, place, station, section, state.

What residents write is sealed, so it cannot be searched, and the page says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, false, or_
from starlette.datastructures import QueryParams

from bot.console.labels import LABELS
from bot.console.pages import language_name
from bot.console.parts import ConsoleParts
from bot.console.rows import topic_name
from storage import queue, tickets
from storage.models import Staff, Ticket, TicketStatus

RECEIPT = re.compile(r"K[0-9A-Z]{3}-?[0-9A-Z]{4}")
STATES: dict[str, tuple[TicketStatus, ...]] = {
    "current": tickets.IN_QUEUE,
    "open": (TicketStatus.OPEN,),
    "answered": (TicketStatus.ANSWERED,),
    "ended": (TicketStatus.CLOSED, TicketStatus.WITHDRAWN),
    "any": (),
}
_MAX_WORDS = 6
_MAX_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Question:
    """What the address of the queue asks for. The names are those of the address; empty means all."""

    folder: str = "all"
    state: str = "current"
    section: str = ""
    station: str = ""
    municipality: str = ""
    locale: str = ""
    topic: str = ""
    q: str = ""

    @classmethod
    def read(cls, asked: QueryParams, folders: Iterable[str]) -> Question:
        """Read an address; what is unknown counts as not said."""
        values = {field.name: asked.get(field.name, "")[:_MAX_LENGTH].replace("\x00", "") for field in fields(cls)}
        if values["folder"] not in folders:
            values["folder"] = "all"
        if values["state"] not in STATES:
            values["state"] = "current"
        return cls(**values)

    @property
    def in_queue(self) -> bool:
        """Tell whether the list is of the queue, in the order of pressing."""
        return self.state in ("current", "open", "answered") and not self.receipt

    @property
    def receipt(self) -> str:
        """The receipt number that is searched for, when the search is a whole one."""
        found = unicodedata.normalize("NFKC", self.q).strip().upper()
        return f"{found[:4]}-{found[-4:]}" if RECEIPT.fullmatch(found) else ""

    def address(self, **changes: str) -> dict[str, str]:
        """Return the fields of an address that asks the same but for some changes; empty ones are left out."""
        values = {field.name: str(getattr(self, field.name)) for field in fields(self)} | changes
        return {name: value for name, value in values.items() if value}


def folders(person: Staff, *, now: datetime) -> dict[str, ColumnElement[bool]]:
    """Return the folders as conditions, in the order of the page."""
    section, station = person.section_id, person.station_id
    own, incoming = [], []
    if section is not None:
        own.append(Ticket.section_id == section)
        incoming.append(Ticket.to_section_id == section)
    if station is not None:
        own.append(Ticket.station_id == station)
        incoming.append(Ticket.to_station_id == station)
    found = {
        "mine": Ticket.claimed_by_id == person.id,
        "unassigned": Ticket.claimed_by_id.is_(None),
        "section": or_(false(), *own),
        "incoming": or_(false(), *incoming),
        "late": Ticket.due_at <= now,
        "all": Ticket.id.is_not(None),
    }
    if not own:
        del found["section"], found["incoming"]
    return found


def narrowed(
    visible: Select[Ticket], question: Question, choices: Mapping[str, ColumnElement[bool]], parts: ConsoleParts,
    tag: str,
) -> Select[Ticket]:
    """Return the query of what is asked for. A whole receipt number is looked for in every folder and state."""
    if question.receipt:
        return visible.where(Ticket.receipt == question.receipt)
    wanted = visible.where(choices[question.folder])
    if question.state == "answered":
        wanted = wanted.where(Ticket.queue_rank >= queue.FIRST_ANSWERED_RANK)
    if question.state in ("open", "answered", "ended"):
        wanted = wanted.where(Ticket.status.in_(STATES[question.state]))
    for column, value in (
        (Ticket.section_id, question.section), (Ticket.station_id, question.station),
        (Ticket.municipality, question.municipality), (Ticket.locale, question.locale), (Ticket.topic, question.topic),
    ):
        if value:
            wanted = wanted.where(column == value)
    words = unicodedata.normalize("NFKC", question.q).casefold().split()[:_MAX_WORDS]
    return wanted.where(and_(*(_means(word, parts, tag) for word in words))) if words else wanted


def _means(word: str, parts: ConsoleParts, tag: str) -> ColumnElement[bool]:
    """Return what one word of a search may mean; the names are those that the reader sees, and the Japanese ones."""
    deployment, screens = parts.deployment, parts.screens

    def named(candidates: Iterable[tuple[str, Iterable[str]]]) -> list[str]:
        return [value for value, names in candidates
                if any(word in unicodedata.normalize("NFKC", name).casefold() for name in names)]

    meanings = [Ticket.receipt.startswith(word.upper(), autoescape=True)]
    for column, values in (
        (Ticket.topic, named(
            (each.id, (topic_name(parts, each.id, tag),)) for each in screens.catalogue
        )),
        (Ticket.locale, named(
            (each, (each, language_name(each, tag), screens.language_name(each))) for each in screens.offered_tags
        )),
        (Ticket.municipality, named(
            (each.code, (*each.names.by_tag.values(), each.names.kana)) for each in deployment.municipalities
        )),
        (Ticket.station_id, named(
            (each.id, (*each.names.by_tag.values(), each.names.kana)) for each in deployment.stations
        )),
        (Ticket.section_id, named((each.id, (each.name_ja, each.name_en)) for each in deployment.sections)),
        (Ticket.status, named(
            (status, (parts.words(tag)(label),)) for status, label in LABELS["ticket_status"].items()
        )),
    ):
        if values:
            meanings.append(column.in_(values))
    return or_(*meanings)
