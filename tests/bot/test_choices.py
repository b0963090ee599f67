"""When the bot is not sure it offers buttons: topics, requests about itself, and what was just answered."""

from __future__ import annotations

from datetime import date

import pytest

from bot.answers import REQUESTS
from bot.conversation import Parts
from intents.matcher import BOT_REQUESTS
from tests.bot.conftest import Talker, meanings

TODAY = date(2026, 11, 26)


def test_every_request_about_the_bot_has_a_button() -> None:
    assert set(REQUESTS) == BOT_REQUESTS


@pytest.mark.parametrize("tag", ["vi", "en", "ja-simple"])
def test_topics_and_requests_stand_side_by_side(parts: Parts, tag: str) -> None:
    offered = parts.screens.choices(("stolen_bicycle", "delete_data", "nothing"), tag, today=TODAY)
    found = [button.data for row in offered.buttons for button in row]
    assert found[:2] == ["a:stolen_bicycle", "do:delete_data"]
    assert "do:nothing" not in found


async def test_a_pressed_request_is_done_and_an_unknown_one_is_too_old(talk: Talker) -> None:
    someone = await talk("vi")
    said = await someone.tap("do:delete_data")
    assert any(data.startswith("del") for data in meanings(said))
    said = await someone.tap("do:everything")
    assert any(data.startswith("menu") for data in meanings(said))


async def test_a_short_doubtful_message_after_an_answer_offers_that_topic_first(talk: Talker) -> None:
    someone = await talk("vi")
    await someone.say("Tôi bị mất xe đạp ở ga")
    [asked] = await someone.say("blorp?")
    assert asked.buttons[0][0].data == "a:stolen_bicycle"
    someone.clock.advance(minutes=30)
    said = await someone.say("blorp?")
    assert all(message.buttons[0][0].data != "a:stolen_bicycle" for message in said if message.buttons)
