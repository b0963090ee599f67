"""Machine drafts beside their back-translation, truth states, and the second person."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from bot.console.app import ConsoleParts
from bot.i18n import TOKYO, load_strings
from bot.outgoing import Outgoing
from bot.translation.libretranslate import LibreTranslate
from bot.translation.machine import Machine
from storage import audit, tickets, translations
from storage.models import (
    AuditEntry,
    Author,
    Chat,
    Delivery,
    Message,
    Staff,
    Ticket,
    TicketStatus,
    Translation,
)
from tests.bot.translators import FakeLibre, FakeTranslator, serving
from tests.console.conftest import Browser, Office, text_of
from tests.factories import make_chat, make_ticket

SAYING = "月曜の午後3時に警察署へ来てください。電話は03-1234-5678です。"
VIETNAMESE = "Hãy đến sở cảnh sát lúc 15:00 thứ Hai. Điện thoại [#1]."
BACK = "月曜の15時に警察署に来てください。電話[#1]。"
MACHINE = "A machine translated this from Japanese. No interpreter checked it, so it may be wrong."
SENT = VIETNAMESE.replace("[#1]", "03-1234-5678")


@pytest.fixture
def fake() -> Iterator[FakeTranslator]:
    with serving(FakeLibre()) as made:
        made.words = {
            ("ja", "vi", SAYING.replace("03-1234-5678", "[#1]")): VIETNAMESE, ("vi", "ja", VIETNAMESE): BACK,
        }
        yield made


@pytest.fixture
async def office(parts: ConsoleParts, fake: FakeTranslator) -> AsyncIterator[Office]:
    """People and browsers, and a machine translator that is on."""
    machine = Machine(LibreTranslate(fake.url, FakeLibre.key), timeout_s=3)
    await machine.languages()
    made = Office(replace(parts, machine=machine))
    yield made
    for client in made.clients:
        await client.aclose()


async def a_ticket(
    office: Office, holder: Staff | None, *, locale: str = "vi", is_sensitive: bool = False, **changes: object
) -> Ticket:
    async with office.parts.database.transaction() as session:
        held = await session.get(Staff, holder.id) if holder else None
        chat = await make_chat(session, sealer=office.parts.sealer, locale=locale)
        ticket = await make_ticket(
            session, sealer=office.parts.sealer, chat=chat, claimed_by=held, **changes,  # type: ignore[arg-type]
        )
        ticket.is_sensitive = is_sensitive
        return ticket


async def the_resident_writes(office: Office, ticket: Ticket, body: str) -> None:
    async with office.parts.database.transaction() as session:
        row = await session.get_one(Ticket, ticket.id)
        await tickets.add_message(session, row, Author.RESIDENT, body, ring=office.parts.sealer,
                                  now=office.parts.clock(), locale="vi", telegram_message_id=77)


async def sent(office: Office) -> list[Outgoing]:
    async with office.parts.database.reading() as session:
        rows = await session.scalars(select(Delivery).order_by(Delivery.id))
        opened = [office.parts.sealer.open_text(row.payload_sealed or b"", "delivery") for row in rows]
    return [Outgoing.from_json(text) for text in opened]


async def a_draft(office: Office, browser: Browser, ticket: Ticket, body: str = SAYING) -> str:
    """Have a reply translated by machine; returns the address of its draft."""
    answer = await browser.post(f"/tickets/{ticket.id}/translate", {"body": body, "last_seen": 1})
    assert answer.status_code == 303, text_of(answer.text)
    return answer.headers["location"]


async def tags_of(office: Office, ticket: Ticket) -> list[tuple[str, int | None]]:
    async with office.parts.database.reading() as session:
        rows = await session.scalars(
            select(AuditEntry).where(AuditEntry.subject == f"ticket:{ticket.id}").order_by(AuditEntry.id))
        return [(row.tag.removeprefix("staff:"), row.staff_id) for row in rows]


def buttons(message: Outgoing) -> list[str]:
    return [button.data or "" for row in message.buttons for button in row]


async def test_a_draft_stands_beside_its_back_translation_and_nothing_is_sent(
    office: Office, fake: FakeTranslator
) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    page = (await browser.get(await a_draft(office, browser, ticket))).text
    text = text_of(page)
    assert "機械翻訳・未確認" in text
    assert SENT in html.unescape(page)
    assert "月曜の15時" in re.sub("<[^>]+>", "", page)
    assert "数字・日付・電話番号・用語に違いは見つかりません" in text
    assert await sent(office) == []
    assert all("1234" not in words for words in fake.texts()), "the telephone number stayed here"
    async with office.parts.database.reading() as session:
        assert (await session.get_one(Ticket, ticket.id)).status == TicketStatus.OPEN
    assert "下書き（未送信）" in text_of((await browser.get(f"/tickets/{ticket.id}")).text)


async def test_what_the_machine_changed_is_marked(office: Office, fake: FakeTranslator) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    body = "11月30日の午後3時に交番へ来てください。"
    wrong = "Hãy đến bốt cảnh sát lúc 13:00 ngày 30 tháng 11."
    fake.words = {("ja", "vi", body): wrong, ("vi", "ja", wrong): "11月30日の午後1時に詰所へ来てください。"}
    page = (await browser.get(await a_draft(office, browser, ticket, body))).text
    assert '<mark class="lost">午後3時</mark>' in page
    assert '<mark class="lost">交番</mark>' in page
    assert '<mark class="kept">11月</mark>' in page
    assert '<mark class="lost">午後1時</mark>' in page, "the back-translation is marked too"
    text = text_of(page)
    assert "違いがあります" in text
    assert "訳語：koban" in text
    assert "翻訳だけにある数字：13:00" in text


async def test_a_sent_draft_tells_the_resident_and_the_page_what_it_is(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    address = await a_draft(office, browser, ticket)
    answer = await browser.post(f"{address}/send", {"foreign": SENT, "last_seen": 1})
    assert answer.headers["location"] == f"/tickets/{ticket.id}?done=reply"
    (message,) = await sent(office)
    told = load_strings()["vi"](MACHINE)
    assert SENT in message.text
    assert told in message.text
    assert f"t:ja:{ticket.receipt}:2" in buttons(message)
    page = text_of((await browser.get(f"/tickets/{ticket.id}")).text)
    assert "翻訳前の日本語" in page
    assert SAYING in page
    again = await browser.post(f"{address}/send", {"foreign": SENT, "last_seen": 2})
    assert again.status_code == 409
    assert len(await sent(office)) == 1
    assert ("ticket:reply", browser.who.id if browser.who else 0) in await tags_of(office, ticket)


async def test_what_staff_write_themselves_carries_no_label(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    await browser.post(f"/tickets/{ticket.id}/reply", {"body": "Chào bạn", "last_seen": 1})
    (message,) = await sent(office)
    assert buttons(message) == [f"t:close:{ticket.receipt}"]
    assert "⚠️" not in message.text
    assert "職員がこの言語で記入" in text_of((await browser.get(f"/tickets/{ticket.id}")).text)


async def test_a_changed_text_is_compared_before_it_is_sent(office: Office, fake: FakeTranslator) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    address = await a_draft(office, browser, ticket)
    changed = SENT.replace("15:00", "16:00")
    refused = await browser.post(f"{address}/send", {"foreign": changed, "last_seen": 1})
    assert refused.status_code == 409
    assert "文が変更されました" in text_of(refused.text)
    assert '<mark class="lost">午後3時</mark>' in refused.text
    assert "ja(" in refused.text, "the new text was translated back"
    assert await sent(office) == []
    answer = await browser.post(f"{address}/send", {"foreign": changed, "last_seen": 1})
    assert answer.status_code == 303
    assert changed in (await sent(office))[0].text


async def test_without_an_answer_of_the_machine_nothing_is_lost_and_it_is_said(
    office: Office, fake: FakeTranslator
) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    address = await a_draft(office, browser, ticket)
    fake.trouble = lambda _path, _fields: (500, b"")
    refused = await browser.post(f"/tickets/{ticket.id}/translate", {"body": SAYING, "last_seen": 1})
    assert refused.status_code == 409
    assert "機械翻訳が応答しません" in text_of(refused.text)
    assert re.search(rf'<textarea id="reply"[^>]*>{SAYING}</textarea>', refused.text)
    saved = await browser.post(f"{address}/compare", {"foreign": "Xin chào 15:00", "last_seen": 1})
    assert saved.status_code == 409
    page = await browser.get(address)
    assert "Xin chào 15:00" in page.text
    assert "逆翻訳はありません" in text_of(page.text), "not the back-translation of another text"
    assert (await browser.post(f"{address}/send", {"foreign": "Xin chào 15:00", "last_seen": 1})).status_code == 303


async def test_a_language_that_is_not_offered_and_a_machine_that_is_off_are_said(office: Office) -> None:
    browser = await office.browser()
    khmer = await a_ticket(office, browser.who, locale="km")
    page = text_of((await browser.get(f"/tickets/{khmer.id}")).text)
    assert "機械翻訳（LibreTranslate）はこの言語に対応していません" in page
    assert "機械翻訳で下書き" not in page
    refused = await browser.post(f"/tickets/{khmer.id}/translate", {"body": SAYING, "last_seen": 1})
    assert "機械翻訳はこの言語に対応していません" in text_of(refused.text)
    off = Office(replace(office.parts, machine=None))
    other = await off.browser(browser.who)  # type: ignore[arg-type]
    assert "機械翻訳は使用しない設定です" in text_of((await other.get(f"/tickets/{khmer.id}")).text)
    refused = await other.post(f"/tickets/{khmer.id}/translate", {"body": SAYING, "last_seen": 1})
    assert "機械翻訳は使用しない設定です" in text_of(refused.text)
    await off.clients[0].aclose()


async def test_a_resident_who_reads_japanese_needs_no_translation(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who, locale="ja-simple")
    page = text_of((await browser.get(f"/tickets/{ticket.id}")).text)
    assert "日本語で書いた場合" not in page
    assert "機械翻訳で読む" not in page
    for action in ("translate", "interpret"):
        refused = await browser.post(f"/tickets/{ticket.id}/{action}", {"body": SAYING, "last_seen": 1})
        assert "相談者は日本語を読みます" in text_of(refused.text)


async def test_a_photo_without_words_is_not_offered_for_translation(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    await the_resident_writes(office, ticket, "")
    page = (await browser.get(f"/tickets/{ticket.id}")).text
    offered = re.findall(r'action="/tickets/\d+/read".*?name="number" value="(\d+)"', page, re.DOTALL)
    assert offered == ["1"], "the second message has no words"


async def test_only_who_has_the_consultation_makes_and_sends_drafts(office: Office) -> None:
    holder, colleague = await office.browser(), await office.browser()
    ticket = await a_ticket(office, holder.who)
    refused = await colleague.post(f"/tickets/{ticket.id}/translate", {"body": SAYING, "last_seen": 1})
    assert "さんが担当" in text_of(refused.text)
    address = await a_draft(office, holder, ticket)
    page = (await colleague.get(address)).text
    assert 'formaction="' not in page, "a colleague only reads it"
    assert (await colleague.post(f"{address}/send", {"foreign": SENT, "last_seen": 1})).status_code == 409
    assert (await colleague.post(f"{address}/compare", {"foreign": "x", "last_seen": 1})).status_code == 409
    stranger = await office.browser(section="kotsu_kikaku")
    for path in ("", "/send", "/compare", "/approve", "/refuse", "/discard", "/interpret"):
        answer = await (stranger.post(f"{address}{path}") if path else stranger.get(address))
        assert answer.status_code == 404, path
    assert str(address) not in (await stranger.get("/translations")).text
    assert f'href="{address}"' in (await colleague.get("/translations")).text
    assert await sent(office) == []


@pytest.mark.parametrize(("topic", "is_sensitive"), [("domestic_violence", False), ("stolen_bicycle", True)])
async def test_a_second_person_approves_before_it_goes_out_and_both_names_are_kept(
    office: Office, topic: str, is_sensitive: bool
) -> None:
    author, second = await office.browser(), await office.browser()
    ticket = await a_ticket(office, author.who, topic=topic, is_sensitive=is_sensitive)
    address = await a_draft(office, author, ticket)
    page = (await author.get(address)).text
    assert "返信を送信" not in text_of(page)
    assert (await second.post(f"{address}/approve", {"last_seen": 1})).status_code == 409, "not proposed yet"
    answer = await author.post(f"{address}/send", {"foreign": SENT, "last_seen": 1})
    assert answer.headers["location"] == f"/tickets/{ticket.id}?done=propose"
    assert await sent(office) == []
    assert "承認して送信" not in text_of((await author.get(address)).text)
    refused = await author.post(f"{address}/approve", {"last_seen": 1})
    assert refused.status_code == 409
    assert "承認できません" in text_of(refused.text)
    assert await sent(office) == []
    assert "承認できます" in text_of((await second.get("/translations")).text)
    assert "承認できます" not in text_of((await author.get("/translations")).text)
    assert "承認して送信" in text_of((await second.get(address)).text)
    assert (await second.post(f"{address}/approve", {"last_seen": 1})).status_code == 303
    (message,) = await sent(office)
    assert SENT in message.text
    assert author.who is not None
    assert second.who is not None
    tags = await tags_of(office, ticket)
    assert ("translation:propose", author.who.id) in tags
    assert ("translation:approve", second.who.id) in tags
    async with office.parts.database.reading() as session:
        reply = (await session.scalars(select(AuditEntry).where(AuditEntry.tag == "staff:ticket:reply"))).one()
        assert (reply.staff_id, reply.detail["approved_by"]) == (author.who.id, second.who.id)
        assert (await session.scalars(select(Message).where(Message.number == 2))).one().staff_id == author.who.id
    assert f"承認：{second.who.display_name}" in text_of((await author.get(f"/tickets/{ticket.id}")).text)
    assert (await second.post(f"{address}/approve", {"last_seen": 2})).status_code == 409, "once only"


@pytest.mark.parametrize("is_sensitive", [False, True])
async def test_staff_are_told_that_a_translated_reply_waits_for_a_safe_hour(
    office: Office, is_sensitive: bool
) -> None:
    author, second = await office.browser(), await office.browser()
    ticket = await a_ticket(office, author.who, is_sensitive=is_sensitive)
    async with office.parts.database.transaction() as session:
        chat = (await session.scalars(select(Chat))).one()
        chat.safe_contact, chat.safe_hours = True, 1 << (office.parts.clock().astimezone(TOKYO).hour + 2) % 24
    address = await a_draft(office, author, ticket)
    answer = await author.post(f"{address}/send", {"foreign": SENT, "last_seen": 1})
    if is_sensitive:
        answer = await second.post(f"{address}/approve", {"last_seen": 1})
    assert answer.headers["location"] == f"/tickets/{ticket.id}?done=reply-waits"


async def test_the_second_person_may_put_it_back_with_a_reason(office: Office) -> None:
    author, second = await office.browser(), await office.browser()
    ticket = await a_ticket(office, author.who, topic="stalking")
    address = await a_draft(office, author, ticket)
    await author.post(f"{address}/send", {"foreign": SENT, "last_seen": 1})
    assert (await second.post(f"{address}/refuse", {"note": " "})).status_code == 409
    assert (await second.post(f"{address}/refuse", {"note": "午後4時のはず"})).status_code == 303
    page = text_of((await author.get(address)).text)
    assert "午後4時のはず" in page
    assert "下書き（未送信）" in page
    assert (await second.post(f"{address}/approve", {"last_seen": 1})).status_code == 409
    await author.post(f"{address}/send", {"foreign": SENT, "last_seen": 1})
    assert (await author.post(f"{address}/refuse")).status_code == 303, "the proposer takes it back without a reason"
    assert await sent(office) == []


async def test_an_approval_does_not_pass_over_what_came_since(office: Office) -> None:
    author, second = await office.browser(), await office.browser()
    ticket = await a_ticket(office, author.who, topic="stalking")
    address = await a_draft(office, author, ticket)
    await author.post(f"{address}/send", {"foreign": SENT, "last_seen": 1})
    await the_resident_writes(office, ticket, "Đừng trả lời bây giờ!")
    refused = await second.post(f"{address}/approve", {"last_seen": 1})
    assert refused.status_code == 409
    assert "Đừng trả lời bây giờ!" in refused.text
    assert await sent(office) == []
    assert (await author.post(f"/tickets/{ticket.id}/release")).status_code == 303
    refused = await second.post(f"{address}/approve", {"last_seen": 2})
    assert "担当ではなくなりました" in text_of(refused.text)
    assert await sent(office) == []
    async with office.parts.database.reading() as session:
        row = (await session.scalars(select(Translation))).one()
        assert (row.status, row.approved_by_id) == ("proposed", None), "a refused approval leaves no trace"


async def test_a_draft_does_not_pass_over_what_came_since(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    address = await a_draft(office, browser, ticket)
    await the_resident_writes(office, ticket, "Tôi tìm thấy rồi.")
    refused = await browser.post(f"{address}/send", {"foreign": SENT, "last_seen": 1})
    assert refused.status_code == 409
    assert "Tôi tìm thấy rồi." in refused.text
    assert "メッセージが1件届きました" in text_of(refused.text)
    assert (await browser.post(f"{address}/send", {"foreign": SENT, "last_seen": 2})).status_code == 303


async def test_a_resident_who_changed_the_language_gets_no_text_in_the_old_one(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    address = await a_draft(office, browser, ticket)
    async with office.parts.database.transaction() as session:
        (await session.scalars(select(Chat))).one().locale = "en"
    refused = await browser.post(f"{address}/send", {"foreign": SENT, "last_seen": 1})
    assert "別の言語を選びました" in text_of(refused.text)
    assert await sent(office) == []


async def test_throwing_a_draft_away_gives_the_japanese_back_and_keeps_no_word(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    address = await a_draft(office, browser, ticket)
    page = await browser.post(f"{address}/discard")
    assert re.search(rf'<textarea id="reply"[^>]*>{SAYING}</textarea>', page.text)
    async with office.parts.database.reading() as session:
        row = (await session.scalars(select(Translation))).one()
        assert (row.status, row.japanese_sealed, row.foreign_sealed, row.back_sealed) == ("discarded", None, None, None)
    assert (await browser.post(f"{address}/send", {"foreign": SENT, "last_seen": 1})).status_code == 409


async def test_a_message_is_read_in_japanese_by_machine_and_an_edit_makes_it_old(
    office: Office, fake: FakeTranslator
) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, None)
    fake.words = {("vi", "ja", "Xe đạp của tôi mất rồi."): "自転車がなくなりました。"}
    answer = await browser.post(f"/tickets/{ticket.id}/read", {"number": 1, "by": "machine"})
    assert answer.headers["location"].endswith("#message-1")
    page = text_of((await browser.get(f"/tickets/{ticket.id}")).text)
    assert "自転車がなくなりました。" in page
    assert "日本語訳 機械翻訳・未確認" in page
    assert "この後に相談者が編集" not in page
    assert "機械翻訳で読む" not in page, "it stands there already"
    async with office.parts.database.transaction() as session:
        row = await session.get_one(Ticket, ticket.id)
        await tickets.revise(session, row, 1, "Xe máy của tôi.", ring=office.parts.sealer, now=office.parts.clock())
    page = text_of((await browser.get(f"/tickets/{ticket.id}")).text)
    assert "この後に相談者が編集" in page
    assert "機械翻訳で読む" in page
    for wrong in ("2", "x", ""):
        assert (await browser.post(f"/tickets/{ticket.id}/read", {"number": wrong, "by": "machine"})).status_code == 409


async def test_what_was_taken_back_is_shown_to_nobody(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    address = await a_draft(office, browser, ticket)
    await browser.post(f"/tickets/{ticket.id}/read", {"number": 1, "by": "machine"})
    async with office.parts.database.transaction() as session:
        (await session.get_one(Ticket, ticket.id)).status = TicketStatus.WITHDRAWN
    assert (await browser.get(address)).status_code == 404
    page = (await browser.get(f"/tickets/{ticket.id}")).text
    assert "ja(" not in page
    assert SAYING not in page
    assert f'href="{address}"' not in (await browser.get("/translations")).text


async def test_every_draft_is_in_the_audit_without_a_word_of_it(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    address = await a_draft(office, browser, ticket)
    await browser.get(address)
    async with office.parts.database.reading() as session:
        entries = await audit.latest(session, subject=f"ticket:{ticket.id}")
        told = " ".join(f"{entry.tag} {entry.detail}" for entry in entries)
    assert "staff:translation:machine" in told
    assert "staff:ticket:read" in told
    for word in (SAYING[:6], "cảnh sát"):
        assert word not in told


async def test_the_original_is_one_tap_away_and_not_for_others(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    address = await a_draft(office, browser, ticket)
    ring = office.parts.sealer
    async with office.parts.database.reading() as session:
        chat_id = (await session.scalars(select(Chat.id))).one()
        assert await translations.original_of_reply(session, chat_id, ticket.receipt, 2, ring=ring) is None
    await browser.post(f"{address}/send", {"foreign": SENT, "last_seen": 1})
    async with office.parts.database.transaction() as session:
        found = await translations.original_of_reply(session, chat_id, ticket.receipt, 2, ring=ring)
        assert found == SAYING
        assert await translations.original_of_reply(session, chat_id + 1, ticket.receipt, 2, ring=ring) is None
        assert await translations.original_of_reply(session, chat_id, ticket.receipt, 1, ring=ring) is None
        (await session.get_one(Ticket, ticket.id)).status = TicketStatus.WITHDRAWN
        await session.flush()
        assert await translations.original_of_reply(session, chat_id, ticket.receipt, 2, ring=ring) is None
