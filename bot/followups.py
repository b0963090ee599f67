"""What follows from a notice that was sent: its correction, its repetition, its withdrawal.

A correction and a repetition are notices of their own, with review and approval; they are linked to the original. A
withdrawal takes words away and adds none, so one person may do it at once.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot import notices
from bot.errors import WrongState
from bot.notice_rules import EDITORS, RUNNERS, require_role
from storage import audit, deliveries, notice_files
from storage import notices as notice_rows
from storage.audit import AuditTag
from storage.models import DeliveryStatus, Notice, NoticePurpose, NoticeStatus, Staff, Urgency

_SPOKEN = (NoticePurpose.NOTICE, NoticePurpose.REPEAT, NoticePurpose.CORRECTION)


async def correct(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> Notice:
    """Begin the correction of a sent notice, with its words to change. It goes to those who got the original."""
    return await _follow(session, notice, person, NoticePurpose.CORRECTION, AuditTag.STAFF_NOTICE_CORRECT, now=now)


async def repeat(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> Notice:
    """Begin the repetition of a sent notice. In a chat that has it, the earlier message is removed: they collapse."""
    return await _follow(session, notice, person, NoticePurpose.REPEAT, AuditTag.STAFF_NOTICE_REPEAT, now=now)


async def _follow(
    session: AsyncSession, notice: Notice, person: Staff, purpose: NoticePurpose, tag: AuditTag, *, now: datetime
) -> Notice:
    require_role(person, EDITORS)
    await _require_sent(session, notice)
    name = notice.name[: notices.MAX_TITLE]
    new = await notices.create(session, name, now=now, author=person)
    new.kind, new.purpose, new.original_id = notice.kind, purpose, notice.id
    new.audience, new.missing, new.urgency = dict(notice.audience), notice.missing, notice.urgency
    for text in (await notice_rows.texts_of(session, notice.id)).values():
        await notice_rows.put_text(
            session, new.id, text.tag, title=text.title, body=text.body, state=text.state
        )
    await notice_files.copy(session, notice.id, new.id)
    audit.record(session, tag, f"notice:{notice.id}", now=now, staff_id=person.id, by_notice=new.id)
    return new


async def withdraw(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> int:
    """Stop what is not sent yet and take back what was sent; returns the id of the withdrawal.

    Its own rows say what came of each message. A message whose fate is unknown has no id, so it cannot be taken back.
    """
    require_role(person, RUNNERS)
    if notice.status in (NoticeStatus.SENDING, NoticeStatus.PAUSED):
        await notices.cancel(session, notice, person, now=now)
    await _require_sent(session, notice)
    withdrawal_id = await notice_rows.add_once(
        session, f"withdrawal:{notice.id}", name=notice.name, kind=notice.kind, status=NoticeStatus.SCHEDULED,
        purpose=NoticePurpose.WITHDRAWAL, urgency=Urgency.URGENT, original_id=notice.id, audience={},
        missing="fallback", author_id=person.id, send_at=now, created_at=now, updated_at=now,
    )
    if withdrawal_id is None:
        raise WrongState("This notice was withdrawn already.")
    audit.record(session, AuditTag.STAFF_NOTICE_WITHDRAW, f"notice:{notice.id}", now=now, staff_id=person.id,
                 by_notice=withdrawal_id)
    return withdrawal_id


async def _require_sent(session: AsyncSession, notice: Notice) -> None:
    counts = await deliveries.count_by_status(session, notice.id)
    posted = {post.status for post in await deliveries.into_channels(session, notice.id)}
    gone = (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN, DeliveryStatus.SENDING)
    if notice.purpose not in _SPOKEN or not any(counts.get(status) or status in posted for status in gone):
        raise WrongState("Nothing of this notice was sent, so there is nothing to correct, repeat or withdraw.")
