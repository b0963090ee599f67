"""Merging consultations of the same chat: a closed one goes on in the one under way, with a reason, and back again.

Nothing is moved: the messages stay where they are, sealed with their own keys, and are shown in both. Two chats are
never joined, whoever may be behind them.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot import consultation
from bot.errors import AlreadyClaimed, WrongState
from bot.transfers import MAX_NOTE_LENGTH
from storage import audit, merges, staff, tickets
from storage.audit import AuditTag
from storage.models import Staff, Ticket, TicketStatus
from storage.sealing import Sealer

DUPLICATE = "duplicate"


async def merge(
    session: AsyncSession, source: Ticket, target: Ticket, officer: Staff, reason: str, *, sealer: Sealer,
    now: datetime,
) -> None:
    """Let `source` go on in `target`, which the officer has. Raises WrongState and AlreadyClaimed."""
    if target.status not in tickets.IN_QUEUE:
        raise WrongState("This consultation is closed.")
    await consultation.require_claim(session, target, officer)
    if source.chat_id is None or source.chat_id != target.chat_id or source.id == target.id:
        raise WrongState("Only consultations of the same chat can be merged.")
    if source.merged_into_id is not None:
        raise WrongState("It is merged already.")
    if source.status != TicketStatus.CLOSED:
        raise WrongState("Only a closed consultation can be merged into this one.")
    reason = reason.strip()
    if not reason:
        raise WrongState("A reason is needed.")
    if len(reason) > MAX_NOTE_LENGTH:
        raise WrongState("This is too long: at most {n} characters.", n=MAX_NOTE_LENGTH)
    await merges.add(session, source, target, reason=reason, staff_id=officer.id, ring=sealer, now=now)
    source.outcome, source.updated_at = DUPLICATE, now
    _record(session, AuditTag.STAFF_TICKET_MERGE, source, target, officer, now=now)


async def undo(session: AsyncSession, source: Ticket, target: Ticket, officer: Staff, *, now: datetime) -> None:
    """Part two merged consultations; the outcome of the first is what it was."""
    merge = await merges.in_force(session, source)
    if merge is None or merge.target_id != target.id:
        raise WrongState("They are not merged.")
    if target.claimed_by_id not in (None, officer.id) and target.status in tickets.IN_QUEUE:
        names = await staff.names(session)
        raise AlreadyClaimed("{name} has this consultation.", name=names.get(target.claimed_by_id or 0, "?"))
    merge.undone_by_id, merge.undone_at = officer.id, now
    source.merged_into_id, source.outcome, source.updated_at = None, merge.outcome_before, now
    _record(session, AuditTag.STAFF_TICKET_UNMERGE, source, target, officer, now=now)


def _record(
    session: AsyncSession, tag: AuditTag, source: Ticket, target: Ticket, officer: Staff, *, now: datetime
) -> None:
    for ticket in (source, target):
        audit.record(session, tag, f"ticket:{ticket.id}", now=now, staff_id=officer.id, source=source.id,
                     target=target.id)
