"""The stream of changes: names and ids only, for what the page shows and the person may see.

`news` tells a hidden page that there is something new in the person's own folders, and not what or where.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from bot.console.auth import INTERPRETERS, TICKET_ROLES, access_ticket, may_see
from bot.console.gate import is_valid, session_cookie
from bot.console.live import DRAFTS, INTERPRETING, NEWS, Hub, news_for
from bot.console.parts import ConsoleParts, parts_of, staff_of
from bot.errors import NotFound
from storage import presence
from storage import staff as staff_rows
from storage.models import Staff, Ticket

HEARTBEAT_S = 15.0  # also how often the session is looked at again; storage.presence counts on it


async def stream(request: Request) -> Response:
    """Send an event for each change of `?on=queue`, `news`, `notices`, `interpreting`, `drafts`, `ticket:12` or so."""
    parts, person = parts_of(request), staff_of(request)
    subject = request.query_params.get("on", "")
    kind, _, number = subject.partition(":")
    is_known = subject in ("queue", NEWS, "notices", INTERPRETING, DRAFTS) or (
        kind in ("ticket", "notice") and number.isascii() and number.isdecimal() and len(number) < 10
    )
    is_theirs = person.role in INTERPRETERS if subject == INTERPRETING else (
        person.role in TICKET_ROLES or kind not in ("queue", NEWS, DRAFTS, "ticket")
    )
    if not is_known or not is_theirs:
        return PlainTextResponse("unknown subject", 404)
    if kind == "ticket":
        try:
            async with parts.database.reading() as session:
                await access_ticket(session, person, int(number))
        except NotFound:
            return PlainTextResponse("unknown subject", 404)
    hub: Hub = request.app.state.hub
    token = request.cookies[session_cookie(parts)]
    here = _Presence(parts, kind, number, person.id)
    subjects = news_for(person) if subject == NEWS else frozenset({subject})
    return StreamingResponse(
        _events(hub, subjects, lambda: _is_signed_in(parts, token), here), media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


class _Presence:
    """Says that a consultation is open in a browser, for as long as its stream is; for other pages it says nothing."""

    def __init__(self, parts: ConsoleParts, kind: str, number: str, staff_id: int) -> None:
        self._parts = parts
        self._ticket_id = int(number) if kind == "ticket" else None
        self._staff_id = staff_id
        self._id = str(uuid.uuid4())

    async def beat(self) -> bool:
        """Returns False when the consultation is not open to this person any more: erased, or passed on."""
        if self._ticket_id is not None:
            async with self._parts.database.transaction() as session:
                person = await session.get(Staff, self._staff_id)
                ticket = await session.get(Ticket, self._ticket_id)
                if person is None or ticket is None or not may_see(person, ticket):
                    return False
                await presence.beat(
                    session, self._id, ticket_id=self._ticket_id, staff_id=self._staff_id, now=self._parts.clock()
                )
        return True

    async def leave(self) -> None:
        if self._ticket_id is not None:
            async with self._parts.database.transaction() as session:
                await presence.leave(session, self._id)


async def _events(
    hub: Hub, subjects: frozenset[str], is_signed_in: Callable[[], Awaitable[bool]], here: _Presence
) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    try:
        async with hub.listen(subjects) as listener:
            if not await here.beat():
                return  # the browser asks again, is told that there is none, and takes the words off the screen
            yield "retry: 3000\n\n"
            beats_at = loop.time() + HEARTBEAT_S
            while True:
                try:
                    async with asyncio.timeout_at(beats_at):
                        changed = await listener.events.get()
                except TimeoutError:
                    if not await is_signed_in():
                        yield "event: ended\ndata: \n\n"
                        return
                    if not await here.beat():
                        return
                    beats_at = loop.time() + HEARTBEAT_S
                    yield ": still here\n\n"
                else:
                    yield f"event: change\ndata: {NEWS if changed.startswith(NEWS) else changed}\n\n"
    finally:
        # The browser is gone and this task is being cancelled: the goodbye is written by one of its own.
        hub.finish(here.leave())


async def _is_signed_in(parts: ConsoleParts, token: str) -> bool:
    async with parts.database.reading() as session:
        found = await staff_rows.find_session(session, token)
    return found is not None and is_valid(found[0], found[1], parts)
