"""A running Koban: the simulator in this process, `koban run` as a process of its own, on SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.simulator import people
from bot.simulator.models import Config, LimitSettings
from bot.simulator.server import SimulatorServer
from bot.simulator.state import State
from storage.database import Database
from tests.bench.tools import deployment_without_rest
from tests.environment import free_port

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "110110110:journey-token-for-the-simulator-only"
KEY = base64.b64encode(bytes(range(32))).decode()
PATIENCE = 60.0  # seconds until something has surely gone wrong, on a busy machine too


class Resident:
    """One person with a phone."""

    def __init__(self, state: State, resident_id: int, language_code: str) -> None:
        state.add_resident("Resident", language_code, id=resident_id, started=True)
        self.state = state
        self.id = resident_id

    def write(self, text: str) -> dict[str, Any]:
        """Send a text."""
        return people.send_text(self.state, self.id, text)

    def received(self) -> list[dict[str, Any]]:
        """What the bot sent, oldest first."""
        return self.state.from_bot(self.id)

    def last(self) -> dict[str, Any]:
        """The newest message of the bot."""
        return self.received()[-1]

    def _button(self, data: str) -> tuple[int, str] | None:
        """The newest button whose meaning begins so: its message and its whole meaning."""
        for message in reversed(self.received()):
            for row in message.get("reply_markup", {}).get("inline_keyboard", []):
                for button in row:
                    if button.get("callback_data", "").startswith(data):
                        return message["message_id"], button["callback_data"]
        return None

    async def press(self, data: str) -> dict[str, Any]:
        """Wait for a button that means this, tap it, and return the next message of the bot."""
        message_id, meaning = await self.state.until(lambda: self._button(data), PATIENCE)
        return await self.answer_to(lambda: people.tap(self.state, self.id, message_id=message_id, data=meaning))

    async def tap(self, data: str) -> int:
        """Wait for a button that means this and tap it; returns the id of the message under which it stands."""
        message_id, meaning = await self.state.until(lambda: self._button(data), PATIENCE)
        people.tap(self.state, self.id, message_id=message_id, data=meaning)
        return message_id

    async def until(self, condition: Callable[[list[dict[str, Any]]], bool], seconds: float = PATIENCE) -> None:
        """Wait until what was received fulfils a condition."""
        await self.state.until(lambda: condition(self.received()) or None, seconds)

    async def answer_to(self, action: Callable[[], Any]) -> dict[str, Any]:
        """Do something and return the next message of the bot."""
        before = len(self.received())
        action()
        await self.until(lambda messages: len(messages) > before)
        return self.received()[before]


class Koban:
    """The process under test. module: what is run instead of the `koban` command; settings: for every run of it."""

    def __init__(self, simulator: SimulatorServer, database_url: str) -> None:
        self.module = "bot"
        self.settings: dict[str, str] = {}
        self.simulator = simulator
        self.database_url = database_url
        self.console_port = free_port()
        self.console_url = f"http://127.0.0.1:{self.console_port}"
        self.process: asyncio.subprocess.Process | None = None
        self.others: list[asyncio.subprocess.Process] = []

    @property
    def state(self) -> State:
        """The simulator's state."""
        return self.simulator.state

    def resident(self, resident_id: int, language_code: str = "en") -> Resident:
        """A new resident."""
        return Resident(self.state, resident_id, language_code)

    async def start(self, *roles: str, **more: str) -> None:
        """Start `koban run`, or one role, and wait until the console or the first poll says that it is up."""
        self.process = await self._spawn(roles or ("run",), more)
        await self._until_up()

    async def start_beside(self, role: str, **more: str) -> None:
        """Start one more process, without waiting for it; it ends with the test."""
        self.others.append(await self._spawn((role,), more))

    async def _spawn(self, roles: Sequence[str], more: Mapping[str, str]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", self.module, *roles, cwd=ROOT, env=self.environment() | more,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )

    def environment(self) -> dict[str, str]:
        """The environment of every run: nothing of Koban's comes from outside."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("KOBAN_")}
        return inherited | {
            "KOBAN_TELEGRAM_TOKEN": TOKEN, "KOBAN_TELEGRAM_API_URL": self.simulator.url,
            "KOBAN_DATABASE_URL": self.database_url, "KOBAN_KEYS": KEY, "KOBAN_LOG_LEVEL": "INFO",
            "KOBAN_CONSOLE_LISTEN": f"127.0.0.1:{self.console_port}", "KOBAN_CONSOLE_URL": self.console_url,
        } | self.settings

    async def _until_up(self) -> None:
        assert self.process is not None
        async with httpx.AsyncClient() as client, asyncio.timeout(3 * PATIENCE):
            while True:
                if self.process.returncode is not None:
                    raise AssertionError(f"koban ended at start with code {self.process.returncode}")
                try:
                    if (await client.get(f"{self.console_url}/healthz")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 30)


@asynccontextmanager
async def running_koban(database_url: str, *, limits: bool = False) -> AsyncIterator[Koban]:
    """A simulator, and a Koban that is stopped at the end; not started yet."""
    config = Config(tokens=(TOKEN,), limits=LimitSettings(enabled=limits))
    async with SimulatorServer(config) as simulator:
        koban = Koban(simulator, database_url)
        try:
            yield koban
        finally:
            if koban.process is not None and koban.process.returncode is None:
                await koban.kill()
            for other in koban.others:
                if other.returncode is None:
                    other.kill()
                await other.wait()


@pytest.fixture
async def koban(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Koban]:
    """A Koban on SQLite, started; notices go at any hour, as tests do."""
    async with running_koban(sqlite_url) as made:
        await made.start(KOBAN_DEPLOYMENT=str(deployment_without_rest(tmp_path)))
        yield made


@pytest.fixture
async def koban_database(koban: Koban) -> AsyncIterator[Database]:
    """The database that the running Koban uses."""
    database = Database(koban.database_url)
    yield database
    await database.close()
