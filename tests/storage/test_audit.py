"""The audit is a chain that only grows: whatever is changed, removed, put in or cut off is found and named."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from storage import audit
from storage.audit import AuditTag, Break
from storage.database import Database
from storage.models import AuditEntry
from tests.conftest import A_MONDAY

ROWS = """
import asyncio, sys
from datetime import UTC, datetime
from storage import audit
from storage.database import Database

async def go():
    database = Database(sys.argv[1])
    for number in range(25):
        async with database.transaction() as session:
            tag, now = audit.AuditTag.STAFF_TICKET_READ, datetime.now(UTC)
            audit.record(session, tag, f"ticket:{number}", now=now, by=sys.argv[2])
    await database.close()

asyncio.run(go())
"""


async def _add(database: Database, number: int = 3) -> None:
    for ticket in range(number):
        async with database.transaction() as session:
            audit.record(session, AuditTag.STAFF_TICKET_READ, f"ticket:{ticket}", now=A_MONDAY, 数="三", n=[1, None])


async def _past_the_triggers(session: AsyncSession) -> None:
    """Do what somebody with the database's own password could do."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SET LOCAL session_replication_role = replica"))
    else:
        for verb in ("update", "delete"):
            await session.execute(text(f"DROP TRIGGER audit_entries_no_{verb}"))


async def _break_of(database: Database) -> Break | None:
    async with database.reading() as session:
        return await audit.first_break(session)


async def test_entries_follow_each_other_from_the_first_one_on(database: Database) -> None:
    await _add(database)
    async with database.reading() as session:
        rows = list(await session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
    assert [row.id for row in rows] == [1, 2, 3]
    assert [row.previous_hash for row in rows] == [audit.BEFORE_THE_FIRST, rows[0].hash, rows[1].hash]
    assert await _break_of(database) is None


async def test_the_hash_is_the_same_whatever_the_time_zone_of_the_caller(database: Database) -> None:
    row = {"id": 1, "previous_hash": audit.BEFORE_THE_FIRST, "tag": "a:b:c", "subject": "x", "staff_id": None,
           "detail": {"b": 1, "a": 2}}
    tokyo = datetime(2026, 11, 30, 10, 0, tzinfo=timezone(timedelta(hours=9)))
    assert audit.entry_hash(row | {"at": tokyo}) == audit.entry_hash(row | {"at": tokyo.astimezone(UTC)})
    # What was written must stay right for years: this value never changes.
    assert audit.entry_hash(row | {"at": tokyo}) == "b2dddf3db2fd18fb87ceb714fce0e168a3caad8f830889c815d3d9eaf75c6e2d"


async def test_several_entries_of_one_transaction_are_one_after_the_other(database: Database) -> None:
    async with database.transaction() as session:
        for number in range(3):
            audit.record(session, AuditTag.STAFF_TICKET_READ, f"ticket:{number}", now=A_MONDAY)
    assert await _break_of(database) is None
    async with database.reading() as session:
        assert (await audit.head(session)).number == 3


async def test_a_transaction_that_fails_leaves_neither_an_entry_nor_a_gap(database: Database) -> None:
    await _add(database, 1)
    with contextlib.suppress(LookupError):
        async with database.transaction() as session:
            audit.record(session, AuditTag.STAFF_TICKET_READ, "ticket:1", now=A_MONDAY)
            await session.flush()
            raise LookupError
    await _add(database, 1)
    async with database.reading() as session:
        assert list(await session.scalars(select(AuditEntry.id).order_by(AuditEntry.id))) == [1, 2]


async def test_outside_of_a_transaction_of_ours_an_entry_is_refused_instead_of_lost(database: Database) -> None:
    async with database.sessions() as session:
        with pytest.raises(RuntimeError):
            audit.record(session, AuditTag.STAFF_TICKET_READ, "ticket:1", now=A_MONDAY)


@pytest.mark.slow
async def test_several_processes_at_once_write_one_chain(database: Database) -> None:
    url = database.engine.url.set(drivername=database.engine.url.get_backend_name())
    shown = url.render_as_string(hide_password=False)
    writers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", ROWS, shown, str(number), stderr=subprocess.PIPE)
        for number in range(3)
    ]
    for writer in writers:
        _out, complaint = await writer.communicate()
        assert writer.returncode == 0, complaint.decode()
    async with database.reading() as session:
        assert (await audit.head(session)).number == 75
        order = [entry.detail["by"] for entry in await session.scalars(select(AuditEntry).order_by(AuditEntry.id))]
    assert await _break_of(database) is None
    assert order != sorted(order), "the processes ran one after the other, which shows nothing"


@pytest.mark.parametrize("statement", [
    "UPDATE audit_entries SET subject = 'ticket:9' WHERE id = 2", "DELETE FROM audit_entries WHERE id = 2",
])
async def test_the_database_refuses_to_change_or_remove_an_entry(database: Database, statement: str) -> None:
    await _add(database)
    with pytest.raises(DBAPIError, match="only added to"):
        async with database.transaction() as session:
            await session.execute(text(statement))
    assert await _break_of(database) is None


async def test_postgresql_refuses_to_empty_the_table(database: Database) -> None:
    if database.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(DBAPIError, match="only added to"):
        async with database.transaction() as session:
            await session.execute(text("TRUNCATE audit_entries"))


@pytest.mark.parametrize(("statement", "number"), [
    ("UPDATE audit_entries SET subject = 'ticket:9' WHERE id = 2", 2),
    ("UPDATE audit_entries SET staff_id = NULL, at = '2020-01-01 00:00:00' WHERE id = 3", 3),
    ("UPDATE audit_entries SET detail = '{}' WHERE id = 1", 1),
    ("UPDATE audit_entries SET tag = 'staff:ticket:claim' WHERE id = 2", 2),
    ("DELETE FROM audit_entries WHERE id = 2", 2),
    ("DELETE FROM audit_entries WHERE id = 1", 1),
])
async def test_what_was_changed_past_the_triggers_is_named(database: Database, statement: str, number: int) -> None:
    await _add(database)
    async with database.transaction() as session:
        await _past_the_triggers(session)
        await session.execute(text(statement))
    found = await _break_of(database)
    assert found is not None
    assert found.number == number


async def test_an_entry_with_a_right_hash_in_the_wrong_place_is_named(database: Database) -> None:
    await _add(database)
    row = {"id": 4, "previous_hash": "f" * 64, "at": A_MONDAY, "tag": "staff:ticket:read", "subject": "ticket:4",
           "staff_id": None, "detail": {}}
    async with database.transaction() as session:
        await session.execute(insert(AuditEntry).values(**row, hash=audit.entry_hash(row)))
    assert await _break_of(database) == Break(4, "it does not follow the entry before")
