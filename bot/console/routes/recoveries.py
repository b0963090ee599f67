"""Recoveries of accounts: what was asked for, and the second person's decision."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console import accounts, recoveries
from bot.console.pages import render
from bot.console.parts import parts_of, path_id, staff_of
from bot.errors import Refused
from storage import recoveries as rows
from storage import staff as staff_rows


async def show(request: Request) -> Response:
    """Show what waits for a second person."""
    return await _page(request)


async def _page(
    request: Request, status: int = 200, *, error: Refused | None = None, link: str | None = None, link_for: str = ""
) -> Response:
    parts = parts_of(request)
    async with parts.database.reading() as session:
        waiting = await rows.open_ones(session, since=parts.clock() - recoveries.LIFETIME)
        names = await staff_rows.names(session)
    return render(
        request, "recoveries/page.html", status, waiting=waiting, names=names, error=error, link=link,
        link_for=link_for,
    )


async def agree(request: Request) -> Response:
    """Let a recovery happen, and show the one-time link, which is not shown again."""
    parts = parts_of(request)
    try:
        async with parts.database.transaction() as session:
            person, token = await recoveries.agree(session, path_id(request), staff_of(request), now=parts.clock())
    except Refused as error:
        return await _page(request, 409, error=error)
    link = accounts.login_link_url(parts.settings, token)
    return await _page(request, link=link, link_for=person.display_name)


async def refuse(request: Request) -> Response:
    """Refuse a recovery, or take it back."""
    parts = parts_of(request)
    try:
        async with parts.database.transaction() as session:
            await recoveries.refuse(session, path_id(request), staff_of(request), now=parts.clock())
    except Refused as error:
        return await _page(request, 409, error=error)
    return RedirectResponse("/recoveries?done=recovery-refuse", 303)
