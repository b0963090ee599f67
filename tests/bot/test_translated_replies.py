"""A translated reply, from the resident's side: what it says it is, its original, and the copy of one's data."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from bot import consultation
from bot.conversation import Parts
from bot.i18n import load_strings
from bot.incoming import Kind
from bot.translation import labels
from storage import tickets, translations
from storage.database import Database
from storage.models import (
    Author,
    Chat,
    Message,
    TextState,
    Ticket,
    TicketStatus,
    Translation,
    TranslationKind,
    TranslationStatus,
)
from tests.bot.conftest import Talk, Talker
from tests.conftest import Clock
from tests.factories import make_staff

SAYING = "警察署に来てください。"
PHRASES = (
    "A machine translated this from Japanese. No interpreter checked it, so it may be wrong.",
    "A machine translated this from Japanese. An interpreter checked it.",
    "An interpreter translated this from Japanese.",
)


async def a_reply(database: Database, parts: Parts, clock: Clock, someone: Talk) -> Ticket:
    """A consultation whose first message was read in Japanese and whose reply an interpreter translated."""
    await someone.do(Kind.COMMAND, text="staff")
    await someone.tap("t:agree")
    await someone.say("Tôi mất ví.")
    await someone.tap("m:skip")
    ring, now = parts.sealer, clock()
    async with database.transaction() as session:
        ticket = (await session.scalars(select(Ticket))).one()
        chat = (await session.scalars(select(Chat))).one()
        officer = await make_staff(session)
        ticket.claimed_by_id = officer.id
        first = (await tickets.messages(session, ticket, ring=ring))[0]
        reading = await translations.add(
            session, ticket, TranslationKind.MESSAGE, TranslationStatus.DONE, locale="vi", author_id=officer.id,
            ring=ring, now=now, message_id=first.id, foreign=first.body, japanese="財布をなくしました。",
        )
        reading.state = TextState.INTERPRETER
        row = await translations.add(
            session, ticket, TranslationKind.REPLY, TranslationStatus.DRAFT, locale="vi", author_id=officer.id,
            ring=ring, now=now, japanese=SAYING, foreign="Hãy đến sở cảnh sát.",
        )
        row.state = TextState.INTERPRETER
        message = await consultation.reply(
            session, ticket, chat, officer, "Hãy đến sở cảnh sát.", last_seen=1, deployment=parts.deployment,
            strings=parts.screens.words("vi"), sealer=ring, now=now, translation=row,
        )
        row.message_id, row.status = message.id, TranslationStatus.DONE
        await translations.add(
            session, ticket, TranslationKind.REPLY, TranslationStatus.DRAFT, locale="vi", author_id=officer.id,
            ring=ring, now=now, japanese="まだ送っていない言葉", foreign="chưa gửi",
        )
    return ticket


async def test_the_original_is_shown_on_a_tap_also_after_the_end(
    database: Database, parts: Parts, clock: Clock, talk: Talker
) -> None:
    someone = await talk("vi")
    ticket = await a_reply(database, parts, clock, someone)
    [shown] = await someone.tap(f"t:ja:{ticket.receipt}:2")
    assert SAYING in shown.text
    assert load_strings()["vi"]("This is what the staff wrote in Japanese:") in shown.text
    await someone.tap(f"t:close:{ticket.receipt}")
    assert SAYING in (await someone.tap(f"t:ja:{ticket.receipt}:2"))[0].text
    async with database.transaction() as session:
        (await session.get_one(Ticket, ticket.id)).status = TicketStatus.WITHDRAWN
    assert await someone.tap(f"t:ja:{ticket.receipt}:2") == []


async def test_in_safe_contact_a_tap_shows_who_translated_and_all_words_are_covered(
    database: Database, parts: Parts, clock: Clock, talk: Talker
) -> None:
    someone = await talk("vi")
    ticket = await a_reply(database, parts, clock, someone)
    async with database.transaction() as session:
        (await session.scalars(select(Chat))).one().safe_contact = True
        message = (await session.scalars(select(Message).where(Message.number == 2))).one()
    [shown] = await someone.tap(f"sc:show:{message.id}")
    assert load_strings()["vi"]("An interpreter translated this from Japanese.") in shown.text
    [original] = await someone.tap(f"t:ja:{ticket.receipt}:2")
    assert SAYING in original.text
    assert [each.entities[0].kind for each in (shown, original)] == ["spoiler", "spoiler"]


@pytest.mark.parametrize("rest", ["", ":1", ":3", ":x", ":²", ":-2", ":999999999999", ":2:2"])
async def test_another_number_shows_nothing(
    database: Database, parts: Parts, clock: Clock, talk: Talker, rest: str
) -> None:
    someone = await talk("vi")
    ticket = await a_reply(database, parts, clock, someone)
    assert await someone.tap(f"t:ja:{ticket.receipt}{rest}") == []
    assert someone.last.toast


async def test_another_resident_sees_nothing_of_it(
    database: Database, parts: Parts, clock: Clock, talk: Talker
) -> None:
    ticket = await a_reply(database, parts, clock, await talk("vi"))
    other = await talk("en", address=777)
    assert SAYING not in str(await other.tap(f"t:ja:{ticket.receipt}:2"))


async def test_the_copy_of_ones_data_holds_what_was_sent_and_read_in_japanese(
    database: Database, parts: Parts, clock: Clock, talk: Talker
) -> None:
    someone = await talk("vi")
    await a_reply(database, parts, clock, someone)
    export = "\n".join(message.text for message in await someone.do(Kind.COMMAND, text="export"))
    assert SAYING in export
    assert "財布をなくしました。" in export
    assert "まだ送っていない言葉" not in export
    await someone.tap("del:yes")
    async with database.reading() as session:
        for table in (Translation, Message, Ticket):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


@pytest.mark.parametrize("tag", [tag for tag in load_strings() if tag not in ("en", "ja")])
def test_every_language_tells_the_three_states_apart(tag: str) -> None:
    strings = load_strings()[tag]
    said = [labels.origin(state, strings) for state in (
        TextState.MACHINE, TextState.MACHINE_CHECKED, TextState.INTERPRETER)]
    assert len(set(said)) == 3
    assert not set(said) & set(PHRASES)
    assert labels.origin(TextState.TYPED, strings) is None
    button = labels.original_button("K123-4567", 12, strings)
    assert button.text.startswith("🇯🇵")
    assert Author.STAFF not in button.text
