"""An intake: left at any question and taken up again, the place by the phone's location, the receipt number."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from bot.conversation import Parts
from bot.incoming import Kind
from storage import tickets
from storage.database import Database
from storage.models import Message, TicketStatus
from tests.bot.conftest import Talker, meanings, ticket_of

NEAR_HOSHIMI = (33.61, 143.49)


@pytest.mark.parametrize(("way", "expected"), [
    (["staff", "t:agree"], "tp:crime"),
    (["staff:stalking", "t:agree"], "sc:on"),
    (["staff:stalking", "t:agree", "sc:off"], "t:skip"),
    (["staff:stalking", "t:agree", "sc:off", "t:skip"], "m:99201"),
], ids=["topic", "safe", "story", "place"])
async def test_an_intake_is_left_at_any_question_and_goes_on_there(
    database: Database, talk: Talker, way: Sequence[str], expected: str
) -> None:
    someone = await talk("vi")
    for data in way:
        asked = await someone.tap(data)
    assert expected in meanings(asked)
    step = (await ticket_of(database)).step
    assert "staff" in meanings(await someone.tap("t:later"))
    await someone.say("mất xe đạp")
    async with database.reading() as session:
        assert await session.scalar(select(Message.id)) is None, "what was written meanwhile is a question to the bot"
    assert expected in meanings(await someone.tap("staff"))
    assert (await ticket_of(database)).step == step


@pytest.mark.parametrize("topic", ["staff", "staff:stalking", "staff:stolen_bicycle"])
async def test_every_question_can_be_passed_over(database: Database, talk: Talker, topic: str) -> None:
    someone = await talk("vi")
    await someone.tap(topic)
    asked = await someone.tap("t:agree")
    for _n in range(5):
        if (ticket := await ticket_of(database)).status == TicketStatus.OPEN:
            break
        known = meanings(asked)
        passes = ("t:skip_topic", "t:skip", "m:skip", "sc:off")
        asked = await someone.tap(next(each for each in passes if each in known))
    assert (ticket.status, ticket.municipality, ticket.n_messages) == (TicketStatus.OPEN, None, 0)


async def test_the_phones_location_answers_where_it_is_and_is_kept_sealed(
    database: Database, talk: Talker, parts: Parts
) -> None:
    someone = await talk("vi")
    for data in ("staff:stolen_bicycle", "t:agree", "t:skip"):
        await someone.tap(data)
    await someone.do(Kind.LOCATION, place=NEAR_HOSHIMI)
    ticket = await ticket_of(database)
    assert (ticket.status, ticket.municipality, ticket.station_id) == (TicketStatus.OPEN, "99201", "hoshimi")
    await someone.do(Kind.LOCATION, place=(33.48, 143.66))
    async with database.reading() as session:
        kept = await tickets.messages(session, ticket, ring=parts.sealer)
    assert [each.body for each in kept] == ["📍 33.61000, 143.49000", "📍 33.48000, 143.66000"]
    assert (await ticket_of(database)).municipality == "99201"


async def test_the_same_chat_has_another_receipt_each_time(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    receipts = set()
    for _n in range(5):
        for data in ("staff:stolen_bicycle", "t:agree", "t:skip", "m:skip"):
            await someone.tap(data)
        receipt = (await ticket_of(database)).receipt
        assert str(someone.address) not in receipt
        receipts.add(receipt)
        await someone.tap(f"t:withdraw:{receipt}")
    assert len(receipts) == 5, "drawn by chance, not made from who asks"


async def test_staff_asked_about_another_thing_before_a_word_was_written_is_asked_about_that(
    database: Database, talk: Talker, parts: Parts
) -> None:
    someone = await talk("en")
    for data in ("staff:stolen_bicycle", "t:agree"):
        await someone.tap(data)
    asked = await someone.tap("staff:stalking")
    ticket = await ticket_of(database)
    assert (ticket.topic, ticket.is_sensitive) == ("stalking", True)
    assert ticket.section_id == parts.deployment.route("stalking", None).section_id
    assert "sc:on" in meanings(asked), "and whether another person sees the phone"
    for data in ("sc:off", "staff:stolen_bicycle"):
        await someone.tap(data)
    await someone.say("He waits at my door every evening.")
    await someone.tap("staff:lost_property")
    assert (await ticket_of(database)).topic == "stolen_bicycle", "words that were written stay with their topic"


async def test_two_taps_on_skip_pass_over_one_question(database: Database, talk: Talker) -> None:
    someone = await talk("en")
    await someone.tap("staff")
    assert "t:skip_topic" in meanings(await someone.tap("t:agree"))
    for _n in range(2):
        asked = await someone.tap("t:skip_topic")
    assert (await ticket_of(database)).step == "story"
    assert "t:skip" in meanings(asked)


async def test_old_buttons_do_nothing_to_a_later_consultation(database: Database, talk: Talker) -> None:
    someone = await talk("en")
    for data in ("staff:stolen_bicycle", "t:agree", "t:skip"):
        asked = await someone.tap(data)
    stop = next(data for data in meanings(asked) if data.startswith("t:withdraw"))
    await someone.tap(stop)
    for data in ("staff:stolen_bicycle", "t:agree", "m:99201"):
        asked = await someone.tap(data)
    ticket = await ticket_of(database)
    assert (ticket.status, ticket.step) == (TicketStatus.INTAKE, "story"), "nothing was told yet"
    assert "t:skip" in meanings(asked)
    for old in (stop, "t:withdraw"):
        await someone.tap(old)
        assert (await ticket_of(database)).status == TicketStatus.INTAKE
        assert someone.last.toast


@pytest.mark.parametrize(("tag", "kept", "left"), [
    ("vi", "1 năm sau khi đóng", "sau 2 ngày"), ("ja-simple", "おわって 1年 たつと", "2日 たつと"),
    ("mn", "1 жилийн дараа", "2 хоногийн дараа"), ("es", "1 año después", "después de 2 días"),
])
async def test_how_long_words_are_kept_is_said_in_years_or_days(talk: Talker, tag: str, kept: str, left: str) -> None:
    someone = await talk(tag)
    consent = await someone.tap("staff")
    privacy = await someone.say("/privacy")
    for said in (consent, privacy):
        words = "".join(each.text for each in said)
        assert kept in words
        assert "365" not in words
    await someone.tap("t:agree")
    assert left in "".join(each.text for each in await someone.tap("t:later"))
