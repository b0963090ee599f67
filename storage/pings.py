"""What the group of staff was told, and what came since: read from the audit, whose ids have no gap.

The one row is taken by changing it, so that of several workers one tells the group.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from storage.audit import AuditTag
from storage.models import AuditEntry, StaffPing, Ticket, TicketStatus, Translation, TranslationStatus
from storage.tickets import IN_QUEUE

_ROW = 1
_AT_ONCE = 500
_TAGS = (AuditTag.RESIDENT_TICKET_OPEN, AuditTag.SYSTEM_TICKET_ESCALATE, AuditTag.STAFF_TRANSLATION_PROPOSE)


async def newest(session: AsyncSession) -> tuple[datetime, int] | None:
    """Return the moment of the newest ping and the audit entry it covers up to; None before the first look."""
    row = (await session.execute(select(StaffPing.at, StaffPing.audit_id).where(StaffPing.id == _ROW))).first()
    return (row.at, row.audit_id) if row else None


async def begin(session: AsyncSession, *, at: datetime) -> None:
    """Begin from now: what stood there before the group was set is no news. The second of two changes nothing."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    newest_id = await session.scalar(select(func.max(AuditEntry.id))) or 0
    await session.execute(insert(StaffPing).values(id=_ROW, at=at, audit_id=newest_id).on_conflict_do_nothing())


async def look(session: AsyncSession, *, since: int) -> tuple[bool, int]:
    """Tell whether something after an audit entry still waits, and the newest entry that was looked at.

    A new consultation waits while nobody has it; a broken deadline while the consultation is marked as late; a reply
    while no second person has decided about it.
    """
    newest_id = await session.scalar(select(func.max(AuditEntry.id))) or 0
    while since < newest_id:
        last = min(since + _AT_ONCE, newest_id)
        rows = await session.execute(
            select(AuditEntry.subject, AuditEntry.tag)
            .where(AuditEntry.id > since, AuditEntry.id <= last, AuditEntry.tag.in_(_TAGS))
        )
        found: dict[str, set[int]] = {}
        for subject, tag in rows:
            found.setdefault(tag, set()).add(int(subject.partition(":")[2]))
        unclaimed = (Ticket.status == TicketStatus.OPEN) & Ticket.claimed_by_id.is_(None)
        late = Ticket.status.in_(IN_QUEUE) & Ticket.escalated_at.is_not(None)
        unapproved = Ticket.status.in_(IN_QUEUE) & exists().where(
            Translation.ticket_id == Ticket.id, Translation.status == TranslationStatus.PROPOSED
        )
        for tag, condition in zip(_TAGS, (unclaimed, late, unapproved), strict=True):
            waits = select(Ticket.id).where(Ticket.id.in_(found.get(tag, ())), condition).limit(1)
            if tag in found and await session.scalar(waits) is not None:
                return True, newest_id
        since = last
    return False, newest_id


async def take(session: AsyncSession, *, covers: int, now: datetime, apart: timedelta) -> bool:
    """Take the turn to tell the group; False when another worker did so less than `apart` ago."""
    return await _change(session, StaffPing.at <= now - apart, at=now, audit_id=covers)


async def put_back(session: AsyncSession, *, taken_at: datetime, covered: int) -> None:
    """Say that the ping of a moment told nobody, so that the next one covers what it was to cover."""
    await _change(session, StaffPing.at == taken_at, audit_id=covered)


async def _change(session: AsyncSession, condition: Any, **values: Any) -> bool:
    changed = await session.execute(
        update(StaffPing).where(StaffPing.id == _ROW, condition).values(**values).returning(StaffPing.id)
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None
