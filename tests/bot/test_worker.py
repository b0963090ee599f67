"""The clock: what is due is a query, so late, doubled and missed ticks change nothing; two processes, a moved clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.conversation import Parts
from bot.i18n import TOKYO
from bot.outbox import Outbox
from bot.outgoing import Address, Outgoing
from bot.worker import SILENT_S, Clockwork, NoticeRenderer
from storage import deliveries, notices
from storage.database import Database
from storage.models import Event, EventReply, Lane, Notice, NoticeKind, NoticePurpose, NoticeStatus, Process
from storage.sealing import Sealer
from tests.conftest import Clock
from tests.factories import make_chat, make_notice


class Worker:
    """One worker process: its clockwork and its outbox. What it sends goes onto a list that several share."""

    def __init__(
        self, name: str, database: Database, parts: Parts, sealer: Sealer, clock: Clock, folder: Path,
        sent: list[tuple[Address, str]],
    ) -> None:
        async def send(address: Address, outgoing: Outgoing, lane: Lane) -> int:
            await asyncio.sleep(0)
            sent.append((address, outgoing.text))
            return len(sent)

        self.shares: list[int] = []
        self.outbox = Outbox(
            database, sealer, send, NoticeRenderer(database, parts.screens, clock=clock), process_id=name, clock=clock
        )
        self.clockwork = Clockwork(
            database, self.outbox, screens=parts.screens, deployment=parts.deployment, sealer=sealer, process_id=name,
            role="worker", runs_notices=True, ledger=folder / "ledger.jsonl", clock=clock,
            share_notices=self.shares.append,
        )

    async def work(self) -> None:
        """Tick once and send what is due."""
        await self.clockwork.tick()
        await self.outbox.deliver_all()


class Site:
    """A database with two workers."""

    def __init__(self, database: Database, parts: Parts, sealer: Sealer, clock: Clock, folder: Path) -> None:
        self.database = database
        self.sealer = sealer
        self.clock = clock
        self.sent: list[tuple[Address, str]] = []
        self.workers = [Worker(name, database, parts, sealer, clock, folder, self.sent) for name in ("one", "two")]

    async def notice(self, n_chats: int = 3, **values: object) -> int:
        """A notice that is scheduled for now, and people who want it."""
        async with self.database.transaction() as session:
            for _ in range(n_chats):
                await make_chat(session, sealer=self.sealer, subscribed=True)
            values = {"status": NoticeStatus.SCHEDULED, "send_at": self.clock()} | values
            return (await make_notice(session, **values)).id  # type: ignore[arg-type]

    async def work(self) -> None:
        """Let both workers tick and send at once."""
        await asyncio.gather(*(worker.work() for worker in self.workers))

    async def state(self, notice_id: int) -> tuple[str, dict[str, int]]:
        """The notice's state, and its deliveries by state."""
        async with self.database.reading() as session:
            row = await session.get_one(Notice, notice_id)
            return row.status, await deliveries.count_by_status(session, notice_id)


@pytest.fixture
def site(database: Database, parts: Parts, sealer: Sealer, clock: Clock, tmp_path: Path) -> Site:
    return Site(database, parts, sealer, clock, tmp_path)


async def test_two_processes_send_a_due_notice_once_to_each(site: Site) -> None:
    notice_id = await site.notice(n_chats=40)
    for _ in range(3):
        await site.work()
    assert await site.state(notice_id) == ("done", {"sent": 40})
    assert len({address for address, _text in site.sent}) == len(site.sent) == 40


async def test_what_was_due_while_both_were_down_goes_out_once_or_not_at_all(site: Site, clock: Clock) -> None:
    late = await site.notice(expires_at=clock() + timedelta(hours=9))
    expired = await site.notice(n_chats=0, expires_at=clock() + timedelta(hours=2))
    never_expires = await site.notice(n_chats=0)
    clock.advance(hours=5)
    await site.work()
    await site.work()
    assert await site.state(late) == ("done", {"sent": 3})
    assert await site.state(expired) == ("expired", {})
    assert await site.state(never_expires) == ("done", {"sent": 3})
    assert len(site.sent) == 6


async def test_many_missed_minutes_are_one_look_and_not_many_messages(site: Site, clock: Clock) -> None:
    async with site.database.transaction() as session:
        guest = await make_chat(session, sealer=site.sealer)
        invitation = await make_notice(session, status=NoticeStatus.DONE, kind=NoticeKind.EVENT)
        session.add(Event(notice_id=invitation.id, place="公民館", starts_at=clock() + timedelta(hours=30),
                          ends_at=clock() + timedelta(hours=32), languages=[]))
        await session.flush()
        session.add(EventReply(notice_id=invitation.id, chat_id=guest.id, answer="coming", answered_at=clock()))
    clock.advance(hours=10)  # the day before passed by 4 hours ago
    for _ in range(5):
        await site.work()
        clock.advance(minutes=1)
    assert len(site.sent) == 1
    clock.advance(hours=19)
    await site.work()
    assert len(site.sent) == 2, "two hours before"
    clock.advance(hours=2)
    await site.work()
    assert len(site.sent) == 2
    async with site.database.reading() as session:
        n = await session.scalar(select(func.count()).where(Notice.purpose == NoticePurpose.REMINDER))
        assert n == 2


async def test_a_clock_that_is_set_back_repeats_nothing(site: Site, clock: Clock) -> None:
    notice_id = await site.notice()
    await site.work()
    clock.advance(hours=-3)
    await site.work()
    clock.advance(hours=3)
    await site.work()
    assert await site.state(notice_id) == ("done", {"sent": 3})
    assert len(site.sent) == 3


async def test_workers_learn_among_how_many_the_rate_is_shared(site: Site, clock: Clock) -> None:
    one, two = site.workers
    async with _started(one.clockwork), _started(two.clockwork):
        pass
    assert (one.shares[0], two.shares[0]) == (1, 2)
    clock.advance(seconds=SILENT_S + 1)
    async with _started(two.clockwork):
        assert two.shares[-1] == 1


async def test_what_a_dead_process_had_claimed_is_unknown_and_its_rest_goes_on(site: Site, clock: Clock) -> None:
    notice_id = await site.notice(n_chats=10)
    dead, alive = site.workers
    await dead.clockwork.tick()
    async with site.database.transaction() as session:
        await deliveries.beat(session, process_id="one", role="worker", now=clock())
        claimed = await deliveries.claim(session, process_id="one", lanes=[Lane.NOTICE], limit=4, now=clock())
    assert len(claimed) == 4
    clock.advance(seconds=SILENT_S + 1)
    async with _started(alive.clockwork):
        await alive.work()
    await alive.work()
    assert await site.state(notice_id) == ("done", {"sent": 6, "unknown": 4})
    async with site.database.reading() as session:
        assert list(await session.scalars(select(Process.id))) == ["two"]


@asynccontextmanager
async def _started(clockwork: Clockwork) -> AsyncIterator[None]:
    await clockwork.start()
    try:
        yield
    finally:
        clockwork.stop()
        await asyncio.sleep(0.1)  # what the last tick began


async def test_a_tick_that_the_loop_was_too_busy_for_comes_late_and_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks: list[float] = []

    async def tick() -> None:
        ticks.append(time.monotonic())

    clockwork = site.workers[0].clockwork
    monkeypatch.setattr(clockwork, "tick", tick)
    async with _started(clockwork):
        async with asyncio.timeout(10):
            while not ticks:  # noqa: ASYNC110 - the list grows by the scheduler
                await asyncio.sleep(0.05)
        n_before, freed = len(ticks), time.monotonic() + 3.5
        time.sleep(3.5)  # noqa: ASYNC251 - the whole point: nothing else runs
        await asyncio.sleep(0.3)
        made_up = [at for at in ticks[n_before:] if at - freed < 0.25]
    assert len(made_up) == 1, "neither left out for being late, nor three times for three missed seconds"


async def test_a_tick_that_fails_is_followed_by_the_next(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    n_ticks = 0

    async def tick() -> None:
        nonlocal n_ticks
        n_ticks += 1
        raise RuntimeError("the database went away")

    clockwork = site.workers[0].clockwork
    monkeypatch.setattr(clockwork, "tick", tick)
    async with _started(clockwork), asyncio.timeout(20):
        while n_ticks < 2:  # noqa: ASYNC110 - the number grows by the scheduler
            await asyncio.sleep(0.05)


async def test_the_clock_is_that_of_japan_wherever_the_server_stands(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    try:
        async with _started(site.workers[0].clockwork):
            times = {job.next_run_time.astimezone(TOKYO).strftime("%H:%M") for job in site.workers[0].clockwork.jobs
                     if "cron" in str(job.trigger)}
            assert times == {"03:40"}
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_a_notice_at_midnight_in_japan_is_due_at_that_moment(site: Site, clock: Clock) -> None:
    at = datetime(2027, 1, 10, 0, 0, tzinfo=TOKYO)
    notice_id = await site.notice(send_at=at)
    clock.now = at.astimezone(clock().tzinfo) - timedelta(seconds=1)
    async with site.database.reading() as session:
        assert await notices.due(session, now=clock()) == []
        assert await notices.due(session, now=clock.advance(seconds=1)) == [notice_id]


async def test_a_sign_of_life_that_waited_for_the_database_is_not_old(site: Site, clock: Clock) -> None:
    """Under load on SQLite it may wait for seconds; with the time of before, the others took this process for dead."""
    beat = site.workers[0].clockwork._beat
    async with site.database.transaction() as session:
        await session.connection()
        waiting = asyncio.create_task(beat())
        await asyncio.sleep(0.2)
        if not site.database.is_sqlite:
            await waiting  # nobody waits there
        clock.advance(seconds=2 * SILENT_S)
    await (beat() if waiting.done() else waiting)
    async with site.database.reading() as session:
        assert list(await session.scalars(select(Process.seen_at))) == [clock()]
