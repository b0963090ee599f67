"""Transfers: asked for, then accepted, returned, recalled, or lapsed. Notes are sealed with the ticket's key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Role, Staff, Ticket, Transfer, TransferState
from storage.sealing import Sealer
from storage.tickets import sealer_of


@dataclass(frozen=True, slots=True)
class TransferView:
    """A transfer with its notes opened. answer: the note of a return, if there is one."""

    id: int
    from_section_id: str
    from_station_id: str | None
    to_section_id: str | None
    to_station_id: str | None
    state: str
    note: str
    asked_by_id: int
    asked_at: datetime
    answer: str | None
    answered_by_id: int | None
    answered_at: datetime | None


async def add(
    session: AsyncSession, ticket: Ticket, *, to_section_id: str | None, to_station_id: str | None, note: str,
    asked_by_id: int, ring: Sealer, now: datetime,
) -> Transfer:
    """Add a pending transfer; one that lapsed with an earlier end of the ticket is marked so first."""
    await session.execute(
        update(Transfer).where(Transfer.ticket_id == ticket.id, Transfer.state == TransferState.PENDING)
        .values(state=TransferState.LAPSED, answered_at=now)
    )
    transfer = Transfer(
        ticket_id=ticket.id, from_section_id=ticket.section_id, from_station_id=ticket.station_id,
        to_section_id=to_section_id, to_station_id=to_station_id, state=TransferState.PENDING, asked_by_id=asked_by_id,
        asked_at=now, note_sealed=sealer_of(ticket, ring).seal_text(note, _context(ticket, "note")),
    )
    session.add(transfer)
    ticket.to_section_id, ticket.to_station_id = to_section_id, to_station_id
    await session.flush()
    return transfer


async def settle(
    session: AsyncSession, ticket: Ticket, state: TransferState, *, staff_id: int, ring: Sealer, now: datetime,
    note: str | None = None,
) -> Transfer | None:
    """Answer the ticket's pending transfer; None when there is none any more. Exactly one of several at once wins."""
    if ticket.to_section_id is None and ticket.to_station_id is None:
        return None
    sealed = sealer_of(ticket, ring).seal_text(note, _context(ticket, "answer")) if note else None
    settled: Transfer | None = await session.scalar(
        update(Transfer).where(Transfer.ticket_id == ticket.id, Transfer.state == TransferState.PENDING)
        .values(state=state, answered_by_id=staff_id, answered_at=now, answer_sealed=sealed)
        .returning(Transfer)
    )
    ticket.to_section_id = ticket.to_station_id = None
    return settled


async def history(session: AsyncSession, ticket: Ticket, *, ring: Sealer) -> list[TransferView]:
    """Return the ticket's transfers, oldest first, opened. A pending one of a ticket that ended has lapsed."""
    sealer = sealer_of(ticket, ring)
    rows = await session.scalars(select(Transfer).where(Transfer.ticket_id == ticket.id).order_by(Transfer.id))
    return [
        TransferView(
            id=row.id, from_section_id=row.from_section_id, from_station_id=row.from_station_id,
            to_section_id=row.to_section_id, to_station_id=row.to_station_id,
            state=_state(row, ticket),
            note=sealer.open_text(row.note_sealed, _context(ticket, "note")), asked_by_id=row.asked_by_id,
            asked_at=row.asked_at, answered_by_id=row.answered_by_id, answered_at=row.answered_at,
            answer=sealer.open_text(row.answer_sealed, _context(ticket, "answer")) if row.answer_sealed else None,
        )
        for row in rows
    ]


async def of_side(
    session: AsyncSession, *, section_id: str | None, station_id: str | None, limit: int
) -> list[tuple[Transfer, str, str]]:
    """Return (transfer, state, receipt) of the newest to or from a section or station; the notes stay sealed."""
    sides: list[ColumnElement[bool]] = [false()]
    if section_id is not None:
        sides += [Transfer.from_section_id == section_id, Transfer.to_section_id == section_id]
    if station_id is not None:
        sides += [Transfer.from_station_id == station_id, Transfer.to_station_id == station_id]
    rows = await session.execute(
        select(Transfer, Ticket).join(Ticket, Ticket.id == Transfer.ticket_id).where(or_(*sides))
        .order_by(Transfer.id.desc()).limit(limit)
    )
    return [(row[0], _state(row[0], row[1]), row[1].receipt) for row in rows]


async def staffed(session: AsyncSession) -> tuple[frozenset[str], frozenset[str]]:
    """Return the sections and the stations that have an account whose holder can see their consultations."""
    rows = list(await session.execute(
        select(Staff.role, Staff.section_id, Staff.station_id).where(Staff.disabled_at.is_(None))
    ))
    at_desk = (Role.OPERATOR, Role.INTERPRETER)
    sections = frozenset(row.section_id for row in rows if row.section_id and row.role in at_desk)
    stations = frozenset(
        row.station_id for row in rows if row.station_id and row.role in (*at_desk, Role.STATION_CHIEF)
    )
    return sections, stations


def _state(transfer: Transfer, ticket: Ticket) -> str:
    """Return how a transfer stands: a pending one of a ticket that goes nowhere any more has lapsed."""
    is_going = ticket.to_section_id is not None or ticket.to_station_id is not None
    return TransferState.LAPSED if transfer.state == TransferState.PENDING and not is_going else transfer.state


def _context(ticket: Ticket, part: str) -> str:
    return f"transfer {part}:{ticket.receipt}"
