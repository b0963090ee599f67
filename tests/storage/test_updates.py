"""The inbox: stored once, handled in order, its words removed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import select

from storage import updates
from storage.database import Database
from storage.models import Update, UpdateStatus
from storage.updates import NewUpdate
from tests.conftest import A_MONDAY


def new(update_id: int, chat: str = "a", *, urgent: bool = False) -> NewUpdate:
    return NewUpdate(update_id, chat, urgent, b"sealed")


async def test_a_repeated_update_changes_nothing(database: Database) -> None:
    async with database.transaction() as session:
        assert await updates.add_all(session, [new(1), new(2)], now=A_MONDAY) == 2
    async with database.transaction() as session:
        await updates.mark_done(session, [1], now=A_MONDAY)
        assert await updates.add_all(session, [new(1), new(2), new(3)], now=A_MONDAY) == 1
    async with database.transaction() as session:
        assert [each.update_id for each in await updates.take_waiting(session, limit=10)] == [2, 3]


async def test_urgent_updates_come_first_and_the_rest_in_order(database: Database) -> None:
    async with database.transaction() as session:
        await updates.add_all(session, [new(3, "a"), new(1, "b"), new(2, "c", urgent=True)], now=A_MONDAY)
        assert [each.update_id for each in await updates.take_waiting(session, limit=10)] == [2, 1, 3]


async def test_a_handled_update_keeps_its_row_but_not_its_words(database: Database) -> None:
    async with database.transaction() as session:
        await updates.add_all(session, [new(1)], now=A_MONDAY)
        await updates.mark_done(session, [1], now=A_MONDAY)
    async with database.reading() as session:
        row = await session.scalar(select(Update))
        assert row is not None
        assert (row.status, row.payload_sealed) == (UpdateStatus.DONE, None)


async def test_an_update_that_is_given_up_leaves_the_queue(database: Database) -> None:
    async with database.transaction() as session:
        await updates.add_all(session, [new(1)], now=A_MONDAY)
        await updates.mark_attempt_failed(session, 1, give_up=False, now=A_MONDAY)
        assert [each.n_attempts for each in await updates.take_waiting(session, limit=1)] == [1]
        await updates.mark_attempt_failed(session, 1, give_up=True, now=A_MONDAY)
        assert await updates.count_waiting(session) == 0


async def test_old_rows_are_forgotten_and_waiting_ones_are_not(database: Database) -> None:
    async with database.transaction() as session:
        await updates.add_all(session, [new(1), new(2)], now=A_MONDAY)
        await updates.mark_done(session, [1], now=A_MONDAY)
        assert await updates.forget_handled(session, before=A_MONDAY + timedelta(days=3)) == 1
        assert await updates.count_waiting(session) == 1


async def test_two_processes_never_hold_the_same_chat(database: Database) -> None:
    """On PostgreSQL the second sees only other chats; on SQLite it waits for the first and sees none that are done."""
    async with database.transaction() as session:
        await updates.add_all(session, [new(1, "a"), new(2, "b"), new(3, "a")], now=A_MONDAY)
    first_has_taken = asyncio.Event()
    may_end = asyncio.Event()
    taken: list[list[int]] = []

    async def first() -> None:
        async with database.transaction() as session:
            mine = await updates.take_waiting(session, limit=1)
            await updates.mark_done(session, [each.update_id for each in mine], now=A_MONDAY)
            first_has_taken.set()
            if not database.is_sqlite:
                await may_end.wait()
            taken.append([each.update_id for each in mine])

    async def second() -> None:
        await first_has_taken.wait()
        async with database.transaction() as session:
            mine = await updates.take_waiting(session, limit=10)
            taken.append([each.update_id for each in mine])
        may_end.set()

    await asyncio.gather(first(), second())
    if database.is_sqlite:
        assert taken == [[1], [2, 3]]
    else:
        # The first holds chat a (updates 1 and 3), so the second gets chat b alone.
        assert taken[0] == [2]
        assert set(taken[1]) <= {1, 3}
