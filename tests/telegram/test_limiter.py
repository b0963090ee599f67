"""Turns: three lanes over one limit, with a clock that the test moves; once against a strict server."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count, pairwise
from random import Random

import pytest

from bot.outgoing import plain
from bot.simulator.models import Config, LimitSettings
from bot.simulator.server import SimulatorServer
from bot.telegram.limiter import BURST, CHAT_INTERVAL_S, LanePausedError, Limiter, Turn
from bot.telegram.request import AiohttpRequest
from bot.telegram.sender import Sender, bot_for
from storage.models import Lane


class Handle:
    """A call put off."""

    is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Time:
    """A clock that goes from one put-off call to the next; the loop runs in between."""

    def __init__(self) -> None:
        self.now = 100.0
        self._later: list[tuple[float, int, Callable[[], None], Handle]] = []
        self._numbers = count()

    def __call__(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        handle = Handle()
        heapq.heappush(self._later, (self.now + delay, next(self._numbers), callback, handle))
        return handle

    async def sleep(self, delay: float) -> None:
        woken = asyncio.Event()
        self.call_later(delay, woken.set)
        await woken.wait()

    async def run(self, seconds: float) -> None:
        """Let so many seconds pass."""
        end = self.now + seconds
        await settle()
        while self._later and self._later[0][0] <= end:
            at, _, callback, handle = heapq.heappop(self._later)
            if not handle.is_cancelled:
                self.now = max(self.now, at)
                callback()
                await settle()
        self.now = end


async def settle() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


class Bench:
    """Sends through a limiter and notes when each message arrived."""

    def __init__(
        self, rate: int = 30, way: Callable[[], float] = lambda: 0.02, moments: Time | None = None
    ) -> None:
        self.time = moments or Time()
        self.limiter = Limiter(rate, clock=self.time, call_later=self.time.call_later)
        self.way = way
        self.arrived: list[tuple[float, int, Lane]] = []
        self.tasks: list[asyncio.Task[None]] = []

    def send(self, chat: int, lane: Lane = Lane.ANSWER) -> asyncio.Task[None]:
        task = asyncio.create_task(self._send(chat, lane))
        self.tasks.append(task)
        return task

    async def _send(self, chat: int, lane: Lane) -> None:
        turn = await self.limiter.acquire(chat, lane)
        await self.time.sleep(self.way())
        self.arrived.append((self.time.now, chat, lane))
        await self.time.sleep(self.way())
        self.limiter.done(turn)

    def times(self, lane: Lane | None = None) -> list[float]:
        return sorted(at for at, _, each in self.arrived if lane is None or each is lane)

    def busiest_second(self) -> int:
        times = self.times()
        return max(sum(1 for other in times if at <= other < at + 1.0) for at in times)


@pytest.mark.parametrize("lane", [Lane.ANSWER, Lane.NOTICE])
async def test_no_second_has_more_than_the_rate_and_the_mean_is_close_to_it(lane: Lane) -> None:
    bench = Bench()
    for chat in range(300):
        bench.send(chat, lane)
    await bench.time.run(15)
    times = bench.times()
    assert len(times) == 300
    assert bench.busiest_second() <= 30
    assert 300 / (times[-1] - times[0]) >= 29


@pytest.mark.parametrize("seed", range(5))
async def test_no_second_has_more_than_the_rate_when_the_way_there_trembles(seed: int) -> None:
    random = Random(seed)
    bench = Bench(way=lambda: 0.01 + random.expovariate(20))
    for chat in range(240):
        bench.send(chat, random.choice([Lane.ANSWER, Lane.NOTICE]))
    await bench.time.run(30)
    assert len(bench.arrived) == 240
    assert bench.busiest_second() <= 30


async def test_two_processes_that_share_the_notices_keep_to_the_limit_together() -> None:
    one = Bench()
    two = Bench(moments=one.time)
    for bench in (one, two):
        bench.limiter.share_notices(2)
        for chat in range(120):
            bench.send(chat, Lane.NOTICE)
    await one.time.run(6)
    one.arrived += two.arrived
    assert one.busiest_second() <= 30
    assert 150 <= len(one.arrived) <= 180
    one.arrived.clear()
    two.limiter.share_notices(1)  # the other process has ended
    await one.time.run(3)
    assert len(two.arrived) == 120


async def test_connections_opened_at_first_do_not_break_the_limit() -> None:
    ways = iter([0.12] * 60)
    bench = Bench(way=lambda: next(ways, 0.001))
    for chat in range(90):
        bench.send(chat)
    await bench.time.run(10)
    assert bench.busiest_second() <= 30


async def test_a_chat_takes_three_at_once_and_then_one_a_second() -> None:
    bench = Bench()
    for _ in range(6):
        bench.send(1)
    await bench.time.run(10)
    times = bench.times()
    assert times[BURST - 1] - times[0] < 0.1
    assert [later - earlier for earlier, later in pairwise(times[2:])] == pytest.approx(
        [CHAT_INTERVAL_S] * 3, abs=0.01
    )


async def test_a_full_chat_does_not_delay_another() -> None:
    bench = Bench()
    for _ in range(20):
        bench.send(1)
    bench.send(2)
    await bench.time.run(0.1)
    assert 2 in {chat for _, chat, _ in bench.arrived}


async def test_within_a_chat_the_order_is_kept() -> None:
    bench = Bench()
    order: list[int] = []

    async def send(number: int) -> None:
        turn = await bench.limiter.acquire(1, Lane.ANSWER)
        order.append(number)
        bench.limiter.done(turn)

    tasks = [asyncio.create_task(send(number)) for number in range(8)]
    await bench.time.run(10)
    assert order == list(range(8))
    assert all(task.done() for task in tasks)


async def test_a_waiting_answer_takes_the_next_slot_before_every_notice() -> None:
    bench = Bench(rate=10)
    for chat in range(100):
        bench.send(chat, Lane.NOTICE)
    await bench.time.run(1.5)
    asked_at = bench.time.now
    bench.send(500, Lane.ANSWER)
    await bench.time.run(2)
    answered_at = bench.times(Lane.ANSWER)[0]
    assert len([at for at in bench.times(Lane.NOTICE) if asked_at + 0.02 < at < answered_at]) <= 1
    assert answered_at - asked_at < 0.2


async def test_answers_in_the_middle_of_a_campaign_find_a_free_slot() -> None:
    bench = Bench()
    for chat in range(600):
        bench.send(chat, Lane.NOTICE)
    await bench.time.run(2)
    waits = []
    for chat in range(1000, 1010):
        asked_at = bench.time.now
        bench.send(chat, Lane.ANSWER)
        await bench.time.run(0.7)
        waits.append(bench.times(Lane.ANSWER)[-1] - asked_at)
    assert max(waits[1:]) < 0.03  # the way there is 0.02
    assert bench.busiest_second() <= 30


async def test_danger_goes_before_answers() -> None:
    bench = Bench(rate=5)
    for chat in range(40):
        bench.send(chat, Lane.ANSWER)
    await bench.time.run(0.5)
    bench.send(99, Lane.DANGER)
    await bench.time.run(1.5)
    assert len([at for at in bench.times() if at <= bench.times(Lane.DANGER)[0]]) <= 11


async def test_a_wait_asked_of_one_chat_delays_that_chat_only() -> None:
    bench = Bench()
    bench.limiter.refused(1, Lane.ANSWER, 7)
    assert bench.limiter.wait_of(1, Lane.ANSWER) == pytest.approx(7)
    bench.send(1)
    bench.send(2)
    await bench.time.run(6.5)
    assert [chat for _, chat, _ in bench.arrived] == [2]
    await bench.time.run(1)
    assert [chat for _, chat, _ in bench.arrived] == [2, 1]


async def test_a_wait_asked_in_the_notice_lane_pauses_notices_only() -> None:
    bench = Bench()
    bench.limiter.refused(1, Lane.NOTICE, 5)
    bench.send(2, Lane.NOTICE)
    bench.send(3, Lane.ANSWER)
    await bench.time.run(4.9)
    assert [chat for _, chat, _ in bench.arrived] == [3]
    await bench.time.run(0.5)
    assert [chat for _, chat, _ in bench.arrived] == [3, 2]


async def test_several_chats_refused_pause_answers_but_never_danger() -> None:
    bench = Bench()
    for chat in (1, 2, 3):
        bench.limiter.refused(chat, Lane.ANSWER, 4)
    bench.send(10, Lane.ANSWER)
    bench.send(1, Lane.DANGER)
    bench.send(11, Lane.DANGER)
    await bench.time.run(3.5)
    assert sorted(chat for _, chat, _ in bench.arrived) == [1, 11]
    await bench.time.run(1)
    assert 10 in {chat for _, chat, _ in bench.arrived}


async def test_two_refusals_far_apart_pause_nobody_else() -> None:
    bench = Bench()
    for chat in (1, 2, 3):
        bench.limiter.refused(chat, Lane.ANSWER, 60)
        await bench.time.run(4)
    bench.send(10, Lane.ANSWER)
    await bench.time.run(0.1)
    assert [chat for _, chat, _ in bench.arrived] == [10]


async def test_a_server_that_never_answers_does_not_hold_the_slots() -> None:
    bench = Bench(rate=2)
    turns: list[Turn] = []

    async def send(chat: int) -> None:
        turns.append(await bench.limiter.acquire(chat, Lane.ANSWER))  # and no answer ever comes

    tasks = [asyncio.create_task(send(chat)) for chat in range(6)]
    await bench.time.run(4)
    assert len(turns) == 6
    for turn in turns:
        bench.limiter.done(turn)  # late: changes nothing
    assert all(task.done() for task in tasks)


async def test_a_cancelled_wait_gives_its_place_up() -> None:
    bench = Bench(rate=1)
    bench.send(1)
    waiting = bench.send(2)
    bench.send(3)
    await bench.time.run(0.2)
    waiting.cancel()
    await bench.time.run(3)
    assert [chat for _, chat, _ in bench.arrived] == [1, 3]
    assert bench.limiter.n_waiting == 0


async def test_idle_chats_are_forgotten() -> None:
    bench = Bench(rate=1000)
    most = 0
    for start in range(0, 20_000, 1000):
        for chat in range(start, start + 1000):
            bench.send(chat)
        await bench.time.run(1.2)
        most = max(most, bench.limiter.n_chats)
    assert len(bench.arrived) == 20_000
    assert most < 8000
    await bench.time.run(60)
    for chat in range(4000):
        bench.send(chat % 3)
        await bench.time.run(1)
    assert bench.limiter.n_chats <= 3


SLOWLY = 0.25  # virtual seconds a real second: what a busy machine holds up is a quarter as long for the server


async def test_a_strict_server_refuses_nothing_at_thirty_a_second() -> None:
    """Over HTTP, in slow motion on both sides, so that the limiter is judged and not the load of the machine."""
    loop = asyncio.get_running_loop()
    limiter = Limiter(
        30, clock=lambda: loop.time() * SLOWLY, call_later=lambda wait, call: loop.call_later(wait / SLOWLY, call)
    )
    async with SimulatorServer(Config(time_scale=SLOWLY)) as simulator:
        simulator.state.limits.settings = LimitSettings(overall=30)
        simulator.state.add_residents(1, 150)
        request = AiohttpRequest()
        sender = Sender(bot_for(simulator.token, simulator.url, request), limiter)
        lanes = [Lane.NOTICE] * 9 + [Lane.ANSWER]
        try:
            await asyncio.gather(*(sender.send(chat, plain("notice"), lanes[chat % 10]) for chat in range(1, 151)))
        finally:
            await request.shutdown()
        stats = simulator.state.stats
        assert stats.statuses == {200: 150}
        assert stats.sliding_maximum <= 30


async def test_a_long_wait_that_telegram_asks_for_gives_notices_back_and_no_answers() -> None:
    """They would be sent an hour later, whatever was decided in that hour."""
    bench = Bench()
    waiting = [bench.send(chat, Lane.NOTICE) for chat in range(30)]
    await bench.time.run(0.1)
    bench.limiter.refused(99, Lane.NOTICE, 3600)
    await settle()
    turned_away = [task for task in waiting if task.done() and task.exception()]
    assert len(turned_away) > 20
    assert all(isinstance(task.exception(), LanePausedError) for task in turned_away)
    with pytest.raises(LanePausedError) as caught:
        await bench.limiter.acquire(100, Lane.NOTICE)
    assert 3590 < caught.value.seconds <= 3600
    bench.send(101, Lane.ANSWER)
    await bench.time.run(2)
    assert [chat for _at, chat, lane in bench.arrived if lane is Lane.ANSWER] == [101]
    assert bench.limiter.n_waiting == 0
    bench.time.now += 3600
    late = bench.send(102, Lane.NOTICE)
    await bench.time.run(2)
    assert late.done()
    assert late.exception() is None
    await asyncio.gather(*bench.tasks, return_exceptions=True)
