"""The second person who looks at a machine draft before it is sent."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bot.i18n import TOKYO
from storage.models import AuditEntry, Chat, Message, Translation
from tests.console.conftest import Office, text_of
from tests.console.consultations import a_ticket, sent, tags_of, the_resident_writes
from tests.console.translating.conftest import SENT, a_draft


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
