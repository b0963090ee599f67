"""The `koban` commands about records: the audit's check, backup, restore, change of keys, retention."""

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

from bot import audit_check, backups, retention
from bot.config import Settings, read_settings
from bot.deployment import load_deployment
from bot.errors import BackupError, NoDatabaseError
from bot.i18n import ROOT, TOKYO
from bot.keys import use_key_of_database
from intents.catalogue import load_catalogue
from storage import audit, rotation
from storage.audit import AuditTag
from storage.database import Database
from storage.dump import Contents
from storage.rotation import Rotated

AddCommand = Callable[[str, object, str], argparse.ArgumentParser]


def add_commands(add: AddCommand) -> None:
    """Add the commands to the parser of `koban`."""
    command = add("audit", _audit_check, "check that the audit is as it was written; names the first broken entry")
    command.add_argument("action", choices=["check"], help="what to do with it")
    command.add_argument("--keep", action="store_true", help="keep the newest entry's hash in the ledger")
    command = add("backup", _back_up, "write everything into one file sealed with the key ring, and read it back")
    command.add_argument("file", type=Path, help="where to write it; its folder must exist")
    command.add_argument("--force", action="store_true", help="replace the file if it exists")
    command = add("restore", _restore, "replace everything in the database by a backup, and erase again what residents "
                                       "had erased since; with every process of koban stopped")
    command.add_argument("file", type=Path, help="what `koban backup` wrote")
    command.add_argument("--force", action="store_true", help="replace a database that is not empty")
    command.add_argument("--check", action="store_true", help="only read the file and say what is in it")
    command.add_argument("--ledger", type=Path, action="append", default=[],
                         help="the ledger of another server too (KOBAN_LEDGER is always read)")
    add("rotate-keys", _rotate_keys, "seal everything with the first key of KOBAN_KEYS, so that the others can be "
                                     "removed; can be broken off and run again")
    command = add("retention", _retention, "remove what is past its time (the worker does it every hour)")
    command.add_argument("--dry-run", action="store_true", help="only print what would go, by data class")


@contextmanager
def _rows(what: str) -> Iterator[Callable[[int], None]]:
    """Show how many rows are done, where there is a terminal."""
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,} rows"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda n: progress.advance(task, n)


@asynccontextmanager
async def _opened(settings: Settings, *, is_new: bool = False) -> AsyncIterator[Database]:
    """Open the database. is_new: it need not be there; otherwise a mistaken address would make an empty file."""
    database = Database(settings.database_url.get_secret_value())
    if is_new:
        try:
            database.make_folder()
        except OSError as error:
            raise BackupError(f"the folder of {database.file} cannot be made: {error.strerror}") from error
    elif database.file is not None and not database.file.exists():
        raise NoDatabaseError(f"there is no database {database.file}: check KOBAN_DATABASE_URL and the folder in "
                              "which this runs; `koban migrate` makes a new one")
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
        async with _opened(settings, is_new=True) as database:
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


def _rotate_keys(_options: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    sealer = settings.sealer()

    async def go() -> Rotated:
        async with _opened(settings) as database:
            async with database.transaction() as session:
                await use_key_of_database(session, sealer)
                n_old = await rotation.count_old(session, sealer)
            with Progress(console=Console(stderr=True), transient=True) as progress:
                task = progress.add_task("Sealing anew", total=n_old)
                done = await rotation.rotate(database, sealer, told=lambda n: progress.advance(task, n))
            async with database.transaction() as session:
                audit.record(session, AuditTag.SYSTEM_KEYS_ROTATE, "database", now=datetime.now(UTC),
                             sealed=done.n_sealed, left=done.n_left)
            return done

    done = asyncio.run(go())
    print(f"Sealed anew with the first key: {done.n_sealed:,} values.")
    for name, n in done.unopened.items():
        print(f"{name}: {n:,} values open with no key of KOBAN_KEYS.")
    if done.n_left:
        print(f"{done.n_left:,} values are still sealed with another key: do not remove any key yet. "
              "Give every running process the new keys, then run this again.")
        return 1
    print("Nothing in the database needs the other keys any more: remove them from KOBAN_KEYS and restart.\n"
          "Keep them with the backups that were made before: those open with no other.")
    return 0


def _retention(options: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    path = settings.deployment if settings.deployment.is_absolute() else ROOT / settings.deployment
    deployment = load_deployment(path, load_catalogue(ROOT, strict=False))
    now = datetime.now(UTC)

    async def go() -> list[retention.Due]:
        async with _opened(settings) as database:
            async with database.reading() as session:
                found = await retention.due(session, deployment=deployment, now=now)
            if not options.dry_run:
                async with database.transaction() as session:
                    await retention.remove_old(session, deployment=deployment, now=now)
            return found

    due = asyncio.run(go())
    print("This would go now:" if options.dry_run else "This went:")
    for each in due:
        oldest = f"the oldest from {each.oldest.astimezone(TOKYO):%Y-%m-%d}" if each.oldest else ""
        kept = "(stays: the audit is only added to)" if each.is_kept else ""
        print(f"  {each.name:<12}{each.n_rows:>10,}  older than {each.days} days  {oldest} {kept}".rstrip())
    return 0
