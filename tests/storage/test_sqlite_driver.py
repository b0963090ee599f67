"""The SQLite driver: a statement and its rows in one trip, and nothing left open."""

import asyncio
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from storage import sqlite_driver
from storage.database import Database
from storage.sqlite_driver import ROWS_AT_ONCE, OneTripConnection


@pytest.fixture
async def connection(tmp_path: Path) -> OneTripConnection:
    made = await sqlite_driver.connect(str(tmp_path / "a.db"), isolation_level=None, check_same_thread=False)
    await made.cursor().execute("CREATE TABLE numbers (n INTEGER)")
    return made


async def fill(connection: OneTripConnection, n: int) -> None:
    await connection.cursor().executemany("INSERT INTO numbers VALUES (?)", [(number,) for number in range(n)])


@pytest.mark.parametrize("n", [0, 1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, 2 * ROWS_AT_ONCE + 5])
async def test_every_row_comes_once_and_in_order(connection: OneTripConnection, n: int) -> None:
    await fill(connection, n)
    cursor = connection.cursor()
    for read in ("all", "many", "one"):
        await cursor.execute("SELECT n FROM numbers ORDER BY n")
        rows = []
        if read == "all":
            rows = await cursor.fetchall()
        elif read == "many":
            while part := await cursor.fetchmany(7):
                rows += part
        else:
            while (row := await cursor.fetchone()) is not None:
                rows.append(row)
        assert rows == [(number,) for number in range(n)], read
    await cursor.close()
    await connection.close()


async def test_a_statement_and_its_rows_take_one_trip(
    connection: OneTripConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(connection, 3)
    trips: list[str] = []
    go = OneTripConnection._execute

    async def counted(self: OneTripConnection, fn: object, *args: object) -> object:
        trips.append(getattr(fn, "__name__", ""))
        return await go(self, fn, *args)

    monkeypatch.setattr(OneTripConnection, "_execute", counted)
    async with connection.cursor() as cursor:
        await cursor.execute("SELECT n FROM numbers")
        assert len(await cursor.fetchall()) == 3
    await connection.rollback()  # nothing is open
    assert trips == ["_run"]
    await connection.close()


async def test_an_open_transaction_is_rolled_back(connection: OneTripConnection) -> None:
    await connection.cursor().execute("BEGIN IMMEDIATE")
    await fill(connection, 1)
    await connection.rollback()
    assert await (await connection.cursor().execute("SELECT n FROM numbers")).fetchall() == []
    await connection.close()


async def test_a_statement_whose_caller_was_cancelled_is_rolled_back_too(connection: OneTripConnection) -> None:
    """Its BEGIN may take effect after the caller has gone; the lock may not stay."""
    busy = asyncio.create_task(connection._execute(time.sleep, 0.3))  # the thread has something else to do first
    await asyncio.sleep(0)
    waiting = asyncio.create_task(connection.cursor().execute("BEGIN IMMEDIATE"))
    await asyncio.sleep(0)  # it is with the thread now
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await connection.rollback()
    await busy
    await connection._execute(lambda: None)  # whatever was left in the thread is done
    assert not connection.sqlite.in_transaction
    await connection.close()


async def test_a_long_table_is_streamed_through_sqlalchemy(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    async with database.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE numbers (n INTEGER)"))
        await connection.execute(
            text("INSERT INTO numbers VALUES (:n)"), [{"n": number} for number in range(2 * ROWS_AT_ONCE + 5)]
        )
    async with database.engine.connect() as connection:
        found = await connection.stream(text("SELECT n FROM numbers ORDER BY n"))
        assert [row.n async for row in found] == list(range(2 * ROWS_AT_ONCE + 5))
    await database.close()
