"""From the inbox to the outbox: what waits is understood, decided in one transaction, and sent.

Within a chat updates are handled in the order in which they came; a call for help goes before everything else. A batch
shares one transaction. When one of its updates fails, the batch is rolled back and each is handled alone; one that
fails again and again leaves the queue, and its resident gets a plain word with the emergency numbers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import DeliveryError
from bot.incoming import Incoming, Kind
from bot.outbox import Job, Outbox, queue_all
from bot.outgoing import Outgoing
from bot.telegram.reading import CALM, URGENT, asks_for_help, to_incoming
from bot.telegram.sender import Sender
from storage import chats, tickets, updates
from storage.database import Database
from storage.models import Chat, Lane
from storage.sealing import Sealer, SealingError
from storage.updates import WaitingUpdate

log = logging.getLogger(__name__)

BATCH = 50
MAX_ATTEMPTS = 3
POLL_S = 0.2  # how soon an update stored by another process is seen
RETRY_S = 0.05
LONGEST_PAUSE_S = 5.0
DRAIN_S = 5.0
N_THREADS = 2
BUTTONS_AT_ONCE = 50


class Said(Protocol):
    """What `respond` returns beside the chat."""

    @property
    def messages(self) -> Sequence[tuple[Lane, Outgoing]]:
        """What to send, in order."""

    @property
    def toast(self) -> str | None:
        """The short text shown over the button that was pressed."""


class Parts(Protocol):
    """What deciding needs; the handler itself looks only at these."""

    @property
    def sealer(self) -> Sealer:
        """The key ring."""

    @property
    def asks_others(self) -> bool:
        """Whether understanding a message may take a question over the network."""


class Respond(Protocol):
    """Decides what to say to one incoming thing, in the session's transaction."""

    def __call__(
        self, session: AsyncSession, incoming: Incoming, parts: Any, *, now: datetime, understanding: Any
    ) -> Awaitable[tuple[Chat, Said]]:
        """Return the chat and what to say."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An update that was opened and understood. incoming: None when there is nothing to do."""

    update_id: int
    is_urgent: bool
    incoming: Incoming | None
    understanding: Any = None


@dataclass(frozen=True, slots=True)
class _Done:
    """What a committed transaction leaves to do."""

    update_ids: tuple[int, ...]
    jobs: tuple[Job, ...]
    toasts: tuple[tuple[str, str | None], ...]


class Handler:
    """Handles what waits in the inbox.

    parts: handed on to the functions below.
    process_id: under which the outbox of this process claims.
    clock: returns aware UTC time.
    respond, understand, respond_without_database: of bot.conversation; `understand` runs in a thread.
    """

    def __init__(
        self,
        database: Database,
        parts: Parts,
        outbox: Outbox,
        sender: Sender,
        *,
        process_id: str,
        clock: Callable[[], datetime],
        respond: Respond,
        understand: Callable[[Incoming, Any], Any],
        respond_without_database: Callable[..., Sequence[Outgoing]],
        n_threads: int = N_THREADS,
    ) -> None:
        self._database = database
        self._parts = parts
        self._sealer = parts.sealer
        self._outbox = outbox
        self._sender = sender
        self._process_id = process_id
        self._clock = clock
        self._respond = respond
        self._understand = understand
        self._respond_without_database = respond_without_database
        self._n_threads = n_threads
        self._threads = ThreadPoolExecutor(n_threads, thread_name_prefix="understand")
        self._woken = asyncio.Event()
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._buttons = asyncio.Semaphore(BUTTONS_AT_ONCE)

    def wake(self) -> None:
        """Look into the inbox now instead of at the next tick."""
        self._woken.set()

    async def run(self) -> None:
        """Handle what waits until `stop`; then what was already received, within a few seconds."""
        loop = asyncio.get_running_loop()
        pause, end = 0.0, None
        try:
            while True:
                if self._stopping:
                    end = end or loop.time() + DRAIN_S
                    if loop.time() > end:
                        break
                self._woken.clear()
                try:
                    n_handled = await self.handle_waiting()
                    pause = 0.0
                except Exception as error:
                    pause = min(max(2 * pause, POLL_S), LONGEST_PAUSE_S)
                    log.error("the inbox cannot be handled (%s); trying again in %.1f s", _where(error), pause)
                    n_handled = 0
                if n_handled == 0:
                    if self._stopping:
                        break
                    await self._wait(max(pause, POLL_S))
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=DRAIN_S)
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def stop(self) -> None:
        """Take no more once the inbox is empty; `run` returns then."""
        self._stopping = True
        self._woken.set()

    async def handle_waiting(self) -> int:
        """Handle the next updates, calls for help first; returns how many. Raises when the database is away."""
        await self._outbox.wait_for_room()
        prepared = None
        # SQLite's transaction is the only writer, so what takes long happens before; and none is held over a network.
        if self._database.is_sqlite or self._parts.asks_others:
            async with self._database.reading() as session:
                waiting = await self._take_waiting(session)
                lookups = [each.chat_lookup for each in waiting]
                talking = await tickets.in_consultation(session, lookups) if self._parts.asks_others else set()
                prepared = await self._prepare(waiting, talking)
            if not prepared:
                return 0
        try:
            done = await self._transact(prepared)
        except Exception as error:
            if await self._is_away():
                raise
            log.warning("a batch failed and is handled one by one (%s)", _where(error))
            return await self._handle_singly()
        self._finish(done)
        return len(done.update_ids)

    async def answer_without_database(self, incoming: Incoming, *, is_kept: bool = True) -> bool:
        """Send what can be said with nothing but the process itself; tells whether trying again is needless.

        is_kept: whether the update is handled later; one that was given up is not.
        """
        if incoming.kind in (Kind.BLOCKED, Kind.UNBLOCKED):
            return True
        if incoming.callback_id is not None:
            self._answer_button(incoming.callback_id, None)
        try:
            messages = await asyncio.to_thread(
                self._respond_without_database, incoming, self._parts, is_kept=is_kept
            )
        except Exception as error:
            log.error("nothing can be said without the database (%s)", _where(error),
                      extra={"update_id": incoming.update_id})
            return True
        lane = Lane.DANGER if asks_for_help(incoming) else Lane.ANSWER
        try:
            for outgoing in messages:
                await self._sender.send(incoming.address, outgoing, lane)
        except DeliveryError as error:
            log.warning("an answer without the database was not sent: %s", error.reason,
                        extra={"update_id": incoming.update_id})
            return error.permanent or error.may_be_delivered
        return True

    async def _take_waiting(self, session: AsyncSession) -> list[WaitingUpdate]:
        return await updates.take_waiting(session, limit=BATCH, crowded=self._outbox.crowded())

    async def _prepare(self, waiting: Sequence[WaitingUpdate], talking: Collection[str] = ()) -> dict[int, _Prepared]:
        """Open updates and understand their words in threads. While help is asked for, only that is taken.

        talking: lookups of the chats whose words are for staff; a button before the words may make it so as well.
        """
        opened, private = [], set(talking)
        for each in waiting:
            one = self._open(each)
            if one.incoming and each.chat_lookup in private:
                one = replace(one, incoming=replace(one.incoming, is_for_staff=True))
            if one.incoming and one.incoming.kind in (Kind.BUTTON, Kind.COMMAND):
                private.add(each.chat_lookup)
            opened.append(one)
        if any(each.is_urgent for each in opened):
            opened = [each for each in opened if each.is_urgent]
        with_words = [each.incoming for each in opened if each.incoming and each.incoming.text]
        understood: dict[int, Any] = {}
        if with_words:
            loop = asyncio.get_running_loop()
            shares = [share for n in range(self._n_threads) if (share := with_words[n :: self._n_threads])]
            for found in await asyncio.gather(
                *(loop.run_in_executor(self._threads, self._understand_all, share) for share in shares)
            ):
                understood |= found
        return {
            each.update_id: _Prepared(
                each.update_id, each.is_urgent, each.incoming, understood.get(each.update_id)
            )
            for each in opened
        }

    def _open(self, waiting: WaitingUpdate) -> _Prepared:
        try:
            raw = json.loads(self._sealer.open(waiting.payload_sealed, updates.INBOX))
        except (SealingError, ValueError) as error:
            log.error("an update cannot be opened (%s)", type(error).__name__, extra={"update_id": waiting.update_id})
            return _Prepared(waiting.update_id, False, None)
        incoming = to_incoming(raw)
        if incoming and raw.get(CALM):
            incoming = replace(incoming, is_calm=True)
        return _Prepared(waiting.update_id, bool(raw.get(URGENT)), incoming)

    def _understand_all(self, incomings: Sequence[Incoming]) -> dict[int, Any]:
        understood = {}
        for incoming in incomings:
            try:
                understood[incoming.update_id] = self._understand(incoming, self._parts)
            except Exception as error:
                log.error("a message cannot be understood (%s)", _where(error),
                          extra={"update_id": incoming.update_id})
        return understood

    async def _transact(self, prepared: Mapping[int, _Prepared] | None, *, only: int | None = None) -> _Done:
        """Decide about what waits, in one transaction.

        prepared: what was understood before; None to do it here, where other chats' updates are not held up.
        only: the one update to handle.
        """
        now = self._clock()
        said: list[tuple[Chat, Lane, Outgoing]] = []
        toasts: list[tuple[str, str | None]] = []
        async with self._database.transaction() as session:
            waiting = await self._take_waiting(session)
            if only is not None:
                waiting = [each for each in waiting if each.update_id == only]
            if prepared is None:
                prepared = await self._prepare(waiting)
            batch = [found for each in waiting if (found := prepared.get(each.update_id))]
            known = await chats.preload(session, [each.chat_lookup for each in waiting])
            await tickets.preload_current(session, [chat.id for chat in known])
            for each in batch:
                if each.incoming is not None:
                    await self._decide(session, each, each.incoming, now, said, toasts)
            jobs = await queue_all(
                session, said, sealer=self._sealer, now=now, process_id=self._process_id
            )
            update_ids = tuple(each.update_id for each in batch)
            if update_ids:
                await updates.mark_done(session, update_ids, now=now)
        return _Done(update_ids, tuple(jobs), tuple(toasts))

    async def _decide(
        self, session: AsyncSession, prepared: _Prepared, incoming: Incoming, now: datetime,
        said: list[tuple[Chat, Lane, Outgoing]], toasts: list[tuple[str, str | None]],
    ) -> None:
        chat, response = await self._respond(
            session, incoming, self._parts, now=now, understanding=prepared.understanding
        )
        messages = list(response.messages)
        if prepared.is_urgent and prepared.understanding is None and incoming.kind is not Kind.BUTTON:
            # Nobody understood words that ask for help: the card goes out whatever else is said.
            cards = self._respond_without_database(incoming, self._parts)
            messages = [(Lane.DANGER, card) for card in cards] + messages
        said += [(chat, lane, outgoing) for lane, outgoing in messages]
        if incoming.callback_id is not None:
            toasts.append((incoming.callback_id, response.toast))

    def _finish(self, done: _Done) -> None:
        self._outbox.hand_over(done.jobs)
        for callback_id, toast in done.toasts:
            self._answer_button(callback_id, toast)

    async def _handle_singly(self) -> int:
        """Handle the next updates one at a time, so that one that fails does not hold up the others."""
        async with self._database.reading() as session:
            waiting = await self._take_waiting(session)
        for each in waiting:
            prepared = await self._prepare([each])
            await self._handle_alone(each, prepared)
        return len(waiting)

    async def _handle_alone(self, waiting: WaitingUpdate, prepared: Mapping[int, _Prepared]) -> None:
        for attempt in range(waiting.n_attempts + 1, MAX_ATTEMPTS + 1):
            try:
                self._finish(await self._transact(prepared, only=waiting.update_id))
                return
            except Exception as error:
                if await self._is_away():
                    raise
                log.error("an update failed, attempt %d of %d (%s)", attempt, MAX_ATTEMPTS, _where(error),
                          extra={"update_id": waiting.update_id})
            await self._record_failure(waiting.update_id, give_up=attempt == MAX_ATTEMPTS)
            await asyncio.sleep(RETRY_S)
        incoming = prepared[waiting.update_id].incoming
        if incoming is not None:
            self._spawn(self._apologise(incoming))

    async def _record_failure(self, update_id: int, *, give_up: bool) -> None:
        async with self._database.transaction() as session:
            await updates.mark_attempt_failed(session, update_id, give_up=give_up, now=self._clock())

    async def _apologise(self, incoming: Incoming) -> None:
        await self.answer_without_database(incoming, is_kept=False)

    async def _is_away(self) -> bool:
        """Tell whether the database, rather than an update, is the trouble."""
        try:
            await self._database.ping()
        except Exception:
            return True
        return False

    def _answer_button(self, callback_id: str, toast: str | None) -> None:
        async def answer() -> None:
            async with self._buttons:
                await self._sender.answer_button(callback_id, toast)

        self._spawn(answer())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()


def _where(error: BaseException) -> str:
    """Return what kind of error it was and where; not its text, which may hold what a resident wrote."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places}" if places else type(error).__name__
