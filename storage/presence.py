"""Who has a consultation open: one row for each open page, kept fresh by its heartbeat."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Presence

FRESH = timedelta(seconds=45)  # three heartbeats


async def beat(session: AsyncSession, presence_id: str, *, ticket_id: int, staff_id: int, now: datetime) -> None:
    """Say that a page is open; rows whose browser vanished are removed on the way."""
    found = await session.execute(
        update(Presence).where(Presence.id == presence_id).values(seen_at=now).returning(Presence.id)
    )
    if found.first() is None:
        await session.execute(delete(Presence).where(Presence.seen_at < now - FRESH))
        session.add(Presence(id=presence_id, ticket_id=ticket_id, staff_id=staff_id, seen_at=now))


async def leave(session: AsyncSession, presence_id: str) -> None:
    """Say that a page was closed."""
    await session.execute(delete(Presence).where(Presence.id == presence_id))


async def present(session: AsyncSession, ticket_ids: Collection[int], *, now: datetime) -> dict[int, frozenset[int]]:
    """Return, by ticket, the ids of staff who have it open now."""
    found: dict[int, frozenset[int]] = {}
    rows = await session.execute(
        select(Presence.ticket_id, Presence.staff_id)
        .where(Presence.ticket_id.in_(ticket_ids), Presence.seen_at >= now - FRESH)
    )
    for ticket_id, staff_id in rows:
        found[ticket_id] = found.get(ticket_id, frozenset()) | {staff_id}
    return found
