"""Merging consultations of the same chat, and parting them again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bot import merges
from bot.console.auth import access_ticket
from bot.console.parts import form_of, parts_of, path_id, staff_of
from bot.console.routes.tickets import Desk, again, back
from bot.errors import Refused


async def merge(request: Request) -> Response:
    """Let a closed consultation of the same chat go on in this one."""
    parts, person, form = parts_of(request), staff_of(request), form_of(request)
    try:
        async with parts.database.transaction() as session:
            target = await access_ticket(session, person, path_id(request), for_change=True)
            source = await access_ticket(session, person, form.number("source"), for_change=True)
            await merges.merge(
                session, source, target, person, form("reason"), sealer=parts.sealer, now=parts.clock()
            )
    except Refused as error:
        return await again(request, Desk(merge=form("reason"), error=error))
    return back(request, "merge")


async def undo(request: Request) -> Response:
    """Part them again."""
    parts, person, form = parts_of(request), staff_of(request), form_of(request)
    try:
        async with parts.database.transaction() as session:
            target = await access_ticket(session, person, form.number("target"), for_change=True)
            source = await access_ticket(session, person, form.number("source"), for_change=True)
            await merges.undo(session, source, target, person, now=parts.clock())
    except Refused as error:
        return await again(request, Desk(error=error))
    return back(request, "unmerge")
