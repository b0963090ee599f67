"""Everything one simulated bot has: chats and messages, waiting updates, the call log, the clock and the faults.

Tests in the same process read and change it directly; the control routes do the same over HTTP.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from bot.simulator.clock import Clock
from bot.simulator.errors import (
    BLOCKED,
    CHAT_NOT_FOUND,
    DEACTIVATED,
    MIGRATED,
    NO_RIGHTS,
    NOT_IN_CHANNEL,
    NOT_STARTED,
    ApiError,
    SimulatorError,
)
from bot.simulator.faults import Faults
from bot.simulator.files import Files
from bot.simulator.limits import Limits
from bot.simulator.models import CHANNEL_RIGHTS, Call, CallbackQuery, Chat, ChatRule, Config, Json, Resident
from bot.simulator.stats import Stats
from bot.simulator.updates import Update, UpdateQueue
from bot.simulator.webhook import Execute, Webhook

_SUBSCRIBER_BACKLOG = 1000
_KEPT_QUERIES = 10_000

T = TypeVar("T")


class State:
    """The world of one bot.

    token: the bot's token; its part before the colon is the bot's user id.
    execute: carries out a method answered by the webhook; the server gives it.
    """

    def __init__(self, config: Config, token: str, execute: Execute) -> None:
        self.config = config
        self.token = token
        self.bot_id = int(token.partition(":")[0])
        self._execute = execute
        self._subscribers: set[asyncio.Queue[Json]] = set()
        self._changed = asyncio.Event()
        self._build()

    def _build(self) -> None:
        config = self.config
        self.rng = Random(config.seed)  # noqa: S311 - ids of a simulation
        self.clock = Clock(config.time_scale)
        self.limits = Limits(config.limits, self.clock)
        self.faults = Faults()
        self.files = Files(self.rng, config.keep_bytes)
        self.stats = Stats()
        self.updates = UpdateQueue(self.clock, self.rng.randrange(100_000_000, 900_000_000), self._on_taken)
        self.webhook = Webhook(self.clock, self.updates, self.rng, self._execute)
        self.chats: dict[int, Chat] = {}
        self.residents: dict[int, Resident] = {}
        self.rules: list[ChatRule] = []
        self.calls: deque[Call] = deque(maxlen=config.keep_calls)
        self.queries: dict[str, CallbackQuery] = {}
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.profile: dict[tuple[str, str], str] = {}
        self.menu_buttons: dict[int | None, Json] = {}
        self.open_chats = config.open_chats
        self.n_active = 0
        self._call_ids = itertools.count(1)
        self._message_ids = itertools.count(1)
        self._resident_ids = itertools.count(7_000_000_001)

    async def reset(self) -> None:
        """Forget everything and begin again with the same settings."""
        self.updates.abort_poll(None)
        await self.webhook.stop()
        self._build()
        self.emit("reset", None)

    async def close(self) -> None:
        """End what is running, for when the server stops."""
        self.updates.abort_poll(None)
        await self.webhook.stop()
        for queue in self._subscribers:
            self._offer(queue, {"kind": "closed"})

    # People and chats

    def bot_user(self) -> Json:
        """Return the bot as a User."""
        return {
            "id": self.bot_id,
            "is_bot": True,
            "first_name": self.profile.get(("name", ""), self.config.bot_name),
            "username": self.config.bot_username,
        }

    def add_resident(
        self,
        first_name: str = "Resident",
        language_code: str | None = None,
        *,
        id: int | None = None,
        last_name: str | None = None,
        username: str | None = None,
        started: bool = False,
    ) -> Resident:
        """Add a person, or change the one with this id; their private chat has the same id.

        started: True as if they had pressed Start before; otherwise the bot cannot write first.
        """
        if id is None:
            id = next(i for i in self._resident_ids if i not in self.residents)
        if not 0 < id < 2**52:
            raise SimulatorError(400, "Bad Request: a resident's id is a positive number below 2^52")
        resident = Resident(id, first_name, language_code, last_name, username)
        self.residents[id] = resident
        chat = self.chats.get(id)
        if chat is None:
            chat = self.chats[id] = Chat(id, status="open" if started else "not_started")
        chat.resident = resident
        for group in self.chats.values():
            if id in group.members:
                group.members[id] = resident
        self.emit("resident", id, resident=resident.as_user())
        return resident

    def add_residents(self, first_id: int, n: int) -> None:
        """Add `n` people who have started the bot, with ids from `first_id` on, without telling the page."""
        for chat_id in range(first_id, first_id + n):
            resident = self.residents[chat_id] = Resident(chat_id, f"Resident {chat_id}")
            self.chats[chat_id] = Chat(chat_id, resident=resident)

    def add_group(
        self, chat_id: int, title: str = "Group", *, kind: str = "group", is_forum: bool = False, username: str = "",
        rights: frozenset[str] | None = CHANNEL_RIGHTS, language: str | None = None,
    ) -> Chat:
        """Add a group, supergroup or channel with the bot in it. chat_id: below zero.

        rights: what the bot may do in a channel; None: it is not in it. language: what the channel writes, by its tag.
        """
        if chat_id >= 0 or kind not in ("group", "supergroup", "channel"):
            raise SimulatorError(400, "Bad Request: a group has an id below zero and a known kind")
        chat = self.chats[chat_id] = Chat(
            chat_id, kind, title, is_forum=is_forum, username=username, rights=rights, language=language
        )
        self.emit("chat", chat_id)
        return chat

    def migrate(self, chat_id: int, new_id: int) -> Chat:
        """Turn a group into a supergroup with another id; writing to the old id is then refused."""
        old = self.chats[chat_id]
        old.migrated_to = new_id
        return self.add_group(new_id, old.title, kind="supergroup")

    def chat(self, chat_id: Any) -> Chat:
        """Return a chat that exists, or raise "chat not found"; knows nothing about blocking."""
        found = self.chats.get(chat_id) if isinstance(chat_id, int) else self._named(chat_id)
        if found is None and isinstance(chat_id, int) and self.open_chats and chat_id > 0:
            found = self.chats[chat_id] = Chat(chat_id)
        if found is None:
            raise ApiError(400, CHAT_NOT_FOUND)
        return found

    def _named(self, name: Any) -> Chat | None:
        """Return the public group or channel that `@name` names, in any case."""
        wanted = str(name).removeprefix("@").casefold() if str(name).startswith("@") else ""
        return next((chat for chat in self.chats.values() if wanted and chat.username.casefold() == wanted), None)

    def status_of(self, chat: Chat) -> str:
        """Return open, not_started, blocked, deactivated or kicked; a rule wins over an open chat."""
        if chat.status == "open":
            for rule in self.rules:
                if chat.id % rule.modulo == rule.remainder:
                    return rule.status
        return chat.status

    def writable_chat(self, chat_id: Any) -> Chat:
        """Return a chat the bot may write to, or raise what Telegram answers."""
        chat = self.chat(chat_id)
        if chat.migrated_to is not None:
            raise ApiError(400, MIGRATED, migrate_to_chat_id=chat.migrated_to)
        status = self.status_of(chat)
        if status == "open" and chat.kind == "channel" and "can_post_messages" not in (chat.rights or ()):
            raise ApiError(403, NOT_IN_CHANNEL) if chat.rights is None else ApiError(400, NO_RIGHTS)
        if status == "open":
            return chat
        kicked = f"Forbidden: bot was kicked from the {'group' if chat.kind == 'group' else chat.kind} chat"
        words = {"blocked": BLOCKED, "deactivated": DEACTIVATED, "not_started": NOT_STARTED, "kicked": kicked}
        raise ApiError(403, words[status])

    # Messages

    def next_message_id(self, chat: Chat) -> int:
        """Return a new id: private chats and groups share one counter, a supergroup has its own."""
        if chat.kind in ("supergroup", "channel"):
            return max(chat.messages, default=0) + 1
        return next(self._message_ids)

    def store(self, chat: Chat, message: Json, *, keyboard: Json | None = None) -> Json:
        """Put a new message into its chat, forgetting the oldest when there are too many, and tell the page."""
        chat.messages[message["message_id"]] = message
        if len(chat.messages) > self.config.keep_messages:
            del chat.messages[next(iter(chat.messages))]
        if keyboard is not None:
            chat.keyboard = None if keyboard.get("remove_keyboard") else keyboard
            self.emit("keyboard", chat.id, keyboard=chat.keyboard)
        self.emit("message", chat.id, message=message)
        return message

    def message(self, chat: Chat, message_id: Any, words: str) -> Json:
        """Return a message of a chat or raise a 400 with these words."""
        found = chat.messages.get(message_id) if isinstance(message_id, int) else None
        if found is None:
            raise ApiError(400, words)
        return found

    def remember_query(self, query: CallbackQuery) -> None:
        """Keep a tap until it is answered or too old."""
        self.queries[query.id] = query
        if len(self.queries) > _KEPT_QUERIES:
            del self.queries[next(iter(self.queries))]

    # What happened

    def record(self, call: Callable[[int], Call]) -> None:
        """Add a call to the log."""
        if self.config.keep_calls:
            self.calls.append(call(next(self._call_ids)))
        if self._subscribers:
            last = self.calls[-1] if self.calls else None
            self.emit("call", last.chat_id if last else None, method=last.method if last else None)
        else:
            self._notify()

    def calls_to(self, method: str, chat_id: int | None = None) -> list[Call]:
        """Return the logged calls of one method, oldest first. method: any case."""
        name = method.lower()
        return [c for c in self.calls if c.method.lower() == name and (chat_id is None or c.chat_id == chat_id)]

    def transcript(self, chat_id: int) -> list[Json]:
        """Return the messages of a chat, oldest first; deleted ones are gone."""
        return list(self.chat(chat_id).messages.values())

    def from_bot(self, chat_id: int) -> list[Json]:
        """Return what the bot wrote in a chat, oldest first."""
        return [m for m in self.transcript(chat_id) if m.get("from", {}).get("is_bot") or "sender_chat" in m]

    def _on_taken(self, update: Update) -> None:
        if update.message_key is not None:
            chat_id, message_id = update.message_key
            self.emit("taken", chat_id, message_id=message_id)
        else:
            self._notify()

    # Watching

    def emit(self, kind: str, chat_id: int | None, **more: Any) -> None:
        """Tell every watcher about a change."""
        if self._subscribers:
            event = {"kind": kind, "chat_id": chat_id} | more
            for queue in self._subscribers:
                self._offer(queue, event)
        self._notify()

    @staticmethod
    def _offer(queue: asyncio.Queue[Json], event: Json) -> None:
        if queue.full():
            while not queue.empty():
                queue.get_nowait()
            event = {"kind": "reset", "chat_id": None}  # too slow: read everything again
        queue.put_nowait(event)

    def _notify(self) -> None:
        if self._waiters:
            self._changed.set()

    def subscribe(self) -> asyncio.Queue[Json]:
        """Return a queue of changes; a slow reader finds {"kind": "reset"} in place of what it missed."""
        queue: asyncio.Queue[Json] = asyncio.Queue(_SUBSCRIBER_BACKLOG)
        self._subscribers.add(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[Json]) -> None:
        """Stop a subscription."""
        self._subscribers.discard(queue)

    _waiters = 0

    async def until(self, question: Callable[[], T], seconds: float = 5.0) -> T:
        """Wait until `question()` is true and return its value; raises TimeoutError after real `seconds`.

        For tests: `await state.until(lambda: state.from_bot(resident.id))`.
        """
        self._waiters += 1
        try:
            async with asyncio.timeout(seconds):
                while not (value := question()):
                    self._changed.clear()
                    await self._changed.wait()
                return value
        finally:
            self._waiters -= 1
