"""What staff do around the sending of a notice: test it, correct it, repeat it, withdraw it."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import followups, notices, trials
from bot.console.pages import render
from bot.console.parts import form_of, parts_of, path_id, staff_of
from bot.console.routes.notices import do, locked, show_refused
from bot.errors import Refused, WrongState
from bot.notice_results import NoticeResult
from storage import deliveries, notice_files
from storage.models import DeliveryStatus, Notice, Staff


async def test(request: Request) -> Response:
    """Send one language of it to the person's own chat or to a test chat."""
    parts, form = parts_of(request), form_of(request)
    now = parts.clock()

    async def deed(session: AsyncSession, notice: Notice, person: Staff) -> None:
        if form("tag") not in parts.screens.offered_tags:
            raise WrongState("There is no text in this language.")
        await trials.send_test(
            session, notice, person, form("tag"), form("target"), screens=parts.screens, deployment=parts.deployment,
            sealer=parts.sealer, now=now,
        )

    return await do(request, "test", deed)


async def correct(request: Request) -> Response:
    """Begin the correction, and open it."""
    return await _begin(request, "correct")


async def repeat(request: Request) -> Response:
    """Begin the repetition, and open it."""
    return await _begin(request, "repeat")


async def _begin(request: Request, name: str) -> Response:
    parts = parts_of(request)
    begin = followups.correct if name == "correct" else followups.repeat
    try:
        async with parts.database.transaction() as session:
            new = await begin(session, await locked(session, path_id(request)), staff_of(request), now=parts.clock())
    except Refused as error:
        return await show_refused(request, error)
    return RedirectResponse(f"/notices/{new.id}/edit?done={name}", 303)


async def ask_withdraw(request: Request) -> Response:
    """Ask once more before a notice is withdrawn, and say what can be done and what cannot."""
    parts = parts_of(request)
    async with parts.database.reading() as session:
        notice = await notices.get(session, path_id(request))
        counts = await deliveries.count_by_status(session, notice.id)
        posts = await deliveries.into_channels(session, notice.id)
        files = await notice_files.files_of(session, notice.id)
    return render(request, "notices/withdraw.html", notice=notice, sent=NoticeResult.of(counts),
                  has_files=bool(files), n_posts=sum(post.status == DeliveryStatus.SENT for post in posts))


async def withdraw(request: Request) -> Response:
    """Withdraw it, and open the page of the withdrawal."""
    parts = parts_of(request)
    try:
        async with parts.database.transaction() as session:
            notice = await locked(session, path_id(request))
            withdrawal_id = await followups.withdraw(session, notice, staff_of(request), now=parts.clock())
    except Refused as error:
        return await show_refused(request, error)
    return RedirectResponse(f"/notices/{withdrawal_id}?done=withdraw", 303)
