"""Merges: a closed consultation that goes on in another of the same chat, and how that is undone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Merge, Ticket
from storage.sealing import Sealer
from storage.tickets import sealer_of


@dataclass(frozen=True, slots=True)
class MergeView:
    """A merge in force, with its reason opened."""

    source: Ticket
    target: Ticket
    reason: str
    merged_by_id: int
    merged_at: datetime


async def add(
    session: AsyncSession, source: Ticket, target: Ticket, *, reason: str, staff_id: int, ring: Sealer, now: datetime
) -> Merge:
    """Record that `source` goes on in `target`; the caller has checked that it may."""
    merge = Merge(
        source_id=source.id, target_id=target.id, outcome_before=source.outcome, merged_by_id=staff_id, merged_at=now,
        reason_sealed=sealer_of(source, ring).seal_text(reason, _context(source)),
    )
    session.add(merge)
    source.merged_into_id = target.id
    await session.flush()
    return merge


async def in_force(session: AsyncSession, source: Ticket) -> Merge | None:
    """Return the merge that is in force for a ticket."""
    found: Merge | None = await session.scalar(
        select(Merge).where(Merge.source_id == source.id, Merge.undone_at.is_(None))
    )
    return found


async def of_ticket(
    session: AsyncSession, ticket: Ticket, visible: Select[Ticket], *, ring: Sealer
) -> tuple[list[MergeView], MergeView | None]:
    """Return the merges in force into a ticket, also through others, oldest first; and the one of the ticket itself.

    What the reader may not see is left out, with everything behind it.
    """
    if ticket.chat_id is None:
        return [], None
    of_chat = {each.id: each for each in await session.scalars(visible.where(Ticket.chat_id == ticket.chat_id))}
    rows = await session.scalars(
        select(Merge).where(Merge.source_id.in_(of_chat), Merge.undone_at.is_(None)).order_by(Merge.id)
    )
    views = [_view(row, of_chat[row.source_id], of_chat[row.target_id], ring) for row in rows
             if row.target_id in of_chat]
    reached, n_before = {ticket.id}, 0
    while len(reached) > n_before:
        n_before = len(reached)
        reached |= {view.source.id for view in views if view.target.id in reached}
    into = [view for view in views if view.target.id in reached]
    return into, next((view for view in views if view.source.id == ticket.id), None)


def _view(row: Merge, source: Ticket, target: Ticket, ring: Sealer) -> MergeView:
    reason = sealer_of(source, ring).open_text(row.reason_sealed, _context(source))
    return MergeView(source, target, reason, row.merged_by_id, row.merged_at)


async def of_same_chat(session: AsyncSession, ticket: Ticket, visible: Select[Ticket]) -> list[Ticket]:
    """Return the other tickets of the ticket's chat that the reader may see, newest first."""
    if ticket.chat_id is None:
        return []
    query = visible.where(Ticket.chat_id == ticket.chat_id, Ticket.id != ticket.id).order_by(Ticket.id.desc())
    return list(await session.scalars(query.limit(50)))


def _context(source: Ticket) -> str:
    return f"merge reason:{source.receipt}"
