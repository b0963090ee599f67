"""Notices: draft, review, approval by another person, schedule, expansion into deliveries, pause, resume, cancel.

What is due is a query on rows; a tick only says when to look. Whoever changes a row's status has done it, so two
workers expand a notice once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import NotFound, WrongState
from storage import audit, notices
from storage.audit import AuditTag
from storage.database import Database
from storage.models import DeliveryStatus, Notice, NoticeKind, NoticeStatus, Role, Staff

log = logging.getLogger(__name__)

MISSING_POLICIES = ("fallback", "skip", "hold")
EDITABLE = (NoticeStatus.DRAFT,)
MAX_TITLE = 200
MAX_BODY = 3000
_MAY_APPROVE = (Role.APPROVER, Role.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a notice is for. Empty means everyone: every locale, every municipality."""

    locales: tuple[str, ...] = ()
    municipalities: tuple[str, ...] = ()

    @classmethod
    def of(cls, notice: Notice) -> Audience:
        """Read the audience of a notice."""
        return cls(tuple(notice.audience.get("locales", ())), tuple(notice.audience.get("municipalities", ())))


def _subject(notice: Notice) -> str:
    return f"notice:{notice.id}"


async def create(
    session: AsyncSession,
    name: str,
    *,
    now: datetime,
    author: Staff | None = None,
    kind: NoticeKind = NoticeKind.CAMPAIGN,
    send_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Notice:
    """Begin a draft. author: None for a draft that the year's calendar brings."""
    if not name.strip() or len(name) > MAX_TITLE:
        raise WrongState("A notice needs a name of at most {n} characters.", n=MAX_TITLE)
    notice = Notice(
        name=name.strip(), kind=kind, status=NoticeStatus.DRAFT, audience={},
        author_id=author.id if author else None, send_at=send_at, expires_at=expires_at, created_at=now,
        updated_at=now,
    )
    session.add(notice)
    await session.flush()
    audit.record(session, AuditTag.STAFF_NOTICE_ADD, _subject(notice), now=now, staff_id=author.id if author else None)
    return notice


async def get(session: AsyncSession, notice_id: int) -> Notice:
    """Return a notice. Raises NotFound."""
    notice = await session.get(Notice, notice_id, populate_existing=True)
    if notice is None:
        raise NotFound("There is no such notice.")
    return notice


async def change(
    session: AsyncSession,
    notice: Notice,
    editor: Staff,
    *,
    name: str,
    texts: Mapping[str, tuple[str, str]],
    audience: Audience,
    missing: str,
    send_at: datetime | None,
    expires_at: datetime | None,
    now: datetime,
) -> None:
    """Save a draft. texts: tag → (title, body); an empty body removes the text. Changing words takes back a review."""
    _require(notice, EDITABLE)
    if missing not in MISSING_POLICIES:
        raise WrongState("Choose what happens where a language has no text.")
    if expires_at and send_at and expires_at <= send_at:
        raise WrongState("The notice would expire before it is sent.")
    have = await notices.texts_of(session, notice.id)
    for tag, (title, body) in texts.items():
        if len(title) > MAX_TITLE or len(body) > MAX_BODY:
            raise WrongState("The text in {tag} is too long.", tag=tag)
        if body.strip():
            old = have.get(tag)
            same = old is not None and (old.title, old.body) == (title.strip(), body.strip())
            state = old.state if old is not None and same else "written"
            await notices.put_text(session, notice.id, tag, title=title.strip(), body=body.strip(), state=state)
        elif tag in have:
            await session.delete(have[tag])
    notice.name, notice.missing = name.strip() or notice.name, missing
    notice.audience = {"locales": list(audience.locales), "municipalities": list(audience.municipalities)}
    notice.send_at, notice.expires_at, notice.updated_at = send_at, expires_at, now
    notice.author_id = editor.id
    notice.revision += 1
    audit.record(session, AuditTag.STAFF_NOTICE_CHANGE, _subject(notice), now=now, staff_id=editor.id,
                 revision=notice.revision)


async def submit(session: AsyncSession, notice: Notice, author: Staff, *, now: datetime) -> None:
    """Hand the draft to an approver."""
    _require(notice, EDITABLE)
    have = await notices.texts_of(session, notice.id)
    if "ja-simple" not in have:
        raise WrongState("The text in やさしい日本語 is missing.")
    notice.status, notice.author_id, notice.updated_at = NoticeStatus.REVIEW, author.id, now
    audit.record(session, AuditTag.STAFF_NOTICE_SUBMIT, _subject(notice), now=now, staff_id=author.id)


def approve(session: AsyncSession, notice: Notice, approver: Staff, revision: int, *, now: datetime) -> None:
    """Approve what was read: the role must allow it, the person is not the author, the text has not changed since."""
    _require(notice, (NoticeStatus.REVIEW,))
    if approver.role not in _MAY_APPROVE:
        raise WrongState("Your role may not approve notices.")
    if approver.id == notice.author_id:
        raise WrongState("Another person must approve it.")
    if revision != notice.revision:
        raise WrongState("The notice was changed while you were reading. Read it again.")
    notice.status, notice.approved_by_id, notice.approved_at = NoticeStatus.APPROVED, approver.id, now
    notice.updated_at = now
    audit.record(session, AuditTag.STAFF_NOTICE_APPROVE, _subject(notice), now=now, staff_id=approver.id,
                 revision=revision)


def send_back(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> None:
    """Make it a draft again; the approval is gone."""
    _require(notice, (NoticeStatus.REVIEW, NoticeStatus.APPROVED, NoticeStatus.SCHEDULED))
    notice.status, notice.approved_by_id, notice.approved_at = NoticeStatus.DRAFT, None, None
    notice.updated_at = now
    audit.record(session, AuditTag.STAFF_NOTICE_RETURN, _subject(notice), now=now, staff_id=person.id)


def schedule(
    session: AsyncSession, notice: Notice, person: Staff, send_at: datetime, expires_at: datetime | None, *,
    now: datetime,
) -> None:
    """Set the minute at which an approved notice goes out."""
    _require(notice, (NoticeStatus.APPROVED, NoticeStatus.SCHEDULED))
    if expires_at is not None and expires_at <= max(send_at, now):
        raise WrongState("The notice would expire before it is sent.")
    notice.status, notice.send_at, notice.expires_at = NoticeStatus.SCHEDULED, send_at, expires_at
    notice.updated_at = now
    audit.record(session, AuditTag.STAFF_NOTICE_SCHEDULE, _subject(notice), now=now, staff_id=person.id,
                 send_at=send_at.isoformat(), expires_at=expires_at.isoformat() if expires_at else None)


async def pause(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> None:
    """Stop sending what is still queued."""
    if not await notices.move(session, notice.id, [NoticeStatus.SENDING], NoticeStatus.PAUSED, updated_at=now):
        raise WrongState("This notice is not being sent now.")
    audit.record(session, AuditTag.STAFF_NOTICE_PAUSE, _subject(notice), now=now, staff_id=person.id)


async def resume(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> None:
    """Go on sending what is still queued."""
    if not await notices.move(session, notice.id, [NoticeStatus.PAUSED], NoticeStatus.SENDING, updated_at=now):
        raise WrongState("This notice is not paused.")
    audit.record(session, AuditTag.STAFF_NOTICE_RESUME, _subject(notice), now=now, staff_id=person.id)


async def cancel(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> None:
    """End the notice; what is queued is cancelled, what was sent stays sent."""
    sources = [status for status in NoticeStatus if status not in notices.ENDED]
    if not await notices.move(
        session, notice.id, sources, NoticeStatus.CANCELLED, updated_at=now, finished_at=now
    ):
        raise WrongState("This notice has already ended.")
    await notices.cancel_queued(
        session, [notice.id], status=DeliveryStatus.CANCELLED, reason="the notice was cancelled", now=now
    )
    audit.record(session, AuditTag.STAFF_NOTICE_CANCEL, _subject(notice), now=now, staff_id=person.id)


async def tick(database: Database, *, now: datetime) -> int:
    """Expand what is due, skip what expired, finish what is sent; returns how many notices changed."""
    async with database.reading() as session:
        due = await notices.due(session, now=now)
        finished = await notices.finished(session)
        expired = await notices.expiring(session, now=now)
    n_changed = 0
    for notice_id in due:
        n_changed += await _expand(database, notice_id, now=now)
    if expired:
        async with database.transaction() as session:
            await notices.skip_expired(session, now=now)
        n_changed += len(expired)
    for notice_id in finished:
        async with database.transaction() as session:
            if await notices.move(session, notice_id, [NoticeStatus.SENDING], NoticeStatus.DONE, finished_at=now):
                audit.record(session, AuditTag.SYSTEM_NOTICE_FINISH, f"notice:{notice_id}", now=now)
                n_changed += 1
    return n_changed


async def _expand(database: Database, notice_id: int, *, now: datetime) -> bool:
    """Claim one due notice and add its deliveries, in one transaction; False when another worker has it."""
    async with database.transaction() as session:
        notice = await get(session, notice_id)
        if notice.expires_at is not None and notice.expires_at <= now:
            if moved := await notices.move(
                session, notice_id, [NoticeStatus.SCHEDULED], NoticeStatus.EXPIRED, finished_at=now
            ):
                audit.record(session, AuditTag.SYSTEM_NOTICE_EXPIRE, _subject(notice), now=now)
            return moved
        if not await notices.move(
            session, notice_id, [NoticeStatus.SCHEDULED], NoticeStatus.SENDING, expanded_at=now, updated_at=now
        ):
            return False
        audience = Audience.of(notice)
        await notices.expand(
            session, notice_id, kind=notice.kind, locales=audience.locales, municipalities=audience.municipalities,
            now=now,
        )
        audit.record(session, AuditTag.SYSTEM_NOTICE_EXPAND, _subject(notice), now=now)
    log.info("notice expanded", extra={"notice_id": notice_id})
    return True


def _require(notice: Notice, states: Sequence[NoticeStatus]) -> None:
    if notice.status not in states:
        raise WrongState("The notice is not in a state in which this can be done.")
