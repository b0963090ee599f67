"""A running simulator, a resident, and the real python-telegram-bot talking to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from telegram import Bot

from bot.simulator.models import Config, LimitSettings, Resident
from bot.simulator.server import SimulatorServer

NO_LIMITS = LimitSettings(enabled=False)


class Api:
    """Plain calls of the Bot API and of the control side; returns (status, body)."""

    def __init__(self, session: aiohttp.ClientSession, simulator: SimulatorServer) -> None:
        self.session = session
        self.url = simulator.url
        self.token = simulator.token

    async def __call__(self, method: str, **params: Any) -> tuple[int, dict[str, Any]]:
        async with self.session.post(f"{self.url}/bot{self.token}/{method}", json=params) as answer:
            return answer.status, await answer.json()

    async def sim(self, path: str, body: Any = None, *, verb: str | None = None) -> Any:
        """Call `/_sim/<path>`: POST with a body, GET without; returns the result and insists on success."""
        verb = verb or ("GET" if body is None else "POST")
        async with self.session.request(verb, f"{self.url}/_sim/{path}", json=body) as answer:
            given = await answer.json()
            assert answer.status == 200, given
            return given["result"]


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorServer]:
    """A simulator without sending limits, repeatable."""
    async with SimulatorServer(Config(limits=NO_LIMITS, seed=1)) as server:
        yield server


@pytest.fixture
async def api(simulator: SimulatorServer) -> AsyncIterator[Api]:
    """Plain HTTP to the simulator."""
    async with aiohttp.ClientSession() as session:
        yield Api(session, simulator)


@pytest.fixture
async def bot(simulator: SimulatorServer) -> AsyncIterator[Bot]:
    """The real Bot of python-telegram-bot."""
    base = simulator.url
    async with Bot(simulator.token, base_url=f"{base}/bot", base_file_url=f"{base}/file/bot") as bot:
        yield bot


@pytest.fixture
def linh(simulator: SimulatorServer) -> Resident:
    """A resident who has started the bot."""
    return simulator.state.add_resident("Linh", "vi", started=True)
