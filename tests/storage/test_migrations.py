"""Migrations: up, down, and equal to the models."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from storage import audit, migrate
from storage.database import Database
from storage.models import Base


async def test_both_directions_run_and_leave_nothing_behind(database: Database) -> None:
    await migrate.downgrade(database, "base")
    async with database.engine.connect() as connection:
        left = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert set(left) <= {"alembic_version"}
    assert await migrate.current_revision(database) is None
    await migrate.upgrade(database)
    assert await migrate.current_revision(database) == migrate.newest_revision()


async def test_the_migrated_database_is_what_the_models_say(database: Database) -> None:
    async with database.engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), Base.metadata)
        )
    assert differences == []


async def test_entries_from_before_the_chain_are_chained_as_they_stand(database: Database) -> None:
    await migrate.downgrade(database, "0002")
    async with database.transaction() as session:
        for number in (3, 5, 9):
            await session.execute(text(
                "INSERT INTO audit_entries (id, at, tag, subject, detail) VALUES "
                f"({number}, '2026-11-30 01:00:00.123456', 'staff:ticket:read', 'ticket:{number}', '{{\"ü\": 1}}')"
            ))
    await migrate.upgrade(database)
    async with database.reading() as session:
        assert await audit.first_break(session) is None
        assert (await audit.head(session)).number == 3
        assert [entry.subject for entry in await audit.latest(session)] == ["ticket:9", "ticket:5", "ticket:3"]
