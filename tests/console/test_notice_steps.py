"""The pages around sending: quiet hours, test, correction, withdrawal, event, calendar and its feed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from icalendar import Calendar

from bot import plain_check
from bot.config import Settings
from intents.wordlevels import AuthoringToolsMissing
from storage import links
from storage.models import Delivery, Event, EventReply, Lane, NoticeKind, NoticeStatus, Role
from tests.conftest import Clock
from tests.console.conftest import URL, Office, text_of
from tests.console.test_notices import a_notice, form_of_draft, now_in_database, with_deliveries
from tests.factories import make_chat


async def test_night_needs_a_second_person_and_the_page_says_why(office: Office) -> None:
    first, second = await office.browser(Role.APPROVER), await office.browser(Role.ADMINISTRATOR)
    notice = await a_notice(office, status=NoticeStatus.APPROVED)
    night = {"send_at": "2026-12-01T22:00"}
    answer = await first.post(f"/notices/{notice.id}/schedule", night)
    assert answer.status_code == 409
    assert "21:00から08:00まではお知らせを送りません" in text_of(answer.text)
    assert (await first.post(f"/notices/{notice.id}/quiet/ask", {"reason": "津波 <b>"})).status_code == 303
    page = (await first.get(f"/notices/{notice.id}")).text
    assert "津波 &lt;b&gt;" in page
    assert "quiet/allow" not in page, "who asked is not asked"
    assert (await first.post(f"/notices/{notice.id}/quiet/allow")).status_code == 409
    assert "quiet/allow" in (await second.get(f"/notices/{notice.id}")).text
    assert (await second.post(f"/notices/{notice.id}/quiet/allow")).status_code == 303
    assert (await first.post(f"/notices/{notice.id}/schedule", night)).status_code == 303


async def test_the_estimate_is_shown_before_approval(office: Office) -> None:
    browser = await office.browser(Role.APPROVER)
    notice = await a_notice(office, status=NoticeStatus.REVIEW)
    async with office.parts.database.transaction() as session:
        for _ in range(50):
            await make_chat(session, sealer=office.parts.sealer, subscribed=True)
    text = text_of((await browser.get(f"/notices/{notice.id}")).text)
    assert "毎秒20件で、送信におよそ3秒かかります" in text
    assert "スター" not in text
    office.parts, office.app = replace(office.parts, settings=Settings(console_url=URL, telegram_rate=1000)), None
    browser = await office.browser(Role.APPROVER)
    assert "有料の送信速度が設定されています。費用は最大5 Telegramスターです" in text_of(
        (await browser.get(f"/notices/{notice.id}")).text)


async def test_urgency_is_chosen_in_the_draft(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    fields = form_of_draft(notice, urgency="urgent")
    assert (await browser.post(f"/notices/{notice.id}/edit", fields)).status_code == 303
    assert (await now_in_database(office, notice.id)).urgency == "urgent"
    notice = await now_in_database(office, notice.id)
    assert (await browser.post(f"/notices/{notice.id}/edit", form_of_draft(notice, urgency="x"))).status_code == 409


async def test_the_plain_japanese_of_a_draft_is_checked_while_it_is_written(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    words = {"title": "6月の 話", "body": "外国人労働者問題啓発月間です。\nご注意ください。"}
    answer = await browser.post("/notices/check", words)
    assert answer.status_code == 200
    said = text_of(answer.text)
    assert "1行目 漢字が 12字 続いて います" in said
    assert "2行目 「ご注意」は 敬語です。" in said
    assert "のチェックで" in text_of((await browser.post("/notices/check", {"title": "", "body": "学校です。"})).text)
    fields = form_of_draft(notice) | {"body:ja-simple": "ご注意ください。"}
    assert (await browser.post(f"/notices/{notice.id}/edit", fields)).status_code == 303, "it blocks nothing"
    assert "「ご注意」は 敬語です。" in (await browser.get(f"/notices/{notice.id}/edit")).text


async def test_where_the_check_is_not_installed_the_page_says_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_arguments: object) -> list[object]:
        raise AuthoringToolsMissing("not here")

    monkeypatch.setattr(plain_check, "lint", missing)
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    assert "koban[authoring]" in (await browser.get(f"/notices/{notice.id}/edit")).text


async def test_the_five_numbers_add_up_to_what_was_queued(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    await with_deliveries(office, notice, {"sent": 5, "failed": 2, "queued": 4, "unknown": 1, "skipped": 3,
                                           "cancelled": 1, "sending": 2})
    text = text_of((await browser.get(f"/notices/{notice.id}")).text)
    sentence = text[text.index("送信対象") :]
    queued, *rest = map(int, re.findall(r"(\d+)件", sentence)[:6])
    assert "届かず" in sentence
    assert (queued, rest) == (18, [5, 2, 4, 1, 6])
    assert sum(rest) == queued


async def test_the_result_is_told_by_language_and_area_without_small_numbers(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office, status=NoticeStatus.DONE)
    people = [("vi", "99201", 20, "sent"), ("ne", "99204", 7, "sent"), ("ne", None, 6, "failed"),
              ("th", "99204", 3, "sent"), ("km", None, 2, "sent")]
    async with office.parts.database.transaction() as session:
        row = await session.get(type(notice), notice.id)
        assert row is not None
        row.expanded_at = row.created_at
        for locale, place, n, status in people:
            for _ in range(n):
                chat = await make_chat(session, sealer=office.parts.sealer, locale=locale, municipality=place)
                session.add(Delivery(chat_id=chat.id, lane=Lane.NOTICE, notice_id=notice.id, status=status,
                                     not_before=row.created_at, created_at=row.created_at))
    page = (await browser.get(f"/notices/{notice.id}")).text
    found = text_of(page[page.index('id="report-title"') :])
    assert "ベトナム語 20 20 ネパール語 13 7 その他の合計 5 5" in found
    assert "星見市 20 20" in found
    assert "タイ語" not in found
    few = await a_notice(office)
    await with_deliveries(office, few, {"sent": 4})
    async with office.parts.database.transaction() as session:
        (await session.get_one(type(few), few.id)).status = NoticeStatus.DONE
    assert "report-title" not in (await browser.get(f"/notices/{few.id}")).text


async def test_a_stopped_notice_says_why(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office, status=NoticeStatus.PAUSED)
    async with office.parts.database.transaction() as session:
        row = await session.get(type(notice), notice.id)
        assert row is not None
        row.stopped_for = {"reason": "errors", "n_errors": 20, "n": 50, "error": "<b>status 502"}
    page = (await browser.get(f"/notices/{notice.id}")).text
    assert "直近50件のうち20件が送信できませんでした" in text_of(page)
    assert "&lt;b&gt;status 502" in page


async def test_a_test_message_goes_to_the_linked_chat(office: Office, clock: Clock) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    fields = {"tag": "vi", "target": "own"}
    assert (await browser.post(f"/notices/{notice.id}/test", fields)).status_code == 409
    code = re.search(r"/link staff-([\w-]+)", (await browser.post("/account/chat")).text)
    assert code is not None
    async with office.parts.database.transaction() as session:
        chat = await make_chat(session, sealer=office.parts.sealer)
        assert browser.who is not None
        assert await links.use_code(session, code[1], chat.id, now=clock()) == browser.who.id
    assert (await browser.post(f"/notices/{notice.id}/test", fields)).status_code == 303
    assert (await browser.post(f"/notices/{notice.id}/test", fields | {"tag": "xx"})).status_code == 409


async def test_a_correction_a_repetition_and_a_withdrawal_are_linked_to_their_original(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    assert (await browser.post(f"/notices/{notice.id}/correct")).status_code == 409
    await with_deliveries(office, notice, {"sent": 3, "unknown": 1, "queued": 2})
    for name, purpose in (("correct", "correction"), ("repeat", "repeat")):
        answer = await browser.post(f"/notices/{notice.id}/{name}")
        new = await now_in_database(office, int(answer.headers["location"].split("/")[2]))
        assert (new.purpose, new.original_id) == (purpose, notice.id)
    page = text_of((await browser.get(f"/notices/{notice.id}/withdraw")).text)
    assert "3件が届いています" in page
    assert "1件は届いたかどうか不明" in page
    assert "送信待ちの2件は送信しません" in page
    answer = await browser.post(f"/notices/{notice.id}/withdraw")
    assert answer.status_code == 303
    assert (await browser.get(answer.headers["location"])).status_code == 200
    assert (await now_in_database(office, notice.id)).status == "cancelled"
    assert (await browser.post(f"/notices/{notice.id}/withdraw")).status_code == 409
    text = text_of((await browser.get(f"/notices/{notice.id}")).text)
    assert "訂正" in text
    assert "このお知らせは撤回されました。" in text


EVENT = {"place": "公民館", "starts_at": "2026-12-10T10:00", "ends_at": "2026-12-10T12:00", "seats": "20",
         "point": "33.6, 143.5", "language": ["vi", "xx"]}


async def test_an_event_is_written_changed_and_cancelled_and_its_list_has_no_names(
    office: Office, clock: Clock
) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office, kind=NoticeKind.EVENT)
    path = f"/notices/{notice.id}/event"
    for wrong in ({"place": ""}, {"starts_at": ""}, {"ends_at": "2026-12-10T09:00"}, {"seats": "many"},
                  {"point": "here"}, {"point": "91, 0"}):
        answer = await browser.post(path, EVENT | wrong)
        assert answer.status_code == 409, wrong
        assert 'value="20"' in answer.text or "seats" in wrong
    assert (await browser.post(path, EVENT)).status_code == 303
    async with office.parts.database.reading() as session:
        event = await session.get(Event, notice.id)
        assert event is not None
        assert (event.seats, event.languages, event.latitude) == (20, ["vi"], 33.6)
    assert (await now_in_database(office, notice.id)).expires_at == event.starts_at
    assert (await browser.post(f"{path}/cancel")).status_code == 409, "nobody was invited yet"
    await with_deliveries(office, notice, {"sent": 1})
    async with office.parts.database.transaction() as session:
        for locale in ("vi", "vi", "ne"):
            chat = await make_chat(session, sealer=office.parts.sealer, locale=locale, municipality="99201")
            session.add(EventReply(notice_id=notice.id, chat_id=chat.id, answer="coming", answered_at=clock()))
    listed = (await browser.get(f"{path}/guests.csv")).text
    assert "参加,ベトナム語,星見市,2" in listed
    assert "R-" not in listed, "not even pseudonyms"
    assert "3人にお知らせが届きます" in text_of((await browser.get(f"{path}/cancel")).text)
    assert (await browser.post(f"{path}/cancel")).status_code == 303
    assert "この行事は中止になりました" in text_of((await browser.get(f"/notices/{notice.id}")).text)


async def test_the_calendar_shows_the_year_and_its_feed_needs_its_address(office: Office, clock: Clock) -> None:
    browser = await office.browser(Role.OPERATOR)
    soon = await a_notice(office, send_at=clock() + timedelta(days=3))
    late = await a_notice(office, send_at=clock() + timedelta(days=360))
    await a_notice(office, send_at=clock() + timedelta(days=500))
    page = (await browser.get("/notices/calendar")).text
    assert re.findall(r'href="/notices/(\d+)"', page) == [str(soon.id), str(late.id)]
    address = re.search(r"/calendar/[\w-]+\.ics", (await browser.post("/account/calendar")).text)
    assert address is not None
    stranger = office.stranger()
    answer = await stranger.client.get(address[0])
    assert answer.headers["content-type"].startswith("text/calendar")
    entries = Calendar.from_ical(answer.text).walk("VEVENT")
    assert {str(entry["uid"]) for entry in entries} == {f"notice-{each.id}@koban" for each in (soon, late)}
    assert {str(entry["status"]) for entry in entries} == {"TENTATIVE"}
    assert (await stranger.client.get("/calendar/wrong.ics")).status_code == 404
    await browser.post("/account/calendar")
    assert (await stranger.client.get(address[0])).status_code == 404, "a new address ends the old one"


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.INTERPRETER, Role.STATION_CHIEF])
async def test_other_roles_do_none_of_this(office: Office, role: Role) -> None:
    browser = await office.browser(role, station="hoshimi")
    notice = await a_notice(office)
    for deed in ("quiet/ask", "quiet/allow", "test", "correct", "repeat", "withdraw", "event", "event/cancel"):
        assert (await browser.post(f"/notices/{notice.id}/{deed}")).status_code == 403, deed
    assert (await browser.get(f"/notices/{notice.id}/event/guests.csv")).status_code == 403
