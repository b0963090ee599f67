"""Files of notices on their way to Telegram: uploaded once, then sent by the id that Telegram gave.

Within a process those who need a file wait for the one that uploads it; between processes a row says who does.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.errors import DeliveryError
from bot.outgoing import StoredFile
from bot.telegram.request import Upload
from storage import notice_files
from storage.database import Database

LEASE = timedelta(seconds=60)  # longer than a call may take; after a kill another process uploads
ASK_AGAIN_S = 1.0
log = logging.getLogger(__name__)

_KEPT = 200  # ids remembered


@dataclass(slots=True)
class Handle:
    """What a file is sent by: its id at Telegram, or, the first time, its content. Who uploads it sets `kept_as`."""

    given: str | Upload
    kept_as: str | None = None


class Uploads:
    """Gives the files of notices to a sender. clock: returns aware UTC time."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[int, str] = {}
        self._locks: dict[int, asyncio.Lock] = {}

    @asynccontextmanager
    async def of(self, file: StoredFile) -> AsyncIterator[Handle]:
        """Give what a file is sent by. Raises DeliveryError when another process uploads it now, or it is gone."""
        if known := self._known.get(file.id):
            yield Handle(known)
            return
        lock = self._locks.setdefault(file.id, asyncio.Lock())
        async with lock:
            handle = await self._take(file)
            if isinstance(handle.given, Upload):
                try:
                    yield handle
                finally:
                    await self._end(file, handle.kept_as)
                return
        yield handle

    async def forget(self, file: StoredFile, kept_as: str) -> None:
        """Upload a file anew the next time: Telegram does not know this id, say because the bot is another one."""
        async with self._database.transaction() as session:
            await notice_files.forget(session, file.id, kept_as)
        if self._known.get(file.id) == kept_as:
            del self._known[file.id]

    async def _take(self, file: StoredFile) -> Handle:
        now = self._clock()
        async with self._database.transaction() as session:
            if found := await notice_files.handle(session, file.id):
                self._remember(file, found)
                return Handle(found)
            if not await notice_files.begin_upload(session, file.id, now=now, until=now + LEASE):
                if await notice_files.content(session, file.id) is None:
                    raise DeliveryError("the file of this notice is gone", permanent=True)
                raise DeliveryError("another process uploads the file of this notice", retry_after=ASK_AGAIN_S)
            row = await notice_files.content(session, file.id)
        assert row is not None, "it was there a moment ago, in the same transaction"
        content, sha256 = row
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DeliveryError("the file of this notice is not the one that was attached", permanent=True)
        return Handle(Upload(file.name, content, file.mime))

    async def _end(self, file: StoredFile, kept_as: str | None) -> None:
        """Let others know. An error here must not look as if the message had not been sent: it would go out again."""
        if kept_as is None:
            self._known.pop(file.id, None)
        else:
            self._remember(file, kept_as)
        try:
            async with self._database.transaction() as session:
                await notice_files.end_upload(session, file.id, kept_as)
        except Exception:
            log.exception("what an upload came to could not be recorded; another process uploads the file again")

    def _remember(self, file: StoredFile, kept_as: str) -> None:
        while len(self._known) >= _KEPT:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._locks.pop(oldest, None)
        self._known[file.id] = kept_as
