"""A resident's message and what comes back: danger, language, answer, choices, consultation, own data."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from bot.conversation import Parts, respond
from bot.incoming import Incoming, Kind
from intents import danger as dangers
from storage import tickets
from storage.database import Database
from storage.models import (
    Author,
    ChatState,
    Lane,
    Message,
    Subscription,
    Ticket,
    TicketStatus,
    Turn,
)
from tests.bot.conftest import INTRUDER, Talker, chat_of, consult, meanings, ticket_of
from tests.conftest import Clock


@pytest.mark.parametrize("client", INTRUDER)
async def test_danger_comes_first_on_the_very_first_message(talk: Talker, parts: Parts, client: str) -> None:
    someone = await talk(client)
    [card, *_more] = await someone.say(INTRUDER[client])
    assert someone.lanes[0] is Lane.DANGER
    assert "110" in card.text
    assert "sos" in meanings([card])


async def test_danger_comes_first_in_a_caption_and_inside_a_consultation(talk: Talker) -> None:
    someone = await talk("vi")
    await someone.do(Kind.PHOTO, text=INTRUDER["vi"], file_id="x")
    assert someone.lanes[0] is Lane.DANGER
    await consult(someone)
    await someone.say(INTRUDER["vi"])
    assert someone.lanes[0] is Lane.DANGER
    assert len(someone.lanes) == 2, "and the words are added to the consultation"


async def test_a_clear_question_is_answered_with_its_source_and_its_state(talk: Talker, parts: Parts) -> None:
    someone = await talk("vi")
    [answer] = await someone.say("mất xe đạp")
    title = parts.screens.title("stolen_bicycle", "vi", today=someone.clock().date())
    assert title is not None
    assert title in answer.text
    words = parts.screens.words("vi")
    assert words("No person has checked this text yet. If unsure, ask the staff.") in answer.text
    assert "2026-11-22" in answer.text
    assert {"h:stolen_bicycle:1", "staff:stolen_bicycle", "ja:stolen_bicycle", "sos", "lang"} <= set(meanings([answer]))


async def test_what_is_not_understood_offers_the_menu_and_the_second_time_a_person(talk: Talker) -> None:
    someone = await talk("en")
    first = await someone.say("flurb gnix waffen")
    second = await someone.say("banana banana")
    assert first[0].text != second[0].text
    assert meanings(first)[0] in ("menu", "a:call_110") or "menu" in meanings(first)
    assert "staff" in meanings(second)


async def test_the_language_that_was_chosen_stays_and_another_is_offered(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await someone.tap("lang:en")
    await someone.say("hola")
    assert (await chat_of(database)).locale == "en", "one short word never flips a conversation"
    messages = await someone.say("Me robaron la bicicleta ayer en la estación de tren y no sé qué hacer")
    assert (await chat_of(database)).locale == "en"
    assert "lang:es" in meanings(messages)


async def test_a_language_nobody_chose_follows_what_the_resident_writes(database: Database, talk: Talker) -> None:
    someone = await talk("en")
    await someone.say("Me robaron la bicicleta ayer en la estación de tren y no sé qué hacer")
    assert (await chat_of(database)).locale == "es"


@pytest.mark.parametrize("data", [
    "nonsense", "a:no_such_intent", "lang:xx", "menu:none", "m:00000", "t:close:OLD-0000", "h:x:9", "ja:none",
    "t:agree", "furi:maybe", "x" * 64,
])
async def test_a_stale_or_made_up_button_says_so(talk: Talker, data: str) -> None:
    someone = await talk("en")
    messages = await someone.tap(data)
    assert messages or someone.last.toast


@pytest.mark.parametrize("kind", [Kind.VOICE, Kind.DOCUMENT, Kind.STICKER, Kind.OTHER, Kind.LOCATION, Kind.PHOTO])
async def test_no_kind_of_message_meets_silence(talk: Talker, kind: Kind) -> None:
    someone = await talk("en")
    assert await someone.do(kind)


async def test_every_command_answers(talk: Talker) -> None:
    from bot.wishes import COMMANDS

    someone = await talk("en")
    for name in (*COMMANDS, "unknown", ""):
        assert await someone.do(Kind.COMMAND, text=name), name


async def test_a_consultation_goes_from_consent_to_the_right_desk(
    database: Database, talk: Talker, parts: Parts
) -> None:
    someone = await talk("vi")
    [consent] = await someone.tap("staff:stolen_bicycle")
    assert {"t:agree", "t:decline"} <= set(meanings([consent]))
    assert (await ticket_of(database)).status == TicketStatus.INTAKE
    await someone.tap("t:agree")
    await someone.say("Xe của tôi biến mất ở ga.")
    [receipt] = await someone.tap("m:99201")
    ticket = await ticket_of(database)
    assert ticket.status == TicketStatus.OPEN
    assert ticket.receipt in receipt.text
    assert (ticket.section_id, ticket.topic) == ("seian_yokushi", "stolen_bicycle")
    assert ticket.station_id == parts.deployment.route("stolen_bicycle", "99201").station_id
    assert ticket.consent_version
    assert ticket.consent_at
    assert str(someone.address) not in ticket.receipt


async def test_a_consultation_can_be_finished_with_buttons_only(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    for data in ("staff", "t:agree", "t:skip_topic", "t:skip", "m:skip"):
        await someone.tap(data)
    ticket = await ticket_of(database)
    assert (ticket.status, ticket.municipality) == (TicketStatus.OPEN, None)


async def test_nothing_is_kept_when_consent_is_refused(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await someone.tap("staff")
    await someone.tap("t:decline")
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Ticket)) == 0


async def test_words_before_consent_do_not_go_to_staff(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await someone.tap("staff")
    await someone.say("Xe của tôi biến mất ở ga.")
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Message)) == 0


async def test_an_edit_is_kept_beside_the_first_words(database: Database, talk: Talker, parts: Parts) -> None:
    someone = await talk("vi")
    await consult(someone, "first")
    async with database.reading() as session:
        message = await session.scalar(select(Message))
        assert message is not None
        telegram_id = message.telegram_message_id
    await someone.do(Kind.EDIT, message_id=telegram_id, text="second")
    async with database.reading() as session:
        ticket = await session.scalar(select(Ticket))
        assert ticket is not None
        [view] = await tickets.messages(session, ticket, ring=parts.sealer)
        assert [body for _at, body in view.revisions] == ["first", "second"]


async def test_a_message_after_an_answer_puts_the_ticket_back_into_the_queue(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await consult(someone)
    async with database.transaction() as session:
        ticket = await session.scalar(select(Ticket))
        assert ticket is not None
        ticket.status = TicketStatus.ANSWERED
    await someone.say("Cảm ơn, tôi còn một câu hỏi nữa")
    assert (await ticket_of(database)).status == TicketStatus.OPEN


async def test_closed_by_the_resident_and_opened_again(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await consult(someone)
    receipt = (await ticket_of(database)).receipt
    await someone.tap(f"t:close:{receipt}")
    assert (await ticket_of(database)).status == TicketStatus.CLOSED
    await someone.tap(f"t:reopen:{receipt}")
    assert (await ticket_of(database)).status == TicketStatus.OPEN
    await someone.tap(f"t:withdraw:{receipt}")
    assert (await ticket_of(database)).status == TicketStatus.WITHDRAWN
    await someone.tap(f"t:reopen:{receipt}")
    assert (await ticket_of(database)).status == TicketStatus.WITHDRAWN


async def test_a_message_after_the_ticket_is_closed_is_a_question_again(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await consult(someone)
    await someone.tap(f"t:close:{(await ticket_of(database)).receipt}")
    messages = await someone.say("mất xe đạp")
    assert "h:stolen_bicycle:1" in meanings(messages)


async def test_notices_on_and_off_in_one_tap(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await someone.tap("sub:on")
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Subscription)) > 0  # type: ignore[operator]
    await someone.do(Kind.COMMAND, text="stop")
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Subscription)) == 0


async def test_a_verdict_is_kept_without_the_chat(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await someone.tap("h:stolen_bicycle:0")
    async with database.reading() as session:
        turn = await session.scalar(select(Turn).where(Turn.helped.is_not(None)))
        assert turn is not None
        assert (turn.intent_id, turn.helped) == ("stolen_bicycle", False)
    assert "chat" not in " ".join(Turn.__table__.columns.keys())


async def test_a_resident_who_blocked_the_bot_is_marked_and_comes_back_by_writing(
    database: Database, talk: Talker
) -> None:
    someone = await talk("vi")
    await someone.say("xin chào")
    await someone.do(Kind.BLOCKED)
    assert (await chat_of(database)).state == ChatState.BLOCKED
    await someone.say("xin chào")
    assert (await chat_of(database)).state == ChatState.ACTIVE


async def test_furigana_can_be_switched_off(database: Database, talk: Talker, clock: Clock) -> None:
    someone = await talk("ja")
    await someone.tap("furi:off")
    assert not (await chat_of(database)).wants_furigana
    [answer] = await someone.tap("a:stolen_bicycle")
    assert "（けいさつしょ）" not in answer.text


async def test_staff_words_never_come_from_a_note(database: Database, talk: Talker, parts: Parts) -> None:
    someone = await talk("vi")
    await consult(someone)
    async with database.transaction() as session:
        ticket = await session.scalar(select(Ticket))
        assert ticket is not None
        await tickets.add_message(
            session, ticket, Author.NOTE, "internal", ring=parts.sealer, now=someone.clock()
        )
    [export] = await someone.do(Kind.COMMAND, text="export")
    assert "internal" not in export.text


async def test_staff_are_told_what_was_asked_a_moment_ago_and_not_what_was_asked_long_before(
    database: Database, talk: Talker, clock: Clock
) -> None:
    someone = await talk("vi")
    await someone.tap("a:stolen_bicycle")
    clock.advance(minutes=9)
    await someone.do(Kind.COMMAND, text="staff")
    assert (await ticket_of(database)).topic == "stolen_bicycle"
    await someone.tap("t:decline")
    clock.advance(minutes=2)
    await someone.do(Kind.COMMAND, text="staff")
    assert (await ticket_of(database)).topic is None


@pytest.mark.parametrize(("words", "wish"), [
    ("please make him stop sending me messages", "sub:on"),  # “Notices are off”
    ("Can you speak Vietnamese? I do not understand Japanese", "lang:vi"),
    ("I want to talk to staff", "t:status"),
])
async def test_words_of_a_consultation_reach_the_staff_also_when_they_sound_like_a_wish(
    database: Database, talk: Talker, parts: Parts, words: str, wish: str
) -> None:
    someone = await talk("en")
    await consult(someone, "first")
    found = parts.understander.understand(words)
    assert found.outcome == "bot_request", "otherwise this shows nothing: choose other words"
    said = await someone.say(words)
    assert wish in meanings(said)
    async with database.reading() as session:
        kept = await tickets.messages(session, await ticket_of(database), ring=parts.sealer)
    assert [each.body for each in kept] == ["first", words]


async def test_in_danger_nothing_is_asked_beside_the_card(talk: Talker, parts: Parts) -> None:
    someone = await talk("en")
    incoming = Incoming(99, 4242, Kind.TEXT, 1, text=INTRUDER["en"], language_code="en")
    found = parts.understander.understand(incoming.text)
    assert found.danger
    found = replace(found, outcome="bot_request", bot_request="talk_to_staff")
    async with someone.database.transaction() as session:
        _chat, said = await respond(session, incoming, parts, now=someone.clock(), understanding=found)
    assert [lane for lane, _message in said.messages] == [Lane.DANGER]


async def test_words_that_could_not_be_read_are_not_called_a_file(talk: Talker, parts: Parts) -> None:
    someone = await talk("en")
    incoming = Incoming(99, 4242, Kind.TEXT, 1, text="my bicycle is gone", language_code="en")
    async with someone.database.transaction() as session:
        _chat, said = await respond(session, incoming, parts, now=someone.clock(), understanding=None)
    [(_lane, message)] = said.messages
    assert "file" not in message.text
    assert "staff" in meanings([message])


async def test_an_edit_after_an_answer_waits_for_staff_and_one_that_changes_nothing_does_not(
    database: Database, talk: Talker, parts: Parts
) -> None:
    someone = await talk("en")
    await consult(someone, "first")
    async with database.transaction() as session:
        ticket, message = await session.scalar(select(Ticket)), await session.scalar(select(Message))
        assert ticket is not None
        assert message is not None
        ticket.status = TicketStatus.ANSWERED
    assert await someone.do(Kind.EDIT, message_id=message.telegram_message_id, text="first ") == []
    assert (await ticket_of(database)).status == TicketStatus.ANSWERED
    assert await someone.do(Kind.EDIT, message_id=message.telegram_message_id, text="second")
    assert (await ticket_of(database)).status == TicketStatus.OPEN
    async with database.reading() as session:
        [view] = await tickets.messages(session, await ticket_of(database), ring=parts.sealer)
    assert [body for _at, body in view.revisions] == ["first", "second"]


async def test_another_language_does_not_bring_up_what_was_read_long_before_or_was_hidden(
    talk: Talker, clock: Clock
) -> None:
    someone = await talk("en")
    await someone.tap("a:domestic_violence")
    assert "h:domestic_violence:1" in meanings(await someone.tap("lang:vi")), "at once it is what they want to read"
    clock.advance(minutes=11)
    assert "h:domestic_violence:1" not in meanings(await someone.tap("lang:en"))
    await someone.tap("a:domestic_violence")
    await someone.tap("sc:hide")
    assert "h:domestic_violence:1" not in meanings(await someone.tap("lang:vi"))


@pytest.mark.parametrize("ask", [{"kind": Kind.COMMAND, "text": "sos"}, {"kind": Kind.BUTTON, "data": "sos"}])
async def test_asking_for_help_goes_first_and_is_readable_on_a_watched_phone(
    talk: Talker, ask: dict[str, object]
) -> None:
    someone = await talk("en")
    await someone.tap("sc:on")
    [menu] = await someone.do(**ask)  # type: ignore[arg-type]
    assert someone.lanes == [Lane.DANGER]
    assert not [entity for entity in menu.entities if entity.kind == "spoiler"]


async def test_danger_in_the_words_after_a_command_gets_its_card(talk: Talker, parts: Parts) -> None:
    words = next(
        each for each in ("my husband is outside the door with a hammer and screams that he comes in",
                          "there is someone strange in my house I am hiding in the bath",
                          "my baby does not wake up and her lips are blue")
        if parts.understander.understand(each).danger and not dangers.assess(each).firm
    )
    someone = await talk("en")
    await someone.do(Kind.COMMAND, text=f"help {words}")
    assert someone.lanes[0] is Lane.DANGER
    await someone.do(Kind.COMMAND, text="staff please hurry up")
    assert len(someone.last.messages) == 1
    other = await talk("en", 4343)
    assert await other.do(Kind.COMMAND, text="staff good morning to you"), "also as the first thing of a new chat"
