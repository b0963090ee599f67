"""How updates arrive: by asking (polling) or by being called (webhook). Stored first, confirmed after.

The library's own loop confirms a batch before any of it is handled; measured, a kill then loses most of a backlog.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import random
import re
from collections.abc import Callable, Collection, Coroutine
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from telegram import Bot
from telegram.error import Conflict, InvalidToken, TelegramError

from bot.config import Settings, split_address
from bot.errors import SettingsError
from bot.outgoing import Address
from bot.telegram.handlers import Handler, Parts
from bot.telegram.inbox import Inbox, InboxAwayError
from bot.telegram.reading import ALLOWED_UPDATES, URGENT, marks_of, slim, update_id_of
from bot.telegram.request import FloodControl, call
from bot.telegram.sender import Sender
from intents import danger
from storage.database import Database

log = logging.getLogger(__name__)

POLL_TIMEOUT_S = 30  # Telegram holds an empty answer for so long
READ_MARGIN_S = 15.0
LIMIT = 100
ROOM_CHECK_S = 0.1
FIRST_PAUSE_S = 1.0  # asked again within half a second, Telegram shows only the first update
LONGEST_PAUSE_S = 5.0  # also how late a call for help may be seen while the database is away
REFUSED_PAUSE_S = 30.0
MAX_BODY = 1024**2  # bytes of one update
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
RETRY_AFTER_S = 3
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


T = TypeVar("T")


class _StoppedError(Exception):
    """The receiver was told to stop."""


class Polling:
    """Asks Telegram for updates, stores each batch, and confirms it with the next question.

    While the database is away Telegram shows the same first hundred updates again and again; those behind them are seen
    when it is back. A webhook has no such limit.
    """

    def __init__(
        self, bot: Bot, database: Database, parts: Parts, sender: Sender, handler: Handler, *, settings: Settings,
        clock: Callable[[], datetime], stays_in: Collection[Address] = (),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._bot = bot
        self._inbox = Inbox(database, parts.sealer, sender, handler, clock=clock, stays_in=stays_in)
        self._jitter = jitter
        self._offset: int | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Receive until `stop`. Telegram or the database being away is waited out."""
        danger.load()
        try:
            await self._remove_webhook()
            await self._receive()
        except _StoppedError:
            pass
        finally:
            await self._inbox.close()

    async def stop(self) -> None:
        """Ask no more. What was fetched and not stored stays with Telegram."""
        self._stopping.set()

    async def _receive(self) -> None:
        pause = 0.0
        while True:
            if pause == 0 and not await self._inbox.has_room():
                await self._unless_stopped(asyncio.sleep(ROOM_CHECK_S))
                continue
            raws: list[Any] = []
            try:
                raws = await self._unless_stopped(self._fetch())
                await self._inbox.store(raws)
                self._confirm(raws)
                pause = 0.0
                continue
            except InboxAwayError as error:
                pause = self._longer(pause)
                log.error("the database is away (%s): %d updates stay with Telegram", error, len(raws))
                await self._unless_stopped(self._inbox.answer_without_database(raws))
            except TelegramError as error:
                pause = self._after(error, pause)
            await self._pause(pause)

    async def _pause(self, seconds: float) -> None:
        await self._unless_stopped(asyncio.sleep(seconds * (0.75 + self._jitter() / 2)))

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something that may be broken off; storing may not, so it is never done here. Raises _StoppedError."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise _StoppedError
            return task.result()
        finally:
            for each in (task, stopping):
                each.cancel()

    async def _fetch(self) -> list[Any]:
        parameters: dict[str, Any] = {
            "timeout": POLL_TIMEOUT_S, "limit": LIMIT, "allowed_updates": list(ALLOWED_UPDATES),
        }
        if self._offset is not None:
            parameters["offset"] = self._offset
        found = await call(self._bot, "getUpdates", parameters, read_timeout=POLL_TIMEOUT_S + READ_MARGIN_S)
        return found if isinstance(found, list) else []

    def _confirm(self, raws: list[Any]) -> None:
        """Let the next question confirm what is stored.

        After an empty answer everything is confirmed, and asking without an offset means the same; so a restart of
        Telegram's numbering after a quiet week cannot hide updates.
        """
        ids = [found for raw in raws if (found := update_id_of(raw)) is not None]
        self._offset = max(ids) + 1 if ids else None

    async def _remove_webhook(self) -> None:
        pause = 0.0
        while True:
            try:
                await self._unless_stopped(call(self._bot, "deleteWebhook", {"drop_pending_updates": False}))
                return
            except TelegramError as error:
                pause = self._after(error, pause)
            await self._pause(pause)

    def _after(self, error: TelegramError, pause: float) -> float:
        """Say what is wrong and return how long to wait. pause: the wait before, in seconds."""
        if isinstance(error, Conflict):
            log.error("another process asks Telegram for this bot's updates, or a webhook is set: only one may; "
                      "stop the other, or give it another token")
            return LONGEST_PAUSE_S
        if isinstance(error, InvalidToken):
            log.error("the Bot API server refuses the token: check KOBAN_TELEGRAM_TOKEN and KOBAN_TELEGRAM_API_URL")
            return REFUSED_PAUSE_S
        if isinstance(error, FloodControl):
            return error.seconds / 0.75  # so that the jitter never makes it shorter than asked
        log.warning("Telegram does not answer: %s", error.message[:200])
        return self._longer(pause)

    @staticmethod
    def _longer(pause: float) -> float:
        return min(max(2 * pause, FIRST_PAUSE_S), LONGEST_PAUSE_S)


class Webhook:
    """Is called by Telegram, and answers 200 when the update is a row.

    Raises SettingsError when the address or the secret is missing or malformed.
    """

    def __init__(
        self, bot: Bot, database: Database, parts: Parts, sender: Sender, handler: Handler, *, settings: Settings,
        clock: Callable[[], datetime], stays_in: Collection[Address] = (),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        secret = settings.telegram_webhook_secret.get_secret_value() if settings.telegram_webhook_secret else ""
        problems = []
        if settings.telegram_webhook_url is None:
            problems.append("KOBAN_TELEGRAM_WEBHOOK_URL is missing: mode webhook needs the public address")
        if not _SECRET.fullmatch(secret):
            problems.append("KOBAN_TELEGRAM_WEBHOOK_SECRET must be 1 to 256 letters, digits, _ and -")
        if problems:
            raise SettingsError(problems)
        self._bot = bot
        self._url = str(settings.telegram_webhook_url)
        self._secret = secret
        self._path = urlsplit(self._url).path or "/"
        self._host, self._port = split_address(settings.telegram_webhook_listen)
        self._inbox = Inbox(database, parts.sealer, sender, handler, clock=clock, stays_in=stays_in)
        self._jitter = jitter
        self._stopping = asyncio.Event()
        self._has_room, self._room_checked_at = True, float("-inf")

    @property
    def port(self) -> int:
        """The port it listens on; with port 0 in the settings, the one that was free."""
        return self._port

    async def run(self) -> None:
        """Listen, tell Telegram where, and receive until `stop`."""
        danger.load()
        application = web.Application(client_max_size=MAX_BODY)
        application.router.add_post(self._path, self._receive)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=3, lingering_time=0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host, self._port)
            await site.start()
            self._port = runner.addresses[0][1]
            announcing = asyncio.create_task(self._announce())
            await self._stopping.wait()
            announcing.cancel()
            await asyncio.gather(announcing, return_exceptions=True)
        finally:
            await runner.cleanup()
            await self._inbox.close()

    async def stop(self) -> None:
        """Take no more calls; Telegram keeps what comes and calls again."""
        self._stopping.set()

    async def _announce(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            try:
                await call(self._bot, "setWebhook", {
                    "url": self._url, "secret_token": self._secret, "allowed_updates": list(ALLOWED_UPDATES),
                })
                return
            except TelegramError as error:
                log.error("Telegram did not take the webhook: %s", error.message[:200])
                wait = error.seconds / 0.75 if isinstance(error, FloodControl) else pause
            await asyncio.sleep(wait * (0.75 + self._jitter() / 2))
            pause = min(2 * pause, REFUSED_PAUSE_S)

    async def _receive(self, request: web.Request) -> web.Response:
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._secret.encode()):
            log.warning("a call of the webhook without the right secret was refused")
            refusal = web.Response(status=403)
            refusal.force_close()  # its body stays unread
            return refusal
        try:
            raw = json.loads(await request.read())
        except (ValueError, RecursionError):  # not JSON, not UTF-8, or a tower of brackets
            return web.Response(status=400)
        if update_id_of(raw) is None:
            return web.Response(status=400)
        kept = slim(raw)
        if kept is not None and not marks_of(kept)[URGENT] and not await self._room():
            return _later()
        try:
            await self._inbox.store([raw])
        except InboxAwayError as error:
            log.error("the database is away (%s): an update stays with Telegram", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(20):
                    await self._inbox.answer_without_database([raw])
            return _later()
        return web.Response()

    async def _room(self) -> bool:
        """Tell whether there is room; asked at most ten times a second."""
        now = asyncio.get_running_loop().time()
        if now - self._room_checked_at >= ROOM_CHECK_S:
            self._room_checked_at = now
            self._has_room = await self._inbox.has_room()
        return self._has_room


def _later() -> web.Response:
    """Ask Telegram to call again with the same update."""
    return web.Response(status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
