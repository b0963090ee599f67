"""A resident sees what is kept, and has it erased."""

from __future__ import annotations

from sqlalchemy import func, select

from bot.conversation import Parts
from bot.incoming import Kind
from storage.database import Database
from storage.models import (
    Chat,
    Delivery,
    Message,
    Revision,
    Subscription,
    Ticket,
    TicketStatus,
    Update,
)
from tests.bot.conftest import Talker, chat_of, consult, ticket_of
from tests.conftest import Clock


async def test_an_export_names_the_notices_in_the_words_of_the_language(talk: Talker) -> None:
    someone = await talk("my", 4471)
    await someone.tap("lang:my")
    await someone.tap("sub:k:all")
    await someone.tap("sub:p:all:all")
    [export] = await someone.do(Kind.COMMAND, text="export")
    assert "အသိပေးစာ: လုံခြုံရေး သတင်း၊ ပွဲများ၊ လှုံ့ဆော်ရေးလ" in export.text


async def test_an_export_holds_what_was_written_and_erasure_leaves_none_of_it(
    database: Database, talk: Talker
) -> None:
    someone = await talk("vi")
    await consult(someone, "Đây là lời của tôi")
    [export] = await someone.do(Kind.COMMAND, text="export")
    assert "Đây là lời của tôi" in export.text
    await someone.tap("del:no")
    assert (await ticket_of(database)).status == TicketStatus.OPEN
    await someone.tap("del:yes")
    async with database.reading() as session:
        for table in (Ticket, Message, Revision, Subscription, Delivery, Update):
            assert await session.scalar(select(func.count()).select_from(table)) == 0, table
        chat = await session.scalar(select(Chat))
        assert chat is not None
        assert (chat.municipality, chat.last_intent) == (None, None)


async def test_an_export_loses_no_sign(talk: Talker) -> None:
    someone = await talk("en")
    await consult(someone, "😀" * 2047 + "Z")
    messages = await someone.do(Kind.COMMAND, text="export")
    assert "".join(each.text for each in messages).count("😀") == 2047
    assert not any(each.text.endswith("…") for each in messages)


async def test_what_was_written_after_the_wish_to_erase_is_still_answered(
    database: Database, talk: Talker, parts: Parts, clock: Clock
) -> None:
    someone = await talk("en")
    await someone.say("hello")
    lookup = (await chat_of(database)).address_lookup
    async with database.transaction() as session:
        for update_id in (someone.address * 1000 - 1, someone.address * 1000 + 900):
            session.add(Update(update_id=update_id, chat_lookup=lookup, payload_sealed=b"x", received_at=clock()))
    await someone.tap("del:yes")
    async with database.reading() as session:
        assert list(await session.scalars(select(Update.update_id))) == [someone.address * 1000 + 900]
