"""Tickets and their messages. A ticket's words are sealed with the ticket's own key, which is sealed with the ring."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.chats import new_code
from storage.models import Author, Chat, Delivery, Message, Revision, Ticket, TicketStatus
from storage.sealing import Sealer, new_key

CURRENT = (TicketStatus.INTAKE, TicketStatus.OPEN, TicketStatus.ANSWERED)
IN_QUEUE = (TicketStatus.OPEN, TicketStatus.ANSWERED)


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message with its words, oldest revision first, and how its delivery stands."""

    id: int
    number: int
    author: str
    staff_id: int | None
    locale: str | None
    created_at: datetime
    revisions: tuple[tuple[datetime, str], ...]
    delivery_status: str | None
    delivery_error: str | None

    @property
    def body(self) -> str:
        """The words as they are now."""
        return self.revisions[-1][1]


def key_context(receipt: str) -> str:
    """Return the context that a ticket's own key is sealed for."""
    return f"ticket key:{receipt}"


def sealer_of(ticket: Ticket, ring: Sealer) -> Sealer:
    """Open the ticket's own key with the ring."""
    return Sealer([ring.open(ticket.key_sealed, key_context(ticket.receipt))])


async def add(
    session: AsyncSession,
    *,
    chat: Chat,
    topic: str | None,
    section_id: str,
    ring: Sealer,
    now: datetime,
    is_sensitive: bool = False,
    priority: int = 0,
) -> Ticket:
    """Create a ticket in INTAKE with a random receipt number and a key of its own."""
    receipt = f"{new_code('K', 3)}-{new_code('', 4)}"
    ticket = Ticket(
        receipt=receipt, chat_id=chat.id, status=TicketStatus.INTAKE, topic=topic, locale=chat.locale,
        municipality=chat.municipality, section_id=section_id, is_sensitive=is_sensitive, priority=priority,
        key_sealed=ring.seal(new_key(), key_context(receipt)), created_at=now, updated_at=now,
    )
    session.add(ticket)
    forget_preloaded(session)
    await session.flush()
    return ticket


_PRELOADED = "current tickets by chat"


async def preload_current(session: AsyncSession, chat_ids: Sequence[int]) -> None:
    """Read the current tickets of a batch of chats in one query; `current_for` then needs none until one changes."""
    found: dict[int | None, Ticket] = {
        ticket.chat_id: ticket for ticket in await session.scalars(
            select(Ticket).where(Ticket.chat_id.in_(chat_ids), Ticket.status.in_(CURRENT))
        )
    }
    session.info[_PRELOADED] = {chat_id: found.get(chat_id) for chat_id in chat_ids}


async def in_consultation(session: AsyncSession, lookups: Collection[str]) -> set[str]:
    """Return the lookups of those chats that have a ticket which is not closed."""
    rows = await session.scalars(
        select(Chat.address_lookup).join(Ticket, Ticket.chat_id == Chat.id)
        .where(Chat.address_lookup.in_(set(lookups)), Ticket.status.in_(CURRENT))
    )
    return set(rows)


def forget_preloaded(session: AsyncSession) -> None:
    """Ask the database again: a ticket was added, removed, closed or opened again."""
    session.info.pop(_PRELOADED, None)


async def current_for(session: AsyncSession, chat: Chat | int) -> Ticket | None:
    """Return the one ticket of a chat (or of the chat with this id) that is not closed."""
    chat_id: int | None = chat if isinstance(chat, int) else chat.id
    if chat_id is None:  # the chat is new in this transaction
        return None
    preloaded: dict[int, Ticket | None] = session.info.get(_PRELOADED, {})
    if chat_id in preloaded:
        ticket = preloaded[chat_id]
        return ticket if ticket is not None and ticket.status in CURRENT else None
    found: Ticket | None = await session.scalar(
        select(Ticket).where(Ticket.chat_id == chat_id, Ticket.status.in_(CURRENT))
    )
    return found


async def latest_for(session: AsyncSession, chat_id: int) -> Ticket | None:
    """Return the chat's newest ticket, closed or not."""
    found: Ticket | None = await session.scalar(
        select(Ticket).where(Ticket.chat_id == chat_id).order_by(Ticket.id.desc()).limit(1)
    )
    return found


async def get(session: AsyncSession, ticket_id: int) -> Ticket | None:
    """Return a ticket by id; who may see it is decided by the console's access_ticket."""
    return await session.get(Ticket, ticket_id)


async def add_message(
    session: AsyncSession,
    ticket: Ticket,
    author: Author,
    body: str,
    *,
    ring: Sealer,
    now: datetime,
    staff_id: int | None = None,
    locale: str | None = None,
    telegram_message_id: int | None = None,
) -> Message:
    """Add a message with its first revision; its number is the ticket's next one."""
    ticket.n_messages += 1
    ticket.updated_at = now
    message = Message(
        ticket_id=ticket.id, number=ticket.n_messages, author=author, staff_id=staff_id, locale=locale,
        telegram_message_id=telegram_message_id, created_at=now,
    )
    session.add(message)
    await session.flush()
    _add_revision(session, ticket, message, 1, body, ring=ring, now=now)
    return message


async def revise(
    session: AsyncSession, ticket: Ticket, telegram_message_id: int, body: str, *, ring: Sealer, now: datetime
) -> Message | None:
    """Add a revision to the message that the resident edited; None when it is not one of this ticket's.

    None also when the words are the same: Telegram tells of an edit for what we do not see, too.
    """
    message = await session.scalar(
        select(Message).where(Message.ticket_id == ticket.id, Message.telegram_message_id == telegram_message_id)
    )
    if message is None:
        return None
    newest: Revision | None = await session.scalar(
        select(Revision).where(Revision.message_id == message.id).order_by(Revision.number.desc()).limit(1)
    )
    if newest and sealer_of(ticket, ring).open_text(newest.body_sealed, f"message:{message.id}") == body:
        return None
    _add_revision(session, ticket, message, (newest.number if newest else 0) + 1, body, ring=ring, now=now)
    ticket.updated_at = now
    return message


def _add_revision(
    session: AsyncSession, ticket: Ticket, message: Message, number: int, body: str, *, ring: Sealer, now: datetime
) -> None:
    sealed = sealer_of(ticket, ring).seal_text(body, f"message:{message.id}")
    session.add(Revision(message_id=message.id, number=number, body_sealed=sealed, created_at=now))


async def messages(session: AsyncSession, ticket: Ticket, *, ring: Sealer) -> list[MessageView]:
    """Return the ticket's messages in order, opened."""
    sealer = sealer_of(ticket, ring)
    revisions: dict[int, list[tuple[datetime, str]]] = {}
    query = select(Revision).join(Message).where(Message.ticket_id == ticket.id).order_by(Revision.id)
    for revision in await session.scalars(query):
        body = sealer.open_text(revision.body_sealed, f"message:{revision.message_id}")
        revisions.setdefault(revision.message_id, []).append((revision.created_at, body))
    rows = await session.execute(
        select(Message, Delivery.status, Delivery.error)
        .outerjoin(Delivery, Delivery.message_id == Message.id)
        .where(Message.ticket_id == ticket.id)
        .order_by(Message.number)
    )
    return [
        MessageView(
            id=message.id, number=message.number, author=message.author, staff_id=message.staff_id,
            locale=message.locale, created_at=message.created_at, revisions=tuple(revisions[message.id]),
            delivery_status=status, delivery_error=error,
        )
        for message, status, error in rows
    ]


async def staff_message(
    session: AsyncSession, chat_id: int, message_id: int, *, ring: Sealer
) -> tuple[Ticket, Message, str] | None:
    """Return what staff wrote to this chat, with its ticket; None when there is no such message of theirs to it."""
    row = (await session.execute(
        select(Ticket, Message, Revision).join(Message, Message.ticket_id == Ticket.id)
        .join(Revision, Revision.message_id == Message.id)
        .where(Message.id == message_id, Message.author == Author.STAFF, Ticket.chat_id == chat_id)
        .order_by(Revision.number.desc()).limit(1)
    )).first()
    if row is None:
        return None
    return row[0], row[1], sealer_of(row[0], ring).open_text(row[2].body_sealed, f"message:{message_id}")


async def newest_by(session: AsyncSession, ticket: Ticket, author: Author) -> int | None:
    """Return the newest message of a ticket by this author, by its id."""
    found: int | None = await session.scalar(
        select(func.max(Message.id)).where(Message.ticket_id == ticket.id, Message.author == author)
    )
    return found


async def claim(session: AsyncSession, ticket_id: int, staff_id: int, *, now: datetime) -> bool:
    """Make the ticket this officer's if it is nobody's; exactly one of many at once wins."""
    taken = await session.execute(
        update(Ticket)
        .where(Ticket.id == ticket_id, Ticket.claimed_by_id.is_(None), Ticket.status.in_(IN_QUEUE))
        .values(claimed_by_id=staff_id, claimed_at=now, updated_at=now)
        .returning(Ticket.id)
    )
    return taken.first() is not None


async def let_go_of(session: AsyncSession, staff_id: int, *, now: datetime) -> list[int]:
    """Make what one officer has nobody's; returns the ids of those in the queue. Ended ones change nothing else."""
    freed = await session.execute(
        update(Ticket).where(Ticket.claimed_by_id == staff_id, Ticket.status.in_(IN_QUEUE))
        .values(claimed_by_id=None, claimed_at=None, updated_at=now).returning(Ticket.id)
    )
    ids = sorted(row.id for row in freed)
    await session.execute(
        update(Ticket).where(Ticket.claimed_by_id == staff_id).values(claimed_by_id=None, claimed_at=None)
    )
    return ids
