"""Translations: texts in Japanese and in the resident's language, sealed with the ticket's key."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import (
    Message,
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
from storage.tickets import sealer_of

WITH_INTERPRETERS = (TranslationStatus.ASKED, TranslationStatus.CLAIMED)
ON_THE_DESK = (TranslationStatus.DRAFT, TranslationStatus.RETURNED)
UNFINISHED = (*WITH_INTERPRETERS, *ON_THE_DESK, TranslationStatus.PROPOSED)
_PARTS = ("japanese", "foreign", "back", "note")
_IN_QUEUE = (TicketStatus.OPEN, TicketStatus.ANSWERED)


@dataclass(frozen=True, slots=True)
class TranslationView:
    """A translation with its words opened. foreign: in the resident's language; back: the translation put back."""

    row: Translation
    japanese: str | None
    foreign: str | None
    back: str | None
    note: str | None

    @property
    def is_reply(self) -> bool:
        """Tell whether it is for the resident; otherwise it is for staff."""
        return self.row.kind == TranslationKind.REPLY

    @property
    def original(self) -> str:
        """The words that somebody wrote: Japanese of a reply, the resident's language of a message or a typed reply."""
        is_japanese = self.is_reply and self.row.state != TextState.TYPED
        return (self.japanese if is_japanese else self.foreign) or ""

    @property
    def went_alone(self) -> bool:
        """Tell whether it had waited for a second person and was sent without one; the note then says why."""
        row = self.row
        return row.status == TranslationStatus.DONE and row.proposed_by_id is not None and row.approved_by_id is None

    @property
    def translated(self) -> str | None:
        """The words in the other language, when there are any."""
        return self.foreign if self.is_reply else self.japanese


async def add(
    session: AsyncSession, ticket: Ticket, kind: TranslationKind, status: TranslationStatus, *, locale: str,
    author_id: int, ring: Sealer, now: datetime, message_id: int | None = None, revision: int = 1, **words: str | None,
) -> Translation:
    """Add a translation. words: japanese, foreign, back, note."""
    row = Translation(
        ticket_id=ticket.id, message_id=message_id, kind=kind, status=status, locale=locale, author_id=author_id,
        revision=revision, last_seen=ticket.n_messages, created_at=now, updated_at=now,
    )
    session.add(row)
    await session.flush()  # its number is part of what the words are sealed for
    put(row, ticket, ring=ring, **words)
    return row


def put(row: Translation, ticket: Ticket, *, ring: Sealer, **words: str | None) -> None:
    """Change words. words: japanese, foreign, back, note; None removes them."""
    sealer = sealer_of(ticket, ring)
    for part, text in words.items():
        if part not in _PARTS:
            raise ValueError(f"a translation has no {part}")
        setattr(row, f"{part}_sealed", None if text is None else sealer.seal_text(text, _context(row, part)))


def opened(row: Translation, ticket: Ticket, *, ring: Sealer) -> TranslationView:
    """Return a translation with its words."""
    sealer = sealer_of(ticket, ring)
    words = {}
    for part in _PARTS:
        sealed = getattr(row, f"{part}_sealed")
        words[part] = None if sealed is None else sealer.open_text(sealed, _context(row, part))
    return TranslationView(row, **words)


async def of_ticket(session: AsyncSession, ticket: Ticket, *, ring: Sealer) -> list[TranslationView]:
    """Return the translations of a ticket that were not thrown away, oldest first."""
    rows = await session.scalars(
        select(Translation)
        .where(Translation.ticket_id == ticket.id, Translation.status != TranslationStatus.DISCARDED)
        .order_by(Translation.id)
    )
    return [opened(row, ticket, ring=ring) for row in rows]


async def original_of_reply(
    session: AsyncSession, chat_id: int, receipt: str, number: int, *, ring: Sealer
) -> str | None:
    """Return the Japanese that a reply to this chat was translated from; None when there is none to show."""
    found = (await session.execute(
        select(Translation, Ticket)
        .join(Ticket, Ticket.id == Translation.ticket_id).join(Message, Message.id == Translation.message_id)
        .where(
            Ticket.chat_id == chat_id, Ticket.receipt == receipt, Ticket.status != TicketStatus.WITHDRAWN,
            Message.number == number, Translation.kind == TranslationKind.REPLY,
            Translation.status == TranslationStatus.DONE,
        )
    )).first()
    return None if found is None else opened(found[0], found[1], ring=ring).japanese


async def state_of_reply(session: AsyncSession, message_id: int) -> str | None:
    """Return the state of the translation that a reply of staff came from; None when they wrote it themselves."""
    found: str | None = await session.scalar(
        select(Translation.state).where(Translation.message_id == message_id, Translation.kind == TranslationKind.REPLY)
        .order_by(Translation.id.desc()).limit(1)
    )
    return found


def waits_for_approval() -> ColumnElement[bool]:
    """Return the condition for replies that wait for a second person, written so that their own index serves it."""
    return Translation.status == literal_column(f"'{TranslationStatus.PROPOSED}'")


async def waiting_since(session: AsyncSession, ticket_ids: Collection[int]) -> dict[int, datetime]:
    """Return since when a reply of these tickets has waited for a second person, by ticket; the oldest counts."""
    rows = await session.execute(
        select(Translation.ticket_id, func.min(Translation.proposed_at))
        .where(waits_for_approval(), Translation.ticket_id.in_(ticket_ids)).group_by(Translation.ticket_id)
    )
    return {ticket_id: at for ticket_id, at in rows if at is not None}


async def get(session: AsyncSession, translation_id: int, *, for_change: bool = False) -> Translation | None:
    """Return a translation; who may see it follows from its ticket, or from the request to the interpreters.

    for_change: locks the row until the end of the transaction.
    """
    query = select(Translation).where(Translation.id == translation_id)
    found: Translation | None = await session.scalar(query.with_for_update() if for_change else query)
    return found


def requests(languages: Collection[str], person_id: int) -> Select[Translation, Ticket]:
    """Return the query of what an interpreter of these languages may work on; an ended consultation asks nobody.

    person_id: whose own work stays in it, whatever happened to their languages since.
    """
    return (
        select(Translation, Ticket).join(Ticket, Ticket.id == Translation.ticket_id)
        .where(
            Translation.status.in_(WITH_INTERPRETERS),
            or_(Translation.locale.in_(sorted(languages)), Translation.interpreter_id == person_id),
            Ticket.status.in_(_IN_QUEUE),
        )
    )


async def claim(session: AsyncSession, translation_id: int, staff_id: int, *, now: datetime) -> bool:
    """Give a request to one interpreter; exactly one of many at once wins."""
    taken = await session.execute(
        update(Translation)
        .where(Translation.id == translation_id, Translation.status == TranslationStatus.ASKED)
        .values(status=TranslationStatus.CLAIMED, interpreter_id=staff_id, claimed_at=now, updated_at=now)
        .returning(Translation.id)
    )
    return taken.first() is not None


async def let_go_of(session: AsyncSession, staff_id: int, *, now: datetime) -> list[tuple[int, int]]:
    """Let other interpreters take what one of them works on; returns (id, ticket id) of each."""
    freed = await session.execute(
        update(Translation)
        .where(Translation.interpreter_id == staff_id, Translation.status == TranslationStatus.CLAIMED)
        .values(status=TranslationStatus.ASKED, interpreter_id=None, claimed_at=None, updated_at=now)
        .returning(Translation.id, Translation.ticket_id)
    )
    return sorted((row.id, row.ticket_id) for row in freed)


def languages_of(person: Staff) -> frozenset[str]:
    """Return the tags of the languages that a person interprets."""
    return frozenset(tag for tag in person.languages.split(",") if tag)


async def interpreted(session: AsyncSession) -> frozenset[str]:
    """Return the languages for which an interpreter has an account."""
    rows = await session.scalars(
        select(Staff).where(Staff.role == Role.INTERPRETER, Staff.disabled_at.is_(None), Staff.languages != "")
    )
    return frozenset(tag for person in rows for tag in languages_of(person))


def _context(row: Translation, part: str) -> str:
    return f"translation {part}:{row.id}"
