"""The `koban` commands about records: whether the audit is as it was written, backup, restore."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from bot import audit_check, backups
from bot.config import Settings, read_settings
from storage.database import Database
from storage.dump import Contents

AddCommand = Callable[[str, object, str], argparse.ArgumentParser]


def add_commands(add: AddCommand) -> None:
    """Add the commands to the parser of `koban`."""
    command = add("audit", _audit_check, "check that the audit is as it was written; names the first broken entry")
    command.add_argument("action", choices=["check"])
    command.add_argument("--keep", action="store_true", help="keep the newest entry's hash in the ledger")
    command = add("backup", _back_up, "write everything into one file sealed with the key ring, and read it back")
    command.add_argument("file", type=Path)
    command.add_argument("--force", action="store_true", help="replace the file if it exists")
    command = add("restore", _restore, "replace everything in the database by a backup, and erase again what residents "
                                       "had erased since; with every process of koban stopped")
    command.add_argument("file", type=Path)
    command.add_argument("--force", action="store_true", help="replace a database that is not empty")
    command.add_argument("--check", action="store_true", help="only read the file and say what is in it")
    command.add_argument("--ledger", type=Path, action="append", default=[],
                         help="the ledger of another server too (KOBAN_LEDGER is always read)")


@contextmanager
def _rows(what: str) -> Iterator[Callable[[int], None]]:
    """Show how many rows are done, where there is a terminal."""
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,} rows"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda n: progress.advance(task, n)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database_url.get_secret_value())
    try:
        yield database
    finally:
        await database.close()


def _audit_check(options: argparse.Namespace) -> int:
    settings = read_settings(os.environ)

    async def go() -> audit_check.Verdict:
        async with _opened(settings) as database:
            if options.keep:
                return await audit_check.keep_head(database, settings.ledger, now=datetime.now(UTC))
            return await audit_check.check(database, settings.ledger)

    verdict = asyncio.run(go())
    if verdict.broken is not None:
        print(f"The audit is broken at entry {verdict.broken.number}: {verdict.broken.reason}.")
        return 1
    print(f"The audit is as it was written: {verdict.head.number} entries, {verdict.n_heads} heads in the ledger.\n"
          f"The newest entry's hash is {verdict.head.hash}")
    return 0


def _back_up(options: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    sealer = settings.sealer()

    async def go() -> Contents:
        async with _opened(settings) as database:
            with _rows("Writing the backup") as told:
                return await backups.back_up(
                    database, sealer, options.file, ledger_path=settings.ledger, now=datetime.now(UTC),
                    force=options.force, told=told,
                )

    contents = asyncio.run(go())
    print(f"{options.file} holds {_described(contents)}. It was read back and is whole.\n"
          f"It opens with the keys of KOBAN_KEYS only: keep a copy of them, and of {settings.ledger}, elsewhere.")
    return 0


def _described(contents: Contents) -> str:
    rows = contents.n_rows
    return (f"{sum(rows.values()):,} rows, among them {rows.get('tickets', 0):,} consultations and "
            f"{rows.get('messages', 0):,} messages, as of {contents.header.made_at}")


def _restore(options: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    sealer = settings.sealer()
    if options.check:
        print(f"{options.file} is whole: {_described(backups.check(options.file, sealer))}.")
        return 0

    async def go() -> backups.Restored:
        async with _opened(settings) as database:
            with _rows("Writing the rows") as told:
                return await backups.restore(
                    database, sealer, options.file, ledgers=[settings.ledger, *options.ledger], now=datetime.now(UTC),
                    force=options.force, told=told,
                )

    done = asyncio.run(go())
    print(f"The database holds {_described(done.contents)}.\n"
          f"Erased again: the data of {done.n_erased_again} residents.\n"
          f"Not sent again, marked as unknown: {done.n_unknown} messages. Notices that wait for a person: "
          f"{done.n_notices_stopped}.\nEverybody has to sign in again.")
    return 0
