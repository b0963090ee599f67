"""Safe contact: what can be taken back from a phone that another person may read."""

from __future__ import annotations

from bot.conversation import Parts
from bot.incoming import Kind
from bot.outbox import Outbox
from storage.database import Database
from storage.models import Delivery, DeliveryStatus, Lane, Update, UpdateStatus
from tests.bot.conftest import Talker, chat_of, meanings
from tests.bot.safe import in_safe_contact
from tests.conftest import Clock


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
