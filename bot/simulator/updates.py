"""Updates waiting for the bot, and getUpdates with all its rules.

An update stays until a later getUpdates names a higher offset, the webhook took it, or 24 hours passed.
Source: `process_get_updates_query`, `do_get_updates` and `fail_query_conflict` of tdlib/telegram-bot-api, read
2026-11-22.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.simulator.clock import Clock
from bot.simulator.errors import CONFLICT_OTHER, CONFLICT_SET_WEBHOOK, CONFLICT_WEBHOOK, ApiError
from bot.simulator.models import Json

MAX_POLL_SECONDS = 50
MAX_BODY = 4 * 1024 * 1024
KEPT_SECONDS = 24 * 3600
ALL_KINDS = (
    "message", "edited_message", "channel_post", "edited_channel_post", "callback_query", "my_chat_member",
    "chat_member", "message_reaction", "message_reaction_count", "inline_query", "chosen_inline_result",
    "poll", "poll_answer", "chat_join_request", "shipping_query", "pre_checkout_query",
)  # fmt: skip
_OPT_IN = {"chat_member", "message_reaction", "message_reaction_count"}


@dataclass(frozen=True)
class Update:
    """One update. encoded: its JSON; queue: the chat whose order it keeps."""

    id: int
    kind: str
    queue: int
    at: float
    encoded: bytes
    message_key: tuple[int, int] | None

    @property
    def body(self) -> Json:
        """The update as the bot reads it."""
        return json.loads(self.encoded)  # type: ignore[no-any-return]


class UpdateQueue:
    """The updates of one bot.

    on_taken: called with each update the bot has confirmed.
    first_id: id of the first update.
    """

    def __init__(self, clock: Clock, first_id: int, on_taken: Callable[[Update], None]) -> None:
        self._clock = clock
        self._next_id = first_id
        self._waiting: dict[int, Update] = {}
        self._by_queue: dict[int, dict[int, Update]] = {}
        self._on_taken = on_taken
        self._allowed = frozenset(ALL_KINDS) - _OPT_IN
        self._new = asyncio.Event()
        self._poll: asyncio.Future[None] | None = None
        self._poll_error: str | None = None
        self._previous_offset: int | None = None
        self._previous_start = float("-inf")
        self._next_conflict_at = float("-inf")
        self.webhook_active = False
        self.on_added: Callable[[int], None] | None = None
        self.allowed_given: list[str] | None = None

    def __len__(self) -> int:
        self._expire()
        return len(self._waiting)

    def __contains__(self, update_id: int) -> bool:
        return update_id in self._waiting

    def waiting(self) -> list[Update]:
        """Return the unconfirmed updates, oldest first."""
        self._expire()
        return list(self._waiting.values())

    def allow(self, kinds: Any) -> None:
        """Remember `allowed_updates`; None leaves it, an empty list means the default. Unknown names are ignored."""
        if not isinstance(kinds, list):
            return
        known = [kind for kind in kinds if kind in ALL_KINDS]
        self._allowed = frozenset(known) if known else frozenset(ALL_KINDS) - _OPT_IN
        self.allowed_given = known or None

    def add(self, kind: str, content: Json, *, queue: int, message_key: tuple[int, int] | None = None) -> int | None:
        """Store one update and return its id, or None when the bot does not want its kind."""
        if kind not in self._allowed:
            return None
        update_id, self._next_id = self._next_id, self._next_id + 1
        self._store(update_id, kind, content, queue, message_key)
        return update_id

    def repeat(self, update_id: int, kind: str, content: Json, *, queue: int) -> None:
        """Store an update under an id already used, as happens when a bot's confirmation was lost."""
        self._store(update_id, kind, content, queue, None)
        self._waiting = dict(sorted(self._waiting.items()))

    def _store(self, update_id: int, kind: str, content: Json, queue: int, key: tuple[int, int] | None) -> None:
        encoded = json.dumps({"update_id": update_id, kind: content}, ensure_ascii=False, separators=(",", ":"))
        update = Update(update_id, kind, queue, self._clock.now(), encoded.encode(), key)
        self._waiting[update_id] = update
        self._by_queue.setdefault(queue, {})[update_id] = update
        self._new.set()
        self._new = asyncio.Event()
        if self.on_added is not None:
            self.on_added(queue)

    def queues(self) -> list[int]:
        """Return the queues (chats) that have something waiting."""
        return list(self._by_queue)

    def first_of(self, queue: int) -> Update | None:
        """Return the oldest update of one queue, or None."""
        self._expire()
        return next(iter(self._by_queue.get(queue, {}).values()), None)

    def take(self, update_id: int) -> None:
        """Forget an update because the bot has it."""
        if update := self._remove(update_id):
            self._on_taken(update)

    def _remove(self, update_id: int) -> Update | None:
        update = self._waiting.pop(update_id, None)
        if update is not None:
            mine = self._by_queue[update.queue]
            mine.pop(update_id, None)
            if not mine:
                del self._by_queue[update.queue]
        return update

    def drop_all(self) -> None:
        """Forget all waiting updates (`drop_pending_updates`)."""
        self._waiting.clear()
        self._by_queue.clear()

    def _expire(self) -> None:
        oldest = self._clock.now() - KEPT_SECONDS
        while self._waiting and next(iter(self._waiting.values())).at < oldest:
            self._remove(next(iter(self._waiting)))

    async def get(self, offset: int, limit: int, seconds: int, allowed: Any) -> bytes:
        """Answer getUpdates with a JSON array.

        offset: 0 for the oldest; above an update's id confirms it; below zero keeps the last -offset and forgets
            the rest.
        limit: 1–100.
        seconds: how long to wait when there is nothing; real seconds, cut to 0–50.
        Raises a 409 ApiError when a webhook is set or another getUpdates comes.
        """
        if self.webhook_active:
            raise ApiError(409, CONFLICT_WEBHOOK)
        self.allow(allowed)
        limit = limit if 1 <= limit <= 100 else 100
        seconds = max(0, min(seconds, MAX_POLL_SECONDS))
        now = self._clock.now()
        if offset == self._previous_offset:
            if seconds < 3 and now < self._previous_start + 3.0:
                seconds = 3
            if now < self._previous_start + 0.5:
                limit = 1
        self._previous_offset, self._previous_start = offset, now
        self.abort_poll(CONFLICT_OTHER)
        first = self._forget_before(offset)
        if not (found := self._from(first, limit)) and seconds:
            await self._long_poll(seconds)
            found = self._from(first, limit)
        return b"[" + b",".join(found) + b"]"

    def _forget_before(self, offset: int) -> int:
        self._expire()
        if offset < 0:
            keep = list(self._waiting)[offset:]
            first = keep[0] if keep else self._next_id
        elif offset == 0 or offset > self._next_id + 10:
            return 0  # an offset far in the future is ignored, as Telegram does
        else:
            first = offset
        while self._waiting and (oldest := next(iter(self._waiting))) < first:
            self.take(oldest)
        return first

    def _from(self, first: int, limit: int) -> list[bytes]:
        self._expire()
        found: list[bytes] = []
        size = 0
        for update_id, update in self._waiting.items():
            if update_id < first:
                continue
            size += len(update.encoded) + 1
            if len(found) >= limit or (found and size > MAX_BODY):
                break
            found.append(update.encoded)
        return found

    async def _long_poll(self, seconds: int) -> None:
        stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._poll = stop
        new = asyncio.ensure_future(self._new.wait())
        either: set[asyncio.Future[Any]] = {stop, new}
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if stop.done() and self._poll_error:
                await self._conflict(self._poll_error)
        finally:
            new.cancel()
            if self._poll is stop:
                self._poll = None

    async def _conflict(self, words: str) -> None:
        now = self._clock.now()
        if now < self._next_conflict_at:
            await self._clock.sleep(3.0)
        else:
            self._next_conflict_at = now + 3.0
        raise ApiError(409, words)

    def abort_poll(self, words: str | None = CONFLICT_SET_WEBHOOK) -> None:
        """End a long poll that is waiting: with a 409 of these words, or quietly when None (the server stops)."""
        if self._poll is not None and not self._poll.done():
            self._poll_error = words
            self._poll.set_result(None)
        self._poll = None
