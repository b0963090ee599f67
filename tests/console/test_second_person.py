"""Replies that staff type themselves, on a topic that needs a second person."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from bot import consultation
from bot.console.app import ConsoleParts
from bot.console.auth import may_see, visible_tickets
from bot.console.live import Watcher, news_for
from bot.errors import WrongState
from bot.translation.libretranslate import LibreTranslate
from bot.translation.machine import Machine
from storage import translations
from storage.models import AuditEntry, Chat, Role, Staff, StaffSession, Ticket, TicketStatus, Translation
from tests.bot.translators import FakeLibre, serving
from tests.conftest import Clock
from tests.console.conftest import Browser, Office, text_of
from tests.console.consultations import a_ticket, buttons, sent, tags_of, the_resident_writes

TOPIC = "stalking"
REPLY = "Bạn đang ở đâu? Tôi sẽ gọi lại lúc 15:00."
CHANGED = "Bạn có an toàn không?"


async def a_waiting_reply(
    office: Office, author: Browser, body: str = REPLY, **changes: object
) -> tuple[Ticket, str]:
    """A reply that its author sent on such a topic; returns the consultation and the address of what waits."""
    ticket = await a_ticket(office, author.who, **({"topic": TOPIC, "priority": 50} | changes))  # type: ignore[arg-type]
    answer = await author.post(f"/tickets/{ticket.id}/reply", {"body": body, "last_seen": 1})
    assert answer.headers["location"] == f"/tickets/{ticket.id}?done=propose", text_of(answer.text)
    async with office.parts.database.reading() as session:
        number = (await session.scalars(select(Translation.id).where(Translation.ticket_id == ticket.id))).one()
    return ticket, f"/translations/{number}"


async def test_a_typed_reply_waits_until_another_person_approved_it(office: Office) -> None:
    author, second = await office.browser(), await office.browser()
    before = text_of((await author.get(f"/tickets/{(await a_ticket(office, author.who, topic=TOPIC)).id}")).text)
    assert "この話題では、どの返信も、別の人が承認するまで送信を待ちます" in before
    assert "承認できる人はほかに1人います" in before
    assert f"ログイン中：{second.who.display_name}" in before  # type: ignore[union-attr]
    assert "返信を送信" not in before
    ticket, address = await a_waiting_reply(office, author)
    assert await sent(office) == [], "nothing goes out before a second person has seen it"
    page = text_of((await author.get(address)).text)
    assert "未送信です" in page
    assert "相談者には何も表示されず、期限も止まりません" in page
    assert "承認して送信" not in page
    assert (await author.post(f"{address}/approve", {"last_seen": 1})).status_code == 409

    queue = (await second.get("/queue")).text
    assert "二人目の承認を待っている返信が1件あります" in text_of(queue)
    assert "返信が二人目の承認を待っています" in text_of(queue)
    assert f'href="{address}"' in queue
    assert "承認を待っている返信が" not in text_of((await author.get("/queue")).text), "not for the author"
    assert "承認できます" in text_of((await second.get("/translations")).text)
    assert f'href="{address}"' in (await second.get(f"/tickets/{ticket.id}")).text
    page = text_of((await second.get(address)).text)
    assert REPLY in page
    assert "職員がこの言語で記入" in page
    assert (await second.post(f"{address}/approve", {"last_seen": 1})).status_code == 303
    (message,) = await sent(office)
    assert REPLY in message.text
    assert buttons(message) == [f"t:close:{ticket.receipt}"], "nothing was translated: there is no original to show"
    async with office.parts.database.reading() as session:
        reply = (await session.scalars(select(AuditEntry).where(AuditEntry.tag == "staff:ticket:reply"))).one()
        assert (reply.staff_id, reply.detail["approved_by"]) == (author.who.id, second.who.id)  # type: ignore[union-attr]
    shown = text_of((await author.get(f"/tickets/{ticket.id}")).text)
    assert f"承認：{second.who.display_name}" in shown  # type: ignore[union-attr]
    assert "承認を待っている返信が" not in text_of((await second.get("/queue")).text)


async def test_on_another_topic_a_typed_reply_goes_out_at_once(office: Office) -> None:
    author = await office.browser()
    ticket = await a_ticket(office, author.who)
    answer = await author.post(f"/tickets/{ticket.id}/reply", {"body": REPLY, "last_seen": 1})
    assert answer.headers["location"] == f"/tickets/{ticket.id}?done=reply"
    assert len(await sent(office)) == 1


async def test_it_goes_back_with_a_note_is_changed_and_asked_for_again(office: Office) -> None:
    author, second = await office.browser(), await office.browser()
    ticket, address = await a_waiting_reply(office, author)
    assert (await second.post(f"{address}/refuse", {"note": " "})).status_code == 409
    assert (await second.post(f"{address}/refuse", {"note": "住所は書かない"})).status_code == 303
    page = await author.get(address)
    assert "住所は書かない" in text_of(page.text)
    assert re.search(rf'<textarea id="foreign"[^>]*>{re.escape(REPLY)}</textarea>', page.text)
    refused = await second.post(f"{address}/send", {"foreign": CHANGED, "last_seen": 1})
    assert refused.status_code == 409, "only who has the consultation changes it"
    answer = await author.post(f"{address}/send", {"foreign": CHANGED, "last_seen": 1})
    assert answer.headers["location"] == f"/tickets/{ticket.id}?done=propose"
    page_text = text_of((await second.get(address)).text)
    assert CHANGED in page_text
    assert "住所は書かない" not in page_text
    assert (await second.post(f"{address}/approve", {"last_seen": 1})).status_code == 303
    (message,) = await sent(office)
    assert CHANGED in message.text
    assert [tag for tag, _who in await tags_of(office, ticket) if tag.startswith("translation")] == [
        "translation:propose", "translation:refuse", "translation:propose", "translation:approve"]


async def test_an_approval_and_a_proposal_do_not_pass_over_what_came_since(office: Office) -> None:
    author, second = await office.browser(), await office.browser()
    ticket, address = await a_waiting_reply(office, author)
    await the_resident_writes(office, ticket, "Đừng viết bây giờ!")
    refused = await second.post(f"{address}/approve", {"last_seen": 1})
    assert refused.status_code == 409
    assert "Đừng viết bây giờ!" in refused.text
    assert await sent(office) == []
    late = await author.post(f"/tickets/{ticket.id}/reply", {"body": "Xin chào", "last_seen": 1})
    assert late.status_code == 409
    assert "Xin chào" in late.text, "the draft stays"


async def test_who_cannot_approve(office: Office) -> None:
    author = await office.browser()
    ticket, address = await a_waiting_reply(office, author)
    stranger = await office.browser(section="kotsu_kikaku")
    for path in ("", "/approve", "/refuse", "/alone", "/back"):
        answer = await (stranger.post(f"{address}{path}", {"last_seen": 1}) if path else stranger.get(address))
        assert answer.status_code == 404, path
    assert "承認を待っている返信が" not in text_of((await stranger.get("/queue")).text)
    second = await office.browser()
    async with office.parts.database.transaction() as session:
        await session.execute(update(Ticket).values(claimed_by_id=second.who.id))  # type: ignore[union-attr]
    refused = await second.post(f"{address}/approve", {"last_seen": 1})
    assert refused.status_code == 409, "who proposed it does not answer for the consultation any more"
    assert await sent(office) == []
    assert (await second.get(f"/tickets/{ticket.id}")).status_code == 200


async def test_the_one_door_refuses_a_reply_that_nobody_approved(office: Office) -> None:
    author = await office.browser()
    ticket = await a_ticket(office, author.who, topic=TOPIC)
    parts = office.parts
    async with parts.database.transaction() as session:
        row, chat = await session.get_one(Ticket, ticket.id), await session.get_one(Chat, ticket.chat_id)
        officer = await session.get_one(Staff, author.who.id)  # type: ignore[union-attr]
        with pytest.raises(WrongState):
            await consultation.reply(
                session, row, chat, officer, REPLY, last_seen=1, deployment=parts.deployment,
                strings=parts.screens.words("vi"), sealer=parts.sealer, now=parts.clock(),
            )
    assert await sent(office) == []


async def test_a_reply_that_waits_is_not_forgotten_when_the_consultation_is_closed(office: Office) -> None:
    author = await office.browser()
    ticket, address = await a_waiting_reply(office, author)
    refused = await author.post(f"/tickets/{ticket.id}/close", {"outcome": "advised", "last_seen": 1})
    assert refused.status_code == 409
    assert "二人目の承認を待っている返信があります" in text_of(refused.text)
    assert (await author.post(f"{address}/refuse")).status_code == 303
    written = await author.post(f"{address}/discard")
    assert re.search(rf'<textarea id="reply"[^>]*>{re.escape(REPLY)}</textarea>', written.text), "nothing is lost"
    assert (await author.post(f"/tickets/{ticket.id}/close", {"outcome": "advised", "last_seen": 1})).status_code == 303


async def test_it_may_go_alone_when_it_waited_long_with_a_reason_that_stays(office: Office, clock: Clock) -> None:
    author, second = await office.browser(), await office.browser()
    ticket, address = await a_waiting_reply(office, author)
    page = text_of((await author.get(address)).text)
    assert "通信指令室に連絡してください" in page
    assert "理由を書いて一人で送信できます" in page, "it says from when on"
    assert "二人目の承認なしで送信" not in page
    early = await author.post(f"{address}/alone", {"note": "待てない", "last_seen": 1})
    assert early.status_code == 409
    clock.advance(minutes=30)
    author, second = await office.browser(author.who), await office.browser(second.who)  # type: ignore[arg-type]
    assert "30分待ちました" in text_of((await author.get(address)).text)
    assert (await author.post(f"{address}/alone", {"note": "  ", "last_seen": 1})).status_code == 409
    assert (await second.post(f"{address}/alone", {"note": "代わりに", "last_seen": 1})).status_code == 409
    assert (await author.post(f"{address}/alone", {"note": "相手が家の前にいる", "last_seen": 0})).status_code == 409
    assert await sent(office) == []
    assert (await author.post(f"{address}/alone", {"note": "相手が家の前にいる", "last_seen": 1})).status_code == 303
    assert len(await sent(office)) == 1
    shown = text_of((await second.get(f"/tickets/{ticket.id}")).text)
    assert "二人目の承認なし" in shown
    assert "相手が家の前にいる" in shown
    async with office.parts.database.reading() as session:
        entry = (await session.scalars(select(AuditEntry).where(AuditEntry.tag == "staff:translation:alone"))).one()
        assert (entry.staff_id, entry.detail["why"]) == (author.who.id, "waited")  # type: ignore[union-attr]
        assert "相手" not in str(entry.detail), "the audit holds no words"


@pytest.mark.parametrize(("priority", "hour", "is_alone", "why"), [
    (100, 10, False, "緊急の話題です"), (50, 10, True, "ほかにいません"), (50, 22, False, "今は執務時間外です"),
    (0, 22, True, None),
])
async def test_an_emergency_is_not_blocked_when_nobody_can_be_asked(
    office: Office, clock: Clock, priority: int, hour: int, is_alone: bool, why: str | None
) -> None:
    clock.advance(hours=hour - 10)
    author = await office.browser()
    if not is_alone:
        await office.browser()
    _ticket, address = await a_waiting_reply(office, author, priority=priority)
    page = text_of((await author.get(address)).text)
    if is_alone:
        assert "この相談を開けるアカウントを持つ人が、ほかにいません" in page
    if hour == 22:
        assert "執務時間外" in page
    answer = await author.post(f"{address}/alone", {"note": "危険が迫っている", "last_seen": 1})
    if why is None:
        assert "どれだけかかっても送信を待ちます" in page
        assert answer.status_code == 409
    else:
        assert why in page
        assert answer.status_code == 303
    assert len(await sent(office)) == (why is not None)


async def test_the_page_does_not_count_who_is_not_there(office: Office, clock: Clock) -> None:
    author, second = await office.browser(), await office.browser()
    gone = await office.person(name="退職 済")
    async with office.parts.database.transaction() as session:
        await session.execute(update(Staff).where(Staff.id == gone.id).values(disabled_at=clock()))
        await session.execute(update(StaffSession).where(StaffSession.staff_id == second.who.id)  # type: ignore[union-attr]
                              .values(seen_at=clock.now.replace(hour=0)))
    _ticket, address = await a_waiting_reply(office, author)
    page = text_of((await author.get(address)).text)
    assert "承認できる人はほかに1人います" in page
    assert "今ログインしている人はいません" in page


async def test_colleagues_are_told_of_what_waits_without_a_word_of_it(office: Office) -> None:
    author, second = await office.browser(), await office.browser()
    watcher = Watcher()
    watched = news_for(second.who) | {"queue"}  # type: ignore[arg-type]
    async with office.parts.database.reading() as session:
        await watcher.look(session, watched, now=office.parts.clock())
    ticket, _address = await a_waiting_reply(office, author)
    async with office.parts.database.reading() as session:
        changed = await watcher.look(session, watched, now=office.parts.clock())
    assert {"queue", f"ticket:{ticket.id}", "news:section:seian_yokushi"} <= changed


async def test_who_may_see_is_one_rule_in_two_forms(office: Office) -> None:
    """`may_see` counts possible second people; `visible_tickets` opens pages. They must never part."""
    async with office.parts.database.transaction() as session:
        people = [
            await office.person(role, section=section, station=station)
            for role in Role for section in (None, "jinshin", "seian_yokushi") for station in (None, "minato")
        ]
    for number, changes in enumerate((
        {"priority": 1}, {"station_id": "minato"}, {"to_section_id": "jinshin"}, {"to_station_id": "minato"},
        {"status": TicketStatus.INTAKE, "claimed_by_id": None}, {"status": TicketStatus.CLOSED},
    )):
        ticket = await a_ticket(office, None)
        async with office.parts.database.transaction() as session:
            await session.execute(update(Ticket).where(Ticket.id == ticket.id).values(**changes))
        async with office.parts.database.reading() as session:
            row = await session.get_one(Ticket, ticket.id)
            for person in people:
                opens = await session.scalar(visible_tickets(person).where(Ticket.id == ticket.id)) is not None
                assert may_see(person, row) == opens, (number, person.role, person.section_id, person.station_id)


async def test_a_machine_helps_the_second_person_to_read_and_changes_nothing(parts: ConsoleParts) -> None:
    with serving(FakeLibre()) as fake:
        fake.words = {("vi", "ja", CHANGED): "安全ですか。"}
        machine = Machine(LibreTranslate(fake.url, FakeLibre.key), timeout_s=3)
        await machine.languages()
        office = Office(replace(parts, machine=machine))
        author, second = await office.browser(), await office.browser()
        _ticket, address = await a_waiting_reply(office, author, CHANGED)
        assert fake.texts() == [], "nothing leaves before somebody asks"
        assert (await second.post(f"{address}/back")).status_code == 303
        page = text_of((await second.get(address)).text)
        assert "安全ですか。" in page
        assert "違いがあります" not in page, "there is no Japanese to compare with"
        assert (await second.post(f"{address}/approve", {"last_seen": 1})).status_code == 303
        (message,) = await sent(office)
        assert CHANGED in message.text
        assert "⚠️" not in message.text
        for client in office.clients:
            await client.aclose()


async def test_what_waits_is_found_by_its_own_index(office: Office) -> None:
    async with office.parts.database.reading() as session:
        if session.get_bind().dialect.name != "sqlite":
            pytest.skip("the plan of PostgreSQL depends on how many rows there are")
        query = select(Translation.id).where(translations.waits_for_approval())
        plan = await session.connection()
        text = str(query.compile(plan.sync_connection, compile_kwargs={"literal_binds": True}))
        rows = await plan.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")
        assert "ix_translations_proposed" in " ".join(str(row) for row in rows)
