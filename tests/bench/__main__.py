"""`make bench`: the whole path beside a bare echo bot, in one run, against the same local server.

Prints CPU per update, latency of a lone message, memory, time from start to the first answer, and CPU of each stage of
understanding. Everything runs on loopback, a bounded number of updates, and ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table

from storage.sealing import new_key
from tests.bench import stages

TOKEN = "110110110:bench-token-for-the-simulator-only-0"
ROOT = Path(__file__).resolve().parents[2]
TEXTS = ("mất xe đạp", "my bicycle was stolen", "自転車を 盗まれました", "perdi minha carteira", "мөнгөө алдсан",
         "how do I pay a traffic ticket?", "財布を落としました", "bị mất ví ở ga", "trabajo sin pago")
_TICKS = os.sysconf("SC_CLK_TCK")


class Measured:
    """A process whose CPU time and memory are read from /proc."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def cpu_s(self) -> float:
        """User and system time so far, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mb(self, field: str = "VmRSS") -> float:
        """Resident memory now (VmRSS) or at its peak (VmHWM), in MB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
        return 0.0


@asynccontextmanager
async def running(*command: str, **environment: str) -> AsyncIterator[Measured]:
    """Start a process, and end it with the block."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""} | environment,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Measured(process)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 15)
            except TimeoutError:
                process.kill()
                await process.wait()


class Simulator:
    """The local server, driven by its control address."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def control(self, method: str, path: str, **body: object) -> object:
        """Call the control side."""
        async with self._session.request(method, f"{self.url}/_sim/{path}", json=body or None) as answer:
            answer.raise_for_status()
            return (await answer.json())["result"]

    async def reset(self, n_residents: int) -> None:
        """Forget everything and let residents exist who have started the bot."""
        await self.control("POST", "reset")
        await self.control("POST", "residents/many", first_id=1000, n=n_residents)

    async def n_sent(self) -> int:
        """How many messages the bot has sent since the reset."""
        stats = await self.control("GET", "stats")
        assert isinstance(stats, dict)
        return int(stats["delivered"])

    async def write(self, resident: int, text: str) -> None:
        """Let a resident write."""
        await self.control("POST", "send", resident_id=resident, kind="text", text=text)

    async def wait_for(self, n: int, timeout_s: float = 180) -> None:
        """Wait until the bot has sent at least n messages."""
        async with asyncio.timeout(timeout_s):
            while await self.n_sent() < n:  # noqa: ASYNC110 - the count is in another process
                await asyncio.sleep(0.02)


def free_port() -> int:
    """Return a free port of the loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def koban_environment(url: str, folder: Path, *, encoder: str) -> dict[str, str]:
    """Return the settings of a bot that talks to the simulator."""
    port = free_port()
    return {
        "KOBAN_TELEGRAM_TOKEN": TOKEN, "KOBAN_TELEGRAM_API_URL": url, "KOBAN_TELEGRAM_RATE": "1000",
        "KOBAN_DATABASE_URL": f"sqlite:///{folder / 'koban.db'}", "KOBAN_ENCODER": encoder,
        "KOBAN_KEYS": base64.b64encode(new_key()).decode(), "KOBAN_LOG_LEVEL": "ERROR",
        "KOBAN_CONSOLE_LISTEN": f"127.0.0.1:{port}", "KOBAN_CONSOLE_URL": f"http://127.0.0.1:{port}",
    }


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
    await asyncio.sleep(0.5)
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
        await asyncio.sleep(1.5)
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
