"""Events and the answers to their invitations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Chat, Delivery, DeliveryStatus, Event, EventAnswer, EventReply


async def locked(session: AsyncSession, notice_id: int) -> Event | None:
    """Return an event whose seats nobody else counts until the end of the transaction."""
    found: Event | None = await session.scalar(
        select(Event).where(Event.notice_id == notice_id).with_for_update().execution_options(populate_existing=True)
    )
    return found


async def was_invited(session: AsyncSession, notice_id: int, chat_id: int) -> bool:
    """Tell whether this chat was sent the invitation: a number made up in a button invites nobody."""
    statuses = (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN, DeliveryStatus.SENDING)
    query = select(Delivery.id).where(
        Delivery.notice_id == notice_id, Delivery.chat_id == chat_id, Delivery.status.in_(statuses)
    )
    return await session.scalar(query) is not None


async def count(session: AsyncSession, notice_id: int) -> dict[str, int]:
    """Return how many chats gave each answer."""
    query = select(EventReply.answer, func.count()).where(EventReply.notice_id == notice_id)
    return {row[0]: row[1] for row in await session.execute(query.group_by(EventReply.answer))}


async def answer_of(session: AsyncSession, notice_id: int, chat_id: int) -> EventReply | None:
    """Return what this chat answered."""
    return await session.get(EventReply, (notice_id, chat_id), populate_existing=True)


async def with_free_seats(session: AsyncSession, *, now: datetime) -> list[int]:
    """Return the coming events that have both a free seat and somebody who waits for one."""
    waits = exists().where(EventReply.notice_id == Event.notice_id, EventReply.answer == EventAnswer.WAITING)
    n_coming = (
        select(func.count()).select_from(EventReply)
        .where(EventReply.notice_id == Event.notice_id, EventReply.answer == EventAnswer.COMING)
        .correlate(Event).scalar_subquery()
    )
    query = select(Event.notice_id).where(
        Event.starts_at > now, Event.cancelled_at.is_(None), waits, or_(Event.seats.is_(None), n_coming < Event.seats)
    )
    return list(await session.scalars(query))


async def next_for_seat(session: AsyncSession, event: Event) -> tuple[EventReply, Chat] | None:
    """Return who waits longest for a seat of this event; None when no seat is free or nobody waits."""
    if event.seats is not None:
        counts = await count(session, event.notice_id)
        if counts.get(EventAnswer.COMING, 0) >= event.seats:
            return None
    row = (await session.execute(
        select(EventReply, Chat).join(Chat, Chat.id == EventReply.chat_id)
        .where(EventReply.notice_id == event.notice_id, EventReply.answer == EventAnswer.WAITING)
        .order_by(EventReply.answered_at, EventReply.chat_id).limit(1)
    )).first()
    return (row[0], row[1]) if row else None


async def answers_of_chat(session: AsyncSession, chat_id: int) -> Sequence[tuple[EventReply, Event]]:
    """Return every answer of a chat with its event, oldest event first."""
    rows = await session.execute(
        select(EventReply, Event).join(Event, Event.notice_id == EventReply.notice_id)
        .where(EventReply.chat_id == chat_id).order_by(Event.starts_at)
    )
    return [(row[0], row[1]) for row in rows]


async def guests(session: AsyncSession, notice_id: int) -> Sequence[tuple[str, str, str | None]]:
    """Return (answer, locale, municipality) of those who come or wait: for the organiser, without names."""
    rows = await session.execute(
        select(EventReply.answer, Chat.locale, Chat.municipality).join(Chat, Chat.id == EventReply.chat_id)
        .where(EventReply.notice_id == notice_id, EventReply.answer != EventAnswer.NOT_NOW)
        .order_by(EventReply.answer, Chat.locale)
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def to_remind(session: AsyncSession, *, after: datetime, until: datetime) -> list[int]:
    """Return the events with guests, not cancelled, that begin after one moment and until another."""
    has_guests = exists().where(EventReply.notice_id == Event.notice_id, EventReply.answer == EventAnswer.COMING)
    query = select(Event.notice_id).where(
        Event.starts_at > after, Event.starts_at <= until, Event.cancelled_at.is_(None), has_guests
    )
    return list(await session.scalars(query))
