"""Notices: two people, one delivery a chat, pause, cancel, expiry, and the year's drafts."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from bot import campaigns, notice_texts, notices
from bot.errors import WrongState
from bot.i18n import ROOT, load_strings
from bot.notices import Audience
from intents.catalogue import load_catalogue
from storage import deliveries
from storage.database import Database
from storage.models import AuditEntry, Delivery, DeliveryStatus, Notice, NoticeStatus, NoticeText, Role
from storage.sealing import Sealer
from tests.conftest import Clock
from tests.factories import make_chat, make_notice, make_staff


async def scheduled(
    database: Database, sealer: Sealer, clock: Clock, *, n_chats: int = 3, expires_in: timedelta | None = None
) -> int:
    async with database.transaction() as session:
        for _ in range(n_chats):
            await make_chat(session, sealer=sealer, subscribed=True)
        notice = await make_notice(
            session, status=NoticeStatus.SCHEDULED, send_at=clock(),
            expires_at=clock() + expires_in if expires_in else None,
        )
        return notice.id


async def state(database: Database, notice_id: int) -> tuple[str, dict[str, int]]:
    async with database.reading() as session:
        notice = await notices.get(session, notice_id)
        return notice.status, await deliveries.count_by_status(session, notice_id)


async def test_the_author_may_not_approve_and_another_approver_may(database: Database, clock: Clock) -> None:
    async with database.transaction() as session:
        author = await make_staff(session, role=Role.PUBLISHER)
        other = await make_staff(session, role=Role.APPROVER)
        publisher = await make_staff(session, role=Role.PUBLISHER)
        notice = await make_notice(session, author=author)
        await notices.submit(session, notice, author, now=clock())
        author.role = Role.APPROVER  # whoever wrote it does not approve it, whatever they have become since
        for person in (author, publisher):
            with pytest.raises(WrongState):
                await notices.approve(session, notice, person, notice.revision, now=clock())
        with pytest.raises(WrongState, match="changed"):
            await notices.approve(session, notice, other, notice.revision - 1, now=clock())
        await notices.approve(session, notice, other, notice.revision, now=clock())
        assert (notice.status, notice.approved_by_id) == (NoticeStatus.APPROVED, other.id)


async def test_a_draft_without_the_base_text_is_not_submitted(database: Database, clock: Clock) -> None:
    async with database.transaction() as session:
        author = await make_staff(session, role=Role.PUBLISHER)
        notice = await make_notice(session, author=author, texts={"vi": "Thông báo"})
        with pytest.raises(WrongState, match="やさしい日本語"):
            await notices.submit(session, notice, author, now=clock())


async def test_an_approved_notice_cannot_be_changed(database: Database, clock: Clock) -> None:
    async with database.transaction() as session:
        person = await make_staff(session, role=Role.PUBLISHER)
        notice = await make_notice(session, status=NoticeStatus.APPROVED)
        with pytest.raises(WrongState):
            await notices.change(
                session, notice, person, name="x", texts={}, audience=Audience(), missing="skip", send_at=None,
                expires_at=None, now=clock(),
            )


async def test_words_that_a_person_changed_are_no_longer_called_machine_drafted(
    database: Database, clock: Clock
) -> None:
    async with database.transaction() as session:
        person = await make_staff(session, role=Role.PUBLISHER)
        notice = await make_notice(session)
        session.add(NoticeText(notice_id=notice.id, tag="en", title="t", body="by machine", state="drafted"))
        await session.flush()
        texts = {"en": ("t", "by a person"), "vi": ("vi", "Thông báo."), "ja-simple": ("ja-simple", "")}
        await notices.change(
            session, notice, person, name="x", texts=texts, audience=Audience(("vi",)), missing="skip",
            send_at=None, expires_at=None, now=clock(),
        )
        kept = {text.tag: text.state for text in await session.scalars(select(NoticeText))}
        assert kept == {"en": "written", "vi": "checked"}


async def test_two_workers_expand_a_due_notice_once(database: Database, sealer: Sealer, clock: Clock) -> None:
    notice_id = await scheduled(database, sealer, clock)
    await asyncio.gather(*(notices.tick(database, now=clock()) for _ in range(4)))
    assert await state(database, notice_id) == (NoticeStatus.SENDING, {DeliveryStatus.QUEUED: 3})
    async with database.reading() as session:
        expanded = await session.scalars(select(AuditEntry).where(AuditEntry.tag == "system:notice:expand"))
        assert len(expanded.all()) == 1


async def test_a_notice_is_not_expanded_before_its_time(database: Database, sealer: Sealer, clock: Clock) -> None:
    notice_id = await scheduled(database, sealer, clock)
    assert await notices.tick(database, now=clock() - timedelta(seconds=1)) == 0
    assert (await state(database, notice_id))[0] == NoticeStatus.SCHEDULED


async def test_a_notice_due_while_the_process_was_down_goes_out_once(
    database: Database, sealer: Sealer, clock: Clock
) -> None:
    notice_id = await scheduled(database, sealer, clock, expires_in=timedelta(days=1))
    clock.advance(hours=5)
    await notices.tick(database, now=clock())
    await notices.tick(database, now=clock())
    assert await state(database, notice_id) == (NoticeStatus.SENDING, {DeliveryStatus.QUEUED: 3})


async def test_a_notice_that_is_a_day_late_and_never_expires_waits_for_a_person(
    database: Database, sealer: Sealer, clock: Clock
) -> None:
    notice_id = await scheduled(database, sealer, clock)
    clock.advance(hours=24, seconds=1)
    assert await notices.tick(database, now=clock()) == 1
    assert await notices.tick(database, now=clock()) == 0
    assert await state(database, notice_id) == (NoticeStatus.APPROVED, {})
    async with database.reading() as session:
        assert (await notices.get(session, notice_id)).stopped_for == {"reason": "late"}
        [entry] = await session.scalars(select(AuditEntry).where(AuditEntry.tag == "system:notice:pause"))
        assert entry.detail == {"held_for": {"reason": "late"}}


async def test_a_notice_past_its_expiry_is_never_sent(database: Database, sealer: Sealer, clock: Clock) -> None:
    notice_id = await scheduled(database, sealer, clock, expires_in=timedelta(hours=1))
    clock.advance(hours=2)
    await notices.tick(database, now=clock())
    assert await state(database, notice_id) == (NoticeStatus.EXPIRED, {})


async def test_what_is_queued_when_a_notice_expires_is_skipped(
    database: Database, sealer: Sealer, clock: Clock
) -> None:
    notice_id = await scheduled(database, sealer, clock, expires_in=timedelta(hours=1))
    await notices.tick(database, now=clock())
    clock.advance(hours=2)
    await notices.tick(database, now=clock())
    assert (await state(database, notice_id))[1] == {DeliveryStatus.SKIPPED: 3}
    await notices.tick(database, now=clock())
    assert (await state(database, notice_id))[0] == NoticeStatus.DONE


async def test_cancelling_settles_what_is_queued_and_the_counts_add_up(
    database: Database, sealer: Sealer, clock: Clock
) -> None:
    notice_id = await scheduled(database, sealer, clock, n_chats=5)
    await notices.tick(database, now=clock())
    async with database.transaction() as session:
        first = await session.scalar(select(Delivery).order_by(Delivery.id).limit(1))
        assert first is not None
        first.status = DeliveryStatus.SENT
    async with database.transaction() as session:
        person = await make_staff(session, role=Role.PUBLISHER)
        notice = await notices.get(session, notice_id)
        await notices.pause(session, notice, person, now=clock())
        await notices.resume(session, notice, person, now=clock())
        await notices.cancel(session, notice, person, now=clock())
        with pytest.raises(WrongState):
            await notices.cancel(session, notice, person, now=clock())
    assert await state(database, notice_id) == (
        NoticeStatus.CANCELLED, {DeliveryStatus.SENT: 1, DeliveryStatus.CANCELLED: 4}
    )


def text(tag: str) -> NoticeText:
    return NoticeText(notice_id=1, tag=tag, title=tag, body=tag, state="checked")


def test_a_missing_language_follows_the_policy() -> None:
    locales = load_catalogue(ROOT, strict=False).locales
    texts = {"ja-simple": text("ja-simple"), "en": text("en")}

    def chosen(tag: str, missing: str) -> str | None:
        found = notice_texts.choose_text(texts, tag, missing=missing, locales=locales)
        return found.tag if found else None

    assert chosen("ne", "fallback") == "en"
    assert chosen("ne", "skip") is None
    assert chosen("en", "skip") == "en"
    assert notice_texts.choose_text({}, "ne", missing="fallback", locales=locales) is None


def test_a_notice_says_why_it_came_and_how_to_stop_it() -> None:
    words = load_strings()["vi"]
    message = notice_texts.render(text("vi"), words)
    assert words("You get this because you asked for notices.") in message.text
    assert f"{words('Awareness months')} · /stop" in message.text
    assert "sub:off" in {button.data for row in message.buttons for button in row}
    drafted = notice_texts.render(NoticeText(notice_id=1, tag="en", title="t", body="b", state="drafted"), words)
    assert words("This text was translated by machine and not checked by a person yet.") in drafted.text
    assert words("There is no text in your language for this notice yet.") in drafted.text


async def test_the_june_month_is_a_draft_a_year_ahead_and_only_once(database: Database, clock: Clock) -> None:
    for _ in range(2):
        async with database.transaction() as session:
            await campaigns.ensure_drafts(session, now=clock())
    async with database.reading() as session:
        [notice] = await session.scalars(select(Notice).where(Notice.campaign == "foreign_employment_month"))
        tags = set(await session.scalars(select(NoticeText.tag).where(NoticeText.notice_id == notice.id)))
    assert notice.status == NoticeStatus.DRAFT
    assert notice.send_at is not None
    assert notice.send_at.isoformat() == "2027-06-01T01:00:00+00:00"  # 10:00 in Japan
    assert {"ja-simple", "en", "zh-Hans", "vi", "ne", "pt-BR"} <= tags


async def test_the_whole_year_is_there_as_dated_drafts(database: Database, clock: Clock) -> None:
    own = {"fraud_day": ({"month": 2, "day": 15}, {"month": 2, "day": 15})}
    async with database.transaction() as session:
        n_added = await campaigns.ensure_drafts(session, now=clock(), own=own)
        found = {notice.campaign: notice for notice in await session.scalars(select(Notice))}
    assert n_added == len(found) == len(campaigns.load())

    def starts(name: str) -> str:
        at = found[name].send_at
        assert at is not None
        return at.astimezone(campaigns.TOKYO).strftime("%Y-%m-%d %H:%M")

    assert starts("day_110") == "2027-01-10 10:00"
    assert starts("day_9110") == "2027-09-11 10:00"
    assert starts("victim_month") == "2027-11-01 10:00"
    assert starts("year_end") == "2026-12-15 10:00"
    assert starts("spring_traffic") == "2027-05-11 10:00", "the year of the unified local elections"
    assert campaigns.UNSURE in found["spring_traffic"].name, "expected, not announced yet"
    assert starts("child_rights_week") == "2027-08-25 10:00", "the fourth Wednesday of August"
    assert campaigns.UNSURE in found["child_rights_week"].name
    assert starts("fraud_day") == "2027-02-15 10:00", "the deployment's own day"
    assert campaigns.UNSURE not in found["fraud_day"].name
    assert found["year_end"].expires_at == datetime(2027, 1, 3, 15, 0, tzinfo=UTC), "until the end of 3 January"


def test_a_run_over_new_year_and_one_that_is_only_once() -> None:
    by_id = {campaign.id: campaign for campaign in campaigns.load()}
    assert by_id["year_end"].run_of(2026) == (date(2026, 12, 15), date(2027, 1, 3))
    assert by_id["ikusei_start"].next_run(date(2027, 4, 2)) is None
    assert by_id["spring_traffic"].run_of(2028) == (date(2028, 4, 6), date(2028, 4, 15))


def test_campaigns_lead_to_answers_that_exist() -> None:
    catalogue = load_catalogue(ROOT, strict=False)
    for campaign in campaigns.load():
        assert campaign.topics, campaign.id
        for topic in campaign.topics:
            assert catalogue.intent(topic) is not None, (campaign.id, topic)
    assert set(campaigns.words()) <= {campaign.id for campaign in campaigns.load()}
