"""The command menu and the descriptions, in every language, as Telegram takes them."""

from __future__ import annotations

import pytest
from telegram import Bot

from bot import wishes
from bot.answers import Screens
from bot.i18n import ROOT, load_strings
from bot.simulator.faults import Fault
from bot.simulator.server import SimulatorServer
from bot.telegram.commands import MAX_LONG, MAX_SHORT, announce_commands, commands_in, descriptions_in
from intents.cards import load_cards
from intents.catalogue import load_catalogue


@pytest.fixture(scope="module")
def screens() -> Screens:
    return Screens(
        catalogue=load_catalogue(ROOT, strict=False), cards=load_cards(ROOT), strings=load_strings(ROOT)
    )


def test_every_command_in_the_menu_does_something_of_its_own(screens: Screens) -> None:
    for command in commands_in(screens, "en"):
        assert command.command in wishes.COMMANDS
    assert commands_in(screens, "en")[0].command == "sos"


def test_every_language_has_a_menu_and_descriptions_that_fit(screens: Screens) -> None:
    for tag in screens.strings:
        assert all(1 <= len(each.description) <= 256 for each in commands_in(screens, tag))
        short, long = descriptions_in(screens, tag)
        assert len(short) <= MAX_SHORT
        assert 0 < len(long) <= MAX_LONG
        assert "110" in long


async def test_telegram_takes_them_and_a_failure_stops_nothing(
    simulator: SimulatorServer, bot: Bot, screens: Screens, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.state.faults.add(Fault("setMyCommands", code=500))
    await announce_commands(bot, screens)
    calls = [each for each in simulator.state.calls if each.method == "setMyCommands"]
    assert [each.status for each in calls] == [500] + [200] * (len(calls) - 1)
    codes = [each.params.get("language_code") for each in calls]
    assert {"vi", "zh", "ja", "pt", "th"} <= set(codes)
    assert len(codes) == len(set(codes))
    assert "the commands were not set for every language" in caplog.text
