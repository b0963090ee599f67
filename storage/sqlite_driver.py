"""The SQLite driver with fewer trips to its thread: a statement and its rows in one instead of four.

aiosqlite goes to its thread and back for a cursor, the statement, its rows and the end of the cursor, and SQLAlchemy
asks for all four, and for a rollback after every commit. Each trip wakes the thread and the loop, and that cost more
than what SQLite does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import aiosqlite

ROWS_AT_ONCE = 1000  # longer answers are read on in further trips, so that a stream of a table stays a stream


class OneTripCursor(aiosqlite.Cursor):
    """Brings the first rows back with the statement."""

    def __init__(self, connection: OneTripConnection) -> None:
        super().__init__(connection, connection.sqlite.cursor())
        self._rows: list[Any] = []
        self._is_read = True  # to the end: then SQLite has let go of the statement

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> OneTripCursor:
        """Execute a statement."""
        await self._execute(self._run, sql, () if parameters is None else parameters)  # type: ignore[no-untyped-call]
        return self

    def _run(self, sql: str, parameters: Any) -> None:
        """Execute and read, in the thread."""
        self._cursor.execute(sql, parameters)
        self._rows, self._is_read = [], True
        if self._cursor.description is not None:
            self._rows = self._cursor.fetchmany(ROWS_AT_ONCE)
            self._is_read = len(self._rows) < ROWS_AT_ONCE

    async def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        rows, self._rows = self._rows, []
        if not self._is_read:
            rows += await super().fetchall()
            self._is_read = True
        return rows

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows, at most `size`."""
        size = self._cursor.arraysize if size is None else size
        if not self._rows and not self._is_read:
            self._rows = list(await super().fetchmany(ROWS_AT_ONCE))
            self._is_read = len(self._rows) < ROWS_AT_ONCE
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    async def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def close(self) -> None:
        """Let go of the statement, where it was not read to its end."""
        if not self._is_read:
            await super().close()


class OneTripConnection(aiosqlite.Connection):
    """A connection whose cursors bring rows back with the statement, and which rolls back only what is open."""

    _is_broken_off = False  # a caller was cancelled: its step may still be waiting in the thread

    @property
    def sqlite(self) -> sqlite3.Connection:
        """The connection of the standard library."""
        return self._conn

    def cursor(self) -> OneTripCursor:  # type: ignore[override]
        """Return a cursor."""
        return OneTripCursor(self)

    async def rollback(self) -> None:
        """Roll back. The pool asks for it after every transaction, also after those that ended by themselves."""
        if self._is_broken_off or self._conn.in_transaction:
            await super().rollback()

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        except Exception:
            raise
        except BaseException:
            self._is_broken_off = True
            raise


def connect(database: str, **options: Any) -> OneTripConnection:
    """Return a connection to be awaited. options: of sqlite3.connect."""
    # Cursors are made outside of the thread, which SQLite allows as long as two threads do not use one at a time.
    connection = OneTripConnection(lambda: sqlite3.connect(database, **options), iter_chunk_size=ROWS_AT_ONCE)
    connection._thread.daemon = True  # as SQLAlchemy does: a process that ends does not wait for it
    return connection
