"""What somebody types in place of tapping, and the emergency button on everything that is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from bot import conversation
from bot.conversation import Parts, understand
from bot.incoming import Incoming, Kind
from intents.danger import Danger
from intents.understand import Understanding
from storage.database import Database
from storage.models import Lane, Message, Ticket, TicketStatus
from tests.bot.conftest import Talker, meanings


async def ticket_of(database: Database) -> Ticket:
    async with database.reading() as session:
        found = await session.scalar(select(Ticket).order_by(Ticket.id.desc()))
    assert found is not None
    return found


@pytest.mark.parametrize(("client", "said"), [
    ("en", "emergency"), ("en", "Emergency!"), ("vi", "Khẩn cấp"), ("vi", "KHAN CAP"), ("th", "ฉุกเฉิน"), ("ne", "SOS"),
    ("my", "🆘 အရေးပေါ်"), ("zh-hans", "紧急情况"), ("ja", "緊急"), ("fil", "emergency"),
])
async def test_the_word_of_the_emergency_button_is_the_button(talk: Talker, client: str, said: str) -> None:
    someone = await talk(client)
    shown = await someone.say(said)
    assert {f"sos:{danger}" for danger in Danger} <= set(meanings(shown))


async def test_the_word_of_the_emergency_button_works_inside_a_consultation(talk: Talker) -> None:
    someone = await talk("vi")
    for data in ("staff", "t:agree", "t:skip", "m:skip"):
        await someone.tap(data)
    assert "sos:police_now" in meanings(await someone.say("khẩn cấp"))


async def test_the_word_of_the_emergency_button_is_answered_readably_in_safe_contact(talk: Talker) -> None:
    someone = await talk("en")
    await someone.tap("sc:on")
    [menu] = await someone.say("emergency")
    assert "spoiler" not in {entity.kind for entity in menu.entities}


@pytest.mark.parametrize(("client", "said"), [
    ("th", "ตกลง"), ("th", "ครับ"), ("en", "yes"), ("en", "I agree."), ("en", "OK"), ("vi", "Tôi đồng ý"), ("vi", "dạ"),
    ("km", "បាទ"), ("ja", "はい"), ("ja", "hai"), ("ne", "हुन्छ"), ("my", "ok"), ("zh-hans", "好的"), ("pt-br", "sim"),
    ("mn", "тийм"), ("fil", "opo"), ("ko", "네"), ("id", "ya"), ("es", "sí"), ("zh-hant", "好"),
])
async def test_a_yes_in_words_is_consent(talk: Talker, database: Database, client: str, said: str) -> None:
    someone = await talk(client)
    await someone.tap("staff:stolen_bicycle")
    assert "t:skip" in meanings(await someone.say(said))
    assert (await ticket_of(database)).consent_at is not None
    async with database.reading() as session:
        assert await session.scalar(select(Message.id)) is None, "the yes is no part of the story"


@pytest.mark.parametrize(("client", "said"), [("en", "no"), ("vi", "không"), ("th", "ไม่ ขอบคุณ"), ("ja", "いいえ")])
async def test_a_no_in_words_keeps_nothing(talk: Talker, database: Database, client: str, said: str) -> None:
    someone = await talk(client)
    await someone.tap("staff")
    assert "menu" in meanings(await someone.say(said))
    async with database.reading() as session:
        assert await session.scalar(select(Ticket.id)) is None


async def test_who_declined_and_taps_that_they_agree_is_asked_again(talk: Talker, database: Database) -> None:
    someone = await talk("en")
    for data in ("staff", "t:decline"):
        await someone.tap(data)
    assert "t:agree" in meanings(await someone.tap("t:agree")), "the question again"
    assert (await ticket_of(database)).consent_at is None, "and no consent yet"


async def test_a_yes_after_another_answer_is_no_consent(talk: Talker, database: Database, parts: Parts) -> None:
    someone = await talk("en")
    await someone.tap("staff")
    someone.clock.advance(minutes=1)
    await someone.tap("a:stolen_bicycle")
    await someone.say("yes")
    assert (await ticket_of(database)).consent_at is None


@pytest.mark.parametrize("said", ["Hoshimi", "hoshimi city", "Hoshimi City"])
async def test_a_place_may_be_typed(talk: Talker, database: Database, said: str) -> None:
    someone = await talk("en")
    for data in ("staff:stolen_bicycle", "t:agree", "t:skip"):
        await someone.tap(data)
    await someone.say(said)
    ticket = await ticket_of(database)
    assert (ticket.status, ticket.municipality, ticket.n_messages) == (TicketStatus.OPEN, "99201", 0)


async def test_words_about_a_place_are_still_part_of_the_story(talk: Talker, database: Database) -> None:
    someone = await talk("en")
    for data in ("staff:stolen_bicycle", "t:agree", "t:skip"):
        await someone.tap(data)
    assert "m:99201" in meanings(await someone.say("Hoshimi City, near the station"))
    assert (await ticket_of(database)).n_messages == 1


@pytest.fixture
def alarmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that sees danger in everything."""
    def alarm(incoming: Incoming, parts: Parts) -> Understanding | None:
        found = understand(incoming, parts)
        return replace(found, danger=Danger.CRISIS_NOW) if found else None

    monkeypatch.setattr("tests.bot.conftest.understand", alarm)
    assert conversation.understand is understand


@pytest.mark.usefixtures("alarmed")
@pytest.mark.parametrize(("client", "said"), [
    ("en", "no, I am fine"), ("en", "False alarm!"), ("vi", "tôi không sao"), ("zh-hans", "没事了，我很好"),
    ("ne", "म ठीक छु"), ("ja", "だいじょうぶです"), ("pt-br", "estou bem"), ("th", "ไม่เป็นไร"),
])
async def test_who_says_that_nothing_is_wrong_gets_no_card(talk: Talker, client: str, said: str) -> None:
    someone = await talk(client)
    await someone.say("xyz")
    assert someone.lanes == [Lane.DANGER], "the model of this test is alarmed by anything"
    [answer] = await someone.say(said)
    assert someone.lanes == [Lane.ANSWER]
    assert set(meanings([answer])) == {"menu", "sos"}


@pytest.mark.usefixtures("alarmed")
@pytest.mark.parametrize(("client", "said"), [
    ("pt-br", "oi"), ("en", "Hi"), ("vi", "xin chào"), ("th", "สวัสดีครับ"), ("ne", "namaste"), ("ja", "konnichiwa"),
    ("my", "မင်္ဂလာပါ"), ("km", "សួស្តី"), ("mn", "сайн байна уу"), ("fil", "kumusta"), ("zh-hans", "你好"),
])
async def test_a_greeting_gets_no_card(talk: Talker, client: str, said: str) -> None:
    someone = await talk(client)
    await someone.say(said)
    assert someone.lanes == [Lane.ANSWER]


@pytest.mark.usefixtures("alarmed")
async def test_a_greeting_with_more_words_keeps_its_card(talk: Talker) -> None:
    someone = await talk("en")
    for said in ("hi, he has a knife", "I am fine but he is bleeding", "I'm not fine"):
        await someone.say(said)
        assert someone.lanes[0] is Lane.DANGER, said


async def test_that_all_is_well_reaches_the_staff_of_a_consultation(talk: Talker, database: Database) -> None:
    someone = await talk("en")
    for data in ("staff:stolen_bicycle", "t:agree", "t:skip", "m:skip"):
        await someone.tap(data)
    await someone.say("no, I am fine")
    assert (await ticket_of(database)).n_messages == 1


async def test_the_emergency_button_is_on_everything_that_is_said(talk: Talker) -> None:
    someone = await talk("en")
    heard = [
        await someone.do(Kind.LOCATION, place=(35.0, 139.0)),
        await someone.say("/status") and await someone.tap("t:status"),
        *[await someone.tap(data) for data in (
            "lang", "sub", "sub:k:all", "sub:p:all:all", "sub:off", "h:stolen_bicycle:0", "ja:stolen_bicycle",
            "do:delete_data", "do:privacy", "staff", "t:agree", "tp:crime", "tp:=stolen_bicycle", "t:skip", "m:skip",
            "t:status",
        )],
    ]
    for said in heard:
        assert any(each.startswith("sos") for each in meanings(said)), said[-1].text
    ticket = meanings(heard[-1])
    closed = await someone.tap(next(each for each in ticket if each.startswith("t:close:")))
    assert "sos" in meanings(closed)
    assert "sos" in meanings(await someone.tap("del:yes"))


async def test_the_screens_of_safe_contact_tell_of_nothing_else(talk: Talker) -> None:
    someone = await talk("en")
    for data in ("sc", "sc:on", "sc:h:1"):
        assert not any(each.startswith("sos") for each in meanings(await someone.tap(data)))
