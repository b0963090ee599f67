"""Passing a consultation on: asking, accepting, returning, taking back; and the list of what went in and out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import transfers
from bot.console.auth import access_ticket
from bot.console.pages import render
from bot.console.parts import form_of, parts_of, path_id, staff_of, tag_of
from bot.console.routes.tickets import Desk, again, back
from bot.console.rows import place_name
from bot.errors import Refused
from storage import staff as staff_rows
from storage import transfers as transfer_rows
from storage.models import Ticket

_SHOWN = 100

Deed = Callable[[AsyncSession, Ticket], Awaitable[None]]


async def ask(request: Request) -> Response:
    """Ask another section or station to take the consultation over."""
    parts, form = parts_of(request), form_of(request)
    target = transfers.Target.parse(form("target"), parts.deployment)

    async def deed(session: AsyncSession, ticket: Ticket) -> None:
        await transfers.ask(
            session, ticket, staff_of(request), target, form("note"), sealer=parts.sealer, now=parts.clock()
        )

    return await _do(request, deed, "transfer", Desk(transfer=form("note"), target=form("target")))


async def accept(request: Request) -> Response:
    """Take the consultation over."""
    parts = parts_of(request)

    async def deed(session: AsyncSession, ticket: Ticket) -> None:
        await transfers.accept(session, ticket, staff_of(request), sealer=parts.sealer, now=parts.clock())

    return await _do(request, deed, "accept", Desk())


async def send_back(request: Request) -> Response:
    """Return the consultation to its sender with a note; then it may not be open to the receiver any more."""
    parts, form = parts_of(request), form_of(request)

    async def deed(session: AsyncSession, ticket: Ticket) -> None:
        await transfers.send_back(
            session, ticket, staff_of(request), form("note"), sealer=parts.sealer, now=parts.clock()
        )

    answer = await _do(request, deed, "return-transfer", Desk(transfer=form("note")))
    return RedirectResponse("/transfers?done=return-transfer", 303) if answer.status_code == 303 else answer


async def recall(request: Request) -> Response:
    """Take the request back."""
    parts = parts_of(request)

    async def deed(session: AsyncSession, ticket: Ticket) -> None:
        await transfers.recall(session, ticket, staff_of(request), sealer=parts.sealer, now=parts.clock())

    return await _do(request, deed, "recall", Desk())


async def _do(request: Request, deed: Deed, done: str, desk: Desk) -> Response:
    try:
        async with parts_of(request).database.transaction() as session:
            await deed(session, await access_ticket(session, staff_of(request), path_id(request), for_change=True))
    except Refused as error:
        return await again(request, replace(desk, error=error))
    return back(request, done)


async def index(request: Request) -> Response:
    """Show what went in and out of the person's section and station, without words; both sides see it."""
    parts, person, tag = parts_of(request), staff_of(request), tag_of(request)
    async with parts.database.reading() as session:
        found = await transfer_rows.of_side(
            session, section_id=person.section_id, station_id=person.station_id, limit=_SHOWN
        )
        names = await staff_rows.names(session)
    return render(
        request, "transfers/page.html", names=names, has_side=bool(person.section_id or person.station_id),
        lines=[
            (transfer, state, receipt,
             place_name(parts.deployment, transfer.from_section_id, None, tag),
             place_name(parts.deployment, transfer.to_section_id, transfer.to_station_id, tag))
            for transfer, state, receipt in found
        ],
    )
