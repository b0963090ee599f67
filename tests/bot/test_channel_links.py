"""A link in a channel opens the bot at a topic; the language of the channel is a proposal."""

from __future__ import annotations

from bot.incoming import Kind
from tests.bot.conftest import Talker, meanings


async def test_who_comes_from_a_channel_is_welcomed_and_shown_the_topic_in_its_language(talk: Talker) -> None:
    someone = await talk("en")
    welcome, answer = await someone.do(Kind.COMMAND, text="start a_stolen_bicycle-vi")
    assert "Koban" in welcome.text
    assert "xe đạp" in answer.text.casefold()
    assert "lang" in meanings([welcome]), "the language stays theirs to choose"


async def test_a_chosen_language_is_kept(talk: Talker) -> None:
    someone = await talk("en")
    await someone.tap("lang:en")
    [answer] = await someone.do(Kind.COMMAND, text="start a_stolen_bicycle-vi")
    assert "bicycle" in answer.text.casefold()


async def test_a_link_to_a_topic_that_is_gone_ends_at_the_menu(talk: Talker) -> None:
    someone = await talk("en")
    for start in ("a_no_such_topic-vi", "a_", "a_-", "a_stolen_bicycle-xx", "menu"):
        messages = await someone.do(Kind.COMMAND, text=f"start {start}")
        assert meanings(messages), start
