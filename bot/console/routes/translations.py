"""Translations of a consultation: reading a message, drafts of replies, the second person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import consultation
from bot.console.auth import access_ticket
from bot.console.pages import render
from bot.console.parts import form_of, is_live, parts_of, path_id, staff_of, tag_of
from bot.console.routes.tickets import Desk, again, back, sent_as
from bot.console.second_people import waiting
from bot.console.ticket_views import Reader
from bot.console.translation_views import JAPANESE, draft_page, unfinished
from bot.errors import NotFound, Refused, StaleReply, WrongState
from bot.translation import drafts, interpreting
from bot.translation.machine import Machine, NotTranslated
from storage import audit, tickets, translations
from storage import staff as staff_rows
from storage.audit import AuditTag
from storage.models import Chat, Ticket, Translation, TranslationKind, TranslationStatus
from storage.tickets import MessageView

_SHOWN = 200

Deed = Callable[[AsyncSession, Ticket, Translation], Awaitable[str | None]]


async def translate(request: Request) -> Response:
    """Make a machine's draft of a reply that was written in Japanese, and show it beside its back-translation."""
    parts, person, form = parts_of(request), staff_of(request), form_of(request)
    try:
        japanese = interpreting.checked(form("body"))
        async with parts.database.reading() as session:
            ticket = await access_ticket(session, person, path_id(request))
            locale = await _locale(session, ticket)
            if ticket.status not in tickets.IN_QUEUE:
                raise WrongState("This consultation is closed.")
            await consultation.require_claim(session, ticket, person)
        machine = _machine(request)
        if locale in JAPANESE:
            raise WrongState("The resident reads Japanese. Nothing needs to be translated.")
        foreign = (await machine.translate(japanese, "ja", locale)).text  # no transaction is open meanwhile
        in_japanese = await _back(machine, foreign, locale)
        async with parts.database.transaction() as session:
            ticket = await access_ticket(session, person, path_id(request), for_change=True)
            row = await drafts.write_by_machine(
                session, ticket, person, japanese=japanese, foreign=foreign, back=in_japanese, locale=locale,
                provider=machine.name, sealer=parts.sealer, now=parts.clock(),
            )
            row.last_seen = min(ticket.n_messages, max(form.number("last_seen"), 0))
            number = row.id
    except Refused as error:
        return await again(request, Desk(draft=form("body"), last_seen=form.number("last_seen"), error=error))
    return RedirectResponse(f"/translations/{number}", 303)


async def interpret(request: Request) -> Response:
    """Send a reply that was written in Japanese to the interpreters."""
    parts, person, form = parts_of(request), staff_of(request), form_of(request)
    try:
        async with parts.database.transaction() as session:
            ticket = await access_ticket(session, person, path_id(request), for_change=True)
            await consultation.require_claim(session, ticket, person)
            row = await interpreting.ask_to_write(
                session, ticket, person, form("body"), locale=await _locale(session, ticket),
                deployment=parts.deployment, sealer=parts.sealer, now=parts.clock(),
            )
            row.last_seen = min(ticket.n_messages, max(form.number("last_seen"), 0))
    except Refused as error:
        return await again(request, Desk(draft=form("body"), last_seen=form.number("last_seen"), error=error))
    return back(request, "interpret")


async def read(request: Request) -> Response:
    """Have a message of the resident put into Japanese, by machine or by an interpreter."""
    parts, person, form = parts_of(request), staff_of(request), form_of(request)
    try:
        async with parts.database.reading() as session:
            ticket = await access_ticket(session, person, path_id(request))
            message = await _message(session, ticket, request)
        if form("by") == "interpreter":
            async with parts.database.transaction() as session:
                ticket = await access_ticket(session, person, path_id(request), for_change=True)
                await interpreting.ask_to_read(
                    session, ticket, person, await _message(session, ticket, request), deployment=parts.deployment,
                    sealer=parts.sealer, now=parts.clock(),
                )
            return back(request, "interpret")
        machine = _machine(request)
        japanese = (await machine.translate(message.body, message.locale or ticket.locale, "ja")).text
        async with parts.database.transaction() as session:
            ticket = await access_ticket(session, person, path_id(request), for_change=True)
            await drafts.read_by_machine(
                session, ticket, person, message, japanese, provider=machine.name, sealer=parts.sealer,
                now=parts.clock(),
            )
    except Refused as error:
        return await again(request, Desk(error=error))
    return RedirectResponse(f"/tickets/{path_id(request)}?done=read#message-{message.number}", 303)


async def index(request: Request) -> Response:
    """Show the texts in other languages that are under way, and those that wait for a second person."""
    parts, person, tag = parts_of(request), staff_of(request), tag_of(request)
    async with parts.database.reading() as session:
        found = await unfinished(session, person, limit=_SHOWN)
        names = await staff_rows.names(session)
    reader = Reader(parts, person, names, tag)
    template = "translations/_list.html" if is_live(request) else "translations/list.html"
    return render(request, template, names=names, lines=[
        (row, reader.row(ticket), drafts.may_approve(row, person)) for row, ticket in found
    ])


async def show(request: Request) -> Response:
    """Show a draft with its comparison. Reading is audited."""
    async with parts_of(request).database.transaction() as session:
        ticket, row = await _access(request, session)
        _record_reading(request, session, row)
        return await _page(request, session, ticket, row)


def _record_reading(request: Request, session: AsyncSession, row: Translation) -> None:
    audit.record(session, AuditTag.STAFF_TICKET_READ, f"ticket:{row.ticket_id}", now=parts_of(request).clock(),
                 staff_id=staff_of(request).id, translation=row.id)


async def compare(request: Request) -> Response:
    """Save the text of a draft and compare it anew. The text is kept also when the machine does not answer."""
    error = await _save(request)
    return await _again(request, error) if error else _done(request, "compare")


async def send(request: Request) -> Response:
    """Send a draft, or ask for a second person where the topic needs one. Only what was compared is sent."""
    parts, person, form = parts_of(request), staff_of(request), form_of(request)
    done, number = "reply", 0
    try:
        async with parts.database.transaction() as session:
            ticket, row = await _access(request, session, for_change=True)
            number = ticket.id
            if drafts.needs_second_person(parts.deployment, ticket, row.state):
                done = "propose"
                if form.number("last_seen") != ticket.n_messages:
                    raise StaleReply("Something was added while you were writing. Read it, then send again.")
                await drafts.propose(session, ticket, row, person, form("foreign"), sealer=parts.sealer,
                                     now=parts.clock())
            else:
                chat = await _chat(session, ticket)
                await drafts.send(
                    session, ticket, chat, row, person, form("foreign"), last_seen=form.number("last_seen"),
                    deployment=parts.deployment, strings=parts.screens.words(chat.locale), sealer=parts.sealer,
                    now=parts.clock(),
                )
                done = sent_as(chat, parts.clock())
    except StaleReply as error:
        return await _again(request, await _save(request) or error)
    except Refused as error:
        return await _again(request, error)
    return RedirectResponse(f"/tickets/{number}?done={done}", 303)


async def ask_again(request: Request) -> Response:
    """Send a draft to the interpreters to be checked, or answer their question."""
    parts, form = parts_of(request), form_of(request)

    async def deed(session: AsyncSession, ticket: Ticket, row: Translation) -> str | None:
        if row.kind == TranslationKind.REPLY:
            await consultation.require_claim(session, ticket, staff_of(request))
        await interpreting.ask_again(
            session, ticket, row, staff_of(request), form("note"), deployment=parts.deployment, sealer=parts.sealer,
            now=parts.clock(),
        )
        return None

    return await _do(request, deed, "interpret")


async def approve(request: Request) -> Response:
    """Approve a draft as the second person; it is sent."""
    parts, form = parts_of(request), form_of(request)

    async def deed(session: AsyncSession, ticket: Ticket, row: Translation) -> str | None:
        chat = await _chat(session, ticket)
        await drafts.approve(
            session, ticket, chat, row, staff_of(request), last_seen=form.number("last_seen"),
            deployment=parts.deployment, strings=parts.screens.words(chat.locale), sealer=parts.sealer,
            now=parts.clock(),
        )
        return "reply-waits" if sent_as(chat, parts.clock()) == "reply-waits" else None

    return await _do(request, deed, "approve-reply")


async def send_alone(request: Request) -> Response:
    """Send a reply that waits without a second person, where waiting is worse; with a reason."""
    parts, form = parts_of(request), form_of(request)

    async def deed(session: AsyncSession, ticket: Ticket, row: Translation) -> str | None:
        chat = await _chat(session, ticket)
        others = (await waiting(session, parts, ticket, row)).others
        await drafts.send_alone(
            session, ticket, chat, row, staff_of(request), form("note"), last_seen=form.number("last_seen"),
            n_others=others.n, deployment=parts.deployment, strings=parts.screens.words(chat.locale),
            sealer=parts.sealer, now=parts.clock(),
        )
        return sent_as(chat, parts.clock())

    return await _do(request, deed, "reply")


async def read_back(request: Request) -> Response:
    """Put a reply that staff typed into Japanese by machine, for whoever is to judge it. Its text stays as it is."""
    parts, person = parts_of(request), staff_of(request)
    try:
        async with parts.database.reading() as session:
            ticket, row = await _access(request, session)
            foreign, locale = translations.opened(row, ticket, ring=parts.sealer).foreign or "", row.locale
        machine = _machine(request)
        japanese = (await machine.translate(foreign, locale, "ja")).text  # no transaction is open meanwhile
        async with parts.database.transaction() as session:
            ticket, row = await _access(request, session, for_change=True)
            drafts.keep_back(session, ticket, row, person, foreign=foreign, back=japanese, provider=machine.name,
                             sealer=parts.sealer, now=parts.clock())
    except Refused as error:
        return await _again(request, error)
    return _done(request, "compare-back")


async def refuse(request: Request) -> Response:
    """Put a draft that waits for approval back on the desk."""
    parts, form = parts_of(request), form_of(request)

    async def deed(session: AsyncSession, ticket: Ticket, row: Translation) -> str | None:
        drafts.refuse(session, ticket, row, staff_of(request), form("note"), sealer=parts.sealer, now=parts.clock())
        return None

    return await _do(request, deed, "refuse-reply")


async def discard(request: Request) -> Response:
    """Throw an unfinished text away. What was written of a reply goes back into the field of the reply."""
    parts, person = parts_of(request), staff_of(request)
    try:
        async with parts.database.transaction() as session:
            ticket, row = await _access(request, session, for_change=True)
            view = translations.opened(row, ticket, ring=parts.sealer)
            await drafts.discard(session, ticket, row, person, now=parts.clock())
            number, is_mine = ticket.id, ticket.claimed_by_id == person.id
    except Refused as error:
        return await _again(request, error)
    if view.is_reply and is_mine and view.original:
        request.path_params["id"] = number  # the page of the consultation, with what was written
        return await again(request, Desk(draft=view.original), status=200)
    return RedirectResponse(f"/tickets/{number}?done=discard", 303)


async def _do(request: Request, deed: Deed, done: str) -> Response:
    """Do it and say so on the ticket's page. done: what is said unless the deed returns something else."""
    try:
        async with parts_of(request).database.transaction() as session:
            ticket, row = await _access(request, session, for_change=True)
            done = await deed(session, ticket, row) or done
            number = ticket.id
    except Refused as error:
        return await _again(request, error)
    return RedirectResponse(f"/tickets/{number}?done={done}", 303)


async def _save(request: Request) -> Refused | None:
    """Save the text in the form with a new back-translation; returns what went wrong, if anything did."""
    parts, person, text = parts_of(request), staff_of(request), form_of(request)("foreign").strip()
    trouble: Refused | None = None
    in_japanese: str | None = None
    try:
        async with parts.database.reading() as session:
            ticket, row = await _access(request, session)
            view = translations.opened(row, ticket, ring=parts.sealer)
            if text == view.foreign and view.back is not None:
                return None
        if parts.machine is not None:
            try:
                in_japanese = (await parts.machine.translate(interpreting.checked(text), row.locale, "ja")).text
            except NotTranslated as error:
                trouble = error
        async with parts.database.transaction() as session:
            ticket, row = await _access(request, session, for_change=True)
            await drafts.save(session, ticket, row, person, foreign=text, back=in_japanese, sealer=parts.sealer,
                              now=parts.clock())
    except Refused as error:
        return error
    return trouble


async def _access(
    request: Request, session: AsyncSession, *, for_change: bool = False
) -> tuple[Ticket, Translation]:
    """Return a translation whose consultation this person may see; locks both for a change."""
    row = await translations.get(session, path_id(request))
    if row is None:
        raise NotFound("There is no such consultation, or it is not open to you.")
    ticket = await access_ticket(session, staff_of(request), row.ticket_id, for_change=for_change)
    if for_change:
        await session.refresh(row, with_for_update=True)  # interpreters lock the row alone, without the ticket
    if ticket.status == "withdrawn":
        raise NotFound("There is no such consultation, or it is not open to you.")
    return ticket, row


async def _page(
    request: Request, session: AsyncSession, ticket: Ticket, row: Translation, error: Refused | None = None,
    status: int = 200,
) -> Response:
    parts, form = parts_of(request), form_of(request)
    names = await staff_rows.names(session)
    page = await draft_page(session, ticket, row, Reader(parts, staff_of(request), names, tag_of(request)))
    return render(
        request, "translations/page.html", status, page=page, view=page.view, row=page.view.row, names=names,
        last_seen=ticket.n_messages, error=error, max_length=interpreting.MAX_LENGTH,
        max_note=interpreting.MAX_NOTE_LENGTH, note=form("note"),
        typed=form("foreign") if error is not None and page.may_edit and form("foreign") else page.view.foreign or "",
        waiting=await waiting(session, parts, ticket, row) if row.status == TranslationStatus.PROPOSED else None,
        machine=parts.machine.name if parts.machine else None, interpreted=await translations.interpreted(session),
    )


async def _again(request: Request, error: Refused) -> Response:
    async with parts_of(request).database.transaction() as session:
        ticket, row = await _access(request, session)
        _record_reading(request, session, row)
        return await _page(request, session, ticket, row, error, 409)


def _done(request: Request, done: str) -> Response:
    return RedirectResponse(f"/translations/{path_id(request)}?done={done}", 303)


def _machine(request: Request) -> Machine:
    machine = parts_of(request).machine
    if machine is None:
        raise NotTranslated("The machine translation is turned off.")
    return machine


async def _back(machine: Machine, foreign: str, locale: str) -> str | None:
    try:
        return (await machine.translate(foreign, locale, "ja")).text
    except NotTranslated:  # the page says that there is none
        return None


async def _message(session: AsyncSession, ticket: Ticket, request: Request) -> MessageView:
    number = form_of(request).number("number")
    if ticket.status != "withdrawn":
        for message in await tickets.messages(session, ticket, ring=parts_of(request).sealer):
            if message.number == number and message.author == "resident":
                return message
    raise WrongState("There is no such message of the resident.")


async def _locale(session: AsyncSession, ticket: Ticket) -> str:
    chat = await session.get(Chat, ticket.chat_id) if ticket.chat_id is not None else None
    return chat.locale if chat is not None else ticket.locale


async def _chat(session: AsyncSession, ticket: Ticket) -> Chat:
    chat = await session.get(Chat, ticket.chat_id) if ticket.chat_id is not None else None
    if chat is None:
        raise WrongState("The resident erased their data: nothing can be sent.")
    return chat
