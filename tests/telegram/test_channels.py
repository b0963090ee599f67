"""Urgent notices in channels, against the strict local server: once in each, links, kills, withdrawal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from telegram import Bot

from bot import followups, notices, retention
from bot.answers import Screens
from bot.deployment import Deployment, load_deployment
from bot.i18n import ROOT, load_strings
from bot.notice_channels import MAX_START, START, Channels, topic_of
from bot.outbox import Outbox
from bot.simulator.server import SimulatorServer
from bot.telegram.limiter import Limiter
from bot.telegram.reading import sounds_urgent
from bot.telegram.sender import Sender
from bot.worker import NoticeRenderer
from intents.cards import load_cards
from intents.catalogue import load_catalogue
from storage import chats, deliveries
from storage import notices as notice_rows
from storage.database import Database
from storage.models import NoticeStatus, Role, Urgency
from storage.sealing import Sealer
from tests.conftest import Clock
from tests.factories import make_chat, make_notice, make_staff

VI, EN, TH = -1001100000001, -1001100000002, -1001100000003
RESIDENT = 500
TWO_DAYS_S = 48 * 3600


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    return load_deployment(ROOT / "bot/deployments/demo.yaml")


@pytest.fixture(scope="module")
def screens() -> Screens:
    return Screens(catalogue=load_catalogue(ROOT, strict=False), cards=load_cards(ROOT), strings=load_strings(ROOT))


class Office:
    """A worker whose notices go into three channels, and one resident who wants them."""

    def __init__(
        self, database: Database, sealer: Sealer, bot: Bot, clock: Clock, simulator: SimulatorServer, screens: Screens
    ) -> None:
        self.database, self.sealer, self.clock, self.state = database, sealer, clock, simulator.state
        self.state.add_group(VI, "Tiếng Việt", kind="channel", username="koban_vi")
        self.state.add_group(EN, "English", kind="channel")
        self.state.add_group(TH, "ไทย", kind="channel")
        self.state.add_resident("Linh", "vi", id=RESIDENT, started=True)
        self.sender = Sender(bot, Limiter(rate=1000))
        self.screens = replace(screens)
        self.channels = Channels({"vi": "@koban_vi", "en": EN, "th": TH}, screens.catalogue.locales, sealer)
        self.outbox = self.new_outbox()

    def new_outbox(self, process_id: str = "one") -> Outbox:
        """The outbox of a process that has just started."""
        renderer = NoticeRenderer(self.database, self.screens, clock=self.clock, bot_name=self.sender.bot_name)
        return Outbox(self.database, self.sealer, self.sender.send, renderer, render_post=renderer.post,
                      process_id=process_id, clock=self.clock)

    async def notice(self, **values: Any) -> int:
        """An urgent notice that is due now, in Vietnamese and plain Japanese."""
        values = {"status": NoticeStatus.SCHEDULED, "send_at": self.clock(), "urgency": Urgency.URGENT} | values
        async with self.database.transaction() as session:
            if await chats.find(session, RESIDENT, self.sealer) is None:
                await make_chat(session, sealer=self.sealer, address=RESIDENT, subscribed=True)
            return (await make_notice(session, **values)).id

    async def work(self) -> None:
        """Tick and send everything."""
        self.clock.advance(seconds=3)
        await notices.tick(self.database, now=self.clock(), channels=self.channels)
        await self.outbox.deliver_all()
        await notices.tick(self.database, now=self.clock(), channels=self.channels)

    async def posts(self, notice_id: int) -> dict[str, str]:
        """Language → state of the post in its channel."""
        async with self.database.reading() as session:
            return {str(post.channel): post.status for post in await deliveries.into_channels(session, notice_id)}

    async def residents(self, notice_id: int) -> dict[str, int]:
        """State → how many residents."""
        async with self.database.reading() as session:
            return await deliveries.count_by_status(session, notice_id)

    def in_channel(self, chat_id: int) -> list[dict[str, Any]]:
        """What stands in a channel."""
        return self.state.transcript(chat_id)


@pytest.fixture
def office(
    database: Database, sealer: Sealer, bot: Bot, clock: Clock, simulator: SimulatorServer, screens: Screens
) -> Office:
    return Office(database, sealer, bot, clock, simulator, screens)


async def test_an_urgent_notice_goes_once_into_each_channel_and_to_residents(office: Office) -> None:
    notice_id = await office.notice()
    await office.work()
    await office.work()
    assert await office.posts(notice_id) == {"vi": "sent", "en": "sent", "th": "sent"}
    assert await office.residents(notice_id) == {"sent": 1}, "channels are counted apart"
    assert [len(office.in_channel(each)) for each in (VI, EN, TH)] == [1, 1, 1]
    [vietnamese], [english] = office.in_channel(VI), office.in_channel(EN)
    assert "Thông báo." in vietnamese["text"]
    assert "お知らせです。" in english["text"], "the policy's fallback"
    for message in (vietnamese, english):
        buttons = [button for row in message["reply_markup"]["inline_keyboard"] for button in row]
        assert buttons
        assert all(button["url"].startswith("https://t.me/koban_demo_bot?start=") for button in buttons)
        assert "/stop" not in message["text"], "nobody asked for it in a channel"
    assert "/stop" in office.state.from_bot(RESIDENT)[-1]["text"]


@pytest.mark.parametrize(("values", "expected"), [
    ({"missing": "skip"}, {"vi": "sent"}),
    ({"locales": ["th"]}, {"th": "sent"}),
    ({"urgency": Urgency.IMPORTANT}, {}),
])
async def test_the_policy_the_audience_and_the_urgency_decide_on_channels(
    office: Office, values: dict[str, Any], expected: dict[str, str]
) -> None:
    notice_id = await office.notice(**values)
    await office.work()
    assert await office.posts(notice_id) == expected


async def test_a_topic_of_a_campaign_is_a_link_into_the_bot_that_opens_it(office: Office) -> None:
    notice_id = await office.notice()
    async with office.database.transaction() as session:
        notice = await notices.get(session, notice_id)
        notice.campaign, notice.campaign_year = "spring_traffic", 2027
    await office.work()
    [message] = office.in_channel(VI)
    urls = [button["url"] for row in message["reply_markup"]["inline_keyboard"] for button in row]
    starts = [url.partition("?start=")[2] for url in urls if f"?start={START}" in url]
    assert starts
    for start in starts:
        topic, tag = topic_of(start)
        assert (office.screens.catalogue.intent(topic) is not None, tag) == (True, "vi")


def test_every_topic_fits_into_a_link_and_is_no_cry_for_help(screens: Screens) -> None:
    for intent in screens.catalogue:
        for tag in screens.offered_tags:
            start = f"{START}{intent.id}-{tag}"
            assert len(start) <= MAX_START
            assert topic_of(start) == (intent.id, tag)
        assert not sounds_urgent(f"{START}{intent.id}-en")


async def test_two_workers_and_a_second_expansion_post_once(office: Office) -> None:
    notice_id = await office.notice()
    for _ in range(3):
        await notices.tick(office.database, now=office.clock(), channels=office.channels)
    async with office.database.transaction() as session:  # as if the first expansion had not been noticed
        notice = await notices.get(session, notice_id)
        notice.status, notice.expanded_at = NoticeStatus.SCHEDULED, None
    await office.work()
    assert [len(office.in_channel(each)) for each in (VI, EN, TH)] == [1, 1, 1]
    assert len(office.state.from_bot(RESIDENT)) == 1


async def test_a_kill_before_a_post_is_sent_loses_nothing_and_after_it_repeats_nothing(office: Office) -> None:
    notice_id = await office.notice()
    await notices.tick(office.database, now=office.clock(), channels=office.channels)
    async with office.database.transaction() as session:  # one process claims two, posts one of them, and is killed
        await deliveries.beat(session, process_id="killed", role="worker", now=office.clock())
        taken = await deliveries.claim(session, process_id="killed", lanes=("2-notice",), limit=2,  # type: ignore[arg-type]
                                       now=office.clock())
    assert all(each.channel for each in taken), "channels go first"
    assert taken[0].may_send
    office.state.chats[EN].messages.clear()
    later = office.clock.advance(minutes=1)
    async with office.database.transaction() as session:
        assert await deliveries.release_silent(session, silent_since=later - timedelta(seconds=4), now=later) == 2
    office.outbox = office.new_outbox("two")
    await office.work()
    states = await office.posts(notice_id)
    assert sorted(states.values()) == ["sent", "unknown", "unknown"]
    n_posted = sum(len(office.in_channel(each)) for each in (VI, EN, TH))
    assert n_posted == 1, "what may have been posted is not posted again; what was not claimed is"
    assert await office.residents(notice_id) == {"sent": 1}


async def test_a_channel_without_rights_fails_alone_and_says_why(office: Office) -> None:
    office.state.chats[EN].rights = frozenset()
    office.state.chats[TH].rights = None
    notice_id = await office.notice()
    await office.work()
    assert await office.posts(notice_id) == {"vi": "sent", "en": "failed", "th": "failed"}
    async with office.database.reading() as session:
        errors = {post.channel: post.error for post in await deliveries.into_channels(session, notice_id)}
        assert (await notices.get(session, notice_id)).status == NoticeStatus.DONE
    assert "administrator rights" in str(errors["en"])
    assert "not a member of the channel" in str(errors["th"])
    assert await office.residents(notice_id) == {"sent": 1}
    office.state.chats[TH].rights = frozenset({"can_post_messages"})
    second = await office.notice()
    await office.work()
    assert (await office.posts(second))["th"] == "sent", "a refused channel is tried again with the next notice"


async def test_a_correction_answers_the_post_and_a_withdrawal_takes_it_back(office: Office) -> None:
    notice_id = await office.notice()
    await office.work()
    async with office.database.transaction() as session:
        writer = await make_staff(session, role=Role.PUBLISHER)
        correction = await followups.correct(session, await notices.get(session, notice_id), writer, now=office.clock())
        correction.status, correction.send_at = NoticeStatus.SCHEDULED, office.clock()
        correction_id = correction.id
    await office.work()
    first, second = office.in_channel(VI)
    assert second["reply_to_message"]["message_id"] == first["message_id"]
    assert await office.posts(correction_id) == {"vi": "sent", "en": "sent", "th": "sent"}
    async with office.database.transaction() as session:
        withdrawal = await followups.withdraw(session, await notices.get(session, notice_id), writer,
                                              now=office.clock())
    office.state.chats[TH].messages[1]["date"] -= TWO_DAYS_S + 1
    await office.work()
    assert await office.posts(withdrawal) == {"vi": "sent", "en": "sent", "th": "sent"}
    assert [message["message_id"] for message in office.in_channel(VI)] == [second["message_id"]]
    assert "withdrawn" not in office.in_channel(TH)[0]["text"], "it is said in Thai"
    assert office.in_channel(TH)[0]["text"] == office.screens.words("th")(
        "This notice was withdrawn. Please do not follow it.")


async def test_a_notice_that_reached_channels_alone_can_be_withdrawn(office: Office) -> None:
    async with office.database.transaction() as session:
        notice = await make_notice(session, status=NoticeStatus.SCHEDULED, send_at=office.clock(),
                                   urgency=Urgency.URGENT)
        writer = await make_staff(session, role=Role.PUBLISHER)
    await office.work()
    assert await office.residents(notice.id) == {}
    async with office.database.transaction() as session:
        await followups.withdraw(session, await notices.get(session, notice.id), writer, now=office.clock())
    await office.work()
    assert office.in_channel(VI) == []


async def test_a_repetition_takes_the_place_of_the_earlier_post(office: Office) -> None:
    notice_id = await office.notice()
    await office.work()
    async with office.database.transaction() as session:
        writer = await make_staff(session, role=Role.PUBLISHER)
        again = await followups.repeat(session, await notices.get(session, notice_id), writer, now=office.clock())
        again.status, again.send_at = NoticeStatus.SCHEDULED, office.clock()
    await office.work()
    assert [len(office.in_channel(each)) for each in (VI, EN, TH)] == [1, 1, 1]
    assert office.in_channel(VI)[0]["message_id"] == 2


async def test_a_channel_is_no_resident_and_is_not_forgotten(office: Office, deployment: Deployment) -> None:
    notice_id = await office.notice()
    await office.work()
    later = office.clock() + timedelta(days=4000)
    async with office.database.transaction() as session:
        await retention.remove_old(session, deployment=deployment, now=later)
    assert len(await office.posts(notice_id)) == 3, "its posts can still be withdrawn"
    async with office.database.reading() as session:
        notice = await notices.get(session, notice_id)
        assert await notice_rows.audience_by_locale(session, notice) == {"vi": 1}
