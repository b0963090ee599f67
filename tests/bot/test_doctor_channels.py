"""The doctor asks the strict local server for each channel of the deployment file."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import doctor
from bot.doctor import Check
from bot.i18n import ROOT
from bot.simulator.models import Config
from bot.simulator.server import SimulatorServer

TOKEN = "110110110:doctor-token-for-the-simulator-only"
CHANNEL = -1001100000001


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorServer]:
    async with SimulatorServer(Config(tokens=(TOKEN,), seed=1)) as server:
        yield server


def a_real_file(folder: Path, *channels: str) -> Path:
    """The demo's file as a real police would have it, with these lines of channels."""
    text = (ROOT / "bot/deployments/demo.yaml").read_text("utf-8")
    before, rest = text.split("  channels:\n")
    after = rest[rest.index("\n\n"):]
    lines = "".join(f"    {line}\n" for line in channels)
    text = before + (f"  channels:\n{lines}" if channels else "") + after
    text = re.sub(r"demo_mark:.*\n(  .*\n)*", "", text).replace("is_demo: true", "is_demo: false")
    path = folder / "real.yaml"
    path.write_text(text, "utf-8")
    return path


async def look(simulator: SimulatorServer, path: Path, token: str = TOKEN) -> list[Check]:
    environment = {"KOBAN_TELEGRAM_TOKEN": token, "KOBAN_TELEGRAM_API_URL": simulator.url,
                   "KOBAN_DEPLOYMENT": str(path)}
    checks = await doctor.examine(environment, only=["channels"])
    for check in checks:
        assert check.state == "ok" or check.do_next, "it does not say what to do"
        assert token.split(":")[1] not in f"{check}", "the token is shown"
    return checks


@pytest.mark.parametrize(("rights", "kind", "state", "said"), [
    (frozenset({"can_post_messages"}), "channel", "ok", "the bot posts into"),
    (frozenset(), "channel", "error", "may not post messages"),
    (None, "channel", "error", "not an administrator"),
    (frozenset({"can_post_messages"}), "supergroup", "error", "is no channel"),
])
async def test_a_channel_is_judged_by_what_the_bot_may_do_in_it(
    simulator: SimulatorServer, tmp_path: Path, rights: frozenset[str] | None, kind: str, state: str, said: str
) -> None:
    simulator.state.add_group(CHANNEL, "Tiếng Việt", kind=kind, username="koban_vi", rights=rights)
    for line in ('vi: "@koban_vi"', f'vi: "{CHANNEL}"'):
        [check] = await look(simulator, a_real_file(tmp_path, line))
        assert (check.state, said in check.said) == (state, True), check


async def test_a_channel_that_cannot_be_reached_is_named(simulator: SimulatorServer, tmp_path: Path) -> None:
    simulator.state.add_group(CHANNEL, "private", kind="channel", rights=None)
    path = a_real_file(tmp_path, 'vi: "@nobody_here"', f'en: "{CHANNEL}"')
    first, second = await look(simulator, path)
    assert (first.state, second.state) == ("error", "error")
    assert "@nobody_here (vi) cannot be reached: Bad Request: chat not found" in first.said
    assert f"{CHANNEL} (en) cannot be reached" in second.said


async def test_without_channels_and_in_the_demo_nothing_is_asked(simulator: SimulatorServer, tmp_path: Path) -> None:
    assert [check.state for check in await look(simulator, a_real_file(tmp_path))] == ["ok"]
    [check] = await look(simulator, ROOT / "bot/deployments/demo.yaml")
    assert check.state == "ok"
    assert not simulator.state.calls


async def test_a_server_that_does_not_answer_is_said_once(simulator: SimulatorServer, tmp_path: Path) -> None:
    path = a_real_file(tmp_path, 'vi: "@koban_vi"', 'en: "@koban_en"')
    await simulator.stop()
    [check] = await look(simulator, path)
    assert check.state == "error"
