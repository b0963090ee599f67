"""Safe contact: when it is offered, what it asks, and what is kept of it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bot.conversation import Parts
from bot.incoming import Kind
from storage.database import Database
from storage.models import AuditEntry, Rating, TicketStatus
from tests.bot.conftest import Talker, chat_of, meanings, ticket_of
from tests.bot.safe import in_safe_contact
from tests.conftest import Clock

SENSITIVE = ["domestic_violence", "stalking", "child_abuse", "sexual_crime", "passport_taken", "trainee_trouble",
             "malicious_broker"]


@pytest.mark.parametrize("topic", SENSITIVE)
async def test_it_is_offered_at_once_in_the_intake_of_such_a_topic(talk: Talker, topic: str) -> None:
    someone = await talk("vi")
    consent = await someone.tap(f"staff:{topic}")
    assert "sc" in meanings(consent)
    asked = await someone.tap("t:agree")
    assert {"sc:on", "sc:off"} <= set(meanings(asked))
    story = await someone.tap("sc:off")
    assert "t:skip" in meanings(story)


async def test_another_topic_is_not_asked_but_can_switch_it_on_later(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    assert "sc" not in meanings(await someone.tap("staff:stolen_bicycle"))
    await someone.tap("t:agree")
    await someone.say("Xe của tôi mất rồi.")
    receipt = await someone.tap("m:99201")
    assert "sc" in meanings(receipt)
    await someone.tap("sc")
    await someone.tap("sc:on")
    assert (await chat_of(database)).safe_contact
    await someone.do(Kind.COMMAND, text="safe")
    await someone.tap("sc:off")
    assert not (await chat_of(database)).safe_contact


async def test_what_was_decided_before_consent_is_not_asked_again(talk: Talker) -> None:
    someone = await talk("vi")
    await someone.tap("staff:stalking")
    await someone.tap("sc")
    await someone.tap("sc:on")
    consent = await someone.tap("sc:any")
    assert "t:agree" in meanings(consent)
    assert "t:skip" in meanings(await someone.tap("t:agree"))


async def test_hours_are_chosen_with_buttons_that_change_in_place(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await someone.tap("sc:on")
    [changed] = await someone.tap("sc:h:1")
    assert changed.edit_message_id is not None
    assert any(button.text.startswith("✅ 9:00") for row in changed.buttons for button in row)
    await someone.tap("sc:d:work")
    chat = await chat_of(database)
    assert (chat.safe_hours, chat.safe_days) == (0b111 << 9, "work")


async def test_nobody_is_asked_whether_it_helped(
    database: Database, talk: Talker, parts: Parts, clock: Clock
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone)
    receipt = (await ticket_of(database)).receipt
    closed = await someone.tap(f"t:close:{receipt}")
    assert not [each for each in meanings(closed) if each.startswith("t:rate")]
    await someone.tap(f"t:rate3:{receipt}")
    async with database.reading() as session:
        assert await session.scalar(select(Rating)) is None


async def test_no_answer_makes_a_sound(talk: Talker) -> None:
    someone = await talk("vi")
    assert not any(each.is_silent for each in await someone.say("mất xe đạp"))
    for answer in (await someone.tap("sc:on"), await someone.say("mất xe đạp"), await someone.tap("lang:en"),
                   await someone.say("có người cầm dao trong nhà tôi")):
        assert answer
        assert all(each.is_silent for each in answer)


async def test_each_change_is_in_the_history_of_the_consultation(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone)
    await someone.tap("sc:hide")
    await someone.tap("sc:off")
    ticket = await ticket_of(database)
    async with database.reading() as session:
        tags = set(await session.scalars(select(AuditEntry.tag).where(AuditEntry.subject == f"ticket:{ticket.id}")))
    assert {"resident:safe:on", "resident:safe:change", "resident:safe:off", "resident:chat:hide"} <= tags


async def test_an_intake_is_left_taken_up_again_and_finished_with_buttons_only(
    database: Database, talk: Talker
) -> None:
    someone = await talk("vi")
    await someone.tap("staff")
    groups = await someone.tap("t:agree")
    assert "tp:crime" in meanings(groups)
    assert "tp:=stalking" in meanings(await someone.tap("tp:crime"))
    await someone.tap("tp:=stalking")
    ticket = await ticket_of(database)
    assert (ticket.topic, ticket.step, ticket.is_sensitive, ticket.section_id) == (
        "stalking", "safe", True, "jinshin")
    await someone.tap("sc:off")
    await someone.tap("t:later")
    assert "h:stolen_bicycle:1" in meanings(await someone.say("mất xe đạp")), "left, so it answers questions again"
    assert (await ticket_of(database)).n_messages == 0
    assert "t:skip" in meanings(await someone.tap("staff"))
    await someone.tap("t:skip")
    await someone.tap("m:99204")
    ticket = await ticket_of(database)
    assert (ticket.status, ticket.topic, ticket.municipality) == (TicketStatus.OPEN, "stalking", "99204")


async def test_the_answer_whether_it_helped_is_kept_once_and_apart(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await someone.tap("staff:stolen_bicycle")
    for data in ("t:agree", "t:skip", "m:99201"):
        await someone.tap(data)
    receipt = (await ticket_of(database)).receipt
    assert f"t:rate2:{receipt}" in meanings(await someone.tap(f"t:close:{receipt}"))
    [thanks] = await someone.tap(f"t:rate2:{receipt}")
    assert thanks.edit_message_id is not None
    await someone.tap(f"t:rate3:{receipt}")
    async with database.reading() as session:
        [rating] = list(await session.scalars(select(Rating)))
    assert (rating.score, rating.locale, rating.month.day) == (2, "vi", 1)
    assert not {"chat_id", "ticket_id", "at", "created_at"} & set(Rating.__table__.columns.keys())
