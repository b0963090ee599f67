"""The first page after signing in, and the health of the console."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from bot.console.auth import TICKET_ROLES
from bot.console.parts import parts_of, staff_of

log = logging.getLogger(__name__)


async def home(request: Request) -> Response:
    """Go to the queue, or to the notices for roles without consultations."""
    return RedirectResponse("/queue" if staff_of(request).role in TICKET_ROLES else "/notices", 303)


async def health(request: Request) -> Response:
    """Say whether the console can work: 200, or 503 while the database is away."""
    try:
        await parts_of(request).database.ping()
    except Exception as error:
        log.error("the database does not answer: %s", type(error).__name__)
        return PlainTextResponse("database away", 503)
    return PlainTextResponse("ok")
