"""The inbox: updates stored before they are confirmed, handled once, in order within a chat."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Chat, Update, UpdateStatus

INBOX = "update"


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """An update as it arrives. `payload_sealed` was sealed with the context INBOX."""

    update_id: int
    chat_lookup: str
    is_urgent: bool
    payload_sealed: bytes
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class WaitingUpdate:
    """An update to be handled now."""

    update_id: int
    chat_lookup: str
    payload_sealed: bytes
    n_attempts: int


async def add_all(session: AsyncSession, news: Sequence[NewUpdate], *, now: datetime) -> int:
    """Store updates; one that is here already changes nothing. Returns how many were new."""
    if not news:
        return 0
    rows: list[dict[str, Any]] = [
        {
            "update_id": new.update_id, "chat_lookup": new.chat_lookup, "is_urgent": new.is_urgent,
            "payload_sealed": new.payload_sealed, "message_id": new.message_id, "received_at": now,
        }
        for new in news
    ]
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Update).on_conflict_do_nothing(index_elements=["update_id"]).returning(Update.update_id)
    added = await session.execute(statement, rows)
    return len(added.all())


async def take_waiting(
    session: AsyncSession, *, limit: int, crowded: Collection[int] = ()
) -> list[WaitingUpdate]:
    """Return the next waiting updates, urgent ones first, and hold their chats until the transaction ends.

    crowded: chats, by id, of which only urgent ones are taken.

    On SQLite the transaction is the only writer. On PostgreSQL each chat is held by an advisory lock, so several
    processes handle different chats side by side and one chat's updates stay in order.
    """
    columns = (Update.update_id, Update.chat_lookup, Update.payload_sealed, Update.n_attempts)
    waiting = select(*columns).where(Update.status == UpdateStatus.WAITING)
    if crowded:
        lookups = select(Chat.address_lookup).where(Chat.id.in_(crowded))
        waiting = waiting.where(or_(Update.is_urgent, Update.chat_lookup.not_in(lookups)))
    order = (Update.is_urgent.desc(), Update.update_id)
    found = (await session.execute(waiting.order_by(*order).limit(limit))).all()
    if not found or session.get_bind().dialect.name != "postgresql":
        return [_waiting(row) for row in found]
    held = [
        lookup
        for lookup in dict.fromkeys(row.chat_lookup for row in found)
        if await session.scalar(text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": lookup})
    ]
    again = waiting.where(Update.chat_lookup.in_(held)).order_by(*order).limit(limit)
    return [_waiting(row) for row in (await session.execute(again)).all()]


def _waiting(row: Any) -> WaitingUpdate:
    return WaitingUpdate(row.update_id, row.chat_lookup, row.payload_sealed or b"", row.n_attempts)


async def mark_done(session: AsyncSession, update_ids: Sequence[int], *, now: datetime) -> None:
    """Record that updates were handled, and remove their words."""
    await session.execute(
        update(Update)
        .where(Update.update_id.in_(update_ids))
        .values(status=UpdateStatus.DONE, handled_at=now, payload_sealed=None)
    )


async def mark_attempt_failed(session: AsyncSession, update_id: int, *, give_up: bool, now: datetime) -> None:
    """Count a failed attempt; when giving up, the update leaves the queue and its words are removed."""
    values: dict[str, Any] = {"n_attempts": Update.n_attempts + 1}
    if give_up:
        values |= {"status": UpdateStatus.FAILED, "handled_at": now, "payload_sealed": None}
    await session.execute(update(Update).where(Update.update_id == update_id).values(**values))


async def count_waiting(session: AsyncSession) -> int:
    """Return how many updates wait."""
    query = select(func.count()).select_from(Update).where(Update.status == UpdateStatus.WAITING)
    return await session.scalar(query) or 0


async def forget_handled(session: AsyncSession, *, before: datetime) -> int:
    """Remove the rows of updates handled before a moment; Telegram repeats nothing older than a day."""
    gone = await session.execute(delete(Update).where(Update.handled_at < before).returning(Update.update_id))
    return len(gone.all())
