"""Safe contact: what reaches a phone that another person may read, when, and what can be taken back from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from sqlalchemy import select

from bot import consultation, escalation, notices
from bot.conversation import Parts
from bot.i18n import TOKYO, load_strings
from bot.incoming import Kind
from bot.outbox import Outbox
from bot.outgoing import Address, Outgoing
from storage import deliveries
from storage.database import Database
from storage.models import (
    AuditEntry,
    Chat,
    Delivery,
    DeliveryStatus,
    Lane,
    NoticeStatus,
    Rating,
    Staff,
    Subscription,
    Ticket,
    TicketStatus,
    Update,
    UpdateStatus,
)
from tests.bot.conftest import Talk, Talker, meanings, take_back
from tests.conftest import A_MONDAY, Clock
from tests.factories import make_notice, make_staff

SENSITIVE = ["domestic_violence", "stalking", "child_abuse", "sexual_crime", "passport_taken", "trainee_trouble",
             "malicious_broker"]
SECRET = "Đừng về nhà. Hãy gọi chúng tôi."


class Phone:
    """What arrived at the phone, in place of the sender."""

    def __init__(self) -> None:
        self.got: list[Outgoing] = []

    async def __call__(self, address: Address, outgoing: Outgoing, lane: Lane) -> int:
        self.got.append(outgoing)
        return len(self.got) + 100


@pytest.fixture
def phone() -> Phone:
    return Phone()


async def render(notice_id: int, locale: str) -> Outgoing | None:
    return Outgoing("a notice of the police")


@pytest.fixture
async def outbox(database: Database, parts: Parts, phone: Phone, clock: Clock) -> AsyncIterator[Outbox]:
    made = Outbox(database, parts.sealer, phone, render, process_id="p", clock=clock, words=parts.screens.words)
    yield made
    await made.stop()


async def chat_of(database: Database) -> Chat:
    async with database.reading() as session:
        found = await session.scalar(select(Chat))
    assert found is not None
    return found


async def ticket_of(database: Database) -> Ticket:
    async with database.reading() as session:
        found = await session.scalar(select(Ticket).order_by(Ticket.id.desc()))
    assert found is not None
    return found


async def in_safe_contact(someone: Talk, *, slots: tuple[int, ...] = (2,), topic: str = "stalking") -> None:
    """A consultation in safe contact; without anything else said, messages are safe from 12 to 15."""
    await someone.tap(f"staff:{topic}")
    await someone.tap("t:agree")
    await someone.tap("sc:on")
    for slot in slots:
        await someone.tap(f"sc:h:{slot}")
    await someone.tap("sc:done")
    await someone.say("Anh ấy đi theo tôi mỗi ngày.")
    await someone.tap("m:99201")


async def staff_reply(database: Database, parts: Parts, clock: Clock, body: str = SECRET) -> int:
    """A reply as the console makes it; returns the id of its message."""
    async with database.transaction() as session:
        ticket = await session.scalar(select(Ticket).order_by(Ticket.id.desc()))
        assert ticket is not None
        officer = await session.scalar(select(Staff)) or await make_staff(session, section=ticket.section_id)
        await consultation.claim(session, ticket, officer, now=clock())
        chat = await session.get(Chat, ticket.chat_id)
        assert chat is not None
        message = await consultation.reply(
            session, ticket, chat, officer, body, last_seen=ticket.n_messages,
            deployment=parts.deployment, strings=parts.screens.words(chat.locale), sealer=parts.sealer, now=clock(),
            is_alone=True,  # whether a second person is needed is not the matter here
        )
        return message.id


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
    from bot.outbox import queue_all

    someone = await talk("vi")
    await in_safe_contact(someone)
    async with database.transaction() as session:
        chat = await session.scalar(select(Chat))
        assert chat is not None
        await queue_all(session, [(chat, Lane.ANSWER, Outgoing("asked")), (chat, Lane.DANGER, Outgoing("🚨 110"))],
                        sealer=parts.sealer, now=clock(), process_id="dead")
        await deliveries.release_silent(session, silent_since=clock(), now=clock())
    await outbox.deliver_all()
    assert {each.text for each in phone.got} == {"asked", "🚨 110"}


async def test_an_answer_that_could_not_go_for_long_waits_like_what_comes_by_itself(
    database: Database, talk: Talker, parts: Parts, clock: Clock, outbox: Outbox, phone: Phone
) -> None:
    from bot.outbox import queue_all

    someone = await talk("vi")
    await in_safe_contact(someone)
    async with database.transaction() as session:
        chat = await session.scalar(select(Chat))
        assert chat is not None
        await queue_all(session, [(chat, Lane.ANSWER, Outgoing("asked long ago"))], sealer=parts.sealer, now=clock(),
                        process_id="dead")
        await deliveries.release_silent(session, silent_since=clock(), now=clock())
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


async def test_hide_deletes_what_both_wrote_in_48_hours_and_says_what_stays(
    database: Database, talk: Talker, parts: Parts, clock: Clock, outbox: Outbox
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone, slots=())
    chat = await chat_of(database)
    async with database.transaction() as session:
        for number, hours in ((11, 49), (12, 47), (13, 1)):
            at = clock.advance(hours=-hours)
            clock.advance(hours=hours)
            session.add(Delivery(chat_id=chat.id, lane=Lane.ANSWER, status=DeliveryStatus.SENT, not_before=at,
                                 created_at=at, settled_at=at, telegram_message_id=number))
            session.add(Update(update_id=number, chat_lookup=chat.address_lookup, status=UpdateStatus.DONE,
                               message_id=number + 100, received_at=at, handled_at=at))
        session.add(Update(update_id=99, chat_lookup="another", status=UpdateStatus.DONE, message_id=999,
                           received_at=clock(), handled_at=clock()))
    [report] = await someone.tap("sc:hide")
    assert report.delete_message_ids == (113, 112, 13, 12, someone.n_updates)
    _ = parts.screens.words("vi")
    assert _("What is older than 48 hours stays until you delete this chat in Telegram.") in report.text
    assert "{n}" in report.text_if_kept
    [last] = await someone.tap("sc:ok")
    assert (last.text, len(last.delete_message_ids)) == ("", 1)
    assert [each.text for each in await someone.do(Kind.COMMAND, text="hide")] == [report.text]


async def test_hide_reaches_every_message_of_the_48_hours_however_many_there_are(
    database: Database, talk: Talker, clock: Clock
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone, slots=())
    chat = await chat_of(database)
    async with database.transaction() as session:
        session.add_all(
            Delivery(chat_id=chat.id, lane=Lane.ANSWER, status=DeliveryStatus.SENT, not_before=clock(),
                     created_at=clock(), settled_at=clock(), telegram_message_id=10_000 + number)
            for number in range(1200)
        )
    [report] = await someone.tap("sc:hide")
    assert set(range(10_000, 11_200)) <= set(report.delete_message_ids)
    assert list(report.delete_message_ids) == sorted(report.delete_message_ids, reverse=True), "the newest first"


async def test_every_message_carries_the_button_that_hides(talk: Talker) -> None:
    someone = await talk("vi")
    assert "sc:hide" not in meanings(await someone.say("mất xe đạp"))
    await someone.tap("sc:on")
    assert "sc:hide" in meanings(await someone.say("mất xe đạp"))
    assert "sc:hide" in meanings(await someone.say("có người cầm dao trong nhà tôi"))


async def test_no_answer_makes_a_sound(talk: Talker) -> None:
    someone = await talk("vi")
    assert not any(each.is_silent for each in await someone.say("mất xe đạp"))
    for answer in (await someone.tap("sc:on"), await someone.say("mất xe đạp"), await someone.tap("lang:en"),
                   await someone.say("có người cầm dao trong nhà tôi")):
        assert answer
        assert all(each.is_silent for each in answer)


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


async def test_each_change_is_in_the_history_of_the_consultation(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone)
    await someone.tap("sc:hide")
    await someone.tap("sc:off")
    ticket = await ticket_of(database)
    async with database.reading() as session:
        tags = set(await session.scalars(select(AuditEntry.tag).where(AuditEntry.subject == f"ticket:{ticket.id}")))
    assert {"resident:safe:on", "resident:safe:change", "resident:safe:off", "resident:chat:hide"} <= tags


async def test_erasing_takes_the_chats_words_along_and_forgets_the_mode(
    database: Database, talk: Talker, clock: Clock
) -> None:
    someone = await talk("vi")
    await in_safe_contact(someone)
    chat = await chat_of(database)
    async with database.transaction() as session:
        session.add(Update(update_id=5, chat_lookup=chat.address_lookup, status=UpdateStatus.DONE, message_id=77,
                           received_at=clock(), handled_at=clock()))
    [said] = await someone.tap("del:yes")
    assert 77 in said.delete_message_ids
    assert someone.n_updates in said.delete_message_ids, "the question too, however quickly it was answered"
    assert said.is_silent
    assert not (await chat_of(database)).safe_contact
    assert meanings([said]) == ["sc:ok"], "the proof can be taken away too, once it was read"
    [gone] = await someone.tap("sc:ok")
    assert (gone.text, len(gone.delete_message_ids)) == ("", 1)


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
