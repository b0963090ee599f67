"""Events: seats and waiting list, reminders, change, cancellation, calendar file; subscribing in two taps."""

from __future__ import annotations

from datetime import timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import select

from bot import events, notices, trials
from bot.conversation import Parts
from bot.errors import WrongState
from bot.event_texts import Invitation
from bot.events import EventFacts
from bot.incoming import Kind
from storage import deliveries, links
from storage.database import Database
from storage.models import (
    Chat,
    Delivery,
    DeliveryStatus,
    Event,
    EventReply,
    Lane,
    Notice,
    NoticeKind,
    NoticePurpose,
    NoticeStatus,
    Role,
    Subscription,
)
from storage.sealing import Sealer
from tests.bot.conftest import Talk, Talker, meanings
from tests.conftest import Clock
from tests.factories import make_notice, make_staff

IN_TWO_DAYS = timedelta(days=2)


async def an_event(
    database: Database, clock: Clock, *, seats: int | None = 1, begins_in: timedelta = IN_TWO_DAYS
) -> Notice:
    async with database.transaction() as session:
        notice = await make_notice(session, status=NoticeStatus.DONE, kind=NoticeKind.EVENT)
        session.add(Event(
            notice_id=notice.id, place="星見市見本町一丁目 公民館", latitude=33.6, longitude=143.5,
            starts_at=clock() + begins_in, ends_at=clock() + begins_in + timedelta(hours=2), seats=seats,
            languages=["vi", "ne"],
        ))
    return notice


async def invited(database: Database, talk: Talker, notice: Notice, n: int) -> list[Talk]:
    people = []
    for number in range(n):
        person = await talk("vi", 5000 + number)
        await person.tap("menu")
        people.append(person)
    async with database.transaction() as session:
        for chat_id in await session.scalars(select(Chat.id)):
            session.add(Delivery(chat_id=chat_id, lane=Lane.NOTICE, notice_id=notice.id, status=DeliveryStatus.SENT,
                                 not_before=notice.created_at, created_at=notice.created_at))
    return people


async def answers(database: Database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(select(EventReply.answer).order_by(EventReply.chat_id)))


async def children(database: Database, purpose: NoticePurpose) -> list[Notice]:
    async with database.reading() as session:
        return list(await session.scalars(select(Notice).where(Notice.purpose == purpose)))


async def test_seats_the_waiting_list_and_a_seat_that_becomes_free(
    database: Database, parts: Parts, talk: Talker, clock: Clock, sealer: Sealer
) -> None:
    notice = await an_event(database, clock)
    first, second, third = await invited(database, talk, notice, 3)
    yes, no = f"ev:{notice.id}:yes", f"ev:{notice.id}:no"
    words = parts.screens.words("vi")
    assert words("You are on the list. I will remind you the day before and two hours before.") in (
        await first.tap(yes))[0].text
    await first.tap(yes)
    assert "chờ" in (await second.tap(yes))[0].text
    clock.advance(minutes=1)
    await third.tap(yes)
    assert await answers(database) == ["coming", "waiting", "waiting"]
    await first.tap(no)
    assert await events.give_free_seats(database, screens=parts.screens, sealer=sealer, now=clock()) == 1
    assert await events.give_free_seats(database, screens=parts.screens, sealer=sealer, now=clock()) == 0
    assert await answers(database) == ["not_now", "coming", "waiting"], "who waits longest comes first"
    await first.tap(yes)
    assert (await answers(database))[0] == "waiting", "nobody passes those who wait"
    async with database.reading() as session:
        told = await session.scalar(select(Delivery).where(Delivery.notice_id.is_(None)))
        assert told is not None
        assert words("There is a seat for you now. You are on the list.") in sealer.open_text(
            told.payload_sealed or b"", deliveries.OUTBOX)


async def test_only_who_was_invited_can_answer_and_only_before_it_begins(
    database: Database, talk: Talker, clock: Clock
) -> None:
    notice = await an_event(database, clock)
    [guest] = await invited(database, talk, notice, 1)
    stranger = await talk("vi", 9999)
    await stranger.tap("menu")
    for person, data in ((stranger, f"ev:{notice.id}:yes"), (guest, "ev:99:yes"), (guest, "ev:x:yes"),
                         (guest, f"ev:{notice.id}:maybe"), (guest, "ev:")):
        assert await person.tap(data) == []
    clock.advance(days=2)
    assert len(await guest.tap(f"ev:{notice.id}:yes")) == 1
    assert await answers(database) == []


async def test_a_reminder_comes_the_day_before_and_two_hours_before_each_once(
    database: Database, talk: Talker, clock: Clock
) -> None:
    notice = await an_event(database, clock, seats=None)
    first, second = await invited(database, talk, notice, 2)
    await first.tap(f"ev:{notice.id}:yes")
    await second.tap(f"ev:{notice.id}:no")
    assert await events.remind(database, now=clock()) == 0
    clock.advance(hours=25)  # 23 hours before; the process was down at 24
    assert [await events.remind(database, now=clock()) for _ in range(2)] == [1, 0]
    clock.advance(hours=21)
    assert [await events.remind(database, now=clock()) for _ in range(2)] == [1, 0]
    await notices.tick(database, now=clock())
    found = await children(database, NoticePurpose.REMINDER)
    assert [each.expires_at for each in found] == [(clock() + timedelta(hours=2))] * 2
    async with database.reading() as session:
        counts = [await deliveries.count_by_status(session, each.id) for each in found]
    assert counts == [{DeliveryStatus.QUEUED: 1}] * 2, "only who comes is reminded"


async def test_a_change_of_time_and_a_cancellation_reach_those_who_come_or_wait_even_without_notices(
    database: Database, talk: Talker, clock: Clock
) -> None:
    notice = await an_event(database, clock)
    first, second, third = await invited(database, talk, notice, 3)
    for person, answer in ((first, "yes"), (second, "yes"), (third, "no")):
        await person.tap(f"ev:{notice.id}:{answer}")
    await first.tap("sub:off")
    async with database.transaction() as session:
        staff = await make_staff(session, role=Role.PUBLISHER)
        found = await notices.get(session, notice.id)
        event = await session.get(Event, notice.id)
        assert event is not None
        facts = EventFacts(event.place, event.starts_at, event.ends_at, seats=1)
        await events.change(session, found, facts, staff, now=clock())
    assert await children(database, NoticePurpose.CHANGE) == [], "more languages or seats are no news for guests"
    async with database.transaction() as session:
        later = EventFacts(facts.place, facts.starts_at + timedelta(hours=1), facts.ends_at + timedelta(hours=1), 1)
        await events.change(session, await notices.get(session, notice.id), later, staff, now=clock())
    await notices.tick(database, now=clock())

    async def claimed(n: int) -> list[tuple[str | None, bool]]:
        async with database.transaction() as session:
            found = await deliveries.claim(session, process_id="p", lanes=[Lane.NOTICE], limit=n, now=clock())
            purposes = [(await notices.get(session, item.notice_id or 0)).purpose for item in found]
            return [(purpose, item.may_send) for purpose, item in zip(purposes, found, strict=True)]

    assert await claimed(1) == [(NoticePurpose.CHANGE, True)]
    async with database.transaction() as session:
        await events.cancel(session, await notices.get(session, notice.id), staff, now=clock.advance(minutes=1))
        with pytest.raises(WrongState):
            await events.cancel(session, await notices.get(session, notice.id), staff, now=clock())
    await notices.tick(database, now=clock())
    assert await claimed(9) == [
        (NoticePurpose.CHANGE, False), (NoticePurpose.CANCELLATION, True), (NoticePurpose.CANCELLATION, True),
    ], "a new time of what is off is no news"
    assert len(await first.tap(f"ev:{notice.id}:yes")) == 1, "it says that the event is off"


async def test_the_calendar_file_says_when_and_where(database: Database, talk: Talker, clock: Clock) -> None:
    notice = await an_event(database, clock)
    [guest] = await invited(database, talk, notice, 1)
    [message] = await guest.tap(f"ev:{notice.id}:ics")
    assert message.document is not None
    calendar = Calendar.from_ical(message.document.content)
    [entry] = calendar.walk("VEVENT")
    assert entry.decoded("dtstart") == clock() + IN_TWO_DAYS
    assert str(entry["location"]) == "星見市見本町一丁目 公民館"
    assert str(entry["summary"]) == "vi"
    assert message.document.name == f"event-{notice.id}.ics"


def test_the_map_takes_the_point_or_else_the_words(clock: Clock) -> None:
    event = Invitation(1, "公民館 1-2", clock(), clock(), point=(33.6, 143.5))
    assert event.map_url.endswith("query=33.6%2C143.5")
    assert "query=%E5%85%AC" in Invitation(1, "公民館 1-2", clock(), clock()).map_url


@pytest.mark.parametrize("changes", [
    {"place": " "}, {"place": "x" * 201}, {"ends_at": timedelta(0)}, {"seats": 0}, {"seats": 100_001},
    {"point": (91.0, 0.0)}, {"point": (0.0, 181.0)},
])
def test_an_impossible_event_is_refused(clock: Clock, changes: dict[str, object]) -> None:
    values: dict[str, object] = {"place": "x", "starts_at": clock(), "ends_at": clock() + timedelta(hours=1)}
    values |= {name: clock() + value if isinstance(value, timedelta) else value for name, value in changes.items()}
    with pytest.raises(WrongState):
        EventFacts(**values).check()  # type: ignore[arg-type]


async def kept(database: Database) -> dict[str, str | None]:
    async with database.reading() as session:
        rows = await session.execute(select(Subscription.kind, Subscription.municipality))
        return {row[0]: row[1] for row in rows}


async def test_two_taps_turn_a_kind_on_for_a_place_and_one_turns_all_off(
    database: Database, talk: Talker
) -> None:
    someone = await talk("ne")
    asked = await someone.tap("sub")
    assert "sub:k:event" in meanings(asked)
    places = await someone.tap("sub:k:event")
    assert {"sub:p:event:all", "sub:p:event:99201"} <= set(meanings(places))
    assert "sub:off" in meanings(await someone.tap("sub:p:event:99201"))
    assert await kept(database) == {"event": "99201"}
    await someone.tap("sub:p:all:all")
    assert await kept(database) == dict.fromkeys(NoticeKind, None)
    assert "sub:x:safety" in meanings(await someone.tap("sub"))
    await someone.tap("sub:x:safety")
    assert set(await kept(database)) == {"event", "campaign"}
    for nonsense in ("sub:p:event:00000", "sub:p:nothing:all", "sub:k:nothing", "sub:x:nothing", "sub:zzz"):
        assert await someone.tap(nonsense) == [], nonsense
    await someone.do(Kind.COMMAND, text="stop")
    assert await kept(database) == {}


async def test_staff_link_their_chat_by_a_code_and_get_the_test_there(
    database: Database, parts: Parts, talk: Talker, clock: Clock, sealer: Sealer
) -> None:
    async with database.transaction() as session:
        staff = await make_staff(session, role=Role.PUBLISHER)
        notice = await make_notice(session)
        code = await links.new_code(session, staff.id, expires_at=clock() + timedelta(minutes=15))

    async def test_to(target: str) -> None:
        async with database.transaction() as session:
            await trials.send_test(
                session, await notices.get(session, notice.id), staff, "th", target, screens=parts.screens,
                deployment=parts.deployment, sealer=sealer, now=clock())

    with pytest.raises(WrongState, match="No chat is linked"):
        await test_to("own")
    with pytest.raises(WrongState, match="no such test chat"):
        await test_to("nowhere")
    phone = await talk("ja")
    assert (await phone.do(Kind.COMMAND, text="link staff-wrong"))[0].text == trials.NOT_LINKED
    assert (await phone.do(Kind.COMMAND, text=f"link staff-{code}"))[0].text == trials.LINKED
    other = await talk("ja", 77)
    assert (await other.do(Kind.COMMAND, text=f"start staff-{code}"))[0].text == trials.NOT_LINKED, "once only"
    await test_to("own")
    async with database.reading() as session:
        rows = list(await session.scalars(select(Delivery).order_by(Delivery.id)))
    assert [row.notice_id for row in rows] == [None, None], "a test is no delivery of the notice"
    assert trials.MARK in sealer.open_text(rows[0].payload_sealed or b"", deliveries.OUTBOX)
    assert "お知らせです。" in sealer.open_text(rows[1].payload_sealed or b"", deliveries.OUTBOX)


async def test_erasing_takes_the_answers_to_events_too(database: Database, talk: Talker, clock: Clock) -> None:
    notice = await an_event(database, clock)
    [guest] = await invited(database, talk, notice, 1)
    await guest.tap(f"ev:{notice.id}:yes")
    assert any("公民館" in message.text for message in await guest.do(Kind.COMMAND, text="export"))
    await guest.tap("del:yes")
    assert await answers(database) == []
