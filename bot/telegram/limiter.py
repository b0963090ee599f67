"""When a message may go: three lanes over one limit for the bot, one for each chat, and the waits Telegram asks for.

- Over all chats at most `rate` messages in any second *as the server counts them on arrival*. Each of `rate` slots
  serves again one second, and a guard for the jitter of the network, after it served last; a message whose answer came
  late may have arrived late, and its slot waits for that too.
- Danger cards take the next slot, then answers, then notices. Notices are spread over the second, and leave two slots
  free while answers come, so an answer in the middle of a campaign does not wait.
- A chat takes three messages at once, then one a second.
- A 429 delays its chat. In the notice lane it pauses that lane; in the answer lane the lane pauses only when several
  chats are refused within a few seconds; danger cards are always tried.

Source: Bot API FAQ, "How can I message all of my bot's subscribers at once", and the flood limits of the library,
2026-11-22.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Protocol

from storage.models import Lane

WINDOW_S = 1.0
GUARD_S = 0.018  # 30 messages in 1.018 s are 29.5 a second
LATE_GUARD_S = 0.005  # more than what is known of a message's lateness
CHAT_GUARD_S = 0.025
MAX_LATENESS_S = 0.5  # an answer later than this says nothing about when its message arrived
BURST = 3
CHAT_INTERVAL_S = 1.0 + CHAT_GUARD_S
N_RESERVED = 2
RESERVE_S = 10.0  # how long after an answer notices leave slots free
CATCH_UP_S = 0.05
LONGEST_WAIT_S = 5.0  # a notice that must wait longer because Telegram said so goes back to the outbox
SEVERAL_CHATS = 3
SEVERAL_CHATS_S = 5.0

_LANES = (Lane.DANGER, Lane.ANSWER, Lane.NOTICE)


class LanePausedError(Exception):
    """Telegram asked the whole lane to wait. seconds: how long from now."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the lane waits for {seconds:.0f} s")
        self.seconds = seconds


class Handle(Protocol):
    """A call that was put off and can be called off."""

    def cancel(self) -> None:
        """Call it off."""


@dataclass(slots=True)
class Turn:
    """The right to send one message now. Give it back with `Limiter.done`."""

    started: float
    is_open: bool = True


@dataclass(slots=True)
class _Waiter:
    chat: Hashable
    lane: Lane
    future: asyncio.Future[Turn]


@dataclass(slots=True)
class _Pace:
    """ready_at: when the chat may get its next message; refused_until: the end of the wait Telegram asked for."""

    ready_at: float = float("-inf")
    refused_until: float = float("-inf")


class Limiter:
    """Hands out turns.

    rate: messages a second over all chats.
    notice_rate: messages a second of notices, when that is less.
    clock: returns seconds that only go forward.
    call_later: calls a function after so many seconds; the loop's own when None.
    """

    def __init__(
        self,
        rate: int = 30,
        *,
        notice_rate: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        call_later: Callable[[float, Callable[[], None]], Handle] | None = None,
    ) -> None:
        if rate < 1:
            raise ValueError("the rate is at least one message a second")
        self._rate = rate
        self._clock = clock
        self._call_later = call_later
        self._n_reserved = N_RESERVED if rate > 10 * N_RESERVED else 0
        self._notice_rate = max(1, min(rate, notice_rate or rate))
        self._notice_interval = (WINDOW_S + GUARD_S) / self._notice_rate
        self._free: list[float] = [float("-inf")] * rate  # a heap: when each slot serves again
        self._sent: OrderedDict[int, Turn] = OrderedDict()  # turns without an answer yet, oldest first
        self._fastest = MAX_LATENESS_S
        self._n_answered = 0
        self._paces: OrderedDict[Hashable, _Pace] = OrderedDict()
        self._ready: dict[Lane, deque[_Waiter]] = {lane: deque() for lane in _LANES}
        self._delayed: list[tuple[float, int, _Waiter]] = []
        self._n_delayed = 0
        self._n_waiting = 0
        self._paused_until = dict.fromkeys(_LANES, 0.0)
        self._next_notice = 0.0
        self._last_answer = float("-inf")
        self._refused: deque[tuple[float, Hashable]] = deque()
        self._timer: Handle | None = None
        self._timer_at = float("inf")

    @property
    def rate(self) -> int:
        """Messages a second over all chats."""
        return self._rate

    @property
    def n_waiting(self) -> int:
        """How many callers wait for a turn."""
        return self._n_waiting

    @property
    def n_chats(self) -> int:
        """How many chats are remembered; those that could send at once are forgotten."""
        return len(self._paces)

    def share_notices(self, n: int) -> None:
        """Take an nth of the rate of notices: n processes send them, and know nothing of each other's turns."""
        # One less each, since what one process makes up for may fall together with what another does.
        share = self._notice_rate if n < 2 else max(1.0, self._notice_rate / n - 1)
        self._notice_interval = (WINDOW_S + GUARD_S) / share

    async def acquire(self, chat: Hashable, lane: Lane) -> Turn:
        """Wait for a turn to send one message to a chat. Cancelling the wait gives the place up.

        Raises LanePausedError for a notice that Telegram asks to wait for long, whether it waits already or comes then:
        what is decided meanwhile (it was cancelled, it expired, its resident wants no more) is seen in the outbox.
        """
        if lane is Lane.NOTICE and (wait := self._paused_until[lane] - self._clock()) > LONGEST_WAIT_S:
            raise LanePausedError(wait)
        self._forget_idle()
        waiter = _Waiter(chat, lane, asyncio.get_running_loop().create_future())
        self._ready[lane].append(waiter)
        self._n_waiting += 1
        self._pump()
        try:
            turn = await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
                self.done(waiter.future.result())
            raise
        # The message leaves now, not when the turn was given.
        turn.started = max(turn.started, self._clock())
        return turn

    def done(self, turn: Turn) -> None:
        """Give a turn back when the server has answered, or when nobody will know."""
        if not turn.is_open:
            return
        turn.is_open = False
        del self._sent[id(turn)]
        took = self._clock() - turn.started
        late = min(max(0.0, took - self._learn(took)), MAX_LATENESS_S)
        heappush(self._free, turn.started + WINDOW_S + max(GUARD_S, late + LATE_GUARD_S))
        if self._n_waiting:
            self._pump()

    def _learn(self, took: float) -> float:
        """Return how long the way there and back takes at its fastest; 0 until enough messages were answered.

        The first ones open connections, which says nothing about those that come after. It creeps up, so that a
        longer way is learnt too.
        """
        self._n_answered += 1
        self._fastest = min(took, self._fastest * 1.01)
        return self._fastest if self._n_answered > 2 * self._rate else 0.0

    def refused(self, chat: Hashable, lane: Lane, seconds: float) -> None:
        """Take note that Telegram answered 429 to a message and asked to wait."""
        now = self._clock()
        until = now + seconds
        pace = self._paces.setdefault(chat, _Pace())
        pace.refused_until = max(pace.refused_until, until)
        if lane is Lane.NOTICE:
            self._pause(Lane.NOTICE, until)
            self._turn_notices_away(seconds)
            return
        self._refused.append((now, chat))
        while self._refused and (now - self._refused[0][0] > SEVERAL_CHATS_S or len(self._refused) > self._rate):
            self._refused.popleft()
        if len({each for _, each in self._refused}) >= SEVERAL_CHATS:
            self._pause(Lane.ANSWER, until)
            self._pause(Lane.NOTICE, until)
            self._turn_notices_away(seconds)

    def wait_of(self, chat: Hashable, lane: Lane) -> float:
        """Return how many seconds Telegram still asks this chat to wait; danger cards are tried all the same."""
        pace = self._paces.get(chat)
        if pace is None or lane is Lane.DANGER:
            return 0.0
        return max(0.0, pace.refused_until - self._clock())

    def _pause(self, lane: Lane, until: float) -> None:
        self._paused_until[lane] = max(self._paused_until[lane], until)

    def _turn_notices_away(self, seconds: float) -> None:
        if seconds <= LONGEST_WAIT_S:
            return
        for waiter in (*self._ready[Lane.NOTICE], *(each for _at, _n, each in self._delayed)):
            if waiter.lane is Lane.NOTICE and not waiter.future.done():
                waiter.future.set_exception(LanePausedError(seconds))

    def _pump(self) -> None:
        """Give every turn that can be given now, and come back when the next one can."""
        now = self._clock()
        due = []
        while self._delayed and self._delayed[0][0] <= now:
            due.append(heappop(self._delayed)[2])
        for waiter in reversed(due):
            self._ready[waiter.lane].appendleft(waiter)  # these have waited longest
        self._reclaim(now)
        wake_at = self._delayed[0][0] if self._delayed else float("inf")
        for lane in _LANES:
            wake_at = min(wake_at, self._serve(lane, now))
        self._set_timer(wake_at, now)

    def _serve(self, lane: Lane, now: float) -> float:
        """Give turns to a lane; returns when to look again, infinity when nobody waits in it."""
        queue = self._ready[lane]
        n_kept = self._n_reserved if lane is Lane.NOTICE and now - self._last_answer < RESERVE_S else 0
        wake_at = float("inf")
        while queue:
            if queue[0].future.done():  # its caller was cancelled or turned away
                queue.popleft()
                self._n_waiting -= 1
                continue
            lane_at = self._lane_ready_at(lane)
            slot_at = self._slot_at(n_kept)
            if (ready_at := max(lane_at, slot_at)) > now:
                return min(wake_at, ready_at)
            waiter = queue.popleft()
            chat_at = self._chat_ready_at(waiter.chat, lane)
            if chat_at > now:
                self._n_delayed += 1
                heappush(self._delayed, (chat_at, self._n_delayed, waiter))
                wake_at = min(wake_at, chat_at)
                continue
            self._give(waiter, now)
        return wake_at

    def _give(self, waiter: _Waiter, now: float) -> None:
        heappop(self._free)
        turn = Turn(started=now)
        self._sent[id(turn)] = turn
        self._n_waiting -= 1
        pace = self._paces.setdefault(waiter.chat, _Pace())
        self._paces.move_to_end(waiter.chat)
        pace.ready_at = max(pace.ready_at, now - (BURST - 1) * CHAT_INTERVAL_S) + CHAT_INTERVAL_S
        if waiter.lane is Lane.NOTICE:
            # Evenly, but a little late is made up for, so that the mean holds.
            self._next_notice = max(self._next_notice, now - CATCH_UP_S) + self._notice_interval
        else:
            self._last_answer = now
        waiter.future.set_result(turn)

    def _chat_ready_at(self, chat: Hashable, lane: Lane) -> float:
        pace = self._paces.get(chat)
        if pace is None:
            return float("-inf")
        return pace.ready_at if lane is Lane.DANGER else max(pace.ready_at, pace.refused_until)

    def _lane_ready_at(self, lane: Lane) -> float:
        if lane is Lane.NOTICE:
            return max(self._paused_until[lane], self._next_notice)
        return self._paused_until[lane]

    def _slot_at(self, n_kept: int) -> float:
        """Return when a slot is free that may be taken, leaving `n_kept` of them."""
        if len(self._free) > n_kept:
            return self._free[0] if n_kept == 0 else _nth(self._free, n_kept)
        if not self._sent:
            return float("inf")
        oldest = next(iter(self._sent.values()))
        return oldest.started + WINDOW_S + MAX_LATENESS_S

    def _reclaim(self, now: float) -> None:
        """Take back the slots of messages whose answer is so late that it no longer matters."""
        while self._sent:
            key, turn = next(iter(self._sent.items()))
            free_at = turn.started + WINDOW_S + MAX_LATENESS_S
            if free_at > now:
                return
            del self._sent[key]
            turn.is_open = False
            heappush(self._free, free_at)

    def _set_timer(self, at: float, now: float) -> None:
        if self._timer is not None:
            if at == self._timer_at:
                return
            self._timer.cancel()
            self._timer = None
        self._timer_at = at
        if at < float("inf"):
            later = self._call_later or asyncio.get_running_loop().call_later
            self._timer = later(max(0.0, at - now), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._timer_at = float("inf")
        self._pump()

    def _forget_idle(self) -> None:
        """Look at the two chats that sent least recently; one that could send at once need not be remembered."""
        now = self._clock()
        for _ in range(2):
            if not self._paces:
                return
            chat, pace = next(iter(self._paces.items()))
            if max(pace.ready_at, pace.refused_until) + BURST * CHAT_INTERVAL_S > now:
                self._paces.move_to_end(chat)
                return
            del self._paces[chat]


def _nth(heap: list[float], n: int) -> float:
    """Return the value that becomes the smallest after `n` are taken; n: 1 or 2, so a few items decide."""
    return sorted(heap[:7])[n] if len(heap) > n else float("inf")
