"""Notices: the calendar, one notice with its preview and progress, and every step of its life."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import notice_channels, notice_files, notice_rules, notices, plain_check
from bot.console import notice_views
from bot.console.auth import NOTICE_APPROVERS, NOTICE_EDITORS
from bot.console.pages import FEWEST_SHOWN, language_name, parse_local, render
from bot.console.parts import ConsoleParts, form_of, is_live, parts_of, path_id, staff_of, tag_of
from bot.errors import Refused, StaleReply, WrongState
from bot.notice_results import NoticeResult
from bot.small_cells import safe_rows
from storage import audit, deliveries, events, links
from storage import notices as notice_rows
from storage import staff as staff_rows
from storage.models import (
    DeliveryStatus,
    Event,
    Notice,
    NoticeKind,
    NoticePurpose,
    NoticeStatus,
    Staff,
    Urgency,
)

_AUDIT_SHOWN = 50
_SPOKEN = (NoticePurpose.NOTICE, NoticePurpose.REPEAT, NoticePurpose.CORRECTION)
_GONE = (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN, DeliveryStatus.SENDING)
_STOPPABLE = tuple(status for status in NoticeStatus if status not in notice_rows.ENDED)
Deed = Callable[[AsyncSession, Notice, Staff], Awaitable[object]]


async def index(request: Request) -> Response:
    """Show all notices in the order of the calendar; for live.js only the list."""
    parts = parts_of(request)
    async with parts.database.reading() as session:
        found = await notice_rows.listing(session)
        names = await staff_rows.names(session)
    return render(
        request, "notices/_list.html" if is_live(request) else "notices/list.html", names=names,
        coming=[notice for notice in found if notice.status not in notice_rows.ENDED],
        ended=[notice for notice in reversed(found) if notice.status in notice_rows.ENDED],
        may_edit=staff_of(request).role in NOTICE_EDITORS,
    )


async def new(request: Request) -> Response:
    """Ask for the name and the kind of a new notice."""
    return _new(request)


def _new(request: Request, status: int = 200, *, name: str = "", error: Refused | None = None) -> Response:
    return render(request, "notices/new.html", status, name=name, kinds=parts_of(request).deployment.notice.kinds,
                  error=error)


async def create(request: Request) -> Response:
    """Begin a draft."""
    parts, form = parts_of(request), form_of(request)
    try:
        if form("kind") not in set(NoticeKind):
            raise WrongState("Choose what the notice is about.")
        async with parts.database.transaction() as session:
            notice = await notices.create(
                session, form("name"), now=parts.clock(), author=staff_of(request), kind=NoticeKind(form("kind"))
            )
    except Refused as error:
        return _new(request, 409, name=form("name"), error=error)
    return RedirectResponse(f"/notices/{notice.id}/edit", 303)


async def show(request: Request) -> Response:
    """Show a notice; for live.js only the part that changes."""
    return await _page(request)


async def _page(request: Request, status: int = 200, *, error: Refused | None = None) -> Response:
    parts, person = parts_of(request), staff_of(request)
    async with parts.database.reading() as session:
        notice = await notices.get(session, path_id(request))
        texts = await notice_rows.texts_of(session, notice.id)
        audience = notices.Audience.of(notice)
        reach = await notice_rows.audience_by_locale(session, notice)
        counts = await deliveries.count_by_status(session, notice.id) if notice.expanded_at else {}
        posted = await deliveries.into_channels(session, notice.id) if notice.expanded_at else []
        has_ended = notice.status in notice_rows.ENDED  # while it is sent, the page is drawn too often to count this
        is_told = has_ended and sum(counts.values()) >= FEWEST_SHOWN
        groups = await deliveries.count_by_group(session, notice) if is_told else {}
        ways = await deliveries.count_ways(session, notice.id) if notice.purpose == NoticePurpose.WITHDRAWAL else {}
        related = await notice_rows.related(session, notice)
        seen = await notices.fingerprint_of(session, notice)
        read_texts, frame = await notices.texts_and_frame(session, notice)
        event = await session.get(Event, notice.id)
        replies = await events.count(session, notice.id) if event else {}
        own_chat = await links.chat_of(session, person.id)
        names = await staff_rows.names(session)
        entries = await audit.latest(session, subject=f"notice:{notice.id}", limit=_AUDIT_SHOWN)
    is_editor, is_approver = person.role in NOTICE_EDITORS, person.role in NOTICE_APPROVERS
    may_run = is_editor or is_approver
    state = notice.status
    limits = limits_of(parts)
    preview = notice_views.preview(reach, texts, notice, parts.screens, frame)
    n_reached = sum(counts.values()) if notice.expanded_at else preview.n_messages
    is_waiting = state in (NoticeStatus.REVIEW, NoticeStatus.APPROVED, NoticeStatus.SCHEDULED)
    gone = {post.status for post in posted} | {status for status, n in counts.items() if n}
    was_sent = notice.purpose in _SPOKEN and not gone.isdisjoint(_GONE)
    channels = parts.deployment.notice.channels
    is_withdrawn = any(each.purpose == NoticePurpose.WITHDRAWAL for each in related)
    is_open_event = event is not None and event.cancelled_at is None and event.starts_at > parts.clock()
    return render(
        request, "notices/_live.html" if is_live(request) else "notices/page.html", status, notice=notice,
        names=names, entries=entries, error=error,
        preview=preview, files_of=lambda tag: notice_files.choose(frame.files, tag, tag), seen=seen,
        shown_texts=notice_views.as_residents_see(read_texts, parts.screens, frame),
        duration=limits.duration(n_reached), rate=limits.rate, stars=limits.stars(n_reached), quiet=limits.quiet,
        ways=ways, related=related, posted=posted, channels=channels, posts=notice_views.with_words(
            notice_channels.plan(notice, texts, channels, parts.screens.catalogue.locales), texts, parts.screens, frame
        ),
        posts_result=NoticeResult.of(Counter(post.status for post in posted)),
        is_late=is_waiting and notice.send_at is not None and limits.is_quiet(notice.send_at),
        event=event, replies=replies, has_own_chat=own_chat is not None,
        test_chats=tuple(parts.deployment.notice.test_chats), sent=NoticeResult.of(counts),
        progress=notice_views.Progress.of(counts) if notice.expanded_at else None,
        report={name: safe_rows(found, fewest=FEWEST_SHOWN) for name, found in groups.items()},
        is_withdrawn=is_withdrawn,
        place_of=parts.deployment.municipality,
        places=[place for code in audience.municipalities if (place := parts.deployment.municipality(code))],
        audience=audience,
        may={
            "edit": is_editor and state == NoticeStatus.DRAFT,
            "submit": is_editor and state == NoticeStatus.DRAFT,
            "approve": is_approver and state == NoticeStatus.REVIEW and person.id != notice.author_id,
            "return": may_run and state in (NoticeStatus.REVIEW, NoticeStatus.APPROVED, NoticeStatus.SCHEDULED),
            "schedule": may_run and state in (NoticeStatus.APPROVED, NoticeStatus.SCHEDULED),
            "pause": may_run and state == NoticeStatus.SENDING,
            "resume": may_run and state == NoticeStatus.PAUSED,
            "cancel": may_run and state in _STOPPABLE,
            "test": may_run and bool(texts) and notice.purpose != NoticePurpose.WITHDRAWAL,
            "quiet_ask": may_run and is_waiting and limits.quiet is not None and notice.quiet_allowed_by_id is None,
            "quiet_allow": is_approver and is_waiting and notice.quiet_asked_by_id is not None
            and notice.quiet_allowed_by_id is None and person.id not in (notice.quiet_asked_by_id, notice.author_id),
            "follow": is_editor and was_sent and not is_withdrawn,
            "withdraw": may_run and was_sent and not is_withdrawn,
            "event_draft": is_editor and state == NoticeStatus.DRAFT and notice.kind == NoticeKind.EVENT,
            "event": may_run and is_open_event and notice.expanded_at is not None,
        },
        is_own_review=is_approver and state == NoticeStatus.REVIEW and person.id == notice.author_id,
    )


async def edit(request: Request) -> Response:
    """Show a draft to write in: the texts side by side with the base, the audience, the times."""
    parts = parts_of(request)
    async with parts.database.reading() as session:
        notice = await notices.get(session, path_id(request))
        texts = await notice_rows.texts_of(session, notice.id)
    if notice.status not in notices.EDITABLE:
        return RedirectResponse(f"/notices/{notice.id}", 303)
    return await edit_page(request, notice, notice_views.Draft.of(notice, texts))


async def check(request: Request) -> Response:
    """Check the やさしい日本語 of what is being written; nothing is saved."""
    form = form_of(request)
    title, body = form("title")[: notices.MAX_TITLE], form("body")[: notices.MAX_BODY]
    return render(request, "notices/_check.html", remarks=await plain_check.remarks(title, body))


async def edit_page(
    request: Request, notice: Notice, draft: notice_views.Draft, status: int = 200, *, error: Refused | None = None
) -> Response:
    """Show a draft to write in, as it is saved or as it was typed."""
    parts = parts_of(request)
    async with parts.database.reading() as session:
        files = await notice_files.of_notice(session, notice.id)
    return render(
        request, "notices/edit.html", status, notice=notice, draft=draft, error=error, files=files,
        limits={"picture": notice_files.MAX_PICTURE // 1024**2, "leaflet": notice_files.MAX_LEAFLET // 1024**2},
        max_alt=notice_files.MAX_ALT,
        locales=parts.screens.offered_tags, stations=parts.deployment.stations,
        places_of=parts.deployment.municipalities_of, policies=notices.MISSING_POLICIES, urgencies=tuple(Urgency),
        max_title=notices.MAX_TITLE, max_body=notices.MAX_BODY,
        remarks=await plain_check.remarks(*draft.text("ja-simple")),
    )


async def save(request: Request) -> Response:
    """Save a draft. When it is refused, everything that was typed stays on the page."""
    return await save_and(request, f"/notices/{path_id(request)}?done=save")


async def save_and(request: Request, then: str, deed: Deed | None = None) -> Response:
    """Save a draft, do something more with it in the same transaction, and go on to `then`."""
    parts, form = parts_of(request), form_of(request)
    draft = notice_views.Draft.read(form, parts)
    try:
        async with parts.database.transaction() as session:
            notice = await locked(session, path_id(request))
            if draft.revision != notice.revision:
                raise StaleReply("Somebody else changed this notice. Compare the two, then save again.")
            await notices.change(
                session, notice, staff_of(request), name=draft.name, texts=draft.texts, audience=draft.audience,
                missing=draft.missing, send_at=draft.moment(draft.send_at), expires_at=draft.moment(draft.expires_at),
                urgency=draft.urgency, now=parts.clock(),
            )
            if deed is not None:
                await deed(session, notice, staff_of(request))
    except Refused as error:
        async with parts.database.reading() as session:
            notice = await notices.get(session, path_id(request))
        return await edit_page(request, notice, draft.renewed(notice), 409, error=error)
    return RedirectResponse(then, 303)


async def submit(request: Request) -> Response:
    """Ask another person for approval."""
    return await do(request, "submit", _plainly(request, notices.submit))


async def approve(request: Request) -> Response:
    """Approve the revision that was on the page."""
    now, revision = parts_of(request).clock(), form_of(request).number("revision")
    seen = form_of(request)("seen")

    async def deed(session: AsyncSession, notice: Notice, person: Staff) -> None:
        await notices.approve(session, notice, person, revision, now=now, seen=seen)

    return await do(request, "approve", deed)


async def send_back(request: Request) -> Response:
    """Make it a draft again."""
    now = parts_of(request).clock()

    async def deed(session: AsyncSession, notice: Notice, person: Staff) -> None:
        notices.send_back(session, notice, person, now=now)

    return await do(request, "return", deed)


async def schedule(request: Request) -> Response:
    """Set the minute at which it goes out, in Japan's time."""
    parts, form = parts_of(request), form_of(request)
    now = parts.clock()

    async def deed(session: AsyncSession, notice: Notice, person: Staff) -> None:
        send_at = _moment(form("send_at"))
        if send_at is None:
            raise WrongState("Choose when the notice goes out.")
        texts = await notice_rows.texts_of(session, notice.id)
        if lacking := notice_rules.lacking(notice, parts.screens.offered_tags, texts):
            names = ", ".join(language_name(tag, tag_of(request)) for tag in lacking)
            raise WrongState("The notice is held, because these languages have no text yet: {names}.", names=names)
        await notices.schedule(
            session, notice, person, send_at, _moment(form("expires_at")), limits=limits_of(parts), now=now
        )

    return await do(request, "schedule", deed)


async def ask_quiet(request: Request) -> Response:
    """Ask that the notice may arrive in the quiet hours."""
    now, reason = parts_of(request).clock(), form_of(request)("reason")

    async def deed(session: AsyncSession, notice: Notice, person: Staff) -> None:
        notices.ask_for_quiet_hours(session, notice, person, reason, now=now)

    return await do(request, "quiet-ask", deed)


async def allow_quiet(request: Request) -> Response:
    """Allow it, as a second person."""
    now = parts_of(request).clock()

    async def deed(session: AsyncSession, notice: Notice, person: Staff) -> None:
        notices.allow_quiet_hours(session, notice, person, now=now)

    return await do(request, "quiet-allow", deed)


async def pause(request: Request) -> Response:
    """Stop sending what is still queued."""
    return await do(request, "pause", _plainly(request, notices.pause))


async def resume(request: Request) -> Response:
    """Go on sending."""
    return await do(request, "resume", _plainly(request, notices.resume))


async def ask_cancel(request: Request) -> Response:
    """Ask once more before a notice is cancelled, with what has gone out already."""
    parts = parts_of(request)
    async with parts.database.reading() as session:
        notice = await notices.get(session, path_id(request))
        counts = await deliveries.count_by_status(session, notice.id) if notice.expanded_at else {}
    if notice.status in notice_rows.ENDED:
        return RedirectResponse(f"/notices/{notice.id}", 303)
    return render(request, "notices/cancel.html", notice=notice, progress=notice_views.Progress.of(counts))


async def cancel(request: Request) -> Response:
    """Cancel it: what is queued is not sent, what was sent stays sent."""
    return await do(request, "cancel", _plainly(request, notices.cancel))


def limits_of(parts: ConsoleParts) -> notice_rules.NoticeLimits:
    """Return what sending is held to here."""
    return notice_rules.NoticeLimits.of(
        parts.deployment, parts.screens.offered_tags, telegram_rate=parts.settings.telegram_rate
    )


def _plainly(request: Request, step: Callable[..., Awaitable[object]]) -> Deed:
    """Return a step that needs nothing but the notice and the person."""
    now = parts_of(request).clock()
    return lambda session, notice, person: step(session, notice, person, now=now)


async def do(request: Request, name: str, deed: Deed) -> Response:
    """Run one step in a transaction and go back to the page; a refusal is shown there."""
    try:
        async with parts_of(request).database.transaction() as session:
            await deed(session, await locked(session, path_id(request)), staff_of(request))
    except Refused as error:
        return await show_refused(request, error)
    return RedirectResponse(f"/notices/{path_id(request)}?done={name}", 303)


async def show_refused(request: Request, error: Refused) -> Response:
    """Show the notice with why a step was refused."""
    return await _page(request, 409, error=error)


async def locked(session: AsyncSession, notice_id: int) -> Notice:
    """Return a notice whose row nobody else changes until the end of the transaction. Raises NotFound."""
    await session.execute(select(Notice.id).where(Notice.id == notice_id).with_for_update())
    return await notices.get(session, notice_id)


def _moment(text: str) -> datetime | None:
    try:
        return parse_local(text)
    except ValueError as error:
        raise WrongState("The date or the time is not right.") from error
