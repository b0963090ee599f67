"""The audit: rows that are only added."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import AuditEntry


class AuditTag(StrEnum):
    """`source:subject:action`, one closed list."""

    STAFF_SESSION_OPEN = "staff:session:open"
    STAFF_SESSION_REFUSE = "staff:session:refuse"
    STAFF_SESSION_CLOSE = "staff:session:close"
    STAFF_ACCOUNT_ADD = "staff:account:add"
    STAFF_ACCOUNT_CHANGE = "staff:account:change"
    STAFF_TICKET_READ = "staff:ticket:read"
    STAFF_TICKET_CLAIM = "staff:ticket:claim"
    STAFF_TICKET_RELEASE = "staff:ticket:release"
    STAFF_TICKET_REPLY = "staff:ticket:reply"
    STAFF_TICKET_NOTE = "staff:ticket:note"
    STAFF_TICKET_TRANSFER = "staff:ticket:transfer"
    STAFF_TICKET_CLOSE = "staff:ticket:close"
    STAFF_TICKET_REOPEN = "staff:ticket:reopen"
    RESIDENT_TICKET_OPEN = "resident:ticket:open"
    RESIDENT_TICKET_CLOSE = "resident:ticket:close"
    RESIDENT_TICKET_WITHDRAW = "resident:ticket:withdraw"
    RESIDENT_DATA_EXPORT = "resident:data:export"
    RESIDENT_DATA_ERASE = "resident:data:erase"
    STAFF_NOTICE_ADD = "staff:notice:add"
    STAFF_NOTICE_CHANGE = "staff:notice:change"
    STAFF_NOTICE_SUBMIT = "staff:notice:submit"
    STAFF_NOTICE_APPROVE = "staff:notice:approve"
    STAFF_NOTICE_RETURN = "staff:notice:return"
    STAFF_NOTICE_SCHEDULE = "staff:notice:schedule"
    STAFF_NOTICE_PAUSE = "staff:notice:pause"
    STAFF_NOTICE_RESUME = "staff:notice:resume"
    STAFF_NOTICE_CANCEL = "staff:notice:cancel"
    STAFF_NOTICE_QUIET_ASK = "staff:notice:quiet_ask"
    STAFF_NOTICE_QUIET_ALLOW = "staff:notice:quiet_allow"
    STAFF_NOTICE_TEST = "staff:notice:test"
    STAFF_NOTICE_CORRECT = "staff:notice:correct"
    STAFF_NOTICE_REPEAT = "staff:notice:repeat"
    STAFF_NOTICE_WITHDRAW = "staff:notice:withdraw"
    STAFF_EVENT_CHANGE = "staff:event:change"
    STAFF_EVENT_CANCEL = "staff:event:cancel"
    STAFF_LINK_CHANGE = "staff:link:change"
    STAFF_ANSWER_APPROVE = "staff:answer:approve"
    STAFF_ANSWER_WITHDRAW = "staff:answer:withdraw"
    STAFF_ANSWER_SAME_MEANING = "staff:answer:same_meaning"
    SYSTEM_NOTICE_EXPAND = "system:notice:expand"
    SYSTEM_NOTICE_PAUSE = "system:notice:pause"
    SYSTEM_NOTICE_FINISH = "system:notice:finish"
    SYSTEM_NOTICE_EXPIRE = "system:notice:expire"
    SYSTEM_DEPLOYMENT_CHANGE = "system:deployment:change"


def record(
    session: AsyncSession,
    tag: AuditTag,
    subject: str,
    *,
    now: datetime,
    staff_id: int | None = None,
    **detail: Any,
) -> None:
    """Add an entry in the transaction of the deed.

    subject: the record, such as `ticket:12`.
    detail: JSON values; ids and states, never words or names of residents.
    """
    session.add(AuditEntry(at=now, tag=tag, subject=subject, staff_id=staff_id, detail=detail))


async def latest(
    session: AsyncSession, *, subject: str | None = None, before_id: int | None = None, limit: int = 100
) -> list[AuditEntry]:
    """Return the newest entries first, of one record or of all; `before_id` pages back."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if subject:
        query = query.where(AuditEntry.subject == subject)
    if before_id:
        query = query.where(AuditEntry.id < before_id)
    return list(await session.scalars(query))
