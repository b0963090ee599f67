"""What residents thought of consultations: counts by month, section and language, of no chat and no ticket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Rating


@dataclass(frozen=True, slots=True)
class RatingCount:
    """How many ratings of one score there are in one cell. score: 1 not helped, 2 partly, 3 helped."""

    month: date
    section_id: str
    locale: str
    score: int
    n: int


async def counts(session: AsyncSession, *, since: date, until: date) -> list[RatingCount]:
    """Return the counts of the months from `since` up to, and without, `until`."""
    cell = (Rating.month, Rating.section_id, Rating.locale, Rating.score)
    rows = await session.execute(
        select(*cell, func.count()).where(Rating.month >= since, Rating.month < until).group_by(*cell).order_by(*cell)
    )
    return [RatingCount(*row) for row in rows]


async def first_month(session: AsyncSession) -> date | None:
    """Return the month of the oldest rating; None when there is none."""
    found: date | None = await session.scalar(select(func.min(Rating.month)))
    return found
