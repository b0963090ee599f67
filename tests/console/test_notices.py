"""Notices through their forms: writing, the approval of another person, schedule, progress."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from bot import notices
from storage import notices as notice_rows
from storage.models import Delivery, DeliveryStatus, Lane, Notice, NoticeStatus, Role, Staff, Urgency
from tests.conftest import Clock
from tests.console.conftest import Browser, Office, text_of
from tests.factories import make_chat, make_notice


async def a_notice(office: Office, author: Staff | None = None, **changes: object) -> Notice:
    async with office.parts.database.transaction() as session:
        return await make_notice(session, author=author, **changes)  # type: ignore[arg-type]


async def now_in_database(office: Office, notice_id: int) -> Notice:
    async with office.parts.database.reading() as session:
        found = await session.get(Notice, notice_id)
    assert found is not None
    return found


async def fingerprint_in_database(office: Office, notice_id: int) -> str:
    """What the page of a notice shows as its fingerprint."""
    async with office.parts.database.reading() as session:
        return await notices.fingerprint_of(session, await notices.get(session, notice_id))


async def with_deliveries(office: Office, notice: Notice, counts: dict[str, int]) -> None:
    async with office.parts.database.transaction() as session:
        row = await session.get(Notice, notice.id)
        assert row is not None
        row.status, row.expanded_at = NoticeStatus.SENDING, office.parts.clock()
        for status, n in counts.items():
            for _ in range(n):
                chat = await make_chat(session, sealer=office.parts.sealer)
                session.add(Delivery(chat_id=chat.id, lane=Lane.NOTICE, notice_id=notice.id, status=status,
                                     not_before=office.parts.clock(), created_at=office.parts.clock()))


def form_of_draft(notice: Notice, **changes: object) -> dict[str, object]:
    return {"revision": notice.revision, "name": notice.name, "missing": "fallback", "title:ja-simple": "題",
            "body:ja-simple": "お知らせ", "send_at": "2026-12-01T10:00", "expires_at": "2026-12-02T10:00"} | changes


async def test_a_notice_goes_from_draft_to_schedule_by_two_people(office: Office) -> None:
    writer, approver = await office.browser(Role.PROMOTION_OFFICE), await office.browser(Role.APPROVER)
    answer = await writer.post("/notices", {"name": "年末の交通安全", "kind": "campaign"})
    notice_id = int(answer.headers["location"].split("/")[2])
    assert (await writer.get(answer.headers["location"])).status_code == 200
    notice = await now_in_database(office, notice_id)
    fields = form_of_draft(notice, locale=["vi", "th", "xx"], municipality=["99201", "00000"]) | {
        "title:vi": "Tiêu đề", "body:vi": "Nội dung"}
    assert (await writer.post(f"/notices/{notice_id}/edit", fields)).status_code == 303
    notice = await now_in_database(office, notice_id)
    assert set(notice.audience["locales"]) == {"vi", "th"}
    assert notice.audience["municipalities"] == ["99201"]
    assert notice.send_at == datetime(2026, 12, 1, 1, 0, tzinfo=UTC), "the field is in Japan's time"
    assert (await writer.post(f"/notices/{notice_id}/submit")).status_code == 303
    revision = (await now_in_database(office, notice_id)).revision
    seen = await fingerprint_in_database(office, notice_id)
    fields = {"revision": revision, "seen": seen}
    assert (await approver.post(f"/notices/{notice_id}/approve", fields)).status_code == 303
    when = {"send_at": "2026-12-01T09:30", "expires_at": "2026-12-03T00:00"}
    assert (await approver.post(f"/notices/{notice_id}/schedule", when)).status_code == 303
    notice = await now_in_database(office, notice_id)
    assert (notice.status, notice.send_at) == ("scheduled", datetime(2026, 12, 1, 0, 30, tzinfo=UTC))
    text = text_of((await writer.get(f"/notices/{notice_id}")).text)
    for deed in ("お知らせの作成", "お知らせの変更", "お知らせの承認依頼", "お知らせの承認", "お知らせの送信予約"):
        assert deed in text


async def test_who_wrote_it_does_not_approve_it(office: Office) -> None:
    browser = await office.browser(Role.ADMINISTRATOR)
    notice = await a_notice(office, browser.who, status=NoticeStatus.REVIEW)
    page = await browser.get(f"/notices/{notice.id}")
    assert "/approve" not in page.text
    assert "ほかの人の承認が必要です" in text_of(page.text)
    assert (await browser.post(f"/notices/{notice.id}/approve", {"revision": 1})).status_code == 409
    assert (await now_in_database(office, notice.id)).status == "review"


async def test_an_approval_is_bound_to_what_was_read(office: Office) -> None:
    author, approver = await office.person(Role.PUBLISHER), await office.browser(Role.APPROVER)
    notice = await a_notice(office, author, status=NoticeStatus.REVIEW)
    seen = await fingerprint_in_database(office, notice.id)
    for fields in ({"revision": 0, "seen": seen}, {"revision": 2, "seen": seen}, {"revision": "", "seen": seen},
                   {"revision": 1}, {"revision": 1, "seen": "0" * 64}):
        answer = await approver.post(f"/notices/{notice.id}/approve", fields)
        assert answer.status_code == 409
    fields = {"revision": 1, "seen": seen}
    assert (await approver.post(f"/notices/{notice.id}/approve", fields)).status_code == 303


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.INTERPRETER, Role.STATION_CHIEF])
async def test_other_roles_read_notices_and_change_nothing(office: Office, role: Role) -> None:
    browser = await office.browser(role, station="hoshimi")
    notice = await a_notice(office, status=NoticeStatus.REVIEW)
    page = await browser.get(f"/notices/{notice.id}")
    assert page.status_code == 200
    assert f'action="/notices/{notice.id}' not in page.text
    for deed in ("edit", "submit", "approve", "return", "schedule", "pause", "resume", "cancel"):
        assert (await browser.post(f"/notices/{notice.id}/{deed}", {"revision": 1})).status_code == 403, deed
    assert (await now_in_database(office, notice.id)).status == "review"


async def test_a_refused_draft_keeps_what_was_typed(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    wrong = [
        {"expires_at": "2026-11-01T00:00"}, {"send_at": "tomorrow"}, {"send_at": "2026-12-01T10:00+09:00"},
        {"missing": "nonsense"}, {"title:ja-simple": "x" * 201}, {"revision": 0},
    ]
    for changes in wrong:
        fields = form_of_draft(notice, **({"body:vi": "Đã gõ <b>"} | changes))
        answer = await browser.post(f"/notices/{notice.id}/edit", fields)
        assert answer.status_code == 409, changes
        assert "Đã gõ &lt;b&gt;" in answer.text, changes
    assert (await now_in_database(office, notice.id)).revision == 1


async def test_two_who_edit_at_once_do_not_overwrite_each_other(office: Office) -> None:
    first, second = await office.browser(Role.PUBLISHER), await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    answer = await first.post(f"/notices/{notice.id}/edit", form_of_draft(notice, **{"body:ja-simple": "一つ目"}))
    assert answer.status_code == 303
    answer = await second.post(f"/notices/{notice.id}/edit", form_of_draft(notice, **{"body:ja-simple": "二つ目"}))
    assert answer.status_code == 409
    assert "二つ目" in answer.text
    async with office.parts.database.reading() as session:
        assert (await notice_rows.texts_of(session, notice.id))["ja-simple"].body == "一つ目"


async def test_the_preview_says_who_gets_which_text_and_hides_small_counts(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office, missing="skip")
    async with office.parts.database.transaction() as session:
        for locale, n in (("vi", 7), ("th", 3), ("ja-simple", 12)):
            for _ in range(n):
                await make_chat(session, sealer=office.parts.sealer, locale=locale, subscribed=True)
    page = (await browser.get(f"/notices/{notice.id}")).text
    rows = {cells[0]: cells[1:] for cells in (
        [text_of(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL)
    ) if len(cells) == 3}
    assert rows["ベトナム語"] == ["7", "ベトナム語"]
    assert rows["タイ語"] == ["5未満", "届きません（その言語の人には送らない）"]
    assert rows["やさしい日本語"] == ["12", "やさしい日本語"]
    assert rows["合計"][0] == "19以上", "the hidden count cannot be had by subtraction"


async def test_channels_are_shown_before_the_approval_and_counted_apart_after_it(office: Office) -> None:
    browser = await office.browser(Role.APPROVER)
    notice = await a_notice(office, status=NoticeStatus.REVIEW, urgency=Urgency.URGENT, municipalities=["99201"])
    page = text_of((await browser.get(f"/notices/{notice.id}")).text)
    assert "@mizuhono_keisatsu_vi ベトナム語 📢 vi Thông báo." in page
    assert "@mizuhono_keisatsu_en 英語 やさしい日本語（その言語の文がないため）" in page
    assert "選んだ市町村の外の人も読みます" in page
    routine = await a_notice(office, status=NoticeStatus.REVIEW)
    assert "@mizuhono_keisatsu_vi" not in (await browser.get(f"/notices/{routine.id}")).text
    over = await a_notice(office, status=NoticeStatus.DONE, urgency=Urgency.URGENT)
    assert "@mizuhono_keisatsu_vi" not in (await browser.get(f"/notices/{over.id}")).text, "none was posted"
    await with_deliveries(office, notice, {"sent": 2})
    async with office.parts.database.transaction() as session:
        said = "Need administrator rights in the channel chat"
        for tag, status, error in (("vi", "sent", None), ("en", "failed", said), ("ja-simple", "queued", None)):
            chat = await make_chat(session, sealer=office.parts.sealer)
            session.add(Delivery(chat_id=chat.id, lane=Lane.NOTICE, notice_id=notice.id, status=status, channel=tag,
                                 not_before=office.parts.clock(), created_at=office.parts.clock(), error=error))
    page = text_of((await browser.get(f"/notices/{notice.id}")).text)
    assert "送信対象2件＝Telegramに渡した2件＋届かず0件＋対象外0件＋不明0件＋待ち0件" in page
    assert "チャンネル：送信対象3件＝Telegramに渡した1件＋届かず1件＋対象外0件＋不明0件＋待ち1件" in page
    assert "ボットがチャンネルの管理者になっていません。" in page
    assert "administrator rights" not in page, "staff read Japanese"
    page = text_of((await browser.get(f"/notices/{notice.id}/withdraw")).text)
    assert "チャンネルに1件の投稿があります" in page


async def test_the_fallback_is_named_in_the_preview(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office, missing="fallback")
    async with office.parts.database.transaction() as session:
        await make_chat(session, sealer=office.parts.sealer, locale="th", subscribed=True)
    text = text_of((await browser.get(f"/notices/{notice.id}")).text)
    assert "（その言語の文がないため）" in text


async def test_the_counts_of_progress_add_up(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    counts = {DeliveryStatus.SENT: 5, DeliveryStatus.FAILED: 2, DeliveryStatus.QUEUED: 4, DeliveryStatus.UNKNOWN: 1,
              DeliveryStatus.SKIPPED: 3, DeliveryStatus.CANCELLED: 1, DeliveryStatus.SENDING: 2}
    await with_deliveries(office, notice, {str(status): n for status, n in counts.items()})
    page = (await browser.get(f"/notices/{notice.id}")).text
    table = page[page.index('class="counts"') :]
    numbers = [int(found) for found in re.findall(r"<td>(\d+)</td>", table[: table.index("</table>")])]
    assert sum(numbers[:-1]) == numbers[-1] == sum(counts.values())
    assert "18件のうち12件が終わりました" in text_of(page)
    widths = [float(found) for found in re.findall(r'<rect[^>]* width="([\d.]+)"', page)]
    assert sum(widths) == pytest.approx(100, abs=0.01)


async def test_pausing_resuming_and_cancelling_with_a_question_first(office: Office) -> None:
    browser = await office.browser(Role.PROMOTION_OFFICE)
    notice = await a_notice(office)
    await with_deliveries(office, notice, {"sent": 1, "queued": 2})
    assert (await browser.post(f"/notices/{notice.id}/pause")).status_code == 303
    assert (await browser.post(f"/notices/{notice.id}/pause")).status_code == 409
    assert (await browser.post(f"/notices/{notice.id}/resume")).status_code == 303
    page = await browser.get(f"/notices/{notice.id}/cancel")
    assert "3件のうち1件が終わりました" in text_of(page.text)
    assert (await now_in_database(office, notice.id)).status == "sending", "asking cancels nothing"
    assert (await browser.post(f"/notices/{notice.id}/cancel")).status_code == 303
    assert (await now_in_database(office, notice.id)).status == "cancelled"
    assert (await browser.post(f"/notices/{notice.id}/cancel")).status_code == 409
    assert (await browser.get(f"/notices/{notice.id}/cancel")).status_code == 303


@pytest.mark.parametrize("fields", [
    {}, {"send_at": ""}, {"send_at": "x"}, {"send_at": "2026-12-02T10:00", "expires_at": "2026-12-01T10:00"},
    {"send_at": "9999-12-31T23:59"}, {"send_at": "0001-01-01T00:00"},
])
async def test_an_impossible_time_is_refused(office: Office, fields: dict[str, object]) -> None:
    browser = await office.browser(Role.APPROVER)
    notice = await a_notice(office, status=NoticeStatus.APPROVED)
    assert (await browser.post(f"/notices/{notice.id}/schedule", fields)).status_code == 409
    assert (await now_in_database(office, notice.id)).status == "approved"


async def test_a_held_notice_is_not_scheduled_while_a_language_has_no_text(office: Office) -> None:
    browser = await office.browser(Role.APPROVER)
    when = {"send_at": "2026-12-01T09:30"}
    for locales, expected in (([], 409), (["vi", "th"], 409), (["vi"], 303)):
        notice = await a_notice(office, status=NoticeStatus.APPROVED, missing="hold", locales=locales)
        assert (await browser.post(f"/notices/{notice.id}/schedule", when)).status_code == expected, locales
    notice = await a_notice(office, status=NoticeStatus.APPROVED, missing="hold", locales=["vi", "th"])
    page = await browser.post(f"/notices/{notice.id}/schedule", when)
    assert "文がない言語があるため、お知らせを保留しています：タイ語" in text_of(page.text)


@pytest.mark.parametrize("fields", [{"name": "", "kind": "event"}, {"name": "x" * 201, "kind": "event"},
                                    {"name": "x", "kind": "spam"}])
async def test_a_new_notice_needs_a_name_and_a_known_kind(office: Office, fields: dict[str, object]) -> None:
    browser = await office.browser(Role.PUBLISHER)
    assert (await browser.post("/notices", fields)).status_code == 409


async def test_the_calendar_comes_first_and_what_is_over_last(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    later = await a_notice(office, send_at=clock() + timedelta(days=30))
    over = await a_notice(office, send_at=clock() - timedelta(days=3), status=NoticeStatus.DONE)
    sooner = await a_notice(office, send_at=clock() + timedelta(days=2), status=NoticeStatus.SCHEDULED)
    page = (await browser.get("/notices")).text
    assert [int(found) for found in re.findall(r'data-row>|href="/notices/(\d+)" id="row', page) if found] == [
        sooner.id, later.id, over.id]


async def test_only_a_draft_is_edited(office: Office) -> None:
    browser: Browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office, status=NoticeStatus.APPROVED)
    assert (await browser.get(f"/notices/{notice.id}/edit")).status_code == 303
    answer = await browser.post(f"/notices/{notice.id}/edit", form_of_draft(notice))
    assert answer.status_code == 409
    assert (await browser.post(f"/notices/{notice.id}/return")).status_code == 303
    assert (await browser.get(f"/notices/{notice.id}/edit")).status_code == 200


async def test_hostile_words_in_a_notice_stay_words(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    texts = {"ja-simple": "<img src=x onerror=alert(1)>", "ur": "\u202eevil</textarea><script>"}
    notice = await a_notice(office, texts=texts)
    for path in (f"/notices/{notice.id}", f"/notices/{notice.id}/edit"):
        page = (await browser.get(path)).text
        assert "<img src=x" not in page
        assert page.count("<script") == page.count('<script type="module" src="/static/'), "only our own"
