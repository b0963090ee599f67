"""A whole case in safe contact, over HTTP: the phone, the running bot, the console's pages, in three languages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from sqlalchemy import func, select

from bot.i18n import TOKYO, Strings, load_strings
from bot.safety import SLOTS
from bot.simulator import files, people
from storage.database import Database
from storage.models import Attachment, AttachmentContent, AuditEntry, Delivery, DeliveryStatus, Message, Role, Ticket
from tests.journeys.conftest import PATIENCE, Koban, Resident, running_koban
from tests.journeys.office import Office, Officer, open_office

pytestmark = pytest.mark.slow

CASES = {
    "vi": ("domestic_violence", "Chồng tôi đọc điện thoại của tôi mỗi tối.", "Chị có thể nói chuyện an toàn không?"),
    "ne": ("passport_taken", "मालिकले मेरो राहदानी राखेको छ।", "के तपाईं सुरक्षित रूपमा कुरा गर्न सक्नुहुन्छ?"),
    "pt-BR": ("stalking", "Ele olha o meu celular quando durmo.", "Você pode falar com segurança?"),
}
PHOTO = files.sample_png(40, 30)


@pytest.fixture
async def koban(sqlite_url: str) -> AsyncIterator[Koban]:
    """A Koban that answers by words alone: no text has to be understood here."""
    async with running_koban(sqlite_url) as made:
        await made.start(KOBAN_ENCODER="off")
        yield made


@pytest.fixture
async def office(koban: Koban, koban_database: Database) -> AsyncIterator[Office]:
    """An office; who is in it sees every consultation."""
    async with open_office(koban, koban_database) as made:
        yield made


@pytest.fixture
async def officer(office: Office) -> Officer:
    """Who answers, signed in by a link."""
    return await office.officer("takahashi", Role.PROMOTION_OFFICE)


@pytest.fixture
async def second(office: Office) -> Officer:
    """Who approves what the officer writes."""
    return await office.officer("watanabe", Role.PROMOTION_OFFICE)


def unsafe_slot() -> int:
    """A slot that is hours away, so that a message now has to wait."""
    hour = datetime.now(TOKYO).hour
    return next(n for n, (first, end) in enumerate(SLOTS) if not {hour, (hour + 1) % 24} & set(range(first, end)))


async def begin(resident: Resident, tag: str, topic: str, story: str) -> None:
    """From the first word to the receipt, with buttons, a photo and a few words."""
    await resident.answer_to(lambda: resident.write("/start"))
    await resident.press(f"lang:{tag}")
    await resident.answer_to(lambda: resident.write("/menu"))
    group = {"domestic_violence": "crime", "stalking": "crime", "passport_taken": "work"}[topic]
    await resident.press(f"menu:{group}")
    await resident.press(f"a:{topic}")
    await resident.press(f"staff:{topic}")
    await resident.press("t:agree")
    await resident.press("sc:on")
    await resident.tap(f"sc:h:{unsafe_slot()}")
    await resident.until(lambda messages: "✅" in str(messages[-1].get("reply_markup")))
    await resident.press("sc:done")
    await resident.answer_to(lambda: resident.write(story))
    stored = resident.state.files.add("photo", PHOTO, name="x.png", mime="image/png")
    await resident.answer_to(lambda: people.send_file(resident.state, resident.id, stored))
    await resident.press("m:99201")


async def held_until_safe(
    database: Database, resident: Resident, officer: Officer, second: Officer, reply: str
) -> int:
    """Staff see the mode and reply, a second person approves; nothing arrives, and the console says when it will.

    Returns the ticket's id.
    """
    async with database.reading() as session:
        ticket = await session.scalar(select(Ticket))
    assert ticket is not None
    path = f"/tickets/{ticket.id}"
    page = await officer.open(path)
    assert "安全連絡モード" in page
    assert "安全ではありません" in page
    await officer.send(f"{path}/claim")
    before = resident.received()
    seen = await officer.last_seen(path)
    led_to = await officer.send(f"{path}/reply", body=reply, last_seen=seen)
    assert led_to.endswith("done=propose")
    led_to = await second.send(f"{await second.first_waiting()}/approve", last_seen=seen)
    assert led_to.endswith("done=reply-waits")
    assert "安全な時間まで待っています" in await officer.open(path)
    await asyncio.sleep(1)  # four looks of the outbox
    assert resident.received() == before
    return ticket.id


async def file_is_opened_by_a_press(officer: Officer, database: Database, ticket_id: int) -> None:
    """The photo is there, sealed; it opens when it is asked for, and that is on record."""
    async with database.reading() as session:
        sealed = await session.scalar(select(AttachmentContent.content_sealed))
        assert sealed is not None
        assert PHOTO[:16] not in sealed
    await officer.open(f"/tickets/{ticket_id}")
    answer = await officer.post(f"/tickets/{ticket_id}/files/1/view")
    assert answer.content == PHOTO
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    async with database.reading() as session:
        opened = select(func.count()).select_from(AuditEntry).where(AuditEntry.tag == "staff:file:open")
        assert await session.scalar(opened) == 1


async def arrives_without_words(resident: Resident, _: Strings, reply: str) -> None:
    """The hours are widened: a word about nothing arrives, silently; a press shows the reply in its place, covered."""
    message_id, _meaning = await resident.state.until(lambda: resident._button("sc:h:"), 20)
    before = len(resident.received())
    people.tap(resident.state, resident.id, message_id=message_id, data=f"sc:h:{unsafe_slot()}")
    await resident.until(lambda messages: any(each["text"] == _("There is something new here.") for each in messages))
    assert len(resident.received()) == before + 1
    assert all(reply not in each["text"] for each in resident.received())
    message_id = await resident.tap("sc:show:")
    await resident.until(lambda messages: any(reply in each["text"] for each in messages))
    shown = next(each for each in resident.received() if reply in each["text"])
    assert shown["message_id"] == message_id, "in place of the word, not as a new message"
    assert shown["entities"][0]["type"] == "spoiler"


@pytest.mark.parametrize("tag", CASES)
async def test_a_safe_contact_case_from_the_first_word_to_erasure(
    koban: Koban, koban_database: Database, officer: Officer, second: Officer, tag: str
) -> None:
    topic, story, reply = CASES[tag]
    _ = load_strings()[tag]
    resident = koban.resident(8700, tag.lower())
    await begin(resident, tag, topic, story)
    ticket_id = await held_until_safe(koban_database, resident, officer, second, reply)
    await file_is_opened_by_a_press(officer, koban_database, ticket_id)
    await arrives_without_words(resident, _, reply)

    # Hidden: nothing of it is left on the phone but a word that can be taken away too.
    await resident.tap("sc:hide")
    await resident.until(lambda messages: len(messages) == 1)
    chat = koban.state.chats[resident.id].messages
    assert [each["text"] for each in chat.values()] == [" ".join((
        _("What was written here in the last 48 hours is deleted."),
        _("What is older than 48 hours stays until you delete this chat in Telegram."),
    ))]
    await resident.tap("sc:ok")
    await koban.state.until(lambda: not chat or None, PATIENCE)

    # Staff have it all; a notice is not for this phone; the case ends without a question how it was.
    assert story in await officer.open(f"/tickets/{ticket_id}")
    await resident.answer_to(lambda: resident.write("/notices"))
    await resident.press("sub:k:all")
    await resident.press("sub:p:all:all")
    path = f"/tickets/{ticket_id}"
    assert (await officer.post(f"{path}/close", outcome="advised", last_seen=99)).status_code == 409
    await officer.send(f"{path}/close", outcome="advised", last_seen=await officer.last_seen(path))
    shown = await resident.press("sc:show")
    assert "t:rate" not in str(shown)
    async with koban_database.reading() as session:
        sent = list(await session.scalars(select(Delivery.notice_id).where(Delivery.notice_id.is_not(None))))
    assert sent == []

    await resident.answer_to(lambda: resident.write("/delete"))
    await resident.tap("del:yes")
    await koban.state.until(lambda: len(chat) == 1 or None, PATIENCE)
    async with koban_database.reading() as session:
        for table in (Ticket, Message, Attachment, AttachmentContent):
            assert await session.scalar(select(func.count()).select_from(table)) == 0, table
        failed = select(func.count()).select_from(Delivery).where(Delivery.status == DeliveryStatus.FAILED)
        assert await session.scalar(failed) == 0
    answer = await officer.client.get(f"/tickets/{ticket_id}")
    assert answer.status_code == 404
