"""Puts messages into the outbox, in the transaction of what causes them; bot/outbox.py sends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot import safety
from bot.outgoing import Address, Outgoing
from storage import chats, deliveries
from storage.models import Chat, Lane
from storage.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery that this process has claimed, opened and ready to send.

    part_ids: Telegram's ids of the files before it that are sent; it grows while it is being sent.
    """

    id: int
    chat_id: int
    address: Address
    lane: Lane
    outgoing: Outgoing
    notice_id: int | None = None
    n_attempts: int = 1
    part_ids: list[int] = field(default_factory=list)


async def queue(
    session: AsyncSession,
    chat: Chat,
    outgoing: Outgoing,
    *,
    lane: Lane,
    sealer: Sealer,
    now: datetime,
    process_id: str | None = None,
    message_id: int | None = None,
) -> Job:
    """Put a message into the outbox, in the caller's transaction.

    process_id: given when the caller hands the returned job to its Outbox right after the commit. Without it the
        message comes by itself: in safe contact it waits for a safe hour.
    message_id: the ticket's message that this delivers.
    """
    not_before = None
    if process_id is None:
        outgoing = replace(outgoing, is_unprompted=True)
        if chat.safe_contact:
            not_before = safety.times_of(chat).next_moment(now)
    delivery_id = await deliveries.add(
        session, chat_id=chat.id, lane=lane, payload_sealed=sealer.seal_text(outgoing.to_json(), deliveries.OUTBOX),
        now=now, claimed_by=process_id, message_id=message_id, not_before=not_before,
    )
    return Job(delivery_id, chat.id, chats.address_of(chat, sealer), lane, outgoing)


async def queue_all(
    session: AsyncSession,
    messages: Sequence[tuple[Chat, Lane, Outgoing]],
    *,
    sealer: Sealer,
    now: datetime,
    process_id: str,
) -> list[Job]:
    """Put the messages of a batch into the outbox at once, for this process to hand over right after the commit."""
    await session.flush()  # gives new chats their ids
    ids = await deliveries.add_claimed(
        session,
        [deliveries.NewDelivery(chat.id, lane, sealer.seal_text(outgoing.to_json(), deliveries.OUTBOX))
         for chat, lane, outgoing in messages],
        claimed_by=process_id, now=now,
    )
    return [
        Job(delivery_id, chat.id, chats.address_of(chat, sealer), lane, outgoing)
        for delivery_id, (chat, lane, outgoing) in zip(ids, messages, strict=True)
    ]
