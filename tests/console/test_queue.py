"""The queue's folders, filters, search and pages, and who has a consultation open."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.console import live
from bot.console.routes import live as live_route
from storage import presence, queue
from storage.models import Presence, Role, Ticket, TicketStatus
from tests.conftest import Clock
from tests.console.conftest import Office, text_of
from tests.console.consultations import a_ticket, link, listed, now_in_database
from tests.factories import make_chat, make_ticket


async def in_place(office: Office, code: str, *, locale: str = "vi", station: str | None = None,
                   **changes: object) -> Ticket:
    async with office.parts.database.transaction() as session:
        chat = await make_chat(session, sealer=office.parts.sealer, locale=locale, municipality=code)
        return await make_ticket(
            session, sealer=office.parts.sealer, chat=chat, station=station, **changes  # type: ignore[arg-type]
        )


async def test_the_folders_count_and_show_what_they_say(office: Office) -> None:
    browser = await office.browser(Role.PROMOTION_OFFICE, section="seian_yokushi")
    mine = await a_ticket(office, browser.who)
    nobodys = await a_ticket(office)
    elsewhere = await a_ticket(office, section="kotsu_kikaku")
    closed = await a_ticket(office, status=TicketStatus.CLOSED)
    expected = {"mine": [mine.id], "unassigned": [nobodys.id, elsewhere.id], "section": [mine.id, nobodys.id],
                "all": [mine.id, nobodys.id, elsewhere.id]}
    for folder, ids in expected.items():
        page = (await browser.get(f"/queue?folder={folder}")).text
        assert sorted(listed(page)) == sorted(ids), folder
        assert f'<span class="count">{len(ids)}</span>' in page
    assert listed((await browser.get("/queue?state=ended")).text) == [closed.id]


async def test_the_filters_narrow_the_list(office: Office) -> None:
    browser = await office.browser(Role.ADMINISTRATOR)
    async with office.parts.database.transaction() as session:
        thai = await make_ticket(session, sealer=office.parts.sealer,
                                 chat=await make_chat(session, sealer=office.parts.sealer, locale="th"))
    answered = await a_ticket(office, status=TicketStatus.ANSWERED, section="kotsu_kikaku")
    assert listed((await browser.get("/queue?locale=th")).text) == [thai.id]
    assert listed((await browser.get("/queue?section=kotsu_kikaku")).text) == [answered.id]
    assert listed((await browser.get("/queue?state=answered")).text) == [answered.id]
    assert listed((await browser.get("/queue?state=open")).text) == [thai.id]


@pytest.mark.parametrize("query", [
    "folder=../x&state=;&section='--&locale=<script>&page=-1", "page=99999999999999999999", "page=²", "folder=section",
])
async def test_hostile_filters_show_a_page(office: Office, query: str) -> None:
    browser = await office.browser(Role.ADMINISTRATOR)
    page = await browser.get(f"/queue?{query}")
    assert page.status_code == 200
    assert "<script>" not in page.text


async def test_the_list_is_by_priority_then_by_age_and_answered_ones_come_last(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    answered = await a_ticket(office, status=TicketStatus.ANSWERED, priority=100)
    old = await a_ticket(office, now=clock() - timedelta(hours=2))
    new = await a_ticket(office)
    urgent = await a_ticket(office, priority=100)
    assert listed((await browser.get("/queue")).text) == [urgent.id, old.id, new.id, answered.id]


async def test_the_reason_of_a_priority_and_the_deadline_are_words(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    await a_ticket(office, priority=100, topic="stalking")
    async with office.parts.database.transaction() as session:
        await session.execute(Ticket.__table__.update().values(is_sensitive=True, priority=130))  # type: ignore[attr-defined]
    text = text_of((await browser.get("/queue")).text)
    assert "緊急の話題" in text
    assert "配慮が必要な話題" in text
    assert "あと8時間" in text
    clock.advance(hours=7)
    browser = await office.browser()
    assert "まもなく：あと60分" in text_of((await browser.get("/queue")).text)
    clock.advance(hours=4)
    browser = await office.browser()
    assert "3時間超過" in text_of((await browser.get("/queue")).text)


async def test_a_long_list_has_pages(office: Office) -> None:
    browser = await office.browser()
    async with office.parts.database.transaction() as session:
        for _ in range(53):
            await make_ticket(session, sealer=office.parts.sealer)
    first = (await browser.get("/queue")).text
    second = (await browser.get(link(first, "next"))).text
    assert (len(listed(first)), len(listed(second))) == (50, 3)
    assert not set(listed(first)) & set(listed(second))
    assert 'rel="next"' in first
    assert 'rel="prev"' in second
    assert 'rel="next"' not in second
    assert listed((await browser.get(link(second, "prev"))).text) == listed(first)


async def test_the_queue_carries_no_words_of_residents(office: Office) -> None:
    browser = await office.browser()
    await a_ticket(office, body="Tôi sợ chồng tôi")
    assert "sợ" not in (await browser.get("/queue")).text


async def test_the_late_folder_is_true_without_a_worker(office: Office, clock: Clock) -> None:
    late = await a_ticket(office, now=clock() - timedelta(hours=9))
    await a_ticket(office)
    await a_ticket(office, now=clock() - timedelta(hours=9), status=TicketStatus.ANSWERED)
    browser = await office.browser()
    page = (await browser.get("/queue?folder=late")).text
    assert listed(page) == [late.id]
    assert '<span class="count alarm">1</span>' in page


@pytest.mark.parametrize(("search", "found"), [
    ("ベトナム", [0, 1]), ("自転車", [0, 2]), ("ベトナム　自転車", [0]), ("星見", [0, 2]), ("汐里浦警察署", [1]),
    ("しおりうら", [1]), ("ja-simple", [2]), ("タイ", []), ("hộ chiếu", []), ("%", []), ("_", []), ("'", []),
    ("回答済み", []),
])
async def test_the_search_finds_by_what_stands_beside_the_words(
    office: Office, search: str, found: list[int]
) -> None:
    tickets = [
        await in_place(office, "99201", station="hoshimi", body="hộ chiếu của tôi"),
        await in_place(office, "99204", station="shioriura", topic="unpaid_wages"),
        await in_place(office, "99201", station="hoshimi", locale="ja-simple"),
    ]
    browser = await office.browser(Role.ADMINISTRATOR)
    page = (await browser.get(f"/queue?q={search.replace('%', '%25')}")).text
    assert sorted(listed(page)) == [tickets[index].id for index in found]


async def test_a_receipt_number_is_found_in_every_state_however_it_is_typed(office: Office) -> None:
    closed = await a_ticket(office, status=TicketStatus.CLOSED)
    await a_ticket(office)
    browser = await office.browser()
    wide = closed.receipt.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    for typed in (closed.receipt, closed.receipt.lower(), closed.receipt.replace("-", ""), f" {closed.receipt} ", wide):
        page = (await browser.get(f"/queue?folder=mine&q={typed}")).text
        assert listed(page) == [closed.id], typed
    other = await office.browser(section="cyber")
    assert listed((await other.get(f"/queue?q={closed.receipt}")).text) == []


async def test_the_filters_are_joined(office: Office) -> None:
    wanted = await in_place(office, "99201", station="hoshimi")
    await in_place(office, "99204", station="hoshimi")
    await in_place(office, "99201", station="shioriura")
    await in_place(office, "99201", station="hoshimi", topic="burglary")
    await in_place(office, "99201", station="hoshimi", locale="th")
    browser = await office.browser(Role.ADMINISTRATOR)
    query = "municipality=99201&station=hoshimi&topic=stolen_bicycle&locale=vi&state=any"
    page = (await browser.get(f"/queue?{query}")).text
    assert listed(page) == [wanted.id]
    assert '<option value="99201" selected>' in page


async def test_going_through_the_pages_shows_each_once_while_others_work(office: Office, clock: Clock) -> None:
    async with office.parts.database.transaction() as session:
        made = [
            await make_ticket(session, sealer=office.parts.sealer, priority=number % 3 * 50,
                              now=clock() - timedelta(minutes=number % 7),
                              status=TicketStatus.ANSWERED if number % 5 == 0 else TicketStatus.OPEN)
            for number in range(120)
        ]
    browser = await office.browser()
    first = (await browser.get("/queue")).text
    async with office.parts.database.transaction() as session:  # one that was shown leaves, a pressing one arrives
        row = await session.get(Ticket, listed(first)[3])
        assert row is not None
        row.status = TicketStatus.CLOSED
        await make_ticket(session, sealer=office.parts.sealer, priority=200)
    second = (await browser.get(link(first, "next"))).text
    third = (await browser.get(link(second, "next"))).text
    seen = listed(first) + listed(second) + listed(third)
    assert sorted(seen) == sorted(ticket.id for ticket in made)
    assert 'rel="next"' not in third
    assert listed((await browser.get(link(third, "prev"))).text) == listed(second)
    order = {ticket.id: (ticket.status == "answered", -ticket.priority, ticket.created_at, ticket.id)
             for ticket in made}
    assert seen == sorted(seen, key=order.__getitem__)


async def test_ended_ones_are_listed_newest_first(office: Office, clock: Clock) -> None:
    old = await a_ticket(office, status=TicketStatus.CLOSED, now=clock() - timedelta(days=2), priority=100)
    new = await a_ticket(office, status=TicketStatus.WITHDRAWN)
    browser = await office.browser()
    assert listed((await browser.get("/queue?state=ended")).text) == [new.id, old.id]


@pytest.mark.parametrize("place", ["", "1", "1.2", "a.b.c", "1.2.3.4", "9" * 30 + ".1.1", "-.1.1", "1.-1.1", "².1.1"])
def test_a_place_that_is_none_is_not_read(place: str) -> None:
    assert queue.Place.parse(place) is None


async def test_the_rank_follows_the_state_and_the_priority(office: Office) -> None:
    ticket = await a_ticket(office, priority=50)
    assert (await now_in_database(office, ticket)).queue_rank == -50
    for status, rank in ((TicketStatus.ANSWERED, 99_950), (TicketStatus.CLOSED, None), (TicketStatus.OPEN, -50)):
        async with office.parts.database.transaction() as session:
            row = await session.get(Ticket, ticket.id)
            assert row is not None
            row.status = status
        assert (await now_in_database(office, ticket)).queue_rank == rank


async def test_who_can_change_it_sees_a_desk_without_people(office: Office) -> None:
    await office.person(section="jinshin")
    staffed = await a_ticket(office, section="jinshin")
    lonely = await a_ticket(office, section="menkyo")
    words = "担当課にアカウントを持つ職員がいません"
    browser = await office.browser(Role.PROMOTION_OFFICE)
    page = (await browser.get("/queue")).text
    assert text_of(page).count(words) == 1
    row = page[page.index(f'id="row-{lonely.id}"') : ]
    assert words in row[: row.index("</tr>")]
    assert staffed.id in listed(page)


async def test_outside_duty_hours_the_queue_says_when_duty_begins_again(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    assert "執務時間外" not in text_of((await browser.get("/queue")).text)
    clock.advance(hours=10)
    browser = await office.browser()
    text = text_of((await browser.get("/queue")).text)
    assert "執務時間外" in text
    assert "2026/12/01(火) 08:30" in text


# ---- presence


async def test_a_colleague_who_has_it_open_is_shown_and_told_live(office: Office, clock: Clock) -> None:
    browser, other = await office.browser(), await office.browser(name="佐々木")
    ticket = await a_ticket(office)
    watcher, watched = live.Watcher(), {f"ticket:{ticket.id}"}

    async def look() -> set[str]:
        async with office.parts.database.reading() as session:
            return await watcher.look(session, watched, now=clock())

    assert await look() == set()
    async with office.parts.database.transaction() as session:
        await presence.beat(session, "a", ticket_id=ticket.id, staff_id=other.who.id, now=clock())  # type: ignore[union-attr]
        await presence.beat(session, "b", ticket_id=ticket.id, staff_id=other.who.id, now=clock())  # type: ignore[union-attr]
    assert await look() == watched
    assert "現在ほかの職員も開いています：佐々木" in text_of((await browser.get(f"/tickets/{ticket.id}")).text)
    assert "現在ほかの職員も" not in text_of((await other.get(f"/tickets/{ticket.id}")).text), "oneself is not another"
    async with office.parts.database.transaction() as session:
        await presence.leave(session, "a")
    assert await look() == set(), "the other window is still open"
    clock.advance(seconds=46)
    assert await look() == watched, "a browser that vanished is forgotten"


async def test_the_stream_of_a_page_is_its_heartbeat(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_route, "HEARTBEAT_S", 0.05)
    parts, person = office.parts, await office.person()
    ticket = await a_ticket(office)
    hub = live.Hub(parts, every_s=10)

    async def yes() -> bool:
        return True

    async def rows() -> int:
        async with parts.database.reading() as session:
            return len((await presence.present(session, [ticket.id], now=parts.clock())).get(ticket.id, ()))

    here = live_route._Presence(parts, "ticket", str(ticket.id), person.id)
    stream = live_route._events(hub, f"ticket:{ticket.id}", yes, here)
    assert (await anext(stream)).startswith("retry")
    assert await rows() == 1
    async with parts.database.transaction() as session:
        await session.execute(Presence.__table__.delete())  # type: ignore[attr-defined]
    assert await anext(stream) == ": still here\n\n"
    assert await rows() == 1
    await stream.aclose()  # type: ignore[attr-defined]
    for _ in range(100):
        if not await rows():
            break
        await asyncio.sleep(0.02)
    assert await rows() == 0


async def test_a_page_that_shows_the_newest_message_keeps_the_promise(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office)
    for headers in ({}, {"x-koban-live": "1"}):
        async with office.parts.database.transaction() as session:
            row = await session.get(Ticket, ticket.id)
            assert row is not None
            row.promised_at = clock() + timedelta(hours=8)
        await browser.get("/queue")
        assert (await now_in_database(office, ticket)).promised_at is not None, "a list is no reading"
        await browser.get(f"/tickets/{ticket.id}", **headers)
        assert (await now_in_database(office, ticket)).promised_at is None
