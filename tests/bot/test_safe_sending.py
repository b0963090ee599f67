"""Safe contact: what reaches a phone that another person may read, and when."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select

from bot import consultation, escalation, notices
from bot.conversation import Parts
from bot.i18n import TOKYO, load_strings
from bot.incoming import Kind
from bot.outbox import Outbox, queue_all
from bot.outgoing import Outgoing
from storage import deliveries
from storage.database import Database
from storage.models import Chat, Delivery, DeliveryStatus, Lane, NoticeStatus, Staff, Subscription, Ticket
from tests.bot.conftest import Phone, Talker, meanings, take_back, ticket_of
from tests.bot.safe import SECRET, in_safe_contact, staff_reply
from tests.conftest import A_MONDAY, Clock
from tests.factories import make_notice


async def left_by_a_dead_process(database: Database, parts: Parts, clock: Clock, said: dict[Lane, str]) -> None:
    """Answers that a process had taken when it died, given back to be sent by another."""
    async with database.transaction() as session:
        chat = await session.scalar(select(Chat))
        assert chat is not None
        await queue_all(session, [(chat, lane, Outgoing(words)) for lane, words in said.items()],
                        sealer=parts.sealer, now=clock(), process_id="dead")
        await deliveries.release_silent(session, silent_since=clock(), now=clock())


async def test_a_reply_outside_the_safe_hours_waits_and_comes_without_its_words(
    database: Database, talk: Talker, parts: Parts, clock: Clock, outbox: Outbox, phone: Phone
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone)
    message_id = await staff_reply(database, parts, clock)  # a Monday, 10:00
    await outbox.deliver_all()
    assert phone.got == []
    async with database.reading() as session:
        waits = await deliveries.next_waiting(session, (await ticket_of(database)).id)
    assert waits == {message_id: datetime(2026, 11, 30, 12, tzinfo=TOKYO)}
    clock.advance(hours=2)
    await outbox.deliver_all()
    [arrived] = phone.got
    assert arrived.text == parts.screens.words("vi")("There is something new here.")
    assert arrived.is_silent
    assert SECRET not in arrived.to_json()
    [shown] = await someone.tap(f"sc:show:{message_id}")
    assert SECRET in shown.text
    assert shown.edit_message_id is not None
    cover = shown.entities[0]
    assert (cover.kind, cover.offset, cover.length) == ("spoiler", 0, len(shown.text.encode("utf-16-le")) // 2)


@pytest.mark.parametrize("tag", sorted(load_strings()))
async def test_the_word_for_a_message_names_no_topic_and_no_police(
    talk: Talker, database: Database, parts: Parts, clock: Clock, outbox: Outbox, phone: Phone, tag: str
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone, slots=())
    async with database.transaction() as session:
        chat = await session.scalar(select(Chat))
        assert chat is not None
        chat.locale = tag
    await staff_reply(database, parts, clock)
    await outbox.deliver_all()
    [arrived] = phone.got
    intent = parts.screens.title("stalking", tag, today=A_MONDAY.date()) or ""
    assert intent.casefold() not in arrived.text.casefold()
    for word in ("police", "cảnh sát", "警察", "けいさつ", "경찰", "polícia", "policía", "ตำรวจ", "polisi", "pulis",
                 "ប៉ូលិស", "ရဲ", "цагдаа", "प्रहरी"):
        assert word not in arrived.text.casefold()


async def test_a_reply_that_waited_before_the_mode_was_on_is_covered_too(
    database: Database, talk: Talker, parts: Parts, clock: Clock, outbox: Outbox, phone: Phone
) -> None:
    someone = await talk("vi")
    await someone.tap("staff:stalking")
    await someone.tap("t:agree")
    await someone.tap("sc:off")
    await someone.tap("t:skip")
    await someone.tap("m:skip")
    await staff_reply(database, parts, clock)
    await someone.tap("sc:on")
    await outbox.deliver_all()
    assert [SECRET in each.text for each in phone.got] == [False]


async def test_the_mode_switched_off_lets_what_waits_go_as_it_is(
    database: Database, talk: Talker, parts: Parts, clock: Clock, outbox: Outbox, phone: Phone
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone)
    await staff_reply(database, parts, clock)
    await outbox.deliver_all()
    assert phone.got == []
    await someone.tap("sc:off")
    await outbox.deliver_all()
    assert SECRET in phone.got[0].text


async def test_hours_that_change_move_what_waits(
    database: Database, talk: Talker, parts: Parts, clock: Clock, outbox: Outbox, phone: Phone
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone)
    await staff_reply(database, parts, clock)
    await someone.tap("sc:h:2")
    await someone.tap("sc:h:4")
    await outbox.deliver_all()
    async with database.reading() as session:
        waits = await deliveries.next_waiting(session, (await ticket_of(database)).id)
    assert list(waits.values()) == [datetime(2026, 11, 30, 18, tzinfo=TOKYO)]


async def test_an_answer_to_what_was_just_asked_comes_at_once_and_a_danger_card_always(
    database: Database, talk: Talker, parts: Parts, clock: Clock, outbox: Outbox, phone: Phone
) -> None:
    await in_safe_contact(await talk("vi"))
    await left_by_a_dead_process(database, parts, clock, {Lane.ANSWER: "asked", Lane.DANGER: "🚨 110"})
    await outbox.deliver_all()
    assert {each.text for each in phone.got} == {"asked", "🚨 110"}


async def test_an_answer_that_could_not_go_for_long_waits_like_what_comes_by_itself(
    database: Database, talk: Talker, parts: Parts, clock: Clock, outbox: Outbox, phone: Phone
) -> None:
    await in_safe_contact(await talk("vi"))
    await left_by_a_dead_process(database, parts, clock, {Lane.ANSWER: "asked long ago"})
    clock.advance(minutes=11)
    await outbox.deliver_all()
    assert phone.got == []


async def test_no_notice_reaches_it_neither_by_the_audience_nor_at_the_moment_of_sending(
    database: Database, talk: Talker, clock: Clock, outbox: Outbox, phone: Phone
) -> None:
    someone = await talk("vi")
    await someone.tap("sub:on")
    async with database.transaction() as session:
        first = await make_notice(session, status=NoticeStatus.SCHEDULED, send_at=clock())
    await notices.tick(database, now=clock())
    await someone.tap("sc:on")  # between the expansion and the sending
    await outbox.deliver_all()
    async with database.transaction() as session:
        second = await make_notice(session, status=NoticeStatus.SCHEDULED, send_at=clock())
    await notices.tick(database, now=clock())
    await outbox.deliver_all()
    assert phone.got == []
    async with database.reading() as session:
        rows = {row.notice_id: row.status for row in await session.scalars(select(Delivery))}
        assert rows == {first.id: DeliveryStatus.SKIPPED}
        assert second.id not in rows
        assert list(await session.scalars(select(Subscription.kind))), "the wish stays for later"


async def test_another_chats_message_or_a_note_is_not_shown(
    database: Database, talk: Talker, parts: Parts, clock: Clock
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone)
    message_id = await staff_reply(database, parts, clock)
    async with database.transaction() as session:
        ticket = await session.scalar(select(Ticket))
        officer = await session.scalar(select(Staff))
        assert ticket is not None
        assert officer is not None
        note = await consultation.add_note(session, ticket, officer, "internal", sealer=parts.sealer, now=clock())
    other = await talk("en", address=777)
    for who, number in ((other, message_id), (someone, note.id), (someone, 10**9), (someone, "x")):
        assert await who.tap(f"sc:show:{number}") == []
        assert who.last.toast


async def test_the_resident_can_look_without_waiting(
    database: Database, talk: Talker, parts: Parts, clock: Clock
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone)
    message_id = await staff_reply(database, parts, clock)
    assert f"sc:show:{message_id}" in meanings(await someone.do(Kind.COMMAND, text="status"))


async def test_taking_it_back_stops_a_reply_that_waits(
    database: Database, talk: Talker, parts: Parts, clock: Clock, outbox: Outbox, phone: Phone
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone)
    await staff_reply(database, parts, clock)
    await someone.tap(await take_back(someone))
    clock.advance(hours=3)
    await outbox.deliver_all()
    assert phone.got == []
    async with database.reading() as session:
        row = await session.scalar(select(Delivery))
        assert row is not None
        assert (row.status, row.payload_sealed) == (DeliveryStatus.CANCELLED, None)


async def test_staff_closing_it_shows_nothing_of_it_either(
    database: Database, talk: Talker, parts: Parts, clock: Clock, outbox: Outbox, phone: Phone
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone, slots=())
    await staff_reply(database, parts, clock)
    async with database.transaction() as session:
        ticket, officer = await session.scalar(select(Ticket)), await session.scalar(select(Staff))
        assert ticket is not None
        assert officer is not None
        await consultation.close(
            session, ticket, await session.get(Chat, ticket.chat_id), officer, "advised",
            strings=parts.screens.words("vi"), sealer=parts.sealer, now=clock(),
        )
    await outbox.deliver_all()
    assert len({each.text for each in phone.got}) == 1
    assert meanings(phone.got)[2:] == ["sc:show", "sc:hide"]
    status = await someone.tap("sc:show")
    assert (await ticket_of(database)).receipt in status[0].text


async def test_a_promise_that_slips_is_told_behind_the_button_too(
    database: Database, talk: Talker, parts: Parts, clock: Clock, outbox: Outbox, phone: Phone
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone, slots=())
    words = parts.screens.words("vi")
    late = words("It is still with us, and the staff now see it marked as late. You do not need to send it again.")
    assert late not in (await someone.tap("t:status"))[0].text
    clock.advance(days=3)
    assert await escalation.tick(database, screens=parts.screens, sealer=parts.sealer, now=clock())
    await outbox.deliver_all()
    assert [each.text for each in phone.got] == [words("There is something new here.")]
    assert late in (await someone.tap("sc:show"))[0].text
