"""Recoveries of staff accounts: asked for by one person, decided by another."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Recovery


async def open_ones(session: AsyncSession, *, since: datetime) -> list[Recovery]:
    """Return what was asked for since a moment and is not decided, oldest first."""
    return list(await session.scalars(
        select(Recovery).where(Recovery.decided_at.is_(None), Recovery.asked_at > since).order_by(Recovery.id)
    ))


async def open_for(session: AsyncSession, staff_id: int, *, since: datetime) -> Recovery | None:
    """Return the open recovery of an account."""
    return next((row for row in await open_ones(session, since=since) if row.staff_id == staff_id), None)


async def decide(
    session: AsyncSession, recovery_id: int, by_id: int, *, is_agreed: bool, since: datetime, now: datetime
) -> bool:
    """Record the decision; False when there was one already, or it was asked for too long ago."""
    decided = await session.execute(
        update(Recovery)
        .where(Recovery.id == recovery_id, Recovery.decided_at.is_(None), Recovery.asked_at > since)
        .values(decided_by_id=by_id, decided_at=now, is_agreed=is_agreed)
        .returning(Recovery.id)
    )
    return decided.first() is not None
