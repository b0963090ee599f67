"""Tickets whose time has come: near their deadline, past it, or past what the resident was told.

Each is taken by changing it, so that of several workers one does what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Escalation, Ticket

_AT_ONCE = 100


def _is_near(now: datetime) -> ColumnElement[bool]:
    return (Ticket.warn_at <= now) & Ticket.warn_at.is_not(None) & Ticket.warned_at.is_(None)


def _is_late(now: datetime) -> ColumnElement[bool]:
    return (Ticket.due_at <= now) & Ticket.due_at.is_not(None) & Ticket.escalated_at.is_(None)


async def anything_due(session: AsyncSession, *, now: datetime) -> bool:
    """Tell whether any ticket is near or past its deadline and not marked yet; costs two looks into an index."""
    for condition in (_is_near(now), _is_late(now)):
        if await session.scalar(select(Ticket.id).where(condition).limit(1)) is not None:
            return True
    return False


async def take_near(session: AsyncSession, *, now: datetime) -> Sequence[Any]:
    """Mark the tickets that are near their deadline; returns rows of id and due_kind."""
    return await _take(session, _is_near(now), {"warned_at": now}, Ticket.id, Ticket.due_kind)


async def take_late(session: AsyncSession, *, raise_by: int, now: datetime) -> Sequence[Any]:
    """Escalate the tickets whose deadline is broken; returns those that were not escalated before.

    raise_by: what the priority gains.
    """
    changes = {
        "escalated_at": now, "priority": Ticket.priority + raise_by, "queue_rank": Ticket.queue_rank - raise_by,
    }
    taken = await _take(
        session, _is_late(now), changes, Ticket.id, Ticket.due_kind, Ticket.due_at, Ticket.section_id, Ticket.station_id
    )
    known = {
        (row.ticket_id, row.kind, row.due_at) for row in await session.execute(
            select(Escalation.ticket_id, Escalation.kind, Escalation.due_at)
            .where(Escalation.ticket_id.in_([row.id for row in taken]))
        )
    }
    fresh = [row for row in taken if (row.id, row.due_kind, row.due_at) not in known]
    session.add_all(
        Escalation(ticket_id=row.id, kind=row.due_kind, due_at=row.due_at, section_id=row.section_id,
                   station_id=row.station_id, at=now)
        for row in fresh
    )
    return fresh


async def promised(session: AsyncSession, *, now: datetime) -> Sequence[int]:
    """Return the ids of tickets that nobody opened by the time that the resident was told."""
    query = select(Ticket.id).where(Ticket.promised_at <= now, Ticket.promised_at.is_not(None)).limit(_AT_ONCE)
    return list(await session.scalars(query))


async def take_promise(session: AsyncSession, ticket_id: int, *, now: datetime) -> bool:
    """Take the broken promise of a ticket; False when somebody was faster, or opened it meanwhile."""
    is_broken = (Ticket.id == ticket_id) & (Ticket.promised_at <= now)
    return bool(await _take(session, is_broken, {"promised_at": None}, Ticket.id))


async def _take(
    session: AsyncSession, condition: ColumnElement[bool], changes: dict[str, Any], *columns: Any
) -> Sequence[Any]:
    some = select(Ticket.id).where(condition).limit(_AT_ONCE)
    taken = await session.execute(
        update(Ticket).where(Ticket.id.in_(some.scalar_subquery()), condition).values(**changes).returning(*columns)
        .execution_options(synchronize_session=False)
    )
    return taken.all()
