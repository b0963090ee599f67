"""Erasure of what is kept about a chat, and the record that it was erased."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage import tickets
from storage.chats import new_code
from storage.models import (
    Chat,
    Delivery,
    Erasure,
    EventReply,
    Message,
    StaffLink,
    Subscription,
    Ticket,
    Update,
    UpdateStatus,
)

RECEIPT_PREFIX = "E-"
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is kept, or went."""

    n_tickets: int
    n_messages: int


async def count(session: AsyncSession, chat: Chat, *, up_to: datetime) -> Amount:
    """Return how much an erasure would remove."""
    ids = select(Ticket.id).where(Ticket.chat_id == chat.id, Ticket.created_at <= up_to)
    n_tickets = await session.scalar(select(func.count()).select_from(ids.subquery()))
    n_messages = await session.scalar(select(func.count()).select_from(Message).where(Message.ticket_id.in_(ids)))
    return Amount(n_tickets or 0, n_messages or 0)


async def erase(session: AsyncSession, chat: Chat, *, now: datetime, keep_update_id: int) -> Amount:
    """Remove everything that is kept about a chat, and make its own row blank; returns how much went.

    keep_update_id: the update that is being handled now. What the resident sent after it is still to be handled.
    A reply that staff sent meanwhile, later than `now` and before this, goes too.
    """
    amount = await _remove(session, chat, up_to=_END_OF_TIME, updates_up_to=now, keep_update_id=keep_update_id)
    await _blank(session, chat, now)
    return amount


async def _remove(
    session: AsyncSession, chat: Chat, *, up_to: datetime, updates_up_to: datetime, keep_update_id: int = -1
) -> Amount:
    amount = await count(session, chat, up_to=up_to)
    ids = select(Ticket.id).where(Ticket.chat_id == chat.id, Ticket.created_at <= up_to)
    await session.execute(delete(Delivery).where(Delivery.chat_id == chat.id, Delivery.created_at <= up_to))
    await session.execute(delete(Message).where(Message.ticket_id.in_(ids)))
    await session.execute(delete(Ticket).where(Ticket.chat_id == chat.id, Ticket.created_at <= up_to))
    # What was written after the wish and still waits is not answered yet: it stays.
    is_next = (Update.update_id > keep_update_id) & (Update.status == UpdateStatus.WAITING) & (keep_update_id >= 0)
    await session.execute(delete(Update).where(
        Update.chat_lookup == chat.address_lookup, Update.received_at <= updates_up_to,
        Update.update_id != keep_update_id,
        ~is_next,
    ))
    await session.execute(delete(Subscription).where(
        Subscription.chat_id == chat.id, Subscription.created_at <= up_to
    ))
    await session.execute(delete(EventReply).where(EventReply.chat_id == chat.id, EventReply.answered_at <= up_to))
    tickets.forget_preloaded(session)
    return amount


async def _blank(session: AsyncSession, chat: Chat, at: datetime) -> None:
    await session.execute(update(StaffLink).where(StaffLink.chat_id == chat.id).values(chat_id=None))
    chat.pseudonym = new_code("R-", 6)
    chat.municipality = None
    chat.safe_contact, chat.safe_hours, chat.safe_days = False, 0, "all"
    chat.last_intent, chat.last_intent_at, chat.n_misses = None, None, 0
    chat.locale_is_chosen = False
    chat.created_at = at


def record(session: AsyncSession, chat: Chat, amount: Amount, *, now: datetime) -> Erasure:
    """Keep that the data of a chat were erased, under a random receipt number."""
    erasure = Erasure(
        receipt=f"{new_code(RECEIPT_PREFIX, 4)}-{new_code('', 4)}", chat_lookup=chat.address_lookup, erased_at=now,
        n_tickets=amount.n_tickets, n_messages=amount.n_messages, is_in_ledger=False,
    )
    session.add(erasure)
    return erasure


async def latest_of(session: AsyncSession, chat: Chat) -> Erasure | None:
    """Return the newest erasure of a chat."""
    found: Erasure | None = await session.scalar(
        select(Erasure).where(Erasure.chat_lookup == chat.address_lookup).order_by(Erasure.id.desc()).limit(1)
    )
    return found


async def not_in_ledger(session: AsyncSession) -> list[Erasure]:
    """Return the erasures that are not written outside the database yet, oldest first."""
    return list(await session.scalars(select(Erasure).where(Erasure.is_in_ledger.is_(False)).order_by(Erasure.id)))


async def mark_in_ledger(session: AsyncSession, receipts: list[str]) -> None:
    """Record that erasures are written outside the database."""
    await session.execute(update(Erasure).where(Erasure.receipt.in_(receipts)).values(is_in_ledger=True))


async def apply_again(session: AsyncSession, erasure: Erasure) -> bool:
    """Erase in a restored database what was erased after the backup, and keep the record of it.

    What came after the erasure stays: the resident may have come back since. Returns whether there was anything.
    """
    if await session.scalar(select(Erasure.id).where(Erasure.receipt == erasure.receipt)) is None:
        session.add(erasure)
    chat: Chat | None = await session.scalar(select(Chat).where(Chat.address_lookup == erasure.chat_lookup))
    if chat is None:
        return False
    amount = await _remove(session, chat, up_to=erasure.erased_at, updates_up_to=erasure.erased_at)
    is_older = chat.created_at < erasure.erased_at  # an erasure sets created_at, so a blank row is not older
    if is_older:
        await _blank(session, chat, erasure.erased_at)
    return is_older or amount != Amount(0, 0)
