"""The two kinds of transactions on SQLite: with foreign keys, and the one that fills a table from their rows."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.models import StaffPing, Subscription

NOW = datetime(2026, 11, 27, tzinfo=UTC)


async def fill(database: Database, *, broken: bool = False) -> None:
    async with database.filling() as session:
        await session.execute(insert(StaffPing).values(id=1, at=NOW, audit_id=0))
        if broken:
            raise RuntimeError("half way")


async def n_pings(database: Database) -> int | None:
    async with database.reading() as session:
        n: int | None = await session.scalar(select(func.count(StaffPing.id)))
        return n


async def add_orphan(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(insert(Subscription).values(chat_id=4711, kind="campaign", created_at=NOW))


async def test_filling_is_committed_and_leaves_foreign_keys_to_every_other_transaction(database: Database) -> None:
    await fill(database)
    assert await n_pings(database) == 1
    for _ in range(12):  # more than the connections that are kept
        with pytest.raises(IntegrityError):
            await add_orphan(database)


async def test_filling_is_rolled_back_when_it_fails(database: Database) -> None:
    with pytest.raises(RuntimeError, match="half way"):
        await fill(database, broken=True)
    assert await n_pings(database) == 0
