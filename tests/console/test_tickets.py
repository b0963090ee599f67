"""One consultation, through its forms."""

from __future__ import annotations

import asyncio
import html
import re

import pytest
from sqlalchemy import func, select

from bot import consultation
from bot.console.routes.live import _Presence
from bot.outgoing import Outgoing
from storage import erasures, tickets
from storage.models import AuditEntry, Chat, Delivery, DeliveryStatus, Presence, Staff, Ticket, TicketStatus
from tests.conftest import Clock
from tests.console.conftest import Browser, Office, text_of
from tests.console.consultations import a_ticket, deliveries_of, now_in_database, the_resident_writes
from tests.factories import make_chat, make_ticket


async def test_the_page_shows_who_wrote_what_and_in_which_language(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, body="Xe đạp\ncủa tôi")
    page = (await browser.get(f"/tickets/{ticket.id}")).text
    assert '<div class="words" lang="vi" dir="auto">Xe đạp\ncủa tôi</div>' in page
    text = text_of(page)
    assert "相談者" in text
    assert "ベトナム語" in text
    assert ticket.receipt in text


async def reads_of(office: Office) -> list[tuple[str, int | None]]:
    async with office.parts.database.reading() as session:
        found = await session.scalars(select(AuditEntry).where(AuditEntry.tag == "staff:ticket:read"))
        return [(entry.subject, entry.staff_id) for entry in found]


async def test_reading_is_audited_and_a_live_update_of_the_open_page_is_not(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office)
    await browser.get(f"/tickets/{ticket.id}")
    for _ in range(2):
        await browser.get(f"/tickets/{ticket.id}", **{"x-koban-live": "1"})
    assert await reads_of(office) == [(f"ticket:{ticket.id}", browser.who.id)]  # type: ignore[union-attr]


async def test_no_way_to_the_words_leaves_the_audit_empty(office: Office) -> None:
    by_header, by_refusal = await office.browser(), await office.browser()
    ticket = await a_ticket(office)
    for _ in range(2):
        assert "</article>" in (await by_header.get(f"/tickets/{ticket.id}", **{"x-koban-live": "1"})).text
        refused = await by_refusal.post(f"/tickets/{ticket.id}/note", {"body": ""})
        assert refused.status_code == 409
        assert "</article>" in refused.text
    assert sorted(await reads_of(office), key=str) == sorted((
        (f"ticket:{ticket.id}", by_header.who.id), (f"ticket:{ticket.id}", by_refusal.who.id),  # type: ignore[union-attr]
    ), key=str)


@pytest.mark.parametrize("hostile", [
    "<script>alert(1)</script>", "</div></article><h1>x", "{{ 7 * 7 }}{% raw %}", "\u202etxt.exe\u202d", "&lt;b&gt;",
    "a\x00b", "'\"><img src=x onerror=alert(1)>",
])
async def test_hostile_words_stay_words(office: Office, hostile: str) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, body=hostile)
    page = (await browser.get(f"/tickets/{ticket.id}")).text
    found = re.search(r'<div class="words" lang="vi" dir="auto">(.*?)</div>', page, re.DOTALL)
    assert found is not None
    assert "<" not in found.group(1)
    assert html.unescape(found.group(1)) == hostile
    assert page.count("<h1") == 1


async def test_edits_are_shown_with_what_was_there_before(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, body="at the station")
    async with office.parts.database.transaction() as session:
        row = await session.get(Ticket, ticket.id)
        assert row is not None
        await tickets.revise(session, row, 1, "at the harbour", ring=office.parts.sealer, now=clock())
    page = (await browser.get(f"/tickets/{ticket.id}")).text
    assert page.index("at the harbour") < page.index("at the station")
    assert "編集 1回" in text_of(page)


async def test_of_twenty_who_claim_at_once_one_wins_and_the_others_are_told_who(office: Office) -> None:
    ticket = await a_ticket(office)
    browsers = [await office.browser(name=f"職員-{number}-さん") for number in range(20)]
    answers = await asyncio.gather(*(browser.post(f"/tickets/{ticket.id}/claim") for browser in browsers))
    winners = [browser for browser, answer in zip(browsers, answers, strict=True) if answer.status_code == 303]
    assert len(winners) == 1
    assert winners[0].who is not None
    assert (await now_in_database(office, ticket)).claimed_by_id == winners[0].who.id
    for answer in answers:
        if answer.status_code != 303:
            assert answer.status_code == 409
            assert f"この相談は{winners[0].who.display_name}さんが担当しています" in text_of(answer.text)


async def test_a_reply_becomes_one_delivery_in_the_residents_language(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    answer = await browser.post(f"/tickets/{ticket.id}/reply", {"body": "Chào bạn", "last_seen": 1})
    assert answer.headers["location"] == f"/tickets/{ticket.id}?done=reply"
    delivery, = await deliveries_of(office)
    assert delivery.payload_sealed is not None
    sent = Outgoing.from_json(office.parts.sealer.open_text(delivery.payload_sealed, "delivery"))
    assert "Chào bạn" in sent.text
    row = await now_in_database(office, ticket)
    assert (row.status, row.n_messages) == ("answered", 2)
    text = text_of((await browser.get(f"/tickets/{ticket.id}?done=reply")).text)
    assert "送信待ち" in text


@pytest.mark.parametrize(("status", "words"), [
    (DeliveryStatus.QUEUED, "送信待ち"), (DeliveryStatus.SENT, "Telegramに渡しました（既読は分かりません）"),
    (DeliveryStatus.FAILED, "届きませんでした"), (DeliveryStatus.UNKNOWN, "届いたかどうか分かりません"),
])
async def test_the_state_of_a_reply_claims_no_more_than_is_known(
    office: Office, status: DeliveryStatus, words: str
) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    await browser.post(f"/tickets/{ticket.id}/reply", {"body": "Chào", "last_seen": 1})
    async with office.parts.database.transaction() as session:
        delivery = await session.scalar(select(Delivery))
        assert delivery is not None
        delivery.status, delivery.error = status, "Forbidden: bot was blocked by the user"
    page = (await browser.get(f"/tickets/{ticket.id}")).text
    assert words in text_of(page)
    assert ("相談者がこのボットをブロックしています。" in page) == (status != DeliveryStatus.SENT)
    assert "blocked by the user" not in page, "staff read Japanese"


async def test_a_reply_to_something_newer_is_refused_and_the_draft_stays(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    await browser.get(f"/tickets/{ticket.id}")
    await the_resident_writes(office, ticket, "Đợi đã!")
    answer = await browser.post(f"/tickets/{ticket.id}/reply", {"body": "A <long> draft", "last_seen": 1})
    assert answer.status_code == 409
    assert "A &lt;long&gt; draft</textarea>" in answer.text
    assert "Đợi đã!" in answer.text, "the new message is on the page"
    assert "新着" in text_of(answer.text)
    assert 'name="last_seen" value="2"' in answer.text
    assert await deliveries_of(office) == []
    again = await browser.post(f"/tickets/{ticket.id}/reply", {"body": "A <long> draft", "last_seen": 2})
    assert again.status_code == 303
    assert len(await deliveries_of(office)) == 1


@pytest.mark.parametrize("last_seen", ["", "x", "-1", "99999999999999999999", "1.0"])
async def test_a_reply_without_a_proper_last_seen_is_refused(office: Office, last_seen: str) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    answer = await browser.post(f"/tickets/{ticket.id}/reply", {"body": "x", "last_seen": last_seen})
    assert answer.status_code == 409
    assert await deliveries_of(office) == []


async def test_who_lost_the_claim_keeps_the_draft_but_cannot_send(office: Office) -> None:
    browser, other = await office.browser(), await office.browser(name="佐々木")
    ticket = await a_ticket(office, other.who)
    answer = await browser.post(f"/tickets/{ticket.id}/reply", {"body": "My draft", "last_seen": 1})
    assert answer.status_code == 409
    assert "My draft" in answer.text
    assert await deliveries_of(office) == []


@pytest.mark.parametrize("body", ["", "  \n ", "x" * (consultation.MAX_REPLY_LENGTH + 1)])
async def test_an_empty_or_too_long_reply_is_refused(office: Office, body: str) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    assert (await browser.post(f"/tickets/{ticket.id}/reply", {"body": body, "last_seen": 1})).status_code == 409
    assert await deliveries_of(office) == []


async def test_two_replies_at_once_send_one(office: Office) -> None:
    person = await office.person()
    ticket = await a_ticket(office, person)
    browsers = [await office.browser(person) for _ in range(4)]
    answers = await asyncio.gather(*(
        browser.post(f"/tickets/{ticket.id}/reply", {"body": f"reply {number}", "last_seen": 1})
        for number, browser in enumerate(browsers)
    ))
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409]
    assert len(await deliveries_of(office)) == 1


async def test_a_note_never_becomes_a_delivery_and_looks_different(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    answer = await browser.post(f"/tickets/{ticket.id}/note", {"body": "被害者の夫に注意"})
    assert answer.status_code == 303
    assert await deliveries_of(office) == []
    page = (await browser.get(f"/tickets/{ticket.id}")).text
    assert '<li class="said note' in page
    assert "相談者には送りません" in text_of(page)


async def test_a_curated_answer_goes_into_the_draft_and_nowhere_else(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    fields = {"body": "Chào bạn", "intent": "stolen_bicycle", "last_seen": 1}
    page = await browser.post(f"/tickets/{ticket.id}/insert", fields)
    assert page.status_code == 200
    found = re.search(r'<textarea id="reply"[^>]*>(.*?)</textarea>', page.text, re.DOTALL)
    assert found is not None
    draft = html.unescape(found.group(1))
    assert draft.startswith("Chào bạn\n\n")
    answer = office.parts.screens.catalogue.answer("stolen_bicycle", "vi", today=office.parts.today)
    assert answer is not None
    assert answer.title in draft
    assert answer.now in draft
    assert await deliveries_of(office) == []
    assert (await now_in_database(office, ticket)).n_messages == 1
    for nothing in ("", "no_such_intent", "../x"):
        answer_page = await browser.post(f"/tickets/{ticket.id}/insert", fields | {"intent": nothing})
        assert answer_page.status_code == 409
        assert "Chào bạn" in answer_page.text


async def test_a_missing_language_is_said_and_not_silently_replaced(office: Office) -> None:
    browser = await office.browser()
    async with office.parts.database.transaction() as session:
        chat = await make_chat(session, sealer=office.parts.sealer, locale="ur")
        ticket = await make_ticket(session, sealer=office.parts.sealer, chat=chat,
                                   claimed_by=await session.get(Staff, browser.who.id))  # type: ignore[union-attr]
    fields: dict[str, object] = {"body": "mine", "intent": "stolen_bicycle", "last_seen": 1}
    page = await browser.post(f"/tickets/{ticket.id}/insert", fields)
    assert page.status_code == 409
    assert "相談者の言語の文がありません" in text_of(page.text)
    assert re.search(r'<textarea id="reply"[^>]*>mine</textarea>', page.text), "nothing was inserted"
    assert "（この言語の文なし）" in page.text
    chosen = re.search(r'name="instead" value="([^"]+)"', page.text)
    assert chosen is not None
    page = await browser.post(f"/tickets/{ticket.id}/insert", fields | {"instead": chosen.group(1)})
    assert page.status_code == 200
    assert "相談者の言語の文がないため" in text_of(page.text)
    refused = await browser.post(f"/tickets/{ticket.id}/insert", fields | {"instead": "th"})
    assert refused.status_code == 409


async def test_the_state_of_each_answer_in_the_residents_language_is_seen_before_it_is_chosen(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    page = (await browser.get(f"/tickets/{ticket.id}")).text
    first = re.search(r'<optgroup label="この相談の話題">\s*<option value="stolen_bicycle">([^<]+)</option>', page)
    assert first is not None
    assert "（未確認）" in first.group(1)
    assert "（この言語の文なし）" not in page


async def test_inserting_does_not_make_new_messages_seen(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    await the_resident_writes(office, ticket, "wait")
    page = await browser.post(f"/tickets/{ticket.id}/insert", {"body": "", "intent": "stolen_bicycle", "last_seen": 1})
    assert 'name="last_seen" value="1"' in page.text
    answer = await browser.post(f"/tickets/{ticket.id}/reply", {"body": "hello", "last_seen": 1})
    assert answer.status_code == 409


async def test_closing_needs_an_outcome_and_tells_the_resident(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    for wrong in ({"outcome": "", "last_seen": 1}, {"outcome": "vanished", "last_seen": 1},
                  {"outcome": "advised", "last_seen": 0}):
        assert (await browser.post(f"/tickets/{ticket.id}/close", wrong)).status_code == 409
    right = {"outcome": "advised", "last_seen": 1}
    assert (await browser.post(f"/tickets/{ticket.id}/close", right)).status_code == 303
    row = await now_in_database(office, ticket)
    assert (row.status, row.outcome) == ("closed", "advised")
    assert len(await deliveries_of(office)) == 1
    assert (await browser.post(f"/tickets/{ticket.id}/reply", {"body": "x", "last_seen": 1})).status_code == 409
    assert (await browser.post(f"/tickets/{ticket.id}/reopen")).status_code == 303
    assert (await now_in_database(office, ticket)).status == "open"


async def test_a_closed_one_is_not_reopened_beside_a_newer_one(office: Office) -> None:
    browser = await office.browser()
    async with office.parts.database.transaction() as session:
        chat = await make_chat(session, sealer=office.parts.sealer)
        old = await make_ticket(session, sealer=office.parts.sealer, chat=chat, status=TicketStatus.CLOSED)
        await make_ticket(session, sealer=office.parts.sealer, chat=chat)
    assert (await browser.post(f"/tickets/{old.id}/reopen")).status_code == 409
    assert (await now_in_database(office, old)).status == "closed"


async def test_giving_it_back_makes_it_nobodys_and_only_the_holder_may(office: Office) -> None:
    browser, other = await office.browser(), await office.browser()
    ticket = await a_ticket(office, browser.who)
    assert (await other.post(f"/tickets/{ticket.id}/release")).status_code == 409
    assert (await browser.post(f"/tickets/{ticket.id}/release")).status_code == 303
    assert (await now_in_database(office, ticket)).claimed_by_id is None


async def test_the_words_of_a_withdrawn_consultation_are_not_shown(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, body="Tôi rút lại", status=TicketStatus.WITHDRAWN)
    page = await browser.get(f"/tickets/{ticket.id}")
    assert page.status_code == 200
    assert "rút lại" not in page.text


async def test_after_an_erasure_the_page_says_so_and_nothing_is_sent(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, browser.who)
    async with office.parts.database.transaction() as session:
        row = await session.get(Ticket, ticket.id)
        assert row is not None
        row.chat_id = None
    assert "消去済み" in text_of((await browser.get(f"/tickets/{ticket.id}")).text)
    answer = await browser.post(f"/tickets/{ticket.id}/reply", {"body": "hello", "last_seen": 1})
    assert answer.status_code == 409
    assert await deliveries_of(office) == []


async def test_staff_see_a_pseudonym_and_no_telegram_id(office: Office) -> None:
    browser = await office.browser()
    async with office.parts.database.transaction() as session:
        chat = await make_chat(session, sealer=office.parts.sealer, address=987654321012)
        ticket = await make_ticket(session, sealer=office.parts.sealer, chat=chat)
    page = (await browser.get(f"/tickets/{ticket.id}")).text
    assert chat.pseudonym in page
    assert "987654321012" not in page


async def test_every_deed_is_in_the_history_of_the_consultation(office: Office) -> None:
    browser: Browser = await office.browser(name="山本")
    ticket = await a_ticket(office)
    await browser.post(f"/tickets/{ticket.id}/claim")
    await browser.post(f"/tickets/{ticket.id}/note", {"body": "memo"})
    await browser.post(f"/tickets/{ticket.id}/reply", {"body": "hello", "last_seen": 2})
    await browser.post(f"/tickets/{ticket.id}/close", {"outcome": "advised", "last_seen": 3})
    text = text_of((await browser.get(f"/tickets/{ticket.id}")).text)
    for deed in ("相談の担当開始", "内部メモの記入", "返信", "相談の終了", "相談の閲覧"):
        assert f"{deed} 山本" in text, deed
    async with office.parts.database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(AuditEntry)) == 5
        assert await session.scalar(select(func.count()).select_from(Chat)) == 1


async def test_an_open_page_of_what_was_erased_is_nobodys_presence_and_no_error(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office)
    assert browser.who is not None
    here = _Presence(office.parts, "ticket", str(ticket.id), browser.who.id)
    assert await here.beat() is not False
    async with office.parts.database.transaction() as session:
        chat = await session.get_one(Chat, ticket.chat_id)
        await erasures.erase(session, chat, now=office.parts.clock(), keep_update_id=0)
    assert not await here.beat()
    async with office.parts.database.reading() as session:
        assert await session.scalar(select(Presence)) is None
