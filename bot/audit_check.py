"""Whether the audit is as it was written: the chain itself, and the heads of it that are kept in the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot import ledger
from storage import audit
from storage.audit import Break, Head
from storage.database import Database


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check found. broken: None when the audit is as it was written."""

    head: Head
    n_heads: int
    broken: Break | None


async def check(database: Database, path: Path) -> Verdict:
    """Read the whole chain and compare it with the ledger. Raises LedgerError when the ledger cannot be read."""
    heads = ledger.heads_in_force(await asyncio.to_thread(ledger.read, [path]))
    async with database.reading() as session:
        head = await audit.head(session)
        broken = await audit.first_break(session)
        for kept in sorted(heads, key=lambda each: each.number):
            if broken is not None and broken.number <= kept.number:
                break
            found = await audit.hash_of(session, kept.number) if kept.number else audit.BEFORE_THE_FIRST
            if found is None:
                broken = Break(head.number + 1, f"the ledger knows entries up to {kept.number}: the end was cut off")
            elif found != kept.hash:
                broken = Break(kept.number, "the ledger knows another entry here: the chain was written anew")
            else:
                continue
            break
    return Verdict(head, len(heads), broken)


async def keep_head(database: Database, path: Path, *, now: datetime) -> Verdict:
    """Check the audit and, when it holds, keep its head in the ledger."""
    verdict = await check(database, path)
    if verdict.broken is None and verdict.head.number:
        line = ledger.HeadLine(now, verdict.head.number, verdict.head.hash)
        await asyncio.to_thread(ledger.append, path, [line])
    return verdict
