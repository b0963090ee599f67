"""The only door out: a message is queued in the transaction of what causes it, sent, and settled.

`queue` is called inside a transaction. `Outbox` then sends: at once what its own process has just committed
(`hand_over`), and in its loop whatever else is due. Within a chat, order is kept; chats go side by side; a transaction
is never open during a network call. What became of each delivery is written in batches.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from gettext import NullTranslations

from bot import safety
from bot.error_watch import ErrorWatch, Trouble
from bot.errors import NOT_BEGUN, DeliveryError
from bot.i18n import Strings
from bot.outgoing import About, Address, Outgoing
from bot.queueing import Job, queue, queue_all
from storage import chats, deliveries
from storage.database import Database
from storage.deliveries import ClaimedDelivery, Settlement
from storage.models import DeliveryStatus, Lane
from storage.sealing import Sealer, SealingError

__all__ = ["Job", "Outbox", "RenderNotice", "Send", "StopNotice", "Words", "queue", "queue_all"]

log = logging.getLogger(__name__)

# send(address, message, lane) → Telegram message id; raises DeliveryError. The rate limit is the sender's business.
Send = Callable[[Address, Outgoing, Lane], Awaitable[int | None]]
# render(notice_id, locale) → the notice in that locale; None when this chat gets none. Also: as a channel shows it.
RenderNotice = Callable[[int, str], Awaitable[Outgoing | None]]
# words(locale) → the interface strings, for what is said by the outbox itself.
Words = Callable[[str], Strings]
# stop_notice(notice_id, trouble): pauses a notice of which too much fails.
StopNotice = Callable[[int, Trouble], Awaitable[object]]

MAX_ATTEMPTS = 8
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 300.0
ANSWERS_IN_FLIGHT = 200
ENOUGH_FOR_ONE = 10  # Telegram takes one a second for a chat
NOTICES_IN_FLIGHT = 30  # claimed and not settled yet: after a kill at most this many are unknown
IDLE_S = 0.25
FINISH_S = 10.0  # how long what is on its way has when the process ends
SETTLE_S = 0.1  # how long the outcome of a notice's message waits at most for others, to share their commit
_LANES = {False: (Lane.DANGER, Lane.ANSWER), True: (Lane.NOTICE,)}  # by whether it is a notice's


class Outbox:
    """Sends what is due.

    process_id: under which this process claims; its heartbeat must be kept (`storage.deliveries.beat`).
    takes_notices: False in a process that leaves them to the worker.
    render_post: the notice as a channel of a language shows it; without it, nothing goes into channels.
    words: the strings of a locale, for the word that stands in for a message in safe contact; without it, English.
    is_quiet: tells whether a moment is in the quiet hours, in which only notices allowed for it go on.
    clock: returns aware UTC time.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        send: Send,
        render_notice: RenderNotice,
        *,
        process_id: str,
        clock: Callable[[], datetime],
        takes_notices: bool = True,
        words: Words | None = None,
        render_post: RenderNotice | None = None,
        notices_in_flight: int = NOTICES_IN_FLIGHT,
        is_quiet: Callable[[datetime], bool] = lambda _at: False,
        stop_notice: StopNotice | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._send = send
        self._render_notice = render_notice
        self._render_post = render_post
        self._process_id = process_id
        self._clock = clock
        self._words = words or (lambda _tag: Strings("en", NullTranslations()))
        self._jitter = jitter
        self._is_quiet = is_quiet
        self._stop_notice = stop_notice
        self._watch = ErrorWatch()
        self._notices_wait_until: datetime | None = None  # Telegram asked all of them to wait
        self._troubles: list[tuple[int, Trouble]] = []
        self._capacity = {True: notices_in_flight if takes_notices else 0, False: ANSWERS_IN_FLIGHT}
        # Of answers those on their way; of notices all that were claimed and are not settled yet.
        self._in_flight = {True: 0, False: 0}
        self._chains: dict[int, deque[Job]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._settlements: list[tuple[Settlement, bool]] = []  # and whether it is a notice's
        self._blocked: set[int] = set()
        self._has_settlements = asyncio.Event()
        self._has_urgent_settlements = asyncio.Event()  # an answer's, or half of the notices that may be in flight
        self._freed = asyncio.Event()
        self._woken = asyncio.Event()
        self._stopping = False
        self._ended = False

    def wake(self) -> None:
        """Look for due deliveries now instead of at the next tick."""
        self._woken.set()

    async def wait_for_room(self) -> None:
        """Wait until fewer answers are in flight than the limit, so that memory stays bounded."""
        while self._in_flight[False] >= self._capacity[False]:
            self._freed.clear()
            await self._freed.wait()

    def crowded(self) -> list[int]:
        """Return the chats that wait for so many messages that more of them would hold up others."""
        return [chat_id for chat_id, chain in self._chains.items() if len(chain) >= ENOUGH_FOR_ONE]

    def hand_over(self, jobs: Sequence[Job]) -> None:
        """Send jobs of this process whose rows are committed."""
        for job in jobs:
            self._in_flight[False] += job.lane is not Lane.NOTICE
            if chain := self._chains.get(job.chat_id):
                if job.lane is Lane.DANGER:
                    chain.insert(1, job)  # only the one on its way is before it
                else:
                    chain.append(job)
                continue
            self._chains[job.chat_id] = deque([job])
            task = asyncio.create_task(self._send_chain(job.chat_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def run(self) -> None:
        """Send what is due until `stop`; a database that is away is asked again."""
        settler = asyncio.create_task(self._settle_forever())
        try:
            while not self._stopping:
                self._woken.clear()
                try:
                    n_claimed = await self.claim_due()
                except Exception:
                    log.exception("the outbox cannot claim deliveries; trying again")
                    n_claimed = 0
                if n_claimed == 0:
                    await self._pause(IDLE_S)
        finally:
            await self._finish(settler)

    async def stop(self) -> None:
        """Take nothing new; `run` returns when what is in flight is settled."""
        self._stopping = True
        self._woken.set()
        self._freed.set()

    async def claim_due(self) -> int:
        """Claim as much as there is room for and start sending it; returns how many."""
        now = self._clock()
        n_claimed = 0
        for is_notice in await self._due(now):
            room = self._capacity[is_notice] - self._in_flight[is_notice]
            if room <= 0:
                continue
            async with self._database.transaction() as session:
                claimed = await deliveries.claim(
                    session, process_id=self._process_id, lanes=_LANES[is_notice], limit=room, now=now,
                    is_quiet=is_notice and self._is_quiet(now),
                )
            n_claimed += len(claimed)
            self._in_flight[True] += len(claimed) if is_notice else 0
            self.hand_over([job for item in claimed if (job := await self._open_or_put_back(item, now))])
        return n_claimed

    async def _due(self, now: datetime) -> list[bool]:
        """Return whether answers (False) and notices (True) wait, so that no write lock is taken for nothing."""
        notices_wait = self._notices_wait_until is not None and now < self._notices_wait_until
        async with self._database.reading() as session:
            return [is_notice for is_notice, lanes in _LANES.items()
                    if self._capacity[is_notice] and not (is_notice and notices_wait)
                    and await deliveries.any_due(session, lanes=lanes, now=now)]

    async def deliver_all(self) -> None:
        """Send everything that is due now and settle it; for tests and commands, not beside `run`."""
        while await self.claim_due() or self._tasks:
            await asyncio.gather(*self._tasks)
            await self._settle_batch()
            await self._stop_troubled()
        await self._settle_batch()

    async def _open_or_put_back(self, item: ClaimedDelivery, now: datetime) -> Job | None:
        """Open a claimed delivery. What cannot be opened now is tried again later: nobody else may claim it."""
        try:
            return await self._open(item, now)
        except Exception:
            log.exception("a delivery could not be prepared", extra={"delivery_id": item.id})
            self._settled(self._failed(item, DeliveryError("could not be prepared")), lane=Lane(item.lane))
            return None

    async def _open(self, item: ClaimedDelivery, now: datetime) -> Job | None:
        outgoing: Outgoing | None = None
        reason = "no longer wanted"
        if item.may_send:
            try:
                if item.notice_id is not None:
                    render = self._render_notice if item.channel is None else self._render_post
                    outgoing = await render(item.notice_id, item.channel or item.locale) if render else None
                    if outgoing is not None and outgoing.about:
                        outgoing = replace(outgoing, about_message_id=item.target_message_id,
                                           about_part_ids=deliveries.read_ids(item.target_part_ids))
                    reason = "no text in this language"
                elif item.payload_sealed is not None:
                    outgoing = Outgoing.from_json(self._sealer.open_text(item.payload_sealed, deliveries.OUTBOX))
                address = chats.opened_address(item.address_sealed, self._sealer)
            except SealingError:
                reason, outgoing = "sealed with a key that is not in the ring", None
        if outgoing is None:
            self._settled(Settlement(item.id, DeliveryStatus.SKIPPED, now, error=reason), lane=Lane(item.lane))
            return None
        if item.safe_contact and item.lane == Lane.ANSWER:
            is_unprompted = outgoing.is_unprompted or now - item.created_at > safety.LATE
            safe_at = safety.SafeTimes(item.safe_hours, item.safe_days).next_moment(now)
            if is_unprompted and safe_at > now:
                self._settled(
                    Settlement(item.id, DeliveryStatus.QUEUED, now, not_before=safe_at), lane=Lane(item.lane)
                )
                return None
            if is_unprompted:
                outgoing = safety.envelope(self._words(item.locale), item.message_id)
        sent = list(deliveries.read_ids(item.part_ids))
        return Job(item.id, item.chat_id, address, Lane(item.lane), outgoing, item.notice_id, item.n_attempts, sent)

    async def _send_chain(self, chat_id: int) -> None:
        """Send a chat's jobs one after another; a delay of one delays those behind it."""
        chain = self._chains[chat_id]
        while chain:
            job = chain[0]
            try:
                settlement = await self._send_one(job)
            except asyncio.CancelledError as error:
                self._give_back(chat_id, is_begun=NOT_BEGUN not in getattr(error, "__notes__", ()))
                raise
            delayed = [job]
            if settlement.status is DeliveryStatus.QUEUED:
                delayed = list(chain)
            for each in delayed:
                chain.popleft()
                self._in_flight[False] -= each.lane is not Lane.NOTICE
                self._settled(
                    settlement if each is job
                    else Settlement(each.id, DeliveryStatus.QUEUED, self._clock(), not_before=settlement.not_before),
                    lane=each.lane,
                )
            self._freed.set()
        del self._chains[chat_id]

    def _give_back(self, chat_id: int, *, is_begun: bool) -> None:
        """Settle a chat's jobs because this process ends: another one may send what was not begun, at once.

        is_begun: whether Telegram may have the first of them.
        """
        now = self._clock()
        for number, job in enumerate(self._chains.pop(chat_id)):
            status, may_have_it = DeliveryStatus.QUEUED, is_begun and number == 0
            if may_have_it and job.notice_id is not None:
                status = DeliveryStatus.UNKNOWN
            self._in_flight[False] -= job.lane is not Lane.NOTICE
            self._settled(
                Settlement(job.id, status, now, not_before=now, may_be_repeated=may_have_it,
                           error="the process ended while sending" if may_have_it else None,
                           part_ids=deliveries.write_ids(job.part_ids)),
                lane=job.lane,
            )

    async def _send_one(self, job: Job) -> Settlement:
        try:
            for part in job.outgoing.before[len(job.part_ids):]:
                job.part_ids.append(await self._send(job.address, part, job.lane) or 0)
            message_id = await self._send(job.address, job.outgoing, job.lane)
        except DeliveryError as error:
            return self._failed(job, error)
        except Exception:
            log.exception("sending failed in an unforeseen way", extra={"delivery_id": job.id})
            return self._failed(job, DeliveryError("unforeseen error"))
        log.debug("delivery sent", extra={"delivery_id": job.id})
        self._note(job, None)
        how = None
        if job.outgoing.about is About.REMOVE:
            how = deliveries.REMOVED if message_id is None else deliveries.REPLACED
        return Settlement(job.id, DeliveryStatus.SENT, self._clock(), error=how, telegram_message_id=message_id,
                          part_ids=deliveries.write_ids(job.part_ids))

    def _note(self, job: Job | ClaimedDelivery, error: DeliveryError | None) -> None:
        """Count what became of a notice's message; too many errors are dealt with after the next settling."""
        if job.notice_id is not None and (trouble := self._watch.note(job.notice_id, error)):
            self._troubles.append((job.notice_id, trouble))

    def _failed(self, job: Job | ClaimedDelivery, error: DeliveryError) -> Settlement:
        now = self._clock()
        parts = deliveries.write_ids(job.part_ids) if isinstance(job, Job) else None
        log.warning("delivery not sent: %s", error.reason, extra={"delivery_id": job.id})
        self._note(job, error)
        if error.whole_lane and error.retry_after is not None:
            self._notices_wait_until = now + timedelta(seconds=error.retry_after)
        if error.is_blocked:
            self._blocked.add(job.chat_id)
        if error.may_be_delivered and job.notice_id is not None:
            return Settlement(job.id, DeliveryStatus.UNKNOWN, now, error=error.reason, part_ids=parts)
        if error.permanent or (job.n_attempts >= MAX_ATTEMPTS and error.retry_after is None):
            return Settlement(job.id, DeliveryStatus.FAILED, now, error=error.reason, part_ids=parts)
        delay = error.retry_after
        if delay is None:
            delay = min(FIRST_DELAY_S * 2 ** (job.n_attempts - 1), LONGEST_DELAY_S) * (0.5 + self._jitter())
        return Settlement(
            job.id, DeliveryStatus.QUEUED, now, error=error.reason, not_before=now + timedelta(seconds=delay),
            may_be_repeated=error.may_be_delivered, part_ids=parts,
        )

    def _settled(self, settlement: Settlement, *, lane: Lane) -> None:
        self._settlements.append((settlement, lane is Lane.NOTICE))
        self._has_settlements.set()
        if lane is not Lane.NOTICE or len(self._settlements) * 2 >= self._capacity[True]:
            self._has_urgent_settlements.set()

    async def _settle_forever(self) -> None:
        """Record outcomes until everything has ended. Ended by a flag: a cancelled commit would be half done."""
        while not self._ended:
            await self._has_settlements.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_S):
                    await self._has_urgent_settlements.wait()
            try:
                await self._settle_batch()
                await self._stop_troubled()
            except Exception:
                log.exception("the outbox cannot record what it sent; trying again")
                await asyncio.sleep(IDLE_S)

    async def _settle_batch(self) -> None:
        batch, blocked = self._settlements, self._blocked
        self._settlements, self._blocked = [], set()
        self._has_settlements.clear()
        self._has_urgent_settlements.clear()
        if not batch:
            return
        try:
            async with self._database.transaction() as session:
                await deliveries.settle(session, [settlement for settlement, _is_notice in batch])
                for chat_id in blocked:
                    await chats.mark_blocked(session, chat_id)
        except BaseException:
            self._settlements[:0] = batch
            self._blocked |= blocked
            self._has_settlements.set()
            self._has_urgent_settlements.set()
            raise
        self._in_flight[True] -= (n_notices := sum(is_notice for _settlement, is_notice in batch))
        if n_notices and self._in_flight[True] <= self._capacity[True] // 2:
            self._woken.set()  # half is free again: worth one more claim

    async def _stop_troubled(self) -> None:
        while self._troubles:
            if self._stop_notice is not None:
                await self._stop_notice(*self._troubles[0])
            self._troubles.pop(0)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _finish(self, settler: asyncio.Task[None]) -> None:
        """Wait for what is on its way, give back what is late, and record all of it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_S):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        if late := set(self._tasks):
            log.warning("%d chats could not be sent to before the end: their messages wait", len(late))
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=1)
        self._ended = True
        self._has_settlements.set()
        self._has_urgent_settlements.set()
        await asyncio.wait([settler], timeout=5)
        try:
            await self._settle_batch()
        except Exception:
            log.exception("what was sent last could not be recorded; it will be found as unknown or repeated")
