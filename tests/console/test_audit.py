"""The audit page names records and values as staff know them, with the code behind; what is gone keeps its code."""

from __future__ import annotations

from storage import audit
from storage.audit import AuditTag
from storage.models import Role
from tests.conftest import Clock
from tests.console.conftest import Office, text_of
from tests.factories import make_notice, make_ticket


async def test_records_and_values_stand_by_name_with_their_code(office: Office, clock: Clock) -> None:
    browser = await office.browser(Role.PROMOTION_OFFICE, name="推進 太郎")
    other = await office.person(name="承認 花子")
    async with office.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=office.parts.sealer)
        target = await make_ticket(session, sealer=office.parts.sealer)
        notice = await make_notice(session)
        on = f"ticket:{ticket.id}"

        def note(tag: AuditTag, subject: str, **detail: object) -> None:
            audit.record(session, tag, subject, now=clock(), staff_id=other.id, **detail)

        note(AuditTag.STAFF_TICKET_TRANSFER, on, to="section:jinshin")
        note(AuditTag.STAFF_TICKET_ACCEPT, on, before={"section": "jinshin", "station": "hoshimi", "holder": other.id})
        note(AuditTag.RESIDENT_TICKET_OPEN, on, topic="stolen_bicycle", station=None)
        note(AuditTag.STAFF_TICKET_MERGE, on, source=ticket.id, target=target.id)
        note(AuditTag.STAFF_TRANSLATION_ALONE, on, why="waited", state="typed")
        note(AuditTag.STAFF_NOTICE_WITHDRAW, f"notice:{notice.id}", by_notice=notice.id)
        note(AuditTag.SYSTEM_NOTICE_PAUSE, f"notice:{notice.id}", held_for={"reason": "held", "tags": ["vi", "ne"]})
        note(AuditTag.SYSTEM_NOTICE_PAUSE, f"notice:{notice.id}", error="Chat not found", n_errors=20, n=50)
        note(AuditTag.STAFF_NOTICE_SCHEDULE, f"notice:{notice.id}", send_at="2026-12-01T01:00:00+00:00")
        note(AuditTag.STAFF_ANSWER_APPROVE, "answer:stolen_bicycle:vi", rev="abc123")
        note(AuditTag.STAFF_ACCOUNT_CHANGE, f"staff:{other.id}", what="languages", languages=["vi", "ne"])
        note(AuditTag.STAFF_NOTICE_TEST, f"notice:{notice.id}", to="test_chat", locale="vi")
        note(AuditTag.RESIDENT_DATA_ERASE, "erasure:KBE1", consultations=1)
    page = (await browser.get("/audit")).text
    text = text_of(page)
    section = office.parts.deployment.section("jinshin")
    station = office.parts.deployment.station("hoshimi")
    assert section is not None
    assert station is not None
    wanted = (
        f"宛先: {section.name_ja} section:jinshin", f"前の課: {section.name_ja} jinshin",
        f"前の警察署: {station.name_ja} hoshimi", f"前の担当者: 承認 花子 {other.id}", " stolen_bicycle",
        f"相談 {ticket.receipt} {on}", f"統合先: {target.receipt} ticket:{target.id}",
        f"お知らせ {notice.name} notice:{notice.id}", "ベトナム語, ネパール語 vi, ne",
        "文章が足りない held", "エラー: ", "2026/12/01(火) 10:00", "（ベトナム語） answer:stolen_bicycle:vi",
        f"アカウント 承認 花子 staff:{other.id}", "通訳の担当言語 languages", "テスト用チャット test_chat",
        "データの消去 KBE1 erasure:KBE1",
    )
    assert [each for each in wanted if each not in text] == [], text
    assert "{" not in text
    assert "None" not in text
    assert f'<a href="/tickets/{target.id}">{target.receipt}</a>' in page


async def test_what_is_gone_or_unknown_keeps_its_code(office: Office, clock: Clock) -> None:
    browser = await office.browser(Role.ADMINISTRATOR)
    async with office.parts.database.transaction() as session:
        for subject, detail in (("ticket:999", {"to": "section:<gone>"}), ("staff:?", {"topic": "old_topic"}),
                                ("answer:x", {"what": "new"}), ("odd", {"source": "x", "send_at": "soon"})):
            audit.record(session, AuditTag.STAFF_TICKET_READ, subject, now=clock(), **detail)
    page = (await browser.get("/audit")).text
    assert '<a href="/tickets/999">相談 999</a>' in page
    assert "&lt;gone&gt;" in page
    for said in ("アカウント ?", "old_topic", "new", "soon"):
        assert said in text_of(page), said
