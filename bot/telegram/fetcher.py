"""Fetches the files of consultations from Telegram. Which ones is rows, so that none is lost with the process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from telegram import Bot
from telegram.error import BadRequest, TelegramError

from bot import attachments
from bot.i18n import Strings
from bot.outbox import queue
from bot.outgoing import plain
from bot.telegram.request import AiohttpRequest, TooLarge, call
from storage import attachments as rows
from storage import audit
from storage.attachments import Fetch
from storage.audit import AuditTag
from storage.database import Database
from storage.models import Attachment, AttachmentState, Chat, Lane, Ticket
from storage.sealing import Sealer

log = logging.getLogger(__name__)

AT_ONCE = 4
EVERY_S = 1.0
MAX_ATTEMPTS = 8
FIRST_DELAY_S = 2.0


class Fetcher:
    """Fetches what waits.

    words: returns the interface strings of a locale, to tell a resident of a file that is not kept.
    clock: returns aware UTC time.
    """

    def __init__(
        self, bot: Bot, database: Database, sealer: Sealer, *, words: Callable[[str], Strings],
        clock: Callable[[], datetime], every_s: float = EVERY_S,
    ) -> None:
        self._bot = bot
        self._database = database
        self._sealer = sealer
        self._words = words
        self._clock = clock
        self._every_s = every_s
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Fetch until `stop`; what was not finished is fetched after the next start."""
        while not self._stopping.is_set():
            try:
                n_fetched = await self.fetch_due()
            except Exception:
                log.exception("the files cannot be fetched; trying again")
                n_fetched = 0
            if n_fetched == 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._every_s):
                        await self._stopping.wait()

    async def stop(self) -> None:
        """Take nothing new."""
        self._stopping.set()

    async def fetch_due(self) -> int:
        """Fetch what is due; returns how many files were tried."""
        async with self._database.reading() as session:
            if not await rows.any_due(session, now=self._clock()):
                return 0  # no write lock is taken for nothing
        async with self._database.transaction() as session:
            taken = await rows.claim(session, ring=self._sealer, limit=AT_ONCE, now=self._clock())
        await asyncio.gather(*(self._fetch(each) for each in taken))
        return len(taken)

    async def _fetch(self, fetch: Fetch) -> None:
        try:
            content = await self._download(fetch.file_id)
        except TooLarge:
            await self._settle(fetch.id, AttachmentState.REFUSED, attachments.TOO_LARGE)
        except BadRequest as error:
            log.warning("Telegram has no such file: %s", error.message[:100], extra={"attachment_id": fetch.id})
            is_large = "too big" in error.message.casefold()
            await self._settle(fetch.id, AttachmentState.REFUSED if is_large else AttachmentState.FAILED,
                               attachments.TOO_LARGE if is_large else attachments.GONE)
        except TelegramError as error:
            log.warning("a file was not fetched: %s", type(error).__name__, extra={"attachment_id": fetch.id})
            if fetch.n_attempts >= MAX_ATTEMPTS:
                await self._settle(fetch.id, AttachmentState.FAILED, attachments.GONE)
                return
            delay = timedelta(seconds=FIRST_DELAY_S * 2 ** (fetch.n_attempts - 1))
            async with self._database.transaction() as session:
                await rows.try_again(session, fetch.id, at=self._clock() + delay)
        else:
            await self._keep(fetch.id, content)

    async def _download(self, file_id: str) -> bytes:
        found: Any = await call(self._bot, "getFile", {"file_id": file_id})
        if not isinstance(found, dict) or not isinstance(path := found.get("file_path"), str):
            raise BadRequest("the file has no path")
        if isinstance(size := found.get("file_size"), int) and size > attachments.MAX_BYTES:
            raise TooLarge
        request = self._bot.request
        assert isinstance(request, AiohttpRequest)
        return await request.download(f"{self._bot.base_file_url}/{path}", max_bytes=attachments.MAX_BYTES)

    async def _keep(self, attachment_id: int, content: bytes) -> None:
        now = self._clock()
        async with self._database.transaction() as session:
            kept = await attachments.keep(session, attachment_id, content, sealer=self._sealer, now=now)
            if kept is None:
                return
            attachment, ticket = kept
            audit.record(session, AuditTag.SYSTEM_FILE_KEEP if attachment.state == AttachmentState.KEPT
                         else AuditTag.SYSTEM_FILE_REFUSE, f"ticket:{ticket.id}", now=now, file=attachment.number)
            if attachment.state != AttachmentState.KEPT:
                await self._tell(session, attachment, ticket, now=now)

    async def _settle(self, attachment_id: int, state: AttachmentState, reason: str) -> None:
        now = self._clock()
        async with self._database.transaction() as session:
            found = await rows.waiting(session, attachment_id)
            if found is None:
                return
            attachment, ticket = found
            rows.settle(attachment, state, now=now, reason=reason)
            audit.record(session, AuditTag.SYSTEM_FILE_REFUSE, f"ticket:{ticket.id}", now=now, file=attachment.number)
            await self._tell(session, attachment, ticket, now=now)

    async def _tell(self, session: AsyncSession, attachment: Attachment, ticket: Ticket, *, now: datetime) -> None:
        """Say that a file was not kept, and why."""
        chat = await session.get(Chat, ticket.chat_id) if ticket.chat_id is not None else None
        if chat is None:
            return
        _ = self._words(chat.locale)
        said = {
            attachments.TOO_LARGE: _("A file is too large: at most {n} MB. It was not kept.",
                                     n=attachments.MAX_BYTES // 1024 // 1024),
            attachments.OTHER_KIND: _("A file is of a kind that we do not take: send photos, sound, MP4 or PDF. It was "
                                      "not kept."),
        }.get(attachment.reason or "", _("A file did not arrive. Please send it again."))
        await queue(session, chat, plain(said), lane=Lane.ANSWER, sealer=self._sealer, now=now)
