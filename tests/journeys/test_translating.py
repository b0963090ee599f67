"""A reply by an interpreter with a second person, in three languages: phones, the running bot, the console's pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import select, update

from bot.i18n import load_strings
from storage.database import Database
from storage.models import AuditEntry, Role, Ticket, Translation
from tests.bot.translators import FakeLibre, FakeTranslator, serving
from tests.journeys.conftest import Koban, Resident, running_koban
from tests.journeys.office import Officer, open_office

pytestmark = pytest.mark.slow

JAPANESE = "12月1日の午後3時に、警察署へ来てください。"
CASES = {
    "vi": ("Anh ta theo tôi mỗi ngày.", "Ngày 1 tháng 12, lúc 15:00, hãy đến sở cảnh sát.", "interpreter"),
    "ne": ("ऊ हरेक दिन मलाई पछ्याउँछ।", "डिसेम्बर १, १५:०० मा प्रहरी कार्यालयमा आउनुहोस्।", "question"),
    "pt-BR": ("Ele me segue todos os dias.", "Venha à delegacia em 1 de dezembro às 15h.", "machine"),
}


@pytest.fixture
def translator() -> Iterator[FakeTranslator]:
    with serving(FakeLibre()) as fake:
        fake.words = {("ja", "pt", JAPANESE): "Venha à polícia em 1 de dezembro às 13h."}
        yield fake


@pytest.fixture
async def koban(sqlite_url: str, translator: FakeTranslator) -> AsyncIterator[Koban]:
    """A Koban with a machine translator, which answers by words alone: no text has to be understood here."""
    async with running_koban(sqlite_url) as made:
        await made.start(KOBAN_ENCODER="off", KOBAN_TRANSLATOR_PROVIDER="libretranslate",
                         KOBAN_TRANSLATOR_URL=translator.url, KOBAN_TRANSLATOR_KEY=FakeLibre.key)
        yield made


@pytest.fixture
async def people(koban: Koban, koban_database: Database) -> AsyncIterator[dict[str, Officer]]:
    """Who answers, who interprets, and the second person; signed in by links."""
    roles = {"officer": Role.PROMOTION_OFFICE, "interpreter": Role.INTERPRETER, "second": Role.PROMOTION_OFFICE}
    async with open_office(koban, koban_database) as office:
        yield {
            name: await office.officer(name, role, languages="vi,ne,pt-BR" if role == Role.INTERPRETER else "")
            for name, role in roles.items()
        }


async def consult(resident: Resident, tag: str, story: str) -> None:
    """From the first word to the receipt."""
    await resident.answer_to(lambda: resident.write("/start"))
    await resident.press(f"lang:{tag}")
    await resident.answer_to(lambda: resident.write("/staff"))
    await resident.press("t:agree")
    await resident.answer_to(lambda: resident.write(story))
    await resident.press("m:99201")


async def the_ticket(database: Database) -> str:
    """The address of the consultation, which is about something that needs a second person."""
    async with database.transaction() as session:
        number = (await session.scalars(update(Ticket).values(topic="stalking").returning(Ticket.id))).one()
    return f"/tickets/{number}"


async def newest(database: Database) -> int:
    async with database.reading() as session:
        return (await session.scalars(select(Translation.id).order_by(Translation.id.desc()))).first() or 0


@pytest.mark.parametrize("tag", CASES)
async def test_a_reply_by_an_interpreter_with_a_second_person(
    koban: Koban, koban_database: Database, people: dict[str, Officer], tag: str
) -> None:
    story, translated, way = CASES[tag]
    resident = koban.resident(8500, tag.lower())
    await consult(resident, tag, story)
    path = await the_ticket(koban_database)
    officer, interpreter, second = people["officer"], people["interpreter"], people["second"]
    assert story in await officer.open(path)
    await officer.send(f"{path}/claim")

    # The officer reads what the resident wrote: an interpreter puts it into Japanese.
    await officer.send(f"{path}/read", number=1, by="interpreter")
    request = f"/interpreting/{await newest(koban_database)}"
    assert story in await interpreter.open(request)
    await interpreter.send(f"{request}/claim")
    await interpreter.send(f"{request}/hand-in", text="彼は毎日、私の後をつけます。")
    assert "彼は毎日、私の後をつけます。" in await officer.open(path)

    # The reply.
    draft = await reply(officer, interpreter, koban_database, path, translated, way)
    before = len(resident.received())
    assert "この話題の返信は、別の人が承認してから送信されます" in await officer.open(draft)
    assert await officer.send(f"{draft}/send", foreign=translated, last_seen=1) == f"{path}?done=propose"
    refused = await officer.post(f"{draft}/approve", last_seen=1)
    assert refused.status_code == 409
    assert len(resident.received()) == before
    assert "承認できます" in await second.open("/translations")
    assert "彼は毎日、私の後をつけます。" in await second.open(draft), "the second person reads what it answers"
    await second.send(f"{draft}/approve", last_seen=1)

    # The phone.
    await resident.until(lambda messages: len(messages) > before)
    words = load_strings()[tag]
    text = resident.last()["text"]
    assert translated in text
    checked = "A machine translated this from Japanese. An interpreter checked it."
    assert words(checked if way == "machine" else "An interpreter translated this from Japanese.") in text
    original = await resident.press("t:ja:")
    assert JAPANESE in original["text"]

    async with koban_database.reading() as session:
        entries = {entry.tag: entry for entry in await session.scalars(
            select(AuditEntry).where(AuditEntry.tag.in_(["staff:translation:approve", "staff:ticket:reply"])))}
        assert entries["staff:translation:approve"].staff_id != entries["staff:ticket:reply"].staff_id
        assert entries["staff:ticket:reply"].detail["approved_by"] == entries["staff:translation:approve"].staff_id


async def reply(
    officer: Officer, interpreter: Officer, database: Database, path: str, translated: str, way: str
) -> str:
    """Have the reply translated on one of three ways; returns the address of the draft with the interpreter's text."""
    if way == "machine":
        draft = await officer.send(f"{path}/translate", body=JAPANESE, last_seen=1)
        assert "違いがあります" in await officer.open(draft), "the machine took the wrong hour"
        await officer.send(f"{draft}/interpret", note="時刻を確認してください。")
    else:
        await officer.send(f"{path}/interpret", body=JAPANESE, last_seen=1)
        draft = f"/translations/{await newest(database)}"
    request = draft.replace("translations", "interpreting")
    assert JAPANESE in await interpreter.open(request)
    await interpreter.send(f"{request}/claim")
    if way == "question":
        await interpreter.send(f"{request}/question", note="どの警察署ですか。")
        assert "どの警察署ですか。" in await officer.open(draft)
        await officer.send(f"{draft}/interpret", note="星見警察署です。")
        assert "星見警察署です。" in await interpreter.open(request)
        await interpreter.send(f"{request}/claim")
    await interpreter.send(f"{request}/hand-in", text=translated)
    return draft
