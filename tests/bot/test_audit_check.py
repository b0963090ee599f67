"""`koban audit check`: the chain, and what the ledger outside the database remembers of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, insert, text

from bot import audit_check, ledger
from bot.__main__ import main
from bot.errors import LedgerError
from storage import audit
from storage.audit import AuditTag, Head
from storage.database import Database
from storage.models import AuditEntry
from tests.conftest import A_MONDAY


async def _add(database: Database, *tickets: int) -> None:
    for ticket in tickets:
        async with database.transaction() as session:
            audit.record(session, AuditTag.STAFF_TICKET_READ, f"ticket:{ticket}", now=A_MONDAY)


async def _forge(database: Database, *tickets: int) -> None:
    """Empty the audit and write a chain of our own, as somebody with the database's password could."""
    async with database.transaction() as session:
        if database.is_sqlite:
            await session.execute(text("DROP TRIGGER audit_entries_no_delete"))
        else:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(delete(AuditEntry))
        last = Head()
        for number, ticket in enumerate(tickets, start=1):
            row = {"id": number, "previous_hash": last.hash, "at": A_MONDAY, "tag": "staff:ticket:read",
                   "subject": f"ticket:{ticket}", "staff_id": None, "detail": {}}
            last = Head(number, audit.entry_hash(row))
            await session.execute(insert(AuditEntry).values(**row, hash=last.hash))


async def test_a_chain_that_grew_since_its_head_was_kept_is_right(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    await _add(database, 1, 2)
    assert (await audit_check.keep_head(database, path, now=A_MONDAY)).broken is None
    await _add(database, 3)
    verdict = await audit_check.check(database, path)
    assert (verdict.broken, verdict.head.number, verdict.n_heads) == (None, 3, 1)


@pytest.mark.parametrize(("forged", "number", "reason"), [
    ((1, 7, 3), 2, "written anew"), ((1,), 2, "cut off"), ((), 1, "cut off"),
])
async def test_a_chain_that_is_whole_but_not_ours_is_found_by_the_ledger(
    database: Database, tmp_path: Path, forged: tuple[int, ...], number: int, reason: str
) -> None:
    path = tmp_path / "ledger.jsonl"
    await _add(database, 1, 2)
    await audit_check.keep_head(database, path, now=A_MONDAY)
    await _forge(database, *forged)
    broken = (await audit_check.check(database, path)).broken
    assert broken is not None
    assert (broken.number, reason in broken.reason) == (number, True)


async def test_a_broken_chain_gets_no_head_in_the_ledger(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    await _add(database, 1, 2)
    await audit_check.keep_head(database, path, now=A_MONDAY)
    await _forge(database, 5, 6, 7)
    before = path.read_bytes()
    assert (await audit_check.keep_head(database, path, now=A_MONDAY)).broken is not None
    assert path.read_bytes() == before


def test_a_restore_sets_the_heads_after_the_backup_aside(tmp_path: Path) -> None:
    lines = [
        ledger.HeadLine(A_MONDAY, 10, "a"), ledger.HeadLine(A_MONDAY, 20, "b"), ledger.RestoreLine(A_MONDAY, 12, "c"),
        ledger.HeadLine(A_MONDAY, 15, "d"),
    ]
    ledger.append(tmp_path / "ledger", lines[:2])
    ledger.append(tmp_path / "ledger", lines[2:])
    assert ledger.read([tmp_path / "ledger"]) == lines
    assert [head.number for head in ledger.heads_in_force(lines)] == [10, 12, 15]


def test_a_line_torn_by_a_power_cut_spoils_nothing_and_a_forged_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledger.append(path, [ledger.HeadLine(A_MONDAY, 1, "a")])
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:30])
    ledger.append(path, [ledger.HeadLine(A_MONDAY, 2, "b")])
    assert [line.number for line in ledger.read([path]) if isinstance(line, ledger.HeadLine)] == [1, 2]
    path.write_bytes(path.read_bytes() + b'{"kind": "something"}\n')
    with pytest.raises(LedgerError, match="ledger:4"):
        ledger.read([path])


def test_only_the_owner_reads_the_ledger(tmp_path: Path) -> None:
    ledger.append(tmp_path / "new" / "ledger", [ledger.HeadLine(A_MONDAY, 1, "a")])
    assert (tmp_path / "new" / "ledger").stat().st_mode & 0o777 == 0o600


def test_the_command_tells_by_its_exit_code(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    monkeypatch.setenv("KOBAN_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("KOBAN_LEDGER", str(tmp_path / "ledger"))

    async def do(step: object, *tickets: int) -> None:
        database = Database(sqlite_url)
        await step(database, *tickets)  # type: ignore[operator]
        await database.close()

    asyncio.run(do(_add, 1, 2))
    assert main(["audit", "check", "--keep"]) == 0
    assert "2 entries" in capsys.readouterr().out
    asyncio.run(do(_forge, 1))
    assert main(["audit", "check"]) == 1
    assert "broken at entry 2" in capsys.readouterr().out
