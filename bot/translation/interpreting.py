"""The interpreters' work: asked for by whoever has the consultation, claimed by one, handed in, or sent back.

An interpreter sees the text and nothing else of the consultation. The caller owns the transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot import priority
from bot.deployment import Deployment
from bot.errors import AlreadyClaimed, NotFound, WrongState
from storage import audit, staff, tickets, translations
from storage.audit import AuditTag
from storage.models import (
    Author,
    Role,
    Staff,
    TextState,
    Ticket,
    TicketStatus,
    Translation,
    TranslationKind,
    TranslationStatus,
)
from storage.sealing import Sealer
from storage.tickets import MessageView

MAX_LENGTH = 3500  # characters, as of a reply
MAX_NOTE_LENGTH = 1000
_JAPANESE = ("ja", "ja-simple")


def due_at(ticket: Ticket, *, deployment: Deployment, now: datetime) -> datetime:
    """Return by when an interpreter should be done: half of the time for a reply, and before the ticket's deadline."""
    calendar = deployment.duty_for(is_urgent=priority.is_urgent(ticket))
    half = calendar.add(now, timedelta(hours=deployment.next_reply_hours / 2))
    return min(half, ticket.due_at) if ticket.due_at is not None and ticket.due_at > now else half


async def ask_to_read(
    session: AsyncSession, ticket: Ticket, officer: Staff, message: MessageView, *, deployment: Deployment,
    sealer: Sealer, now: datetime,
) -> Translation:
    """Ask for the Japanese of a resident's message."""
    _require_under_way(ticket)
    if message.author != Author.RESIDENT:
        raise WrongState("Only what the resident wrote is sent to be read.")
    locale = message.locale or ticket.locale
    for view in await translations.of_ticket(session, ticket, ring=sealer):
        is_same = view.row.message_id == message.id and view.row.revision == len(message.revisions)
        if is_same and view.row.status in translations.WITH_INTERPRETERS:
            raise WrongState("This message is with the interpreters already.")
    await _require_interpreter(session, locale)
    row = await translations.add(
        session, ticket, TranslationKind.MESSAGE, TranslationStatus.ASKED, locale=locale, author_id=officer.id,
        ring=sealer, now=now, message_id=message.id, revision=len(message.revisions), foreign=message.body,
    )
    _send(session, ticket, row, officer, deployment=deployment, now=now)
    return row


async def ask_to_write(
    session: AsyncSession, ticket: Ticket, officer: Staff, japanese: str, *, locale: str, deployment: Deployment,
    sealer: Sealer, now: datetime,
) -> Translation:
    """Ask for a reply in the resident's language. locale: that language."""
    _require_under_way(ticket)
    japanese = checked(japanese)
    await _require_interpreter(session, locale)
    row = await translations.add(
        session, ticket, TranslationKind.REPLY, TranslationStatus.ASKED, locale=locale, author_id=officer.id,
        ring=sealer, now=now, japanese=japanese,
    )
    _send(session, ticket, row, officer, deployment=deployment, now=now)
    return row


async def ask_again(
    session: AsyncSession, ticket: Ticket, row: Translation, officer: Staff, note: str, *, deployment: Deployment,
    sealer: Sealer, now: datetime,
) -> None:
    """Send a draft, or what came back with a question, to the interpreters. note: what they should know, or empty."""
    _require_under_way(ticket)
    if row.status not in translations.ON_THE_DESK:
        raise WrongState("This draft is not on your desk any more.")
    if row.state == TextState.TYPED:
        raise WrongState("Only what was written in Japanese goes to the interpreters.")
    if row.status == TranslationStatus.RETURNED and not note.strip():
        raise WrongState("Answer the interpreter's question first.")
    await _require_interpreter(session, row.locale)
    translations.put(row, ticket, ring=sealer, note=checked_note(note) or None)
    row.status, row.interpreter_id, row.claimed_at = TranslationStatus.ASKED, None, None
    _send(session, ticket, row, officer, deployment=deployment, now=now)


def _send(
    session: AsyncSession, ticket: Ticket, row: Translation, officer: Staff, *, deployment: Deployment, now: datetime
) -> None:
    row.asked_at, row.updated_at, row.due_at = now, now, due_at(ticket, deployment=deployment, now=now)
    record(session, AuditTag.STAFF_TRANSLATION_ASK, row, officer, now=now, locale=row.locale)


async def _require_interpreter(session: AsyncSession, locale: str) -> None:
    if locale in _JAPANESE:
        raise WrongState("The resident reads Japanese. Nothing needs to be translated.")
    if locale not in await translations.interpreted(session):
        raise WrongState("No interpreter of this language has an account. An administrator sets the languages.")


def may_interpret(person: Staff, row: Translation) -> bool:
    """Tell whether a person may see this request: an interpreter of its language, while it is asked for or theirs."""
    if person.role != Role.INTERPRETER or person.disabled_at is not None:
        return False
    if row.status == TranslationStatus.CLAIMED:
        return row.interpreter_id == person.id
    return row.status == TranslationStatus.ASKED and row.locale in translations.languages_of(person)


async def access(
    session: AsyncSession, person: Staff, translation_id: int, *, for_change: bool = False
) -> tuple[Translation, Ticket]:
    """Return a request that this interpreter may see, with its ticket.

    Raises AlreadyClaimed when a colleague has it, otherwise NotFound for none and for one that is not theirs alike.
    """
    row = await translations.get(session, translation_id, for_change=for_change)
    ticket = await session.get(Ticket, row.ticket_id) if row is not None else None
    gone = NotFound("There is no such request, or it is not open to you.")
    if row is None or ticket is None or ticket.status not in tickets.IN_QUEUE:
        raise gone
    is_theirs = row.locale in translations.languages_of(person) and person.role == Role.INTERPRETER
    if row.status == TranslationStatus.CLAIMED and row.interpreter_id != person.id and is_theirs:
        names = await staff.names(session)
        raise AlreadyClaimed("{name} works on this request.", name=names.get(row.interpreter_id or 0, "?"))
    if not may_interpret(person, row):
        raise gone
    return row, ticket


async def claim(session: AsyncSession, row: Translation, person: Staff, *, now: datetime) -> None:
    """Take a request. Raises AlreadyClaimed with the name of whoever was faster."""
    if not await translations.claim(session, row.id, person.id, now=now):
        await session.refresh(row)
        if row.interpreter_id == person.id:
            return
        names = await staff.names(session)
        raise AlreadyClaimed("{name} works on this request.", name=names.get(row.interpreter_id or 0, "?"))
    await session.refresh(row)
    record(session, AuditTag.STAFF_TRANSLATION_CLAIM, row, person, now=now)


def give_back(session: AsyncSession, row: Translation, person: Staff, *, now: datetime) -> None:
    """Let another interpreter take the request; it keeps its place in the list."""
    _require_claimed(row, person)
    row.status, row.interpreter_id, row.claimed_at, row.updated_at = TranslationStatus.ASKED, None, None, now
    record(session, AuditTag.STAFF_TRANSLATION_RELEASE, row, person, now=now)


def hand_in(
    session: AsyncSession, ticket: Ticket, row: Translation, person: Staff, text: str, *, sealer: Sealer, now: datetime
) -> None:
    """Keep the interpreter's text: a message is read with it, a reply is a draft on the desk of the staff.

    A text that began as a machine's stays one, checked by a person.
    """
    _require_claimed(row, person)
    text = checked(text)
    if row.kind == TranslationKind.MESSAGE:
        translations.put(row, ticket, ring=sealer, japanese=text, note=None)
        row.state, row.status = TextState.INTERPRETER, TranslationStatus.DONE
    else:
        was_machine = row.state in (TextState.MACHINE, TextState.MACHINE_CHECKED)
        translations.put(row, ticket, ring=sealer, foreign=text, back=None, note=None)
        row.state = TextState.MACHINE_CHECKED if was_machine else TextState.INTERPRETER
        row.status = TranslationStatus.DRAFT
    row.handed_in_at = row.updated_at = now
    record(session, AuditTag.STAFF_TRANSLATION_HAND_IN, row, person, now=now, state=row.state)


def send_back(
    session: AsyncSession, ticket: Ticket, row: Translation, person: Staff, note: str, *, sealer: Sealer, now: datetime
) -> None:
    """Return a request with a question: it is unclear."""
    _require_claimed(row, person)
    if not note.strip():
        raise WrongState("Write what is unclear.")
    translations.put(row, ticket, ring=sealer, note=checked_note(note))
    row.status, row.updated_at = TranslationStatus.RETURNED, now
    record(session, AuditTag.STAFF_TRANSLATION_RETURN, row, person, now=now)


def record(
    session: AsyncSession, tag: AuditTag, row: Translation, person: Staff, *, now: datetime, **detail: object
) -> None:
    """Write the audit entry of a deed with a translation; it stands with its consultation."""
    audit.record(session, tag, f"ticket:{row.ticket_id}", now=now, staff_id=person.id, translation=row.id, **detail)


def checked(text: str) -> str:
    """Return a text without white space around it. Raises WrongState when it is empty or too long."""
    text = text.strip()
    if not text:
        raise WrongState("Write something first.")
    if len(text) > MAX_LENGTH:
        raise WrongState("This is too long: at most {n} characters.", n=MAX_LENGTH)
    return text


def checked_note(note: str) -> str:
    """Return a note without white space around it. Raises WrongState when it is too long."""
    if len(note.strip()) > MAX_NOTE_LENGTH:
        raise WrongState("This is too long: at most {n} characters.", n=MAX_NOTE_LENGTH)
    return note.strip()


def _require_under_way(ticket: Ticket) -> None:
    if ticket.status not in (TicketStatus.OPEN, TicketStatus.ANSWERED):
        raise WrongState("This consultation is closed.")


def _require_claimed(row: Translation, person: Staff) -> None:
    if row.status != TranslationStatus.CLAIMED or row.interpreter_id != person.id:
        raise WrongState("Take this request first.")
