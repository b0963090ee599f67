"""Passing a consultation to another section or station: asked for with a note, then accepted, or returned with a note.

Until it is accepted it stays with the sender, who goes on answering for it; both sides read it meanwhile. The resident
is told nothing, because nothing that they were told changes: staff of this police read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.ext.asyncio import AsyncSession

from bot.deployment import Deployment
from bot.errors import AlreadyClaimed, WrongState
from storage import audit, staff, tickets, transfers
from storage.audit import AuditTag
from storage.models import Role, Staff, Ticket, TransferState
from storage.sealing import Sealer

MAX_NOTE_LENGTH = 2000  # characters


@dataclass(frozen=True, slots=True)
class Target:
    """Where a consultation goes: one of the two is set."""

    section_id: str | None = None
    station_id: str | None = None

    @classmethod
    def parse(cls, text: str, deployment: Deployment) -> Self | None:
        """Read `section:jinshin` or `station:hoshimi`; None for what is not in the deployment."""
        kind, _colon, name = text.partition(":")
        if kind == "section" and deployment.section(name):
            return cls(section_id=name)
        if kind == "station" and deployment.station(name):
            return cls(station_id=name)
        return None

    def __str__(self) -> str:
        """Return the form that `parse` reads."""
        return f"section:{self.section_id}" if self.section_id else f"station:{self.station_id}"


def is_pending(ticket: Ticket) -> bool:
    """Tell whether a transfer waits for its receiver."""
    return ticket.to_section_id is not None or ticket.to_station_id is not None


def is_receiver(ticket: Ticket, officer: Staff) -> bool:
    """Tell whether the officer belongs to where a pending transfer goes."""
    return _belongs(officer, ticket.to_section_id, ticket.to_station_id)


def is_owner(ticket: Ticket, officer: Staff) -> bool:
    """Tell whether the officer belongs to where the ticket is now."""
    return _belongs(officer, ticket.section_id, ticket.station_id)


def _belongs(officer: Staff, section_id: str | None, station_id: str | None) -> bool:
    at_section = section_id is not None and officer.section_id == section_id and officer.role != Role.STATION_CHIEF
    return at_section or (station_id is not None and officer.station_id == station_id)


def lapse(ticket: Ticket) -> None:
    """End a pending transfer because the consultation ended; its row is marked when it is next looked at."""
    ticket.to_section_id = ticket.to_station_id = None


async def ask(
    session: AsyncSession, ticket: Ticket, officer: Staff, target: Target | None, note: str, *, sealer: Sealer,
    now: datetime,
) -> None:
    """Ask another section or station to take the ticket over.

    Raises WrongState and, when a colleague has the ticket, AlreadyClaimed.
    """
    if ticket.status not in tickets.IN_QUEUE:
        raise WrongState("This consultation is closed.")
    if ticket.claimed_by_id not in (None, officer.id):
        names = await staff.names(session)
        raise AlreadyClaimed("{name} has this consultation.", name=names.get(ticket.claimed_by_id or 0, "?"))
    if is_pending(ticket):
        raise WrongState("A transfer waits for its receiver already.")
    if target is None:
        raise WrongState("Choose a section or a station.")
    if target.section_id == ticket.section_id or (target.station_id and target.station_id == ticket.station_id):
        raise WrongState("The consultation is there already.")
    sections, stations = await transfers.staffed(session)
    if not (target.section_id in sections or target.station_id in stations):
        raise WrongState("Nobody there has an account, so nobody could accept it.")
    note = _checked(note)
    transfer = await transfers.add(
        session, ticket, to_section_id=target.section_id, to_station_id=target.station_id, note=note,
        asked_by_id=officer.id, ring=sealer, now=now,
    )
    ticket.updated_at = now
    audit.record(session, AuditTag.STAFF_TICKET_TRANSFER, f"ticket:{ticket.id}", now=now, staff_id=officer.id,
                 transfer=transfer.id, to=str(target))


async def accept(session: AsyncSession, ticket: Ticket, officer: Staff, *, sealer: Sealer, now: datetime) -> None:
    """Take the ticket over: it moves to the receiver's section or station, and the officer has it."""
    section_id, station_id = ticket.to_section_id, ticket.to_station_id
    _require_receiver(ticket, officer)
    transfer = await _settle(session, ticket, TransferState.ACCEPTED, officer, sealer=sealer, now=now)
    before = {"section": ticket.section_id, "station": ticket.station_id, "holder": ticket.claimed_by_id}
    ticket.section_id = section_id or ticket.section_id
    ticket.station_id = station_id or ticket.station_id
    ticket.claimed_by_id, ticket.claimed_at, ticket.updated_at = officer.id, now, now
    audit.record(session, AuditTag.STAFF_TICKET_ACCEPT, f"ticket:{ticket.id}", now=now, staff_id=officer.id,
                 transfer=transfer, before=before)


async def send_back(
    session: AsyncSession, ticket: Ticket, officer: Staff, note: str, *, sealer: Sealer, now: datetime
) -> None:
    """Return the ticket to the sender with a note; whoever had it there still has it."""
    _require_receiver(ticket, officer)
    note = _checked(note)
    transfer = await _settle(session, ticket, TransferState.RETURNED, officer, sealer=sealer, now=now, note=note)
    ticket.updated_at = now
    audit.record(session, AuditTag.STAFF_TICKET_RETURN, f"ticket:{ticket.id}", now=now, staff_id=officer.id,
                 transfer=transfer)


async def recall(session: AsyncSession, ticket: Ticket, officer: Staff, *, sealer: Sealer, now: datetime) -> None:
    """Take the request back, before the receiver has answered it."""
    if not is_pending(ticket):
        raise WrongState("This transfer was answered or taken back already.")
    if is_receiver(ticket, officer) and not is_owner(ticket, officer):
        raise WrongState("Only the sender can take a transfer back. You can return it with a note.")
    transfer = await _settle(session, ticket, TransferState.RECALLED, officer, sealer=sealer, now=now)
    ticket.updated_at = now
    audit.record(session, AuditTag.STAFF_TICKET_RECALL, f"ticket:{ticket.id}", now=now, staff_id=officer.id,
                 transfer=transfer)


async def _settle(
    session: AsyncSession, ticket: Ticket, state: TransferState, officer: Staff, *, sealer: Sealer, now: datetime,
    note: str | None = None,
) -> int:
    settled = await transfers.settle(session, ticket, state, staff_id=officer.id, ring=sealer, now=now, note=note)
    if settled is None:
        raise WrongState("This transfer was answered or taken back already.")
    return settled.id


def _require_receiver(ticket: Ticket, officer: Staff) -> None:
    if not is_pending(ticket):
        raise WrongState("This transfer was answered or taken back already.")
    if not is_receiver(ticket, officer):
        raise WrongState("Only the section or station that it was sent to can answer a transfer.")


def _checked(note: str) -> str:
    note = note.strip()
    if not note:
        raise WrongState("A note is needed: the other side has to know why.")
    if len(note) > MAX_NOTE_LENGTH:
        raise WrongState("This is too long: at most {n} characters.", n=MAX_NOTE_LENGTH)
    return note
