"""What stands around a consultation on its page: its transfers, where it could go, and others of the same chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.auth import visible_tickets
from bot.console.parts import ConsoleParts
from bot.console.rows import TicketRow, place_name, ticket_row
from bot.transfers import Target
from storage import attachments, merges, tickets
from storage import transfers as transfer_rows
from storage.merges import MergeView
from storage.models import Attachment, Staff, Ticket, TicketStatus
from storage.tickets import MessageView
from storage.transfers import TransferView


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and how. names: dict of staff id → name; tag: the language of the page."""

    parts: ConsoleParts
    person: Staff
    names: Mapping[int, str]
    tag: str

    def row(self, ticket: Ticket) -> TicketRow:
        """Return a ticket as lists show it."""
        return ticket_row(ticket, self.parts, self.person, self.names, self.tag)

    def place(self, section_id: str | None, station_id: str | None) -> str:
        """Return the name of a section or station."""
        return place_name(self.parts.deployment, section_id, station_id, self.tag) or "–"


@dataclass(frozen=True, slots=True)
class TransferLine:
    """A transfer in words."""

    transfer: TransferView
    origin: str
    target: str
    asked_by: str
    answered_by: str | None


@dataclass(frozen=True, slots=True)
class TargetChoice:
    """Where a consultation could go. value: as the form sends it; is_staffed: somebody there could accept it."""

    value: str
    name: str
    is_staffed: bool


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge in words, with the messages of the consultation that goes on here.

    files: dict of message id → the files that it brought.
    """

    row: TicketRow
    target: TicketRow
    reason: str
    merged_by: str
    merged_at: datetime
    messages: tuple[MessageView, ...] = ()
    files: Mapping[int, Sequence[Attachment]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Related:
    """The consultations of the same chat that the reader may see.

    merged: those that go on in this one; into: where this one goes on; others: the rest, and whether it can be merged.
    """

    merged: tuple[Merged, ...]
    into: Merged | None
    others: tuple[tuple[TicketRow, bool], ...]


async def transfer_views(session: AsyncSession, ticket: Ticket, reader: Reader) -> list[TransferLine]:
    """Return the transfers of a ticket, oldest first."""
    return [
        TransferLine(
            each, _origin(each, reader), reader.place(each.to_section_id, each.to_station_id),
            reader.names.get(each.asked_by_id, "?"),
            reader.names.get(each.answered_by_id, "?") if each.answered_by_id is not None else None,
        )
        for each in await transfer_rows.history(session, ticket, ring=reader.parts.sealer)
    ]


def _origin(transfer: TransferView, reader: Reader) -> str:
    """Return from where it goes: between stations the station, otherwise the section."""
    if transfer.to_station_id is not None and transfer.from_station_id is not None:
        return reader.place(None, transfer.from_station_id)
    return reader.place(transfer.from_section_id, None)


async def targets(session: AsyncSession, ticket: Ticket, reader: Reader) -> list[tuple[str, list[TargetChoice]]]:
    """Return (kind, places) where a ticket could go: stations and sections, but those where it is."""
    sections, stations = await transfer_rows.staffed(session)
    deployment = reader.parts.deployment
    return [
        ("station", [
            TargetChoice(str(Target(station_id=each.id)), each.name(reader.tag), each.id in stations)
            for each in deployment.stations if each.id != ticket.station_id
        ]),
        ("section", [
            TargetChoice(str(Target(section_id=each.id)), each.name(reader.tag), each.id in sections)
            for each in deployment.sections if each.id != ticket.section_id
        ]),
    ]


async def related_tickets(session: AsyncSession, ticket: Ticket, reader: Reader) -> Related:
    """Return what the reader may see of the ticket's chat beside the ticket."""
    visible, ring = visible_tickets(reader.person), reader.parts.sealer
    into_this, own = await merges.of_ticket(session, ticket, visible, ring=ring)
    is_withdrawn = ticket.status == TicketStatus.WITHDRAWN
    merged = [
        _merged(view, reader) if is_withdrawn else _merged(
            view, reader, tuple(await tickets.messages(session, view.source, ring=ring)),
            await attachments.of_ticket(session, view.source.id),
        )
        for view in into_this
    ]
    known = {view.source.id for view in into_this} | ({own.target.id} if own else set())
    others = [each for each in await merges.of_same_chat(session, ticket, visible) if each.id not in known]
    return Related(
        tuple(merged), _merged(own, reader) if own else None,
        tuple((reader.row(each), each.status == TicketStatus.CLOSED and each.merged_into_id is None)
              for each in others),
    )


def _merged(
    view: MergeView, reader: Reader, messages: tuple[MessageView, ...] = (),
    files: Mapping[int, Sequence[Attachment]] | None = None,
) -> Merged:
    return Merged(
        reader.row(view.source), reader.row(view.target), view.reason, reader.names.get(view.merged_by_id, "?"),
        view.merged_at, messages, files or {},
    )
