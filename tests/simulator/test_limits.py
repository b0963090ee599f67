"""The sending limits: 30 in any sliding second, one a second per chat, 20 a minute per group, 1000 paid."""

from __future__ import annotations

import pytest

from bot.simulator.clock import Clock
from bot.simulator.errors import ApiError
from bot.simulator.limits import Limits
from bot.simulator.models import Chat, Config, LimitSettings
from bot.simulator.server import SimulatorServer


class StillClock(Clock):
    """A clock that moves only when told."""

    def __init__(self) -> None:
        super().__init__(start=1000.0)
        self.time = 1000.0

    def now(self) -> float:
        return self.time


def refused(limits: Limits, chat: Chat, *, paid: bool = False) -> int | None:
    """Return retry_after, or None when the message passed."""
    try:
        limits.take(chat, paid=paid)
    except ApiError as error:
        refusal = error.body()
    else:
        return None
    seconds: int = refusal["parameters"]["retry_after"]
    assert (refusal["error_code"], refusal["description"]) == (429, f"Too Many Requests: retry after {seconds}")
    return seconds


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def limits(clock: StillClock) -> Limits:
    return Limits(LimitSettings(), clock)


def test_thirty_pass_in_a_sliding_second_and_no_more(limits: Limits, clock: StillClock) -> None:
    for n in range(30):
        clock.time += 0.01
        assert refused(limits, Chat(n + 1)) is None
    assert refused(limits, Chat(99)) == 1
    clock.time = 1001.0
    assert refused(limits, Chat(99)) == 1
    clock.time = 1001.011
    assert refused(limits, Chat(99)) is None
    assert refused(limits, Chat(100)) == 1


def test_a_private_chat_takes_a_burst_of_three_then_one_a_second(limits: Limits, clock: StillClock) -> None:
    chat = Chat(5)
    assert [refused(limits, chat) for _ in range(4)] == [None, None, None, 1]
    clock.time += 1.0
    assert [refused(limits, chat) for _ in range(2)] == [None, 1]
    clock.time += 60.0
    assert [refused(limits, chat) for _ in range(4)] == [None, None, None, 1]


def test_a_group_takes_twenty_a_minute(limits: Limits, clock: StillClock) -> None:
    group = Chat(-5, "group")
    assert [refused(limits, group) for _ in range(20)] == [None] * 20
    clock.time += 1.5
    assert refused(limits, group) == 59
    clock.time += 58.5
    assert refused(limits, group) is None


def test_paid_messages_have_their_own_thousand(limits: Limits) -> None:
    assert [refused(limits, Chat(n), paid=True) for n in range(1, 1001)] == [None] * 1000
    assert refused(limits, Chat(2000), paid=True) == 1
    assert refused(limits, Chat(2001)) is None


def test_a_refused_message_does_not_lengthen_the_wait(limits: Limits, clock: StillClock) -> None:
    chat = Chat(5)
    for _ in range(50):
        refused(limits, chat)
    clock.time += 1.0
    assert refused(limits, chat) is None


def test_the_wait_is_told_in_real_seconds_when_the_clock_is_hurried() -> None:
    limits = Limits(LimitSettings(group_per_minute=1), Clock(scale=10.0))
    group = Chat(-5, "group")
    limits.take(group)
    assert refused(limits, group) == 6


async def test_a_limit_is_told_over_http_with_the_header() -> None:
    import aiohttp

    async with SimulatorServer(Config(open_chats=True)) as simulator, aiohttp.ClientSession() as session:
        url = f"{simulator.url}/bot{simulator.token}/sendMessage"
        statuses = []
        for _ in range(5):
            async with session.post(url, json={"chat_id": 7, "text": "x"}) as answer:
                statuses.append(answer.status)
                retry = answer.headers.get("Retry-After")
        assert statuses[:3] == [200, 200, 200]
        assert (statuses[-1], retry) == (429, "1")
        assert simulator.state.stats.n_delivered == statuses.count(200)
        async with session.post(f"{simulator.url}/_sim/limits", json={"enabled": False}) as answer:
            assert answer.status == 200
        async with session.post(url, json={"chat_id": 7, "text": "x"}) as answer:
            assert answer.status == 200
