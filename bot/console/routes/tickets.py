"""One consultation: the conversation, taking it, replying, notes, closing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import consultation, deadlines, transfers
from bot.answers import N_
from bot.attachments import IMAGES
from bot.console.auth import access_ticket
from bot.console.pages import render
from bot.console.parts import SESSION_LIFETIME, form_of, is_live, parts_of, path_id, staff_of, tag_of
from bot.console.rows import ticket_row, topic_name, topics_by_group
from bot.console.second_people import others_for
from bot.console.ticket_views import Reader, related_tickets, targets, transfer_views
from bot.console.translation_views import JAPANESE, AcrossLanguages, across_languages
from bot.errors import Refused, WrongState
from bot.safety import times_of
from bot.translation import drafts
from storage import attachments, audit, deliveries, presence, tickets, translations
from storage import staff as staff_rows
from storage.audit import AuditTag
from storage.models import Chat, Ticket, TicketStatus

_AUDIT_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Desk:
    """What the officer has on the desk: drafts that a refusal must not lose, and what is to be said about them.

    instead: the language in which the chosen answer could be inserted, when it has no text in the resident's.
    last_seen: the newest message that the draft was written from; None takes the newest there is.
    new_after: messages after this one are marked as new.
    warning: an English source sentence, with its values.
    """

    draft: str = ""
    note: str = ""
    transfer: str = ""
    target: str = ""
    merge: str = ""
    intent_id: str = ""
    instead: str = ""
    last_seen: int | None = None
    new_after: int | None = None
    error: Refused | None = None
    warning: str | None = None
    values: dict[str, object] = field(default_factory=dict)


async def show(request: Request) -> Response:
    """Show a consultation; for live.js only the part that changes. Reading is audited."""
    parts, person = parts_of(request), staff_of(request)
    if is_live(request):
        async with parts.database.reading() as session:
            ticket = await access_ticket(session, person, path_id(request))
            if ticket.promised_at is None and await _was_read(request, session, ticket):
                return await page(request, session, ticket)
    async with parts.database.transaction() as session:
        ticket = await access_ticket(session, person, path_id(request))
        if not is_live(request) or not await _was_read(request, session, ticket):
            _record_reading(request, session, ticket)
        deadlines.mark_opened(ticket)  # what just arrived is on a screen now
        await session.flush()
        return await page(request, session, ticket)


async def _was_read(request: Request, session: AsyncSession, ticket: Ticket) -> bool:
    """Tell whether the audit says that this person opened the page; its updates are then no reading of their own."""
    since = parts_of(request).clock() - SESSION_LIFETIME
    return await audit.has_read(session, f"ticket:{ticket.id}", staff_of(request).id, since=since)


def _record_reading(request: Request, session: AsyncSession, ticket: Ticket) -> None:
    audit.record(session, AuditTag.STAFF_TICKET_READ, f"ticket:{ticket.id}", now=parts_of(request).clock(),
                 staff_id=staff_of(request).id)


async def claim(request: Request) -> Response:
    """Take the consultation; the one who comes second is told who has it."""
    parts, person = parts_of(request), staff_of(request)
    try:
        async with parts.database.transaction() as session:
            ticket = await access_ticket(session, person, path_id(request))
            await consultation.claim(session, ticket, person, now=parts.clock())
    except Refused as error:
        return await again(request, Desk(error=error))
    return back(request, "claim")


async def release(request: Request) -> Response:
    """Give the consultation back to the section."""
    parts, person = parts_of(request), staff_of(request)
    try:
        async with parts.database.transaction() as session:
            ticket = await access_ticket(session, person, path_id(request), for_change=True)
            await consultation.release(session, ticket, person, now=parts.clock())
    except Refused as error:
        return await again(request, Desk(error=error))
    return back(request, "release")


async def reply(request: Request) -> Response:
    """Send a reply to the resident, or let it wait for a second person on a topic that needs one.

    When it is refused the draft stays on the page, with what is new.
    """
    parts, person, form = parts_of(request), staff_of(request), form_of(request)
    try:
        async with parts.database.transaction() as session:
            ticket = await access_ticket(session, person, path_id(request), for_change=True)
            chat = await _chat(session, ticket)
            if chat is None:
                raise WrongState("The resident erased their data: nothing can be sent.")
            if parts.deployment.needs_four_eyes(ticket.topic):
                await drafts.propose_own(
                    session, ticket, person, form("body"), locale=chat.locale, last_seen=form.number("last_seen"),
                    sealer=parts.sealer, now=parts.clock(),
                )
                done = "propose"
            else:
                await consultation.reply(
                    session, ticket, chat, person, form("body"), last_seen=form.number("last_seen"),
                    deployment=parts.deployment, strings=parts.screens.words(chat.locale), sealer=parts.sealer,
                    now=parts.clock(),
                )
                done = sent_as(chat, parts.clock())
    except Refused as error:
        return await again(request, Desk(draft=form("body"), error=error, new_after=form.number("last_seen")))
    return back(request, done)


def sent_as(chat: Chat, now: datetime) -> str:
    """Return what is said of a reply that was just queued: it is on its way, or it waits for a safe hour."""
    return "reply" if times_of(chat).includes(now) else "reply-waits"


async def insert(request: Request) -> Response:
    """Put a curated answer, in the resident's language, behind the draft. Sends nothing.

    Where there is no text in that language nothing is inserted, unless the officer chose the other language.
    """
    parts, person, form = parts_of(request), staff_of(request), form_of(request)
    draft, intent_id = form("body"), form("intent")
    seen = form.number("last_seen")
    async with parts.database.reading() as session:
        ticket = await access_ticket(session, person, path_id(request))
        chat = await _chat(session, ticket)
    locale = chat.locale if chat else ticket.locale
    today = parts.today
    message = parts.screens.answer(
        intent_id, locale, today=today, furigana=chat.wants_furigana if chat else False
    ) if intent_id else None
    if message is None:
        desk = Desk(draft=draft, last_seen=seen, error=WrongState("Choose an answer first."))
        return await again(request, desk)
    answer = parts.screens.catalogue.answer(intent_id, locale, today=today, unchecked=parts.screens.unchecked)
    used = answer.tag if answer else locale
    warning: str | None = None
    values: dict[str, object] = {}
    if used != locale and form("instead") != used:
        desk = Desk(draft=draft, intent_id=intent_id, last_seen=seen, instead=used, error=WrongState(
            "This answer has no text in the resident's language. Nothing was inserted."
        ))
        return await again(request, desk)
    if used != locale:
        warning = N_("There is no text in the resident's language. The text in {language} was inserted.")
        values = {"language": parts.screens.language_name(used)}
    elif answer is not None and answer.state != "checked":
        warning = N_("No person has checked this text yet. Read it before you send it.")
    draft = f"{draft.rstrip()}\n\n{message.text}" if draft.strip() else message.text
    return await again(
        request, Desk(draft=draft, intent_id=intent_id, last_seen=seen, warning=warning, values=values), status=200
    )


async def note(request: Request) -> Response:
    """Add an internal note; nothing makes a delivery of it."""
    parts, person, form = parts_of(request), staff_of(request), form_of(request)
    try:
        async with parts.database.transaction() as session:
            ticket = await access_ticket(session, person, path_id(request), for_change=True)
            await consultation.add_note(session, ticket, person, form("body"), sealer=parts.sealer, now=parts.clock())
    except Refused as error:
        return await again(request, Desk(note=form("body"), error=error))
    return back(request, "note")


async def close(request: Request) -> Response:
    """Close the consultation with an outcome."""
    parts, person, form = parts_of(request), staff_of(request), form_of(request)
    try:
        async with parts.database.transaction() as session:
            ticket = await access_ticket(session, person, path_id(request), for_change=True)
            if form.number("last_seen") != ticket.n_messages:
                raise WrongState("Something was added since you opened the page. Read it, then close.")
            if await translations.waiting_since(session, [ticket.id]):
                raise WrongState("A reply waits for a second person. Take it back or wait for it before you close.")
            chat = await _chat(session, ticket)
            await consultation.close(
                session, ticket, chat, person, form("outcome"),
                strings=parts.screens.words(chat.locale if chat else ticket.locale), sealer=parts.sealer,
                now=parts.clock(),
            )
    except Refused as error:
        return await again(request, Desk(error=error))
    return back(request, "close")


async def reopen(request: Request) -> Response:
    """Put a closed consultation back into the queue."""
    parts, person = parts_of(request), staff_of(request)
    try:
        async with parts.database.transaction() as session:
            ticket = await access_ticket(session, person, path_id(request), for_change=True)
            if ticket.chat_id is not None and await tickets.current_for(session, ticket.chat_id):
                raise WrongState("The resident has a newer consultation that is open.")
            consultation.reopen(session, ticket, deployment=parts.deployment, now=parts.clock(), officer=person)
    except Refused as error:
        return await again(request, Desk(error=error))
    return back(request, "reopen")


def back(request: Request, done: str) -> Response:
    """Show the page anew after a deed."""
    return RedirectResponse(f"/tickets/{path_id(request)}?done={done}", 303)


async def again(request: Request, desk: Desk, *, status: int = 409) -> Response:
    """Show the page as it is now, with what was on the desk. Raises NotFound when it is not open any more."""
    database = parts_of(request).database
    async with database.reading() as session:
        ticket = await access_ticket(session, staff_of(request), path_id(request))
        if await _was_read(request, session, ticket):
            return await page(request, session, ticket, desk, status)
    async with database.transaction() as session:  # a refusal shows the words too
        ticket = await access_ticket(session, staff_of(request), path_id(request))
        _record_reading(request, session, ticket)
        return await page(request, session, ticket, desk, status)


async def _chat(session: AsyncSession, ticket: Ticket) -> Chat | None:
    return await session.get(Chat, ticket.chat_id) if ticket.chat_id is not None else None


async def page(
    request: Request, session: AsyncSession, ticket: Ticket, desk: Desk | None = None, status: int = 200
) -> Response:
    """Return the page of a consultation, or its live part."""
    parts, person, tag, desk = parts_of(request), staff_of(request), tag_of(request), desk or Desk()
    chat = await _chat(session, ticket)
    names = await staff_rows.names(session)
    # What the resident took back is not shown any more.
    is_withdrawn = ticket.status == TicketStatus.WITHDRAWN
    is_current = ticket.status in tickets.IN_QUEUE
    is_mine = ticket.claimed_by_id == person.id
    only_receives = transfers.is_receiver(ticket, person) and not transfers.is_owner(ticket, person)
    is_moving = transfers.is_pending(ticket)
    present = await presence.present(session, [ticket.id], now=parts.clock())
    reader = Reader(parts, person, names, tag)
    shown = [] if is_withdrawn else await tickets.messages(session, ticket, ring=parts.sealer)
    reply_locale = chat.locale if chat else ticket.locale
    spoken = [reply_locale, *(message.locale for message in shown if message.locale)]
    across = AcrossLanguages() if is_withdrawn else await across_languages(session, ticket, parts, spoken)
    return render(
        request, "tickets/_live.html" if is_live(request) else "tickets/page.html", status,
        row=ticket_row(ticket, parts, person, names, tag), ticket=ticket, names=names,
        messages=shown, across=across, is_foreign=reply_locale not in JAPANESE,
        needs_second=parts.deployment.needs_four_eyes(ticket.topic) or ticket.is_sensitive,
        others=await others_for(session, parts, ticket, (person.id,))
        if is_mine and is_current and parts.deployment.needs_four_eyes(ticket.topic) else None,
        files={} if is_withdrawn else await attachments.of_ticket(session, ticket.id), images=IMAGES,
        waits_until=await deliveries.next_waiting(session, ticket.id),
        safe=times_of(chat) if chat is not None and chat.safe_contact else None,
        entries=await audit.latest(session, subject=f"ticket:{ticket.id}", limit=_AUDIT_SHOWN),
        pseudonym=chat.pseudonym if chat else None, reply_locale=reply_locale,
        is_withdrawn=is_withdrawn, may_work=is_current and is_mine,
        may_claim=is_current and ticket.claimed_by_id is None and not only_receives, may_note=not is_withdrawn,
        last_seen=ticket.n_messages if desk.last_seen is None else desk.last_seen, desk=desk, error=desk.error,
        outcomes=consultation.OUTCOMES, max_length=consultation.MAX_REPLY_LENGTH,
        answers=_answers(request, ticket, reply_locale), waits=ticket.status == TicketStatus.OPEN,
        present=sorted(names.get(each, "?") for each in present.get(ticket.id, frozenset()) - {person.id}),
        transfers=[] if is_withdrawn else await transfer_views(session, ticket, reader),
        may_answer_transfer=transfers.is_receiver(ticket, person), may_recall=is_moving and not only_receives,
        may_transfer=is_current and not is_moving and (is_mine or ticket.claimed_by_id is None),
        targets=await targets(session, ticket, reader), max_note=transfers.MAX_NOTE_LENGTH,
        related=await related_tickets(session, ticket, reader),
    )


def _answers(request: Request, ticket: Ticket, locale: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Return (group, [(intent id, title, state)]) for the choice of an answer; the ticket's own topic is first.

    state: of the text in the resident's language: missing, drafted, stale or checked.
    """
    parts, tag = parts_of(request), tag_of(request)
    groups = topics_by_group(parts, tag)
    own = parts.screens.catalogue.intent(ticket.topic or "")
    first = [("", [(own.id, topic_name(parts, own.id, tag))])] if own is not None else []

    def state(intent_id: str) -> str:
        answer = parts.screens.catalogue.answer(
            intent_id, locale, today=parts.today, unchecked=parts.screens.unchecked
        )
        return "missing" if answer is None or answer.tag != locale else answer.state

    return [
        (group, [(intent_id, title, state(intent_id)) for intent_id, title in topics])
        for group, topics in first + groups
    ]
