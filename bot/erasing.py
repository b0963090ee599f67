"""Keeps erasures outside the database too: the ledger is what a restored backup is held against."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot import ledger
from storage import erasures
from storage.database import Database


async def keep_in_ledger(database: Database, path: Path) -> int:
    """Add the erasures that the ledger does not have yet; returns how many.

    The line is on the disk before the row says so: a kill in between writes it twice, which does no harm.
    """
    async with database.reading() as session:
        waiting = await erasures.not_in_ledger(session)
    if not waiting:
        return 0
    lines = [
        ledger.ErasureLine(row.erased_at, row.receipt, row.chat_lookup, row.n_tickets, row.n_messages)
        for row in waiting
    ]
    await asyncio.to_thread(ledger.append, path, lines)
    async with database.transaction() as session:
        await erasures.mark_in_ledger(session, [row.receipt for row in waiting])
    return len(waiting)
