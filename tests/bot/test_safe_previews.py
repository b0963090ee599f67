"""Safe contact: what a notification or the list of chats shows of an answer that comes at once."""

from __future__ import annotations

import pytest

from bot.conversation import Parts
from bot.incoming import Kind
from bot.outgoing import Entity, Outgoing, utf16_length
from tests.bot.conftest import Talker
from tests.bot.safe import in_safe_contact
from tests.conftest import A_MONDAY


def is_covered(said: Outgoing) -> bool:
    """Whether no word can be read before it is touched."""
    return bool(said.entities) and said.entities[0] == Entity("spoiler", 0, utf16_length(said.text))


@pytest.mark.parametrize("tag", ["vi", "ja-simple"])
async def test_what_is_answered_at_once_shows_no_word_in_a_preview(
    talk: Talker, parts: Parts, tag: str
) -> None:
    someone = await talk(tag)
    assert not any(is_covered(each) for each in await someone.tap("a:stalking"))
    await in_safe_contact(someone, slots=())
    title = parts.screens.title("stalking", tag, today=A_MONDAY.date()) or ""
    seen = 0
    for meaning in ("a:stalking", "ja:stalking", "a:domestic_violence", "menu", "menu:crime", "staff:stalking",
                    "t:status", "lang", "del", "sub"):
        for said in await someone.tap(meaning):
            assert is_covered(said), meaning
            assert said.is_silent, meaning
            seen += title in said.text
    assert seen, "the words are there, under the cover"
    for command in ("start", "menu", "status", "privacy", "export", "delete", "stop"):
        assert all(is_covered(each) for each in await someone.do(Kind.COMMAND, text=command)), command
    said = await someone.say("mất xe đạp")
    assert all(is_covered(each) for each in said), said


async def test_what_must_be_read_at_a_glance_is_not_covered(talk: Talker, parts: Parts) -> None:
    someone = await talk("vi")
    [times, *_rest] = await someone.tap("sc:on")
    assert not is_covered(times), "it says only that we are careful"
    [changed] = await someone.tap("sc:h:2")
    assert not is_covered(changed)
    for meaning in ("sos", "sos:police_now"):
        assert not any(is_covered(each) for each in await someone.tap(meaning)), meaning
    card, *_others = await someone.say("có người cầm dao trong nhà tôi")
    assert "110" in card.text
    assert not is_covered(card)
    [hidden] = await someone.tap("sc:hide")
    assert not is_covered(hidden)


async def test_with_the_mode_off_nothing_is_covered(talk: Talker) -> None:
    someone = await talk("vi")
    await someone.tap("sc:on")
    await someone.tap("sc:off")
    assert not any(is_covered(each) for each in await someone.tap("a:stalking"))


async def test_the_proof_of_erasure_is_covered(talk: Talker) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone, slots=())
    await someone.tap("del")
    [proof] = await someone.tap("del:yes")
    assert is_covered(proof)
