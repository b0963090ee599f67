"""What links one's account to the outside: the chat for test messages, the address of the calendar."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from bot.console.parts import parts_of, staff_of
from bot.console.routes.account import CODE_MINUTES, page
from storage import audit, links
from storage.audit import AuditTag


async def new_code(request: Request) -> Response:
    """Make the code that links the chat in which it is written."""
    parts, person = parts_of(request), staff_of(request)
    now = parts.clock()
    async with parts.database.transaction() as session:
        code = await links.new_code(session, person.id, expires_at=now + timedelta(minutes=CODE_MINUTES))
        audit.record(session, AuditTag.STAFF_LINK_CHANGE, f"staff:{person.id}", now=now, staff_id=person.id,
                     what="code")
    return await page(request, code=code)


async def new_calendar(request: Request) -> Response:
    """Make a new address for the calendar; the old one ends."""
    parts, person = parts_of(request), staff_of(request)
    now = parts.clock()
    async with parts.database.transaction() as session:
        token = await links.new_calendar(session, person.id)
        audit.record(session, AuditTag.STAFF_LINK_CHANGE, f"staff:{person.id}", now=now, staff_id=person.id,
                     what="calendar")
    return await page(request, calendar_url=f"{parts.settings.console_url}/calendar/{token}.ics")
