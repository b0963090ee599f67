"""What every bench needs: processes that are measured, the local server, settings."""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from storage.sealing import new_key
from tests.environment import free_port

TOKEN = "110110110:bench-token-for-the-simulator-only-0"
ROOT = Path(__file__).resolve().parents[2]
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

    async def until_quiet(self, at_least_s: float = 9, at_most_s: float = 30) -> None:
        """Wait until the start is over: the danger phrases are compiled (1 s CPU in 5 s) after the first answer.

        Quiet is less than a quarter of a core.
        """
        await asyncio.sleep(at_least_s)
        async with asyncio.timeout(at_most_s):
            while True:
                before = self.cpu_s()
                await asyncio.sleep(1)
                if self.cpu_s() - before < 0.25:
                    return


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

    async def until_up(self, timeout_s: float = 30) -> None:
        """Wait until the server answers."""
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    await self.control("GET", "stats")
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)
                else:
                    return

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

    async def is_answered(self, resident: int) -> bool:
        """Whether a resident who wrote has got something from the bot."""
        chat = await self.control("GET", f"chats/{resident}")
        assert isinstance(chat, dict)
        return any(message["from"]["is_bot"] for message in chat["messages"])

    async def wait_for(self, n: int, timeout_s: float = 180) -> None:
        """Wait until the bot has sent at least n messages."""
        async with asyncio.timeout(timeout_s):
            while await self.n_sent() < n:  # noqa: ASYNC110 - the count is in another process
                await asyncio.sleep(0.02)


def koban_environment(url: str, folder: Path, *, encoder: str) -> dict[str, str]:
    """Return the settings of a bot that talks to the simulator."""
    port = free_port()
    return {
        "KOBAN_TELEGRAM_TOKEN": TOKEN, "KOBAN_TELEGRAM_API_URL": url, "KOBAN_TELEGRAM_RATE": "1000",
        "KOBAN_DATABASE_URL": f"sqlite:///{folder / 'koban.db'}", "KOBAN_ENCODER": encoder,
        "KOBAN_KEYS": base64.b64encode(new_key()).decode(), "KOBAN_LOG_LEVEL": "ERROR",
        "KOBAN_CONSOLE_LISTEN": f"127.0.0.1:{port}", "KOBAN_CONSOLE_URL": f"http://127.0.0.1:{port}",
        "KOBAN_LEDGER": str(folder / "ledger.jsonl"),
    }


def deployment_without_rest(folder: Path) -> Path:
    """Return the demo's deployment without quiet hours and with the highest rate: a bench may run at night."""
    demo = (ROOT / "bot" / "deployments" / "demo.yaml").read_text("utf-8")
    changed = re.sub(r'  quiet_hours: "[^"]+"\n', "", re.sub(r"  rate: \d+", "  rate: 1100", demo))
    path = folder / "deployment.yaml"
    path.write_text(changed, "utf-8")
    return path
