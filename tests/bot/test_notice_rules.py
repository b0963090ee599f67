"""What every step of a notice is held to: roles, the policy hold, quiet hours with a second person, the estimate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import time, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import followups, notice_alarms, notices
from bot.duty import QuietHours
from bot.error_watch import FEWEST, ErrorWatch
from bot.errors import DeliveryError, WrongState
from bot.notice_rules import NoticeLimits
from bot.notices import Audience
from storage import deliveries
from storage.database import Database
from storage.models import (
    AuditEntry,
    Chat,
    ChatState,
    Delivery,
    DeliveryStatus,
    Lane,
    Notice,
    NoticeStatus,
    Role,
    Staff,
    StaffLink,
    Ticket,
    Urgency,
)
from storage.sealing import Sealer
from tests.conftest import Clock
from tests.factories import make_chat, make_notice, make_staff, make_ticket

LIMITS = NoticeLimits(("ja-simple", "vi", "th"), QuietHours(time(21, 0), time(8, 0)), 20)
NIGHT = 13  # hours after the clock of the tests, which stands at 10:00 in Japan

Step = Callable[[AsyncSession, Notice, Staff], Awaitable[object]]


async def _change(session: AsyncSession, notice: Notice, person: Staff) -> object:
    await notices.change(session, notice, person, name="x", texts={}, audience=Audience(), missing="skip",
                         send_at=None, expires_at=None, now=notice.created_at)
    return None


async def _schedule(session: AsyncSession, notice: Notice, person: Staff) -> object:
    await notices.schedule(session, notice, person, notice.created_at, None, limits=LIMITS, now=notice.created_at)
    return None


async def _approve(session: AsyncSession, notice: Notice, person: Staff) -> object:
    await notices.approve(session, notice, person, notice.revision, now=notice.created_at)
    return None


async def _return(session: AsyncSession, notice: Notice, person: Staff) -> object:
    return notices.send_back(session, notice, person, now=notice.created_at)


def _timed(step: Callable[..., Awaitable[object]]) -> Step:
    return lambda session, notice, person: step(session, notice, person, now=notice.created_at)


STEPS: dict[str, tuple[NoticeStatus, Step, set[Role]]] = {
    "change": (NoticeStatus.DRAFT, _change, {Role.PUBLISHER, Role.PROMOTION_OFFICE}),
    "submit": (NoticeStatus.DRAFT, _timed(notices.submit), {Role.PUBLISHER, Role.PROMOTION_OFFICE}),
    "approve": (NoticeStatus.REVIEW, _approve, {Role.APPROVER, Role.ADMINISTRATOR}),
    "return": (NoticeStatus.REVIEW, _return,
               {Role.PUBLISHER, Role.PROMOTION_OFFICE, Role.APPROVER, Role.ADMINISTRATOR}),
    "schedule": (NoticeStatus.APPROVED, _schedule,
                 {Role.PUBLISHER, Role.PROMOTION_OFFICE, Role.APPROVER, Role.ADMINISTRATOR}),
    "pause": (NoticeStatus.SENDING, _timed(notices.pause),
              {Role.PUBLISHER, Role.PROMOTION_OFFICE, Role.APPROVER, Role.ADMINISTRATOR}),
    "resume": (NoticeStatus.PAUSED, _timed(notices.resume),
               {Role.PUBLISHER, Role.PROMOTION_OFFICE, Role.APPROVER, Role.ADMINISTRATOR}),
    "cancel": (NoticeStatus.SENDING, _timed(notices.cancel),
               {Role.PUBLISHER, Role.PROMOTION_OFFICE, Role.APPROVER, Role.ADMINISTRATOR}),
}


@pytest.mark.parametrize("name", STEPS)
async def test_a_step_is_open_to_its_roles_and_to_no_other(database: Database, name: str) -> None:
    status, step, allowed = STEPS[name]
    async with database.transaction() as session:
        for role in Role:
            person = await make_staff(session, role=role, section=None)
            notice = await make_notice(session, status=status)
            if role in allowed:
                await step(session, notice, person)
                assert (await notices.get(session, notice.id)).updated_at is not None
            else:
                with pytest.raises(WrongState, match="role"):
                    await step(session, notice, person)
                assert (await notices.get(session, notice.id)).status == status
        leaver = await make_staff(session, role=next(iter(allowed)), section=None)
        leaver.disabled_at = leaver.created_at
        with pytest.raises(WrongState, match="role"):
            await step(session, await make_notice(session, status=status), leaver)


async def test_a_held_notice_is_refused_whoever_calls(database: Database, clock: Clock) -> None:
    async with database.transaction() as session:
        person = await make_staff(session, role=Role.APPROVER)
        for locales, is_held in (([], True), (["vi", "th"], True), (["vi"], False)):
            notice = await make_notice(session, status=NoticeStatus.APPROVED, missing="hold", locales=locales)
            if is_held:
                with pytest.raises(WrongState, match="th"):
                    await notices.schedule(session, notice, person, clock(), None, limits=LIMITS, now=clock())
            else:
                await notices.schedule(session, notice, person, clock(), None, limits=LIMITS, now=clock())
            assert (notice.status == NoticeStatus.SCHEDULED) is not is_held


async def test_a_held_notice_is_held_again_when_somebody_of_another_language_joins(
    database: Database, sealer: Sealer, clock: Clock
) -> None:
    async with database.transaction() as session:
        notice = await make_notice(session, status=NoticeStatus.SCHEDULED, missing="hold", send_at=clock())
        await make_chat(session, sealer=sealer, locale="th", subscribed=True)
    await notices.tick(database, now=clock())
    async with database.reading() as session:
        found = await notices.get(session, notice.id)
        assert (found.status, found.stopped_for) == ("approved", {"reason": "held", "tags": ["th"]})
        assert await deliveries.count_by_status(session, notice.id) == {}


async def test_at_night_a_second_person_must_allow_it(database: Database, clock: Clock) -> None:
    at = clock() + timedelta(hours=NIGHT)
    async with database.transaction() as session:
        author = await make_staff(session, role=Role.PUBLISHER)
        first = await make_staff(session, role=Role.APPROVER)
        second = await make_staff(session, role=Role.ADMINISTRATOR)
        notice = await make_notice(session, status=NoticeStatus.APPROVED, author=author)
        with pytest.raises(WrongState, match="21:00 to 08:00"):
            await notices.schedule(session, notice, first, at, None, limits=LIMITS, now=clock())
        with pytest.raises(WrongState, match="Nobody asked"):
            notices.allow_quiet_hours(session, notice, second, now=clock())
        with pytest.raises(WrongState, match="why it cannot wait"):
            notices.ask_for_quiet_hours(session, notice, first, " ", now=clock())
        notices.ask_for_quiet_hours(session, notice, first, "津波のおそれ", now=clock())
        for wrong in (first, author):
            with pytest.raises(WrongState):
                notices.allow_quiet_hours(session, notice, wrong, now=clock())
        with pytest.raises(WrongState, match="21:00"):
            await notices.schedule(session, notice, first, at, None, limits=LIMITS, now=clock())
        notices.allow_quiet_hours(session, notice, second, now=clock())
        await notices.schedule(session, notice, first, at, None, limits=LIMITS, now=clock())
        notices.send_back(session, notice, author, now=clock())
        assert notice.quiet_allowed_by_id is None, "the leave was for what was approved"
    async with database.reading() as session:
        tags = set(await session.scalars(select(AuditEntry.tag).where(AuditEntry.subject == f"notice:{notice.id}")))
        assert {"staff:notice:quiet_ask", "staff:notice:quiet_allow"} <= tags


async def test_sending_rests_at_night_but_for_what_was_allowed(
    database: Database, sealer: Sealer, clock: Clock
) -> None:
    async with database.transaction() as session:
        await make_chat(session, sealer=sealer, subscribed=True)
        person = await make_staff(session, role=Role.APPROVER)
        quiet = await make_notice(session, status=NoticeStatus.SCHEDULED, send_at=clock())
        loud = await make_notice(session, status=NoticeStatus.SCHEDULED, send_at=clock())
        loud.quiet_allowed_by_id = person.id
    await notices.tick(database, now=clock())

    async def claimed(*, is_quiet: bool) -> list[int | None]:
        async with database.transaction() as session:
            found = await deliveries.claim(session, process_id="p", lanes=[Lane.NOTICE], limit=10, now=clock(),
                                           is_quiet=is_quiet)
        return [item.notice_id for item in found]

    assert await claimed(is_quiet=True) == [loud.id]
    assert await claimed(is_quiet=False) == [quiet.id]


async def test_an_urgent_notice_goes_before_the_others(database: Database, sealer: Sealer, clock: Clock) -> None:
    async with database.transaction() as session:
        for _ in range(3):
            await make_chat(session, sealer=sealer, subscribed=True)
        routine = await make_notice(session, status=NoticeStatus.SCHEDULED, send_at=clock())
        await session.flush()
        urgent = await make_notice(
            session, status=NoticeStatus.SCHEDULED, send_at=clock() + timedelta(seconds=1), urgency=Urgency.URGENT
        )
    await notices.tick(database, now=clock())
    await notices.tick(database, now=clock.advance(seconds=1))
    async with database.transaction() as session:
        found = await deliveries.claim(session, process_id="p", lanes=[Lane.NOTICE], limit=4, now=clock())
    assert sorted(item.notice_id or 0 for item in found) == sorted([urgent.id] * 3 + [routine.id])


async def test_nobody_in_a_safe_contact_case_gets_a_notice(database: Database, sealer: Sealer, clock: Clock) -> None:
    async with database.transaction() as session:
        chats = [await make_chat(session, sealer=sealer, subscribed=True) for _ in range(3)]
        for chat in chats[:2]:
            ticket = await make_ticket(session, sealer=sealer, chat=chat)
            ticket.is_sensitive = chat is chats[0]
        notice = await make_notice(session, status=NoticeStatus.SCHEDULED, send_at=clock())
    await notices.tick(database, now=clock())
    async with database.transaction() as session:
        queued = set(await session.scalars(select(Delivery.chat_id).where(Delivery.notice_id == notice.id)))
        assert queued == {chats[1].id, chats[2].id}
        await session.execute(update(Ticket).values(is_sensitive=True))  # it becomes one while the notice waits
        found = await deliveries.claim(session, process_id="p", lanes=[Lane.NOTICE], limit=9, now=clock())
    assert {item.chat_id: item.may_send for item in found} == {chats[1].id: False, chats[2].id: True}


def test_the_estimate_is_recipients_by_rate() -> None:
    assert [LIMITS.duration(n) for n in (0, 1, 20, 21, 36_000)] == [
        timedelta(seconds=1), timedelta(seconds=1), timedelta(seconds=1), timedelta(seconds=2), timedelta(minutes=30)]


def test_the_cost_is_told_only_where_the_paid_rate_was_chosen() -> None:
    assert LIMITS.stars(50_000) == 0
    paid = NoticeLimits(("vi",), None, 1000, is_paid=True)
    assert [paid.stars(n) for n in (0, 1, 10, 11, 50_000)] == [0, 1, 1, 2, 5000]


def test_too_many_errors_are_trouble_and_blocked_chats_are_none() -> None:
    failed, blocked = DeliveryError("status 502"), DeliveryError("Forbidden", permanent=True, is_blocked=True)
    flood = DeliveryError("wait", retry_after=3)
    watch = ErrorWatch()
    assert not any(watch.note(1, error) for error in [blocked, flood] * 100)
    assert not any(watch.note(2, failed) for _ in range(FEWEST - 1))
    trouble = watch.note(2, failed)
    assert trouble is not None
    assert (trouble.n_errors, trouble.n, trouble.error) == (FEWEST, FEWEST, "status 502")
    assert watch.note(2, failed) is None, "after a pause it counts anew"
    watch = ErrorWatch()
    assert not any(watch.note(3, failed if n % 10 == 0 else None) for n in range(300)), "one in ten goes on"


async def test_a_troubled_notice_is_paused_with_its_reason_and_a_person_lets_it_go_on(
    database: Database, clock: Clock
) -> None:
    async with database.transaction() as session:
        notice = await make_notice(session, status=NoticeStatus.SENDING)
        person = await make_staff(session, role=Role.APPROVER)
    assert await notices.stop_for_errors(database, notice.id, now=clock(), n_errors=20, n=50, error="status 502")
    assert not await notices.stop_for_errors(database, notice.id, now=clock(), n_errors=20, n=50, error="status 502")
    async with database.transaction() as session:
        found = await notices.get(session, notice.id)
        assert (found.status, found.stopped_for["n_errors"]) == ("paused", 20)  # type: ignore[index]
        await notices.resume(session, found, person, now=clock())
        found = await notices.get(session, notice.id)
        assert (found.status, found.stopped_for) == ("sending", None)


async def test_people_who_run_notices_are_told_once_in_the_chats_that_they_linked(
    database: Database, sealer: Sealer, clock: Clock
) -> None:
    async with database.transaction() as session:
        notice = await make_notice(session, status=NoticeStatus.SENDING)
        linked = {}
        for role in (Role.APPROVER, Role.PROMOTION_OFFICE, Role.OPERATOR):
            person, chat = await make_staff(session, role=role), await make_chat(session, sealer=sealer)
            session.add(StaffLink(staff_id=person.id, chat_id=chat.id))
            linked[role] = chat.id
        leaver, chat = await make_staff(session, role=Role.APPROVER), await make_chat(session, sealer=sealer)
        leaver.disabled_at = clock()
        session.add(StaffLink(staff_id=leaver.id, chat_id=chat.id))
    assert await notice_alarms.tell(database, sealer=sealer, now=clock()) == 0
    await notices.stop_for_errors(database, notice.id, now=clock(), n_errors=20, n=50, error="status 502")
    told = await asyncio.gather(*(notice_alarms.tell(database, sealer=sealer, now=clock()) for _ in range(3)))
    assert sorted(told) == [0, 0, 2]
    async with database.reading() as session:
        rows = list(await session.scalars(select(Delivery).order_by(Delivery.id)))
        assert {row.chat_id for row in rows} == {linked[Role.APPROVER], linked[Role.PROMOTION_OFFICE]}
        said = sealer.open_text(rows[0].payload_sealed or b"", deliveries.OUTBOX)
        assert f"#{notice.id} {notice.name}" in said
        assert "too many messages failed" in said
        assert (await notices.get(session, notice.id)).stopped_for["n_errors"] == 20  # type: ignore[index]


async def sent_to(database: Database, sealer: Sealer, notice: Notice, statuses: list[DeliveryStatus]) -> list[int]:
    ids = []
    async with database.transaction() as session:
        for number, status in enumerate(statuses):
            chat = await make_chat(session, sealer=sealer, subscribed=True)
            ids.append(chat.id)
            session.add(Delivery(
                chat_id=chat.id, lane=Lane.NOTICE, notice_id=notice.id, status=status, not_before=notice.created_at,
                created_at=notice.created_at, telegram_message_id=100 + number if status == "sent" else None,
            ))
    return ids


async def test_a_correction_goes_to_those_who_got_the_original_and_still_want_notices(
    database: Database, sealer: Sealer, clock: Clock
) -> None:
    async with database.transaction() as session:
        person = await make_staff(session, role=Role.PUBLISHER)
        notice = await make_notice(session, status=NoticeStatus.DONE)
        unsent = await make_notice(session, status=NoticeStatus.DONE)
        with pytest.raises(WrongState, match="Nothing"):
            await followups.correct(session, unsent, person, now=clock())
    ids = await sent_to(database, sealer, notice, [
        DeliveryStatus.SENT, DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED, DeliveryStatus.SENT])
    async with database.transaction() as session:
        await session.execute(update(Chat).where(Chat.id == ids[3]).values(state=ChatState.BLOCKED))
        new = await followups.correct(session, await notices.get(session, notice.id), person, now=clock())
        assert (new.purpose, new.original_id, new.status) == ("correction", notice.id, "draft")
        new.status, new.send_at = NoticeStatus.SCHEDULED, clock()
    await notices.tick(database, now=clock())
    async with database.reading() as session:
        rows = await session.execute(
            select(Delivery.chat_id, Delivery.target_message_id).where(Delivery.notice_id == new.id))
        assert {tuple(row) for row in rows} == {(ids[0], 100), (ids[1], None)}


async def test_a_withdrawal_stops_the_rest_and_waits_for_what_is_on_its_way(
    database: Database, sealer: Sealer, clock: Clock
) -> None:
    async with database.transaction() as session:
        person = await make_staff(session, role=Role.APPROVER)
        notice = await make_notice(session, status=NoticeStatus.SENDING)
    ids = await sent_to(database, sealer, notice, [
        DeliveryStatus.SENT, DeliveryStatus.SENDING, DeliveryStatus.QUEUED, DeliveryStatus.UNKNOWN])
    async with database.transaction() as session:
        withdrawal = await followups.withdraw(session, await notices.get(session, notice.id), person, now=clock())
    await notices.tick(database, now=clock())
    async with database.transaction() as session:
        assert (await notices.get(session, withdrawal)).status == "scheduled", "one message is still on its way"
        row = await session.scalar(select(Delivery).where(Delivery.chat_id == ids[1]))
        assert row is not None
        row.status, row.telegram_message_id = DeliveryStatus.SENT, 101
        with pytest.raises(WrongState, match="already"):
            await followups.withdraw(session, await notices.get(session, notice.id), person, now=clock())
    await notices.tick(database, now=clock())
    async with database.reading() as session:
        rows = await session.execute(
            select(Delivery.chat_id, Delivery.target_message_id).where(Delivery.notice_id == withdrawal))
        assert {tuple(row) for row in rows} == {(ids[0], 100), (ids[1], 101)}
        assert await deliveries.count_by_status(session, notice.id) == {"sent": 2, "cancelled": 1, "unknown": 1}
