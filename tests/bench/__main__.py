"""`make bench`: the whole path beside a bare echo bot, in one run, against the same local server.

Prints CPU per update, latency of a lone message, memory, time from start to the first answer, and CPU of each stage of
understanding. Everything runs on loopback, a bounded number of updates, and ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table

from tests.bench import notices, stages
from tests.bench.tools import TOKEN, Measured, Simulator, koban_environment, running
from tests.environment import free_port

TEXTS = ("mất xe đạp", "my bicycle was stolen", "自転車を 盗まれました", "perdi minha carteira", "мөнгөө алдсан",
         "how do I pay a traffic ticket?", "財布を落としました", "bị mất ví ở ga", "trabajo sin pago")


async def measure(simulator: Simulator, contender: Measured, n_updates: int, *, started_at: float) -> dict[str, float]:
    """Let n residents write at once, and measure until each has an answer."""
    await simulator.write(1000, TEXTS[0])
    await simulator.wait_for(1)
    first_answer_s = time.perf_counter() - started_at
    latencies = []
    for number in range(20):
        before, sent_at = await simulator.n_sent(), time.perf_counter()
        await simulator.write(1001 + number, TEXTS[number % len(TEXTS)])
        await simulator.wait_for(before + 1)
        latencies.append((time.perf_counter() - sent_at) * 1000)
        await asyncio.sleep(0.05)
    await contender.until_quiet()
    before, cpu, at = await simulator.n_sent(), contender.cpu_s(), time.perf_counter()
    await asyncio.gather(*(
        simulator.write(2000 + number, TEXTS[number % len(TEXTS)]) for number in range(n_updates)
    ))
    await simulator.wait_for(before + n_updates)
    await asyncio.sleep(0.3)
    return {
        "cpu_ms": (contender.cpu_s() - cpu) / n_updates * 1000,
        "per_s": n_updates / (time.perf_counter() - at),
        "p50_ms": statistics.median(latencies),
        "rss_mb": contender.memory_mb(), "peak_mb": contender.memory_mb("VmHWM"), "first_answer_s": first_answer_s,
    }


async def contest(n_updates: int, rounds: int) -> dict[str, dict[str, float]]:
    """Run each contender in turn, `rounds` times; returns the median of each figure."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    figures: dict[str, list[dict[str, float]]] = {}
    simulator_command = (sys.executable, "-m", "bot.simulator", "--port", str(port), "--token", TOKEN, "--no-limits",
                         "--open-chats", "--keep-calls", "100")
    async with running(*simulator_command), aiohttp.ClientSession() as session:
        simulator = Simulator(url, session)
        await simulator.until_up()
        for _ in range(rounds):
            for name, encoder in (("bare echo bot", ""), ("koban, words only", "off"), ("koban", "auto")):
                await simulator.reset(n_updates + 3000)
                with tempfile.TemporaryDirectory() as folder:
                    command, environment = (sys.executable, "-m", "tests.bench.echo_bot", url, TOKEN), {}
                    if encoder:
                        command = (sys.executable, "-m", "bot", "run")  # type: ignore[assignment]
                        environment = koban_environment(url, Path(folder), encoder=encoder)
                    started_at = time.perf_counter()
                    async with running(*command, **environment) as contender:
                        found = await measure(simulator, contender, n_updates, started_at=started_at)
                figures.setdefault(name, []).append(found)
    return {
        name: {key: statistics.median(each[key] for each in runs) for key in runs[0]}
        for name, runs in figures.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("--updates", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--recipients", type=int, default=20_000, help="of the notices at the paid rate")
    parser.add_argument("--rows", type=int, default=1_000_000, help="to be queued for one notice")
    options = parser.parse_args(arguments)
    screen = Console(width=120)
    with screen.status("measuring the answer path …"):
        figures = asyncio.run(contest(options.updates, options.rounds))
    bare = figures["bare echo bot"]["cpu_ms"]
    table = Table("contender", "CPU ms/update", "x bare", "updates/s", "lone p50 ms", "RSS MB", "peak MB",
                  "start to first answer s", title=f"{options.updates} updates at once, median of {options.rounds}")
    for name, found in figures.items():
        table.add_row(name, f"{found['cpu_ms']:.2f}", f"{found['cpu_ms'] / bare:.2f}", f"{found['per_s']:.0f}",
                      f"{found['p50_ms']:.1f}", f"{found['rss_mb']:.0f}", f"{found['peak_mb']:.0f}",
                      f"{found['first_answer_s']:.1f}")
    screen.print(table)
    screen.print(stages.table())
    with screen.status("measuring notices …"):
        lines = asyncio.run(notices.table(n_paid=options.recipients, n_written=options.rows))
    screen.print(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
