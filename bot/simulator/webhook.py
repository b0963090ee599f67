"""Delivery to a webhook: in order per chat, with retries, until the bot answers with 2xx.

Source: `WebhookActor.cpp` of tdlib/telegram-bot-api, read 2026-11-22.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from random import Random
from urllib.parse import urlsplit

import aiohttp

from bot.simulator.clock import Clock
from bot.simulator.errors import bad_request, too_many
from bot.simulator.models import Json
from bot.simulator.updates import KEPT_SECONDS, Update, UpdateQueue

_GONE_SECONDS = 23 * 3600
_NOT_AS_REPLY = re.compile(r"(?:set|get|close|logout|deletewebhook)", re.IGNORECASE)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

Execute = Callable[[str, Json], Awaitable[None]]


class Webhook:
    """The webhook of one bot; idle until set.

    execute: carries out a method the bot put into its 2xx answer.
    """

    def __init__(self, clock: Clock, updates: UpdateQueue, rng: Random, execute: Execute) -> None:
        self._clock = clock
        self._updates = updates
        self._rng = rng
        self._execute = execute
        self.url = ""
        self.secret = ""
        self.max_connections = 40
        self.last_error_at: int | None = None
        self.last_error: str | None = None
        self._next_set_at = float("-inf")
        self._gone_since: float | None = None
        self._session: aiohttp.ClientSession | None = None
        self._drains: dict[int, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(40)

    def info(self) -> Json:
        """Return getWebhookInfo's answer."""
        info: Json = {
            "url": self.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._updates),
        }
        if self.url:
            info["max_connections"] = self.max_connections
            info["ip_address"] = "127.0.0.1"
            if self.last_error is not None:
                info |= {"last_error_date": self.last_error_at, "last_error_message": self.last_error}
        if self._updates.allowed_given is not None:
            info["allowed_updates"] = self._updates.allowed_given
        return info

    def set(self, url: str, *, secret: str, max_connections: int) -> None:
        """Start delivering to `url`; raises a 400 or 429 ApiError as Telegram does.

        url: HTTPS, or plain HTTP on this machine; nothing else is called from here.
        secret: 0–256 of A-Z a-z 0-9 _ -.
        """
        now = self._clock.now()
        if now < self._next_set_at:
            raise too_many(self._clock.real_seconds(self._next_set_at - now))
        if len(secret) > 256:
            raise bad_request("secret token is too long")
        if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
            raise bad_request("secret token contains unallowed characters")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if parts.hostname not in _LOOPBACK:
            raise bad_request("bad webhook: the simulator calls only this machine")
        self._next_set_at = now + 1.0
        self._cancel()
        self.url, self.secret = url, secret
        self.max_connections = max_connections if 1 <= max_connections <= 100 else 40
        self._slots = asyncio.Semaphore(self.max_connections)
        self.last_error = self.last_error_at = self._gone_since = None
        self._updates.webhook_active = True
        self._updates.abort_poll()
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=60), connector=aiohttp.TCPConnector(limit=0)
        )
        self._updates.on_added = self._kick
        for queue in self._updates.queues():
            self._kick(queue)

    def delete(self) -> None:
        """Stop delivering; waiting updates stay."""
        self._cancel()
        self.url = ""
        self._updates.webhook_active = False

    async def stop(self) -> None:
        """End the tasks, for when the server stops."""
        self._cancel()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _cancel(self) -> None:
        self._updates.on_added = None
        session, drains, self._session, self._drains = self._session, self._drains, None, {}
        for task in drains.values():
            task.cancel()
        if session is not None:
            self._keep(asyncio.create_task(self._close(session, list(drains.values()))))

    @staticmethod
    async def _close(session: aiohttp.ClientSession, drains: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(*drains, return_exceptions=True)
        await session.close()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _kick(self, queue: int) -> None:
        """Make sure that somebody delivers this chat's updates."""
        running = self._drains.get(queue)
        if self._session is not None and (running is None or running.done()):
            self._drains[queue] = asyncio.create_task(self._drain(self._session, queue))

    async def _drain(self, session: aiohttp.ClientSession, queue: int) -> None:
        try:
            while update := self._updates.first_of(queue):
                await self._deliver(session, update)
        finally:
            if self._drains.get(queue) is asyncio.current_task():
                del self._drains[queue]

    async def _deliver(self, session: aiohttp.ClientSession, update: Update) -> None:
        failures = 0
        while update.id in self._updates and self._clock.now() - update.at < KEPT_SECONDS:
            async with self._slots:
                retry_after = await self._post(session, update)
            if retry_after is None:
                self._updates.take(update.id)
                return
            failures += 1
            most = self._rng.uniform(60.0, 120.0)
            wait = 0.0 if failures == 1 else min(2.0 ** (failures - 1), most)
            await self._clock.sleep(max(wait, retry_after))

    async def _post(self, session: aiohttp.ClientSession, update: Update) -> float | None:
        """Post once; return None when taken, otherwise the least virtual seconds to wait."""
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.secret
        try:
            async with session.post(self.url, data=update.encoded, headers=headers, allow_redirects=False) as answer:
                status, body = answer.status, await answer.read()
                retry_after = answer.headers.get("Retry-After", "")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            refused = isinstance(error, aiohttp.ClientConnectorError)
            return self._failed("Connection refused" if refused else "Read timeout expired")
        if 200 <= status < 300:
            self._gone_since = None
            await self._reply(body)
            return None
        wait = self._failed(f"Wrong response from the webhook: {status} {answer.reason or ''}".strip())
        if status == 410:
            now = self._clock.now()
            self._gone_since = now if self._gone_since is None else self._gone_since
            if now - self._gone_since >= _GONE_SECONDS:
                asyncio.get_running_loop().call_soon(self.delete)
        else:
            self._gone_since = None
        return min(float(retry_after), 3600.0) if retry_after.isdigit() else wait

    def _failed(self, words: str) -> float:
        self.last_error, self.last_error_at = words, int(self._clock.now())
        return 0.0

    async def _reply(self, body: bytes) -> None:
        if not body.lstrip().startswith(b"{"):
            return
        try:
            call = json.loads(body)
        except ValueError:
            return
        method = call.pop("method", None)
        if isinstance(method, str) and not _NOT_AS_REPLY.match(method):
            await self._execute(method, call)
