"""Machine drafts beside their back-translation, and what each text is said to be."""

from __future__ import annotations

import html
import re
from dataclasses import replace

from sqlalchemy import select

from bot.i18n import load_strings
from storage import audit, tickets, translations
from storage.models import Chat, Ticket, TicketStatus, Translation
from tests.bot.translators import FakeTranslator
from tests.console.conftest import Office, text_of
from tests.console.consultations import a_ticket, buttons, sent, tags_of, the_resident_writes
from tests.console.translating.conftest import SAYING, SENT, a_draft

MACHINE = "A machine translated this from Japanese. No interpreter checked it, so it may be wrong."


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
