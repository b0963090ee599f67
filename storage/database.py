"""Engine, sessions, and times that are always aware and UTC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, Dialect, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeDecorator

from storage import sqlite_driver

BUSY_TIMEOUT_MS = 10_000
_AT_THE_END = "at the end of the transaction"

LastStep = Callable[[AsyncSession], Awaitable[None]]


class UTCDateTime(TypeDecorator[datetime]):
    """A moment in UTC, aware on the way in and on the way out.

    SQLite gives back naive datetimes even for `timezone=True`; a naive one mixed with an aware one raises far from its
    cause, so it is refused here at the door.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime was given to the database: use aware UTC times")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class DatabaseUrlError(ValueError):
    """This is not the address of a database that we can use. Its text does not hold the address, which is a secret."""


def async_url(url: str) -> str:
    """Return the URL with the asynchronous driver of its database: aiosqlite or asyncpg. Raises DatabaseUrlError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUrlError("this is not the address of a database") from error
    if parsed.get_backend_name() == "sqlite":
        return parsed.set(drivername="sqlite+aiosqlite").render_as_string(hide_password=False)
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
    raise DatabaseUrlError("the database must be sqlite or postgresql")


class Database:
    """One engine and its sessions; `url` is a SQLAlchemy URL of SQLite or PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.url = async_url(url)
        self.engine: AsyncEngine = _create_engine(self.url)
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._filling = _create_engine(self.url, for_filling=True) if self.is_sqlite else self.engine

    @property
    def is_sqlite(self) -> bool:
        """Tell whether this is SQLite, where one writer works at a time."""
        return self.engine.dialect.name == "sqlite"

    @property
    def file(self) -> Path | None:
        """The file of SQLite; None for PostgreSQL and for memory."""
        name = self.engine.url.database
        return Path(name) if self.is_sqlite and name and name != ":memory:" else None

    def make_folder(self) -> None:
        """Make the folder of the SQLite file where there is none, for its owner only. Raises OSError."""
        if self.file is not None:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    @asynccontextmanager
    async def transaction(self, on: AsyncConnection | AsyncEngine | None = None) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end of the block, rolled back when it raises.

        on: the connection whose transaction this is a part of; then its owner commits. Or another engine.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so what was read cannot change before the write.
        """
        made = self.sessions() if on is None else self.sessions(bind=on)
        async with made as session, session.begin():
            steps: dict[LastStep, None] = session.info.setdefault(_AT_THE_END, {})
            yield session
            for step in steps:
                await step(session)

    def filling(self) -> AbstractAsyncContextManager[AsyncSession]:
        """One transaction that adds many rows, made by a statement out of the very rows that they refer to.

        On SQLite foreign keys are not looked up in it, row by row: that took a third of the time for a million. Its
        connection is opened for it and closed after it, so that no other transaction is without them.
        """
        return self.transaction(self._filling)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session for reading only; whatever it changed is thrown away."""
        async with self.sessions() as session:
            await session.connection(execution_options={"koban_read_only": True})
            yield session
            session.expunge_all()  # so that what was read can still be looked at after the rollback
            await session.rollback()

    async def ping(self) -> None:
        """Raise the driver's error when the database cannot answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
        await self._filling.dispose()


def put_off(session: AsyncSession, step: LastStep) -> None:
    """Do a step just before the commit, once however often it is put off; not at all when the transaction fails.

    What waits for others (the audit's chain) is done last, so that nobody waits for us longer than a commit takes.
    Raises RuntimeError outside of `Database.transaction`, where nothing would do it.
    """
    if (steps := session.info.get(_AT_THE_END)) is None:
        raise RuntimeError("this session was not opened by Database.transaction: nothing would do the last step")
    steps[step] = None


def _create_engine(url: str, *, for_filling: bool = False) -> AsyncEngine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True, hide_parameters=True)
    # Opening a connection costs as much as a hundred statements, so as many are kept as there are parts at work.
    pool: dict[str, Any] = {"poolclass": NullPool} if for_filling else {"pool_size": 10}
    engine = create_async_engine(
        url, hide_parameters=True, **pool,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "async_creator_fn": sqlite_driver.connect},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN is deferred: we send ours below
        cursor, keys = connection.cursor(), "OFF" if for_filling else "ON"
        # FULL: a consultation that was confirmed survives a power cut; measured at 1.16 x NORMAL.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"foreign_keys={keys}", "secure_delete=ON",
                       f"busy_timeout={BUSY_TIMEOUT_MS}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Any) -> None:
        read_only = connection.get_execution_options().get("koban_read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
