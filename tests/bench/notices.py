"""Notices: exactly at the limit, at the paid rate, through a kill, and to a million, beside the bare client.

Goals: G4 (30 a second, no refusal), G5 (answers meanwhile), G6 (paid rate from one process), G7 (writing a million
rows), G10 (kill -9), G11 (memory), G12 (due while the process was down).
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from rich.table import Table
from sqlalchemy import insert, text

from bot import notices
from bot.config import parse_keys
from storage import migrate
from storage.database import Database
from storage.models import Chat, ChatState, Notice, NoticeKind, NoticePurpose, NoticeStatus, NoticeText, Subscription
from storage.sealing import Sealer
from tests.bench.tools import TOKEN, Simulator, deployment_without_rest, koban_environment, running
from tests.environment import free_port

FIRST = 1000  # the first resident's id
BATCH = 10_000
CHAT_ADDRESS = "chat address"


async def fill(database: Database, sealer: Sealer, n: int, *, due_in: timedelta = timedelta()) -> int:
    """Make tables, n subscribed chats and an approved notice that is due then; returns its id."""
    await migrate.upgrade(database)
    now = datetime.now(UTC)
    async with database.transaction() as session:
        for start in range(0, n, BATCH):
            numbers = range(start, min(n, start + BATCH))
            await session.execute(insert(Chat), [
                {"id": number + 1, "address_lookup": sealer.lookup(str(FIRST + number)), "pseudonym": f"R-{number}",
                 "address_sealed": sealer.seal(str(FIRST + number).encode(), CHAT_ADDRESS), "locale": "vi",
                 "locale_is_chosen": False, "wants_furigana": True, "state": ChatState.ACTIVE, "n_misses": 0,
                 "created_at": now, "seen_at": now} for number in numbers
            ])
            await session.execute(insert(Subscription), [
                {"chat_id": number + 1, "kind": NoticeKind.CAMPAIGN, "created_at": now} for number in numbers
            ])
        notice = Notice(
            name="bench", kind=NoticeKind.CAMPAIGN, purpose=NoticePurpose.NOTICE, status=NoticeStatus.SCHEDULED,
            audience={}, send_at=now + due_in, created_at=now, updated_at=now,
        )
        session.add(notice)
        await session.flush()
        session.add(NoticeText(notice_id=notice.id, tag="vi", title="Thông báo", body="Nội dung", state="checked"))
        return notice.id


async def statuses(database: Database, notice_id: int) -> dict[str, int]:
    """Return how many deliveries of the notice are in each status."""
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT status, count(*) FROM deliveries WHERE notice_id = :id GROUP BY status"), {"id": notice_id}
        )
        return {row[0]: row[1] for row in rows}


Stage = tuple[Simulator, Database, int, dict[str, str]]


@asynccontextmanager
async def stage(
    n: int, *, rate: int, is_strict: bool, due_in: timedelta = timedelta(), with_phones: bool = True
) -> AsyncIterator[Stage]:
    """A simulator with n residents and a filled database. is_strict: it refuses what is above Telegram's limits."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "bot.simulator", "--port", str(port), "--token", TOKEN, "--open-chats",
               "--keep-calls", "100"] + ([] if is_strict else ["--no-limits"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = koban_environment(url, folder, encoder="off") | {
            "KOBAN_TELEGRAM_RATE": str(rate), "KOBAN_DEPLOYMENT": str(deployment_without_rest(folder)),
        }
        database = Database(environment["KOBAN_DATABASE_URL"])
        notice_id = await fill(database, Sealer(parse_keys(environment["KOBAN_KEYS"])), n, due_in=due_in)
        async with running(*command), aiohttp.ClientSession() as session:
            simulator = Simulator(url, session)
            await simulator.until_up()
            await simulator.reset(n if with_phones else 0)
            yield simulator, database, notice_id, environment
        await database.close()


async def until_sent(database: Database, notice_id: int, n: int, timeout_s: float) -> dict[str, int]:
    """Wait until n deliveries are settled; returns the counts."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = await statuses(database, notice_id)
            if sum(found.get(status, 0) for status in ("sent", "unknown", "failed", "skipped")) >= n:
                return found
            await asyncio.sleep(0.2)


async def send(n: int, *, rate: int, is_strict: bool) -> dict[str, Any]:
    """Send a notice to n residents with the real process; returns what the server saw."""
    async with stage(n, rate=rate, is_strict=is_strict) as (simulator, database, notice_id, environment):
        async with running(sys.executable, "-m", "bot", "run", **environment) as koban:
            found = await until_sent(database, notice_id, n, n / rate * 3 + 90)
            cpu = koban.cpu_s()
        stats = await simulator.control("GET", "stats")
    assert isinstance(stats, dict)
    seconds = stats["per_second"]
    span = max(1, seconds[-1][0] - seconds[0][0])
    # Whole seconds only: the first and the last are parts.
    whole = [count for _second, count in seconds[1:-1]]
    return {
        "refused": stats["statuses"].get("429", 0), "mean": sum(whole) / max(1, span - 1),
        "maximum": stats["sliding_maximum"], "duplicates": stats["duplicates"], "lost": n - found.get("sent", 0),
        "cpu_ms": cpu / n * 1000,
    }


async def bare_client(n: int) -> float:
    """Return messages a second of python-telegram-bot as it comes, 30 at once, without a database or a limit."""
    from telegram import Bot
    from telegram.request import HTTPXRequest

    async with stage(1, rate=1000, is_strict=False) as (simulator, _database, _notice_id, _environment):
        await simulator.reset(n)
        bot = Bot(TOKEN, base_url=f"{simulator.url}/bot", request=HTTPXRequest(connection_pool_size=30))
        numbers = iter(range(n))

        async def sender() -> None:
            for number in numbers:
                await bot.send_message(FIRST + number, "Thông báo")

        started = time.perf_counter()
        await asyncio.gather(*(sender() for _ in range(30)))
        taken = time.perf_counter() - started
        await bot.shutdown()
    return n / taken


async def through_a_kill(n: int) -> dict[str, Any]:
    """Kill the process in the middle of a notice, start it again, and count what was lost or came twice."""
    async with stage(n, rate=1000, is_strict=False) as (simulator, database, notice_id, environment):
        async with running(sys.executable, "-m", "bot", "run", **environment) as koban:
            await simulator.wait_for(n // 2)
            koban.process.send_signal(signal.SIGKILL)
            await koban.process.wait()
        before, started = await simulator.n_sent(), time.perf_counter()
        async with running(sys.executable, "-m", "bot", "run", **environment):
            await simulator.wait_for(before + 1)
            resumed = time.perf_counter() - started
            found = await until_sent(database, notice_id, n, n / 300 + 90)
        stats = await simulator.control("GET", "stats")
    assert isinstance(stats, dict)
    return {"resumed_s": resumed, "duplicates": stats["duplicates"], "unknown": found.get("unknown", 0),
            "lost": n - found.get("sent", 0) - found.get("unknown", 0)}


async def ask(simulator: Simulator, residents: range) -> float:
    """Let residents ask one after another, four in a second; returns the 99th percentile of the answers in ms."""
    taken = []
    for resident in residents:
        began = time.perf_counter()
        await simulator.write(resident, "mất xe đạp")
        async with asyncio.timeout(180):  # the first waits for the process to be up
            while not await simulator.is_answered(resident):  # noqa: ASYNC110 - the answer is in another process
                await asyncio.sleep(0.003)
        taken.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(max(0.0, 0.25 - (time.perf_counter() - began)))
    return sorted(taken)[int(0.99 * (len(taken) - 1))]


async def answers_meanwhile(n: int, n_answers: int = 60) -> tuple[float, float]:
    """Return the 99th percentile of answers while nothing else is sent, and during a notice at the strict limit."""
    far = timedelta(days=1)
    askers = range(FIRST + n, FIRST + n + 2 * n_answers + 1)
    async with stage(n, rate=30, is_strict=True, due_in=far) as (simulator, database, notice_id, environment):
        await simulator.control("POST", "residents/many", first_id=askers.start, n=len(askers))
        async with running(sys.executable, "-m", "bot", "run", **environment):
            await ask(simulator, askers[-1:])  # the process is up
            idle = await ask(simulator, askers[:n_answers])
            await due_now(database, notice_id)
            await simulator.wait_for(n_answers + 60)
            meanwhile = await ask(simulator, askers[n_answers:-1])
            if (await statuses(database, notice_id)).get("queued", 0) == 0:
                raise RuntimeError("the notice ended before the answers did: take more recipients")
    return idle, meanwhile


async def due_now(database: Database, notice_id: int) -> None:
    """Let a scheduled notice be due."""
    async with database.transaction() as session:
        notice = await session.get_one(Notice, notice_id)
        notice.send_at = datetime.now(UTC)


async def memory(n: int) -> float:
    """Return how many MB the process has more at its peak, with a notice to n chats under way, than before."""
    far = timedelta(days=1)
    async with stage(n, rate=1000, is_strict=False, due_in=far, with_phones=False) as (
        simulator, database, notice_id, environment
    ):
        await simulator.control("POST", "residents/many", first_id=1, n=1)
        async with running(sys.executable, "-m", "bot", "run", **environment) as koban:
            await ask(simulator, range(1, 2))
            await asyncio.sleep(5)
            idle = koban.memory_mb("VmHWM")
            await due_now(database, notice_id)
            async with asyncio.timeout(600):
                while sum((await statuses(database, notice_id)).values()) < n:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(1)
            await asyncio.sleep(10)
            return koban.memory_mb("VmHWM") - idle


async def after_a_stop(n: int) -> tuple[float, int]:
    """Return the seconds from the start of the process to the first message of a notice that was due, and doubles."""
    async with stage(n, rate=30, is_strict=True) as (simulator, database, notice_id, environment):
        started = time.perf_counter()
        async with running(sys.executable, "-m", "bot", "run", **environment):
            await simulator.wait_for(1)
            taken = time.perf_counter() - started
            await until_sent(database, notice_id, n, 120)
        stats = await simulator.control("GET", "stats")
    assert isinstance(stats, dict)
    return taken, stats["duplicates"]


BARE = (
    "INSERT INTO bare (chat_id, lane, notice_id, status, may_be_repeated, not_before, n_attempts, created_at) "
    "SELECT c.id, '2-notice', 1, 'queued', 0, '2026-11-27 00:00:00', 0, '2026-11-27 00:00:00' "
    "FROM chats c JOIN subscriptions s ON s.chat_id = c.id AND s.kind = 'campaign' "
    "WHERE c.state = 'active' ORDER BY c.id"
)


async def write(n: int, rounds: int = 3) -> tuple[float, float]:
    """Return the seconds of queueing a notice to n chats, and of a bare INSERT … SELECT of as many rows.

    In turns, into empty tables; the fastest of each.
    """
    taken: tuple[list[float], list[float]] = [], []
    with tempfile.TemporaryDirectory() as name:
        database = Database(f"sqlite:///{Path(name) / 'koban.db'}")
        notice_id = await fill(database, Sealer([bytes(32)]), n)
        async with database.transaction() as session:
            await session.execute(text(
                "CREATE TABLE bare (id INTEGER PRIMARY KEY, chat_id BIGINT, lane TEXT, notice_id INTEGER, status TEXT, "
                "may_be_repeated BOOLEAN, not_before TEXT, n_attempts INTEGER, created_at TEXT)"
            ))
            for index in ("UNIQUE INDEX b1 ON bare (notice_id, chat_id)", "INDEX b2 ON bare (lane, id)",
                          "INDEX b3 ON bare (chat_id, id)"):
                await session.execute(text(f"CREATE {index}"))
        for _ in range(rounds):
            started = time.perf_counter()
            await notices.tick(database, now=datetime.now(UTC) + timedelta(seconds=1))
            taken[0].append(time.perf_counter() - started)
            started = time.perf_counter()
            async with database.transaction() as session:
                await session.execute(text(BARE))
            taken[1].append(time.perf_counter() - started)
            if sum((await statuses(database, notice_id)).values()) != n:
                raise RuntimeError("not every chat got its row")
            async with database.transaction() as session:
                for table_name in ("bare", "deliveries"):
                    await session.execute(text(f"DELETE FROM {table_name}"))
                (await session.get_one(Notice, notice_id)).status = NoticeStatus.SCHEDULED
        await database.close()
    return min(taken[0]), min(taken[1])


async def table(*, n_limit: int = 900, n_paid: int = 20_000, n_written: int = 1_000_000) -> Table:
    """Measure and return the table."""
    found = Table("goal", "measured", "bar", title="notices, one process, SQLite")
    at_limit = await send(n_limit, rate=30, is_strict=True)
    found.add_row(
        f"G4  {n_limit} at 30 a second",
        f"{at_limit['refused']} refused, {at_limit['mean']:.1f}/s mean, {at_limit['maximum']} at most in a second, "
        f"{at_limit['lost']} lost, {at_limit['duplicates']} doubled", "0, ≥ 29.0/s, ≤ 30, 0, 0",
    )
    idle, meanwhile = await answers_meanwhile(n_limit)
    found.add_row(
        "G5  answers during a notice", f"p99 {meanwhile:.0f} ms, idle {idle:.0f} ms: × {meanwhile / idle:.2f}",
        "≤ × 1.5",
    )
    bare = await bare_client(min(n_paid, 2000))
    paid = await send(n_paid, rate=1100, is_strict=False)
    found.add_row(
        f"G6  {n_paid} at the paid rate, set to 1,100",
        f"{paid['mean']:.0f}/s mean with its rows settled, {paid['cpu_ms']:.2f} ms CPU each, {paid['lost']} lost "
        f"(bare client {bare:.0f}/s)", "≥ 1,000/s",
    )
    ours_s, bare_s = await write(n_written)
    times = f"{ours_s:.2f} s, bare {bare_s:.2f} s: × {ours_s / bare_s:.2f}"
    found.add_row(f"G7  {n_written} rows queued", times, "≤ × 1.3")
    killed = await through_a_kill(n_paid)
    found.add_row(
        f"G10 kill -9 within {n_paid}",
        f"goes on after {killed['resumed_s']:.1f} s, {killed['lost']} lost, {killed['duplicates']} doubled, "
        f"{killed['unknown']} unknown", "≤ 5 s, 0, ≤ in flight",
    )
    found.add_row(f"G11 memory for {n_written} recipients", f"{await memory(n_written):.1f} MB more", "≤ 15 MB")
    taken, doubled = await after_a_stop(60)
    found.add_row("G12 due while down", f"first message after {taken:.1f} s, {doubled} doubled", "≤ 5 s, 0")
    return found
