"""The interpreters' queue, and one text with its original beside the translation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.pages import render
from bot.console.parts import form_of, is_live, parts_of, path_id, staff_of, tag_of
from bot.console.rows import topic_name
from bot.errors import Refused
from bot.translation import glossary, interpreting
from storage import staff as staff_rows
from storage import translations
from storage.audit import AuditTag
from storage.models import Staff, Ticket, Translation, TranslationStatus

_SHOWN = 200

Deed = Callable[[AsyncSession, Ticket, Translation, Staff], Awaitable[None]]


async def index(request: Request) -> Response:
    """Show the open requests of the interpreter's languages: first those that they work on, then the oldest."""
    parts, person, tag = parts_of(request), staff_of(request), tag_of(request)
    own = translations.languages_of(person)
    async with parts.database.reading() as session:
        rows = (await session.execute(
            translations.requests(own, person.id).order_by(Translation.asked_at, Translation.id).limit(_SHOWN)
        )).all()
        names = await staff_rows.names(session)
    lines = [(row, topic_name(parts, ticket.topic, tag), ticket.is_sensitive) for row, ticket in rows]
    lines.sort(key=lambda line: line[0].interpreter_id != person.id)
    template = "interpreting/_list.html" if is_live(request) else "interpreting/list.html"
    return render(request, template, lines=lines, names=names, own=sorted(own),
                  n_open=sum(line[0].status == TranslationStatus.ASKED for line in lines))


async def show(request: Request) -> Response:
    """Show one text to an interpreter. Reading is audited."""
    parts, person = parts_of(request), staff_of(request)
    async with parts.database.transaction() as session:
        row, ticket = await interpreting.access(session, person, path_id(request))
        interpreting.record(session, AuditTag.STAFF_TRANSLATION_READ, row, person, now=parts.clock())
        return await _page(request, session, row, ticket)


async def claim(request: Request) -> Response:
    """Take a request; the one who comes second is told who has it."""
    parts = parts_of(request)

    async def deed(session: AsyncSession, _ticket: Ticket, row: Translation, person: Staff) -> None:
        await interpreting.claim(session, row, person, now=parts.clock())

    return await _do(request, deed, f"/interpreting/{path_id(request)}?done=claim-text")


async def give_back(request: Request) -> Response:
    """Let a colleague take the request."""
    parts = parts_of(request)

    async def deed(session: AsyncSession, _ticket: Ticket, row: Translation, person: Staff) -> None:
        interpreting.give_back(session, row, person, now=parts.clock())

    return await _do(request, deed, "/interpreting?done=give-back")


async def hand_in(request: Request) -> Response:
    """Hand the translation in. When it is refused, what was written stays on the page."""
    parts, form = parts_of(request), form_of(request)

    async def deed(session: AsyncSession, ticket: Ticket, row: Translation, person: Staff) -> None:
        interpreting.hand_in(session, ticket, row, person, form("text"), sealer=parts.sealer, now=parts.clock())

    return await _do(request, deed, "/interpreting?done=hand-in")


async def send_back(request: Request) -> Response:
    """Return the text with a question."""
    parts, form = parts_of(request), form_of(request)

    async def deed(session: AsyncSession, ticket: Ticket, row: Translation, person: Staff) -> None:
        interpreting.send_back(session, ticket, row, person, form("note"), sealer=parts.sealer, now=parts.clock())

    return await _do(request, deed, "/interpreting?done=question")


async def _do(request: Request, deed: Deed, then: str) -> Response:
    parts, person = parts_of(request), staff_of(request)
    try:
        async with parts.database.transaction() as session:
            row, ticket = await interpreting.access(session, person, path_id(request), for_change=True)
            await deed(session, ticket, row, person)
    except Refused as error:
        async with parts.database.transaction() as session:
            row, ticket = await interpreting.access(session, person, path_id(request))
            interpreting.record(session, AuditTag.STAFF_TRANSLATION_READ, row, person, now=parts.clock())
            return await _page(request, session, row, ticket, error)
    return RedirectResponse(then, 303)


async def _page(
    request: Request, session: AsyncSession, row: Translation, ticket: Ticket, error: Refused | None = None
) -> Response:
    parts, form = parts_of(request), form_of(request)
    view = translations.opened(row, ticket, ring=parts.sealer)
    names = await staff_rows.names(session)
    locked = {
        found.term.ja: (found.words, found.term.forms(row.locale)) for found in glossary.find(view.japanese or "")
    } if view.is_reply else {}
    return render(
        request, "interpreting/page.html", 200 if error is None else 409, view=view, row=row, names=names, error=error,
        topic=topic_name(parts, ticket.topic, tag_of(request)), ticket=ticket,
        is_mine=row.interpreter_id == staff_of(request).id, text=form("text") or view.translated or "",
        note=form("note"), locked=[each for each in locked.values() if each[1]], max_length=interpreting.MAX_LENGTH,
        max_note=interpreting.MAX_NOTE_LENGTH,
    )
