"""What every test may ask for: a database (SQLite, and PostgreSQL where there is one), keys, a clock, Chromium."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from storage import migrate
from storage.database import Database, async_url
from storage.models import Base
from storage.sealing import Sealer
from tests import environment

# A Monday at 10:00 in Japan, within duty hours.
A_MONDAY = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)


async def eventually(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 10.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while True:
            held = condition()
            if await held if isinstance(held, Awaitable) else held:
                return
            await asyncio.sleep(0.01)


class Clock:
    """A clock that stands until a test moves it."""

    def __init__(self, now: datetime = A_MONDAY) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the present moment of the test."""
        return self.now

    def advance(self, **amount: float) -> datetime:
        """Move the clock: `clock.advance(minutes=5)`."""
        self.now += timedelta(**amount)
        return self.now


expect.set_options(timeout=20_000)  # a condition that holds is met at once; a busy machine only takes longer


@pytest.fixture
def clock() -> Clock:
    """A clock that the test moves."""
    return Clock()


@pytest.fixture(scope="session")
def sealer() -> Sealer:
    """A key ring with one key."""
    return Sealer([bytes(range(32))])


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database with every table, made once by the migrations."""
    path = tmp_path_factory.mktemp("template") / "koban.db"

    async def make() -> None:
        database = Database(f"sqlite:///{path}")
        await migrate.upgrade(database)
        async with database.engine.connect() as connection:
            await connection.exec_driver_sql("COMMIT")
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            await connection.exec_driver_sql("BEGIN")
        await database.close()

    asyncio.run(make())
    return path


@pytest.fixture(scope="session")
def postgres_template() -> str | None:
    """The URL of a PostgreSQL database of this test process, with every table; None where there is none."""
    url = environment.postgres_url()
    if url is None:
        return None
    name = f"koban_test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"

    async def make() -> str:
        admin = create_async_engine(async_url(url), isolation_level="AUTOCOMMIT")
        async with admin.connect() as connection:
            await connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            await connection.execute(text(f"CREATE DATABASE {name}"))
        await admin.dispose()
        mine = make_url(url).set(database=name).render_as_string(hide_password=False)
        database = Database(mine)
        await migrate.upgrade(database)
        await database.close()
        return mine

    return asyncio.run(make())


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a fresh SQLite file with every table."""
    path = tmp_path / "koban.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def database(
    request: pytest.FixtureRequest, sqlite_url: str, postgres_template: str | None
) -> AsyncIterator[Database]:
    """An empty database with every table, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        made = Database(sqlite_url)
    else:
        if postgres_template is None:
            pytest.skip("TEST_DATABASE_URL is not set")
        made = Database(postgres_template)
        tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
        async with made.transaction() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))  # past the audit's triggers
            await session.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    yield made
    await made.close()


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of a real Chromium; the test is left out where there is none, except in CI."""
    path = environment.chromium()
    if path is None:
        if environment.is_ci():
            pytest.fail("Chromium is missing, and CI=true")
        pytest.skip("Chromium is not installed")
    return path
