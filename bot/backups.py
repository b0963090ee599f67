"""Backups: the whole database in one file sealed with the key ring, and its way back.

A restore is one transaction: the rows, what must not happen a second time, and every erasure that the ledger knows.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from bot import erasing, ledger
from bot.errors import BackupError
from storage import audit, dump, erasures
from storage.audit import AuditTag
from storage.database import Database
from storage.dump import Contents, DumpError, Header
from storage.models import Delivery, DeliveryStatus, Erasure, Notice, NoticeStatus, Process
from storage.sealed_file import SealedFileError, SealedWriter, read_lines
from storage.sealing import Sealer

log = logging.getLogger(__name__)

RUNNING = timedelta(seconds=10)  # a process whose heartbeat is younger is still running
AFTER_RESTORE = "a backup was restored: it may have been sent before"

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. n_unknown: messages that waited to be sent, and may have been sent since the backup."""

    contents: Contents
    n_erased_again: int
    n_unknown: int
    n_notices_stopped: int


async def back_up(
    database: Database, sealer: Sealer, path: Path, *, ledger_path: Path, now: datetime, force: bool = False,
    told: Told = lambda n: None,
) -> Contents:
    """Write everything into one sealed file, read it back, and only then give it its name.

    told: called with the number of rows each time that some were written.
    Raises BackupError when the file exists (unless `force`), or when something is wrong.
    """
    if not force and await asyncio.to_thread(path.exists):
        raise BackupError(f"{path} exists: choose another name, or write --force to replace it")
    await erasing.keep_in_ledger(database, ledger_path)
    part = path.with_name(f"{path.name}.part")
    try:
        writer = await asyncio.to_thread(SealedWriter, part, sealer)
        try:
            async for line in dump.lines(database, _header_of(database, now)):
                writer.write(line)
                told(1)
        except BaseException:
            writer.abandon()
            raise
        await asyncio.to_thread(writer.close)
        contents = await asyncio.to_thread(check, part, sealer)
        await asyncio.to_thread(os.replace, part, path)
    except (OSError, DumpError) as error:
        raise BackupError(str(error) if isinstance(error, DumpError) else f"{path}: {error.strerror}") from error
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
    async with database.transaction() as session:
        audit.record(session, AuditTag.SYSTEM_DATABASE_BACKUP, "database", now=now, rows=sum(contents.n_rows.values()),
                     head=contents.header.head_number)
    return contents


def _header_of(database: Database, now: datetime) -> Callable[[AsyncConnection, str], Awaitable[Header]]:
    async def header(connection: AsyncConnection, revision: str) -> Header:
        async with database.sessions(bind=connection) as session:
            head = await audit.head(session)
        return Header(revision, now.isoformat(), connection.dialect.name, head.number, head.hash)

    return header


def check(path: Path, sealer: Sealer) -> Contents:
    """Read a whole backup and return what is in it. Raises BackupError with what is wrong."""
    try:
        return dump.check(read_lines(path, sealer))
    except (DumpError, SealedFileError) as error:
        raise BackupError(f"{path} cannot be used: {error}") from error
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{path} cannot be used: its lines are not those of a backup") from error


async def restore(
    database: Database, sealer: Sealer, path: Path, *, ledgers: Sequence[Path], now: datetime, force: bool = False,
    told: Told = lambda n: None,
) -> Restored:
    """Replace everything in the database by a backup, and erase again what residents had erased since.

    ledgers: the ledger of this installation first, then those of other servers, if any.
    Raises BackupError before anything is changed: when the file is not whole, when the database holds rows (unless
    `force`), or when a process of Koban uses it.
    """
    contents = await asyncio.to_thread(check, path, sealer)
    await asyncio.to_thread(ledger.append, ledgers[0], [])  # the folder can be written, before anything is changed
    if await _has(database, Process):
        await _require_nobody_runs(database, now=now)
    if await _has(database, Erasure):
        await erasing.keep_in_ledger(database, ledgers[0])
    lines = await asyncio.to_thread(ledger.read, ledgers)
    async with database.engine.begin() as connection:
        if not force and await dump.holds_rows(connection):
            raise BackupError("the database is not empty: write --force to replace everything in it")
        await dump.load(connection, read_lines(path, sealer), told=told)
        async with database.transaction(on=connection) as session:
            n_unknown, n_stopped = await _do_nothing_twice(session, now=now)
            n_erased = await _erase_again(session, lines)
            audit.record(
                session, AuditTag.SYSTEM_DATABASE_RESTORE, "database", now=now, made_at=contents.header.made_at,
                erased_again=n_erased, unknown=n_unknown, notices_stopped=n_stopped,
            )
    header = contents.header
    await asyncio.to_thread(ledger.append, ledgers[0], [ledger.RestoreLine(now, header.head_number, header.head_hash)])
    return Restored(contents, n_erased, n_unknown, n_stopped)


async def _has(database: Database, table: type[Process] | type[Erasure]) -> bool:
    """Tell whether the database has a table of ours; an empty or an old one may not."""
    try:
        async with database.reading() as session:
            await session.execute(select(table.id).limit(1))
    except DBAPIError:
        return False
    return True


async def _require_nobody_runs(database: Database, *, now: datetime) -> None:
    async with database.reading() as session:
        running = await session.scalar(select(Process.role).where(Process.seen_at > now - RUNNING).limit(1))
    if running is not None:
        raise BackupError(f"koban is running ({running}): stop every process of it first")


async def _do_nothing_twice(session: AsyncSession, *, now: datetime) -> tuple[int, int]:
    """Stop what was about to be sent when the backup was made: it may have been sent since."""
    unknown = await session.execute(
        update(Delivery)
        .where(Delivery.status.in_((DeliveryStatus.QUEUED, DeliveryStatus.SENDING)))
        .values(status=DeliveryStatus.UNKNOWN, payload_sealed=None, claimed_by=None, error=AFTER_RESTORE,
                settled_at=now)
        .returning(Delivery.id)
    )
    paused = await session.execute(
        update(Notice).where(Notice.status == NoticeStatus.SENDING)
        .values(status=NoticeStatus.PAUSED, updated_at=now).returning(Notice.id)
    )
    late = await session.execute(
        update(Notice).where(Notice.status == NoticeStatus.SCHEDULED, Notice.send_at <= now)
        .values(status=NoticeStatus.APPROVED, updated_at=now).returning(Notice.id)
    )
    return len(unknown.all()), len(paused.all()) + len(late.all())


async def _erase_again(session: AsyncSession, lines: Sequence[ledger.Line]) -> int:
    """Apply every erasure of the ledger; returns for how many of them something was there."""
    n_erased = 0
    for line in lines:
        if isinstance(line, ledger.ErasureLine):
            n_erased += await erasures.apply_again(session, Erasure(
                receipt=line.receipt, chat_lookup=line.chat, erased_at=line.at, n_tickets=line.n_tickets,
                n_messages=line.n_messages, is_in_ledger=True,
            ))
    return n_erased
