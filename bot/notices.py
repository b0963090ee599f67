"""Notices: draft, review, approval by another person, schedule, expansion into deliveries, pause, resume, cancel.

Every step checks the role of who takes it, whatever page or command called it.

What is due is a query on rows; a tick only says when to look. Whoever changes a row's status has done it, so two
workers expand a notice once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot import notice_channels, notice_files
from bot.errors import NotFound, WrongState
from bot.event_texts import Invitation
from bot.notice_channels import Channels
from bot.notice_rules import (
    APPROVERS,
    EDITORS,
    RUNNERS,
    NoticeLimits,
    lacking,
    require_loud_hours,
    require_role,
    require_state,
)
from bot.notice_texts import Frame
from storage import audit, notices
from storage.audit import AuditTag
from storage.database import Database
from storage.models import (
    Event,
    Notice,
    NoticeKind,
    NoticePurpose,
    NoticeStatus,
    NoticeText,
    Staff,
    Urgency,
)

log = logging.getLogger(__name__)

MISSING_POLICIES = ("fallback", "skip", "hold")
EDITABLE = (NoticeStatus.DRAFT,)
MAX_TITLE = 200
MAX_BODY = 3000
MAX_REASON = 300
LATEST = timedelta(days=1)  # a notice without an expiry that is later than this waits for a person


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
    if author is not None:
        require_role(author, EDITORS)
    if not name.strip() or len(name) > MAX_TITLE:
        raise WrongState("A notice needs a name of at most {n} characters.", n=MAX_TITLE)
    notice = Notice(
        name=name.strip(), kind=kind, status=NoticeStatus.DRAFT, audience={},
        author_id=author.id if author else None, send_at=send_at, expires_at=expires_at, created_at=now,
        updated_at=now, purpose=NoticePurpose.NOTICE, urgency=Urgency.ROUTINE,
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


async def texts_and_frame(session: AsyncSession, notice: Notice) -> tuple[dict[str, NoticeText], Frame]:
    """Return the words of a notice and what stands around them; a message to guests has the words of its original."""
    texts = await notices.texts_of(session, notice.id)
    event = await session.get(Event, notice.original_id if notice.original_id and not texts else notice.id)
    if not texts and notice.original_id is not None:
        texts = await notices.texts_of(session, notice.original_id)
    files = await notice_files.of_notice(session, notice.id)
    return texts, Frame.of(notice, Invitation.of(event) if event else None, files)


async def fingerprint_of(session: AsyncSession, notice: Notice) -> str:
    """Return the fingerprint of what a notice says and shows now."""
    texts, files = await notices.texts_of(session, notice.id), await notice_files.of_notice(session, notice.id)
    return notice_files.fingerprint(notice, texts, files)


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
    urgency: str = Urgency.ROUTINE,
) -> None:
    """Save a draft. texts: tag → (title, body); an empty body removes the text. Changing words takes back a review."""
    require_role(editor, EDITORS)
    require_state(notice, EDITABLE)
    if urgency not in set(Urgency):
        raise WrongState("Choose how urgent the notice is.")
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
    notice.send_at, notice.expires_at, notice.updated_at, notice.urgency = send_at, expires_at, now, urgency
    notice.author_id = editor.id
    notice.revision += 1
    audit.record(session, AuditTag.STAFF_NOTICE_CHANGE, _subject(notice), now=now, staff_id=editor.id,
                 revision=notice.revision)


async def submit(session: AsyncSession, notice: Notice, author: Staff, *, now: datetime) -> None:
    """Hand the draft to an approver."""
    require_role(author, EDITORS)
    require_state(notice, EDITABLE)
    have = await notices.texts_of(session, notice.id)
    if "ja-simple" not in have:
        raise WrongState("The text in やさしい日本語 is missing.")
    notice.status, notice.author_id, notice.updated_at = NoticeStatus.REVIEW, author.id, now
    audit.record(session, AuditTag.STAFF_NOTICE_SUBMIT, _subject(notice), now=now, staff_id=author.id)


async def approve(
    session: AsyncSession, notice: Notice, approver: Staff, revision: int, *, now: datetime, seen: str | None = None
) -> None:
    """Approve what was read: the role must allow it, the person is not the author, nothing has changed since.

    seen: the fingerprint of what was on the page. The one of now is kept, and compared again before it is sent.
    """
    require_role(approver, APPROVERS)
    require_state(notice, (NoticeStatus.REVIEW,))
    if approver.id == notice.author_id:
        raise WrongState("Another person must approve it.")
    approved = await fingerprint_of(session, notice)
    if revision != notice.revision or seen not in (None, approved):
        raise WrongState("The notice was changed while you were reading. Read it again.")
    notice.status, notice.approved_by_id, notice.approved_at = NoticeStatus.APPROVED, approver.id, now
    notice.updated_at, notice.approved_print = now, approved
    audit.record(session, AuditTag.STAFF_NOTICE_APPROVE, _subject(notice), now=now, staff_id=approver.id,
                 revision=revision, fingerprint=approved)


def send_back(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> None:
    """Make it a draft again; the approval is gone, and so is the leave to send it at night."""
    require_role(person, RUNNERS)
    require_state(notice, (NoticeStatus.REVIEW, NoticeStatus.APPROVED, NoticeStatus.SCHEDULED))
    notice.status, notice.approved_by_id, notice.approved_at = NoticeStatus.DRAFT, None, None
    notice.approved_print = None
    notice.quiet_reason = notice.quiet_asked_by_id = notice.quiet_allowed_by_id = None
    notice.updated_at = now
    audit.record(session, AuditTag.STAFF_NOTICE_RETURN, _subject(notice), now=now, staff_id=person.id)


def ask_for_quiet_hours(session: AsyncSession, notice: Notice, person: Staff, reason: str, *, now: datetime) -> None:
    """Ask that the notice may arrive in the quiet hours. The reason stays with it."""
    require_role(person, RUNNERS)
    require_state(notice, (NoticeStatus.REVIEW, NoticeStatus.APPROVED, NoticeStatus.SCHEDULED))
    if not 1 <= len(reason.strip()) <= MAX_REASON:
        raise WrongState("Write why it cannot wait, in at most {n} characters.", n=MAX_REASON)
    notice.quiet_reason, notice.quiet_asked_by_id, notice.quiet_allowed_by_id = reason.strip(), person.id, None
    notice.updated_at = now
    audit.record(session, AuditTag.STAFF_NOTICE_QUIET_ASK, _subject(notice), now=now, staff_id=person.id)


def allow_quiet_hours(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> None:
    """Allow it: an approver who neither asked for it nor wrote the notice."""
    require_role(person, APPROVERS)
    require_state(notice, (NoticeStatus.REVIEW, NoticeStatus.APPROVED, NoticeStatus.SCHEDULED))
    if notice.quiet_asked_by_id is None:
        raise WrongState("Nobody asked to send this notice in the quiet hours.")
    if person.id in (notice.quiet_asked_by_id, notice.author_id):
        raise WrongState("Another person must allow it.")
    notice.quiet_allowed_by_id, notice.updated_at = person.id, now
    audit.record(session, AuditTag.STAFF_NOTICE_QUIET_ALLOW, _subject(notice), now=now, staff_id=person.id,
                 asked_by=notice.quiet_asked_by_id)


async def schedule(
    session: AsyncSession, notice: Notice, person: Staff, send_at: datetime, expires_at: datetime | None, *,
    limits: NoticeLimits, now: datetime,
) -> None:
    """Set the minute at which an approved notice goes out.

    Raises WrongState also when a language that it is held for has no text, and when it would arrive at night.
    """
    require_role(person, RUNNERS)
    require_state(notice, (NoticeStatus.APPROVED, NoticeStatus.SCHEDULED))
    if expires_at is not None and expires_at <= max(send_at, now):
        raise WrongState("The notice would expire before it is sent.")
    if held := lacking(notice, limits.tags, await notices.texts_of(session, notice.id)):
        raise WrongState("The notice is held, because these languages have no text yet: {names}.",
                         names=", ".join(held))
    require_loud_hours(notice, limits, max(send_at, now))
    notice.status, notice.send_at, notice.expires_at = NoticeStatus.SCHEDULED, send_at, expires_at
    notice.updated_at, notice.stopped_for = now, None
    audit.record(session, AuditTag.STAFF_NOTICE_SCHEDULE, _subject(notice), now=now, staff_id=person.id,
                 send_at=send_at.isoformat(), expires_at=expires_at.isoformat() if expires_at else None)


async def pause(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> None:
    """Stop sending what is still queued."""
    require_role(person, RUNNERS)
    if not await notices.move(session, notice.id, [NoticeStatus.SENDING], NoticeStatus.PAUSED, updated_at=now):
        raise WrongState("This notice is not being sent now.")
    audit.record(session, AuditTag.STAFF_NOTICE_PAUSE, _subject(notice), now=now, staff_id=person.id)


async def resume(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> None:
    """Go on sending what is still queued."""
    require_role(person, RUNNERS)
    if not await notices.move(
        session, notice.id, [NoticeStatus.PAUSED], NoticeStatus.SENDING, updated_at=now, stopped_for=None
    ):
        raise WrongState("This notice is not paused.")
    audit.record(session, AuditTag.STAFF_NOTICE_RESUME, _subject(notice), now=now, staff_id=person.id)


async def cancel(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> None:
    """End the notice; what is queued is cancelled, what was sent stays sent."""
    require_role(person, RUNNERS)
    sources = [status for status in NoticeStatus if status not in notices.ENDED]
    if not await notices.move(
        session, notice.id, sources, NoticeStatus.CANCELLED, updated_at=now, finished_at=now
    ):
        raise WrongState("This notice has already ended.")
    await notices.cancel_queued(session, [notice.id], NoticeStatus.CANCELLED, now=now)
    audit.record(session, AuditTag.STAFF_NOTICE_CANCEL, _subject(notice), now=now, staff_id=person.id)


async def stop_for_errors(database: Database, notice_id: int, *, now: datetime, **what: Any) -> bool:
    """Pause a notice of which too many messages fail. what: JSON values for the page: n_errors, n, error."""
    stopped_for = {"reason": "errors", "at": now.isoformat(), **what}
    async with database.transaction() as session:
        moved = await notices.move(
            session, notice_id, [NoticeStatus.SENDING], NoticeStatus.PAUSED, updated_at=now, stopped_for=stopped_for
        )
        if moved:
            audit.record(session, AuditTag.SYSTEM_NOTICE_PAUSE, f"notice:{notice_id}", now=now, **what)
    if moved:
        log.error("a notice was paused: too many of its messages fail", extra={"notice_id": notice_id})
    return moved


async def tick(database: Database, *, now: datetime, channels: Channels | None = None) -> int:
    """Expand what is due, skip what expired, finish what is sent; returns how many notices changed."""
    async with database.reading() as session:
        due = await notices.due(session, now=now)
        finished = await notices.finished(session)
        expired = await notices.expiring(session, now=now)
    n_changed = 0
    for notice_id in due:
        n_changed += await _expand(database, notice_id, channels, now=now)
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


async def _expand(database: Database, notice_id: int, channels: Channels | None, *, now: datetime) -> bool:
    """Claim one due notice and add its deliveries, in one transaction; False when another worker has it."""
    async with database.filling() as session:
        notice = await notices.locked(session, notice_id)
        if notice is None or notice.status != NoticeStatus.SCHEDULED or not notice.send_at or notice.send_at > now:
            return False  # another worker has it, or a person put it off since it was found
        if notice.expires_at is not None and notice.expires_at <= now:
            if moved := await notices.move(
                session, notice_id, [NoticeStatus.SCHEDULED], NoticeStatus.EXPIRED, finished_at=now
            ):
                audit.record(session, AuditTag.SYSTEM_NOTICE_EXPIRE, _subject(notice), now=now)
            return moved
        if notice.purpose == NoticePurpose.WITHDRAWAL and await notices.is_being_sent(session, notice.original_id or 0):
            return False  # those on their way are withdrawn too, once it is known what became of them
        is_late = notice.send_at is not None and notice.send_at + LATEST < now and notice.expires_at is None
        if is_late and notice.purpose != NoticePurpose.WITHDRAWAL:
            return await _hold(session, notice, {"reason": "late"}, now=now)
        if notice.approved_print not in (None, await fingerprint_of(session, notice)):
            return await _hold(session, notice, {"reason": "changed"}, now=now)
        if notice.missing == "hold" and notice.purpose == NoticePurpose.NOTICE:
            reach = await notices.audience_by_locale(session, notice)
            if held := sorted(set(reach) - set(await notices.texts_of(session, notice_id))):
                return await _hold(session, notice, {"reason": "held", "tags": held}, now=now)
        if not await notices.move(
            session, notice_id, [NoticeStatus.SCHEDULED], NoticeStatus.SENDING, expanded_at=now, updated_at=now
        ):
            return False
        await notice_channels.expand(session, notice, channels, now=now)  # before the residents': they go first
        await notices.expand(session, notice, now=now)
        audit.record(session, AuditTag.SYSTEM_NOTICE_EXPAND, _subject(notice), now=now)
    log.info("notice expanded", extra={"notice_id": notice_id})
    return True


async def _hold(session: AsyncSession, notice: Notice, why: dict[str, Any], *, now: datetime) -> bool:
    """Let a due notice wait for a person; False when another worker has it."""
    if moved := await notices.move(
        session, notice.id, [NoticeStatus.SCHEDULED], NoticeStatus.APPROVED, updated_at=now, stopped_for=why
    ):
        audit.record(session, AuditTag.SYSTEM_NOTICE_PAUSE, _subject(notice), now=now, held_for=why)
    return moved
