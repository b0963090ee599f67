"""The audit: rows that are only added, as a chain in which each one holds the hash of the one before.

Triggers in the database refuse to change or remove a row. Whoever gets round them breaks the chain, which `first_break`
finds; whoever writes the whole chain anew, or cuts its end off, is found by the heads kept outside (bot/ledger.py).

Ids have no gap. One transaction at a time adds to the chain: on SQLite as every writer, on PostgreSQL by a lock that is
taken last, so that it is held for no longer than the commit takes and nothing is waited for under it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.database import put_off
from storage.models import AuditEntry

BEFORE_THE_FIRST = "0" * 64
_PENDING = "audit entries of this transaction"
_CHECKED_AT_ONCE = 2000


class AuditTag(StrEnum):
    """`source:subject:action`, one closed list."""

    STAFF_SESSION_OPEN = "staff:session:open"
    STAFF_SESSION_REFUSE = "staff:session:refuse"
    STAFF_SESSION_CLOSE = "staff:session:close"
    STAFF_ACCOUNT_ADD = "staff:account:add"
    STAFF_ACCOUNT_CHANGE = "staff:account:change"
    STAFF_RECOVERY_ASK = "staff:recovery:ask"
    STAFF_RECOVERY_AGREE = "staff:recovery:agree"
    STAFF_RECOVERY_REFUSE = "staff:recovery:refuse"
    STAFF_TICKET_READ = "staff:ticket:read"
    STAFF_TICKET_CLAIM = "staff:ticket:claim"
    STAFF_TICKET_RELEASE = "staff:ticket:release"
    STAFF_TICKET_REPLY = "staff:ticket:reply"
    STAFF_TICKET_NOTE = "staff:ticket:note"
    STAFF_TICKET_TRANSFER = "staff:ticket:transfer"
    STAFF_TICKET_ACCEPT = "staff:ticket:accept"
    STAFF_TICKET_RETURN = "staff:ticket:return"
    STAFF_TICKET_RECALL = "staff:ticket:recall"
    STAFF_TICKET_MERGE = "staff:ticket:merge"
    STAFF_TICKET_UNMERGE = "staff:ticket:unmerge"
    STAFF_TRANSLATION_MACHINE = "staff:translation:machine"
    STAFF_TRANSLATION_ASK = "staff:translation:ask"
    STAFF_TRANSLATION_READ = "staff:translation:read"
    STAFF_TRANSLATION_CLAIM = "staff:translation:claim"
    STAFF_TRANSLATION_RELEASE = "staff:translation:release"
    STAFF_TRANSLATION_HAND_IN = "staff:translation:hand_in"
    STAFF_TRANSLATION_RETURN = "staff:translation:return"
    STAFF_TRANSLATION_PROPOSE = "staff:translation:propose"
    STAFF_TRANSLATION_APPROVE = "staff:translation:approve"
    STAFF_TRANSLATION_REFUSE = "staff:translation:refuse"
    STAFF_TRANSLATION_ALONE = "staff:translation:alone"
    STAFF_TRANSLATION_DISCARD = "staff:translation:discard"
    STAFF_TICKET_CLOSE = "staff:ticket:close"
    STAFF_TICKET_REOPEN = "staff:ticket:reopen"
    RESIDENT_TICKET_OPEN = "resident:ticket:open"
    RESIDENT_TICKET_CLOSE = "resident:ticket:close"
    RESIDENT_TICKET_WITHDRAW = "resident:ticket:withdraw"
    RESIDENT_SAFE_ON = "resident:safe:on"
    RESIDENT_SAFE_OFF = "resident:safe:off"
    RESIDENT_SAFE_CHANGE = "resident:safe:change"
    RESIDENT_CHAT_HIDE = "resident:chat:hide"
    STAFF_FILE_OPEN = "staff:file:open"
    SYSTEM_FILE_KEEP = "system:file:keep"
    SYSTEM_FILE_REFUSE = "system:file:refuse"
    RESIDENT_DATA_EXPORT = "resident:data:export"
    RESIDENT_DATA_ERASE = "resident:data:erase"
    STAFF_NOTICE_ADD = "staff:notice:add"
    STAFF_NOTICE_CHANGE = "staff:notice:change"
    STAFF_NOTICE_FILE_ADD = "staff:notice:file_add"
    STAFF_NOTICE_FILE_REMOVE = "staff:notice:file_remove"
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
    SYSTEM_TICKET_WARN = "system:ticket:warn"
    SYSTEM_TICKET_ESCALATE = "system:ticket:escalate"
    SYSTEM_TICKET_SLIP = "system:ticket:slip"
    SYSTEM_DEPLOYMENT_CHANGE = "system:deployment:change"
    SYSTEM_DATABASE_BACKUP = "system:database:backup"
    SYSTEM_DATABASE_RESTORE = "system:database:restore"
    SYSTEM_KEYS_ROTATE = "system:keys:rotate"
    SYSTEM_DATA_EXPIRE = "system:data:expire"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of the chain; number 0 when there is none."""

    number: int = 0
    hash: str = BEFORE_THE_FIRST


@dataclass(frozen=True, slots=True)
class Break:
    """The first entry at which the chain does not hold, and why."""

    number: int
    reason: str


def record(
    session: AsyncSession,
    tag: AuditTag,
    subject: str,
    *,
    now: datetime,
    staff_id: int | None = None,
    **detail: Any,
) -> None:
    """Add an entry in the transaction of the deed; it is written last, just before the commit.

    subject: the record, such as `ticket:12`.
    detail: JSON values; ids and states, never words or names of residents.
    """
    put_off(session, _write)
    session.info.setdefault(_PENDING, []).append(
        {"at": now, "tag": str(tag), "subject": subject, "staff_id": staff_id, "detail": detail}
    )


async def _write(session: AsyncSession) -> None:
    """Write the entries of this transaction at the end of the chain."""
    await session.flush()  # before the lock: the statements of the deed may have to wait
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('koban audit'), 0)"))
    last = await head(session)
    rows = []
    for entry in session.info.pop(_PENDING):
        row = entry | {"id": last.number + 1, "previous_hash": last.hash}
        last = Head(row["id"], entry_hash(row))
        rows.append(row | {"hash": last.hash})
    await session.execute(insert(AuditEntry), rows)


def entry_hash(row: Mapping[str, Any]) -> str:
    """Return the hash of an entry: SHA-256 over every other column, the hash of the entry before among them.

    row: column → value. Never change this: what was written before would count as broken.
    """
    parts = [row["previous_hash"], row["id"], row["at"].astimezone(UTC).isoformat(timespec="microseconds"), row["tag"],
             row["subject"], row["staff_id"], row["detail"]]
    written = json.dumps(parts, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()


async def head(session: AsyncSession) -> Head:
    """Return the newest entry's number and hash."""
    row = (await session.execute(
        select(AuditEntry.id, AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
    )).first()
    return Head(row.id, row.hash) if row else Head()


async def hash_of(session: AsyncSession, number: int) -> str | None:
    """Return the hash of one entry; None when there is none with this number."""
    found: str | None = await session.scalar(select(AuditEntry.hash).where(AuditEntry.id == number))
    return found


async def first_break(session: AsyncSession) -> Break | None:
    """Read the whole chain and return the first entry at which it does not hold; None when it does."""
    last = Head()
    columns = AuditEntry.__table__.columns
    while True:
        query = select(*columns).where(columns.id > last.number).order_by(columns.id).limit(_CHECKED_AT_ONCE)
        rows = [dict(row) for row in (await session.execute(query)).mappings()]
        for row in rows:
            if row["id"] != last.number + 1:
                return Break(last.number + 1, "it is missing")
            if row["previous_hash"] != last.hash:
                return Break(row["id"], "it does not follow the entry before")
            if row["hash"] != entry_hash(row):
                return Break(row["id"], "it was changed")
            last = Head(row["id"], row["hash"])
        if len(rows) < _CHECKED_AT_ONCE:
            return None


async def latest(
    session: AsyncSession, *, subject: str | None = None, before_id: int | None = None, limit: int = 100
) -> list[AuditEntry]:
    """Return the newest entries first, of one record or of all; `before_id` pages back.

    What this transaction is about to write comes with them, still without a number.
    """
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if subject:
        query = query.where(AuditEntry.subject == subject)
    if before_id:
        query = query.where(AuditEntry.id < before_id)
    pending = [] if before_id else session.info.get(_PENDING, [])
    own = [AuditEntry(**entry) for entry in reversed(pending) if subject in (None, entry["subject"])]
    return [*own, *await session.scalars(query)][:limit]


async def has_read(session: AsyncSession, subject: str, staff_id: int, *, since: datetime) -> bool:
    """Tell whether it is recorded that a person opened a consultation since then."""
    query = select(AuditEntry.id).where(
        AuditEntry.subject == subject, AuditEntry.staff_id == staff_id, AuditEntry.tag == AuditTag.STAFF_TICKET_READ,
        AuditEntry.at >= since,
    )
    return await session.scalar(query.limit(1)) is not None
