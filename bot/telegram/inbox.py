"""The durable inbox: an update is a row before Telegram is told that we have it.

While the database is away nothing is confirmed, so Telegram keeps it and gives it again; until then each resident gets
once what can be said without the database, the danger card above all.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from bot.incoming import Incoming
from bot.outgoing import Address
from bot.telegram.handlers import Handler
from bot.telegram.reading import (
    URGENT,
    RawUpdate,
    asks_for_help,
    chat_of,
    marks_of,
    message_id_of,
    slim,
    to_incoming,
    update_id_of,
)
from bot.telegram.sender import Sender
from storage import updates
from storage.database import Database
from storage.sealing import Sealer
from storage.updates import NewUpdate

log = logging.getLogger(__name__)

MAX_WAITING = 1000  # more stay with Telegram, so that neither memory nor the table grows without end
STORE_TIMEOUT_S = 5.0
ROWS_AT_ONCE = 500
MAX_REMEMBERED = 10_000  # answered without the database in one outage
ANSWERS_AT_ONCE = 30


class InboxAwayError(Exception):
    """The updates could not be stored; they must not be confirmed."""


class Inbox:
    """Stores updates, and says what can be said when that does not work.

    clock: returns aware UTC time. stays_in: the group and the channels that the bot stays in; it reads nothing there.
    """

    def __init__(
        self, database: Database, sealer: Sealer, sender: Sender, handler: Handler, *, clock: Callable[[], datetime],
        stays_in: Collection[Address] = (),
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._sender = sender
        self._handler = handler
        self._clock = clock
        self._stays_in = {str(each).casefold() for each in stays_in}
        self._pending: list[tuple[list[NewUpdate], asyncio.Future[None]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._answered: OrderedDict[int, None] = OrderedDict()
        self._answering = asyncio.Semaphore(ANSWERS_AT_ONCE)
        self._leaving: set[asyncio.Task[None]] = set()

    async def store(self, raws: Sequence[Any]) -> None:
        """Store updates as they came from Telegram; those that nobody waits for are dropped.

        Calls at the same time share a transaction. Returns when it is committed. Raises InboxAwayError, at the latest
        after STORE_TIMEOUT_S; should the rows still be committed then, the same updates coming again change nothing.
        """
        news = [new for raw in raws if (new := self._new(raw))]
        if not news:
            return
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((news, stored))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        stored.add_done_callback(lambda each: each.cancelled() or each.exception())  # nobody may be waiting any more
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                # A driver may take its own time to be interrupted; a call for help does not wait for that.
                await asyncio.shield(stored)
        except TimeoutError:
            raise InboxAwayError("it does not answer in time") from None

    async def close(self) -> None:
        """Wait until what is being stored is stored."""
        if self._flusher is not None:
            await asyncio.wait([self._flusher], timeout=2 * STORE_TIMEOUT_S)

    async def has_room(self) -> bool:
        """Tell whether few enough updates wait. Without the database there is always room: nothing is stored."""
        try:
            async with self._patience(), self._database.reading() as session:
                return await updates.count_waiting(session) < MAX_WAITING
        except Exception:
            return True

    async def answer_without_database(self, raws: Sequence[Any]) -> None:
        """Say what can be said to each update that got no such answer in this outage yet, calls for help first."""
        unanswered = []
        for raw in raws:
            update_id = update_id_of(raw)
            if update_id is None or update_id in self._answered:
                continue
            # At once, so that the same update in another request is not answered too.
            self._answered[update_id] = None
            if incoming := to_incoming(raw):
                unanswered.append(incoming)
        while len(self._answered) > MAX_REMEMBERED:
            self._answered.popitem(last=False)
        unanswered.sort(key=asks_for_help, reverse=True)
        await asyncio.gather(*(self._answer_one(incoming) for incoming in unanswered))

    async def _answer_one(self, incoming: Incoming) -> None:
        is_done = False
        try:
            async with self._answering:
                is_done = await self._handler.answer_without_database(incoming)
        finally:
            if not is_done:
                self._answered.pop(incoming.update_id, None)

    def _new(self, raw: Any) -> NewUpdate | None:
        update_id = update_id_of(raw)
        if update_id is None:
            log.warning("something that is no update was dropped")
            return None
        kept = slim(raw)
        if kept is None:
            self._leave_groups(raw)
            return None
        chat = chat_of(kept) or {}
        marks = marks_of(kept)
        body = json.dumps({**kept, **marks}, ensure_ascii=False, separators=(",", ":"))
        return NewUpdate(
            update_id=update_id, chat_lookup=self._sealer.lookup(str(chat.get("id"))), is_urgent=marks[URGENT],
            payload_sealed=self._sealer.seal_text(body, updates.INBOX), message_id=message_id_of(kept),
        )

    def _leave_groups(self, raw: RawUpdate) -> None:
        """Leave a group that the bot was added to: what is said there is not for everybody's eyes."""
        chat, change = chat_of(raw), raw.get("my_chat_member")
        if chat is None or chat.get("type") == "private" or not isinstance(change, dict):
            return
        if self._stays_in & {str(chat.get("id")), f"@{chat.get('username')}".casefold()}:
            return
        member = change.get("new_chat_member")
        if isinstance(member, dict) and member.get("status") in ("member", "administrator", "restricted"):
            task = asyncio.create_task(self._sender.leave(int(chat["id"])))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _flush(self) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            error: Exception | None = None
            try:
                await self._insert([new for news, _ in batch for new in news])
            except Exception as raised:
                error = raised
            for _, stored in batch:
                if error is None:
                    stored.set_result(None)
                else:
                    stored.set_exception(InboxAwayError(type(error).__name__))
            if error is None:
                self._answered.clear()
                self._handler.wake()

    async def _insert(self, news: Sequence[NewUpdate]) -> None:
        now = self._clock()
        async with self._patience(), self._database.transaction() as session:
            for start in range(0, len(news), ROWS_AT_ONCE):
                await updates.add_all(session, news[start : start + ROWS_AT_ONCE], now=now)

    def _patience(self) -> asyncio.Timeout:
        """Bound a wait for the database. SQLite bounds its own, and interrupting its commit would leave it locked."""
        return asyncio.timeout(None if self._database.is_sqlite else STORE_TIMEOUT_S)
