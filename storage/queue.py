"""The queue as pages: in the order of pressing or of arrival, found by a cursor, counted in one pass.

A page is found in an index that holds every column of the filters, and only its rows are read. The cursor names a
place, not a number of rows: the hundredth page costs what the first does, and shows nothing twice while others work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from sqlalchemy import ColumnElement, Integer, Select, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from storage.database import UTCDateTime
from storage.models import ANSWERED_RANK, BigId, Ticket

FIRST_ANSWERED_RANK = ANSWERED_RANK // 2  # no priority is that high: below it all wait for us, above for the resident
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_LARGEST = 2**53


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ticket stands in a list. rank: its queue_rank; 0 in a list by arrival."""

    rank: int
    created_at: datetime
    id: int

    def __str__(self) -> str:
        """Return the place for an address, as numbers."""
        return f"{self.rank}.{(self.created_at - _EPOCH) // timedelta(microseconds=1)}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a place from an address; None when it is none."""
        parts = text.split(".")
        if len(parts) != 3 or len(text) > 60 or not text.isascii():
            return None
        if not all(part.removeprefix("-").isdecimal() for part in parts):
            return None
        rank, micros, number = map(int, parts)
        if abs(rank) > 2**31 - 1 or not 0 <= micros < _LARGEST or not 0 <= number < _LARGEST:
            return None
        return cls(rank, _EPOCH + timedelta(microseconds=micros), number)


@dataclass(frozen=True, slots=True)
class Page:
    """Some tickets of a list. previous, following: the places to go on from; None at either end."""

    tickets: tuple[Ticket, ...]
    previous: Place | None
    following: Place | None


async def page(
    session: AsyncSession, wanted: Select[Ticket], *, limit: int, in_queue: bool, after: Place | None = None,
    before: Place | None = None,
) -> Page:
    """Return a page of a query over tickets.

    in_queue: only those not ended, most pressing first: those that wait for us, by priority, then the longest waiting.
        Otherwise all of the query, the newest first.
    after, before: the place that the page follows or precedes; at most one of them.
    """
    if in_queue:
        wanted = wanted.where(Ticket.queue_rank.is_not(None))
        columns = (Ticket.queue_rank, Ticket.created_at, Ticket.id)
    else:
        columns = (Ticket.created_at, Ticket.id)  # type: ignore[assignment]
    start = before or after
    is_backward = before is not None
    is_ascending = in_queue != is_backward
    if start is not None:
        bounds = (literal(start.rank, Integer()), literal(start.created_at, UTCDateTime()), literal(start.id, BigId))
        bound = tuple_(*(bounds if in_queue else bounds[1:]))
        wanted = wanted.where(tuple_(*columns) > bound if is_ascending else tuple_(*columns) < bound)
    order = [column.asc() if is_ascending else column.desc() for column in columns]
    ids = list(await session.scalars(wanted.with_only_columns(Ticket.id).order_by(*order).limit(limit + 1)))
    has_more, ids = len(ids) > limit, ids[:limit]
    if is_backward:
        ids.reverse()
    by_id = {ticket.id: ticket for ticket in await session.scalars(select(Ticket).where(Ticket.id.in_(ids)))}
    found = tuple(by_id[each] for each in ids if each in by_id)
    has_previous = has_more if is_backward else after is not None
    has_following = True if is_backward else has_more
    return Page(
        found, _place(found[0]) if found and has_previous else None,
        _place(found[-1]) if found and has_following else None,
    )


def _place(ticket: Ticket) -> Place:
    return Place(ticket.queue_rank or 0, ticket.created_at, ticket.id)


async def count_each(
    session: AsyncSession, visible: Select[Ticket], conditions: Mapping[str, ColumnElement[bool]]
) -> dict[str, int]:
    """Return how many tickets of a query that have not ended meet each of the named conditions, in one pass."""
    counted = visible.where(Ticket.queue_rank.is_not(None)).with_only_columns(
        *(func.count().filter(condition).label(name) for name, condition in conditions.items())
    )
    row = (await session.execute(counted)).one()
    return {name: row[index] for index, name in enumerate(conditions)}
