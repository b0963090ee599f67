"""The `koban` commands about records: whether the audit is as it was written."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from bot import audit_check
from bot.config import Settings, read_settings
from storage.database import Database

AddCommand = Callable[[str, object, str], argparse.ArgumentParser]


def add_commands(add: AddCommand) -> None:
    """Add the commands to the parser of `koban`."""
    command = add("audit", _audit_check, "check that the audit is as it was written; names the first broken entry")
    command.add_argument("action", choices=["check"])
    command.add_argument("--keep", action="store_true", help="keep the newest entry's hash in the ledger")


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
