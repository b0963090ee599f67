"""The background part: one-second ticks by APScheduler, and the outbox loop.

The schedule itself is rows. A tick only says when to look, so a missed or doubled one changes nothing: what was due
while the process was down is due at the first tick after it.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot import (
    audit_check,
    campaigns,
    erasing,
    escalation,
    events,
    notice_alarms,
    notice_texts,
    notices,
    retention,
    reviews,
)
from bot.answers import Screens
from bot.deployment import Deployment
from bot.i18n import TOKYO
from bot.notice_channels import Channels, links_of
from bot.outbox import Outbox
from bot.outgoing import Outgoing
from bot.staff_group import StaffGroup
from storage import deliveries
from storage.database import Database
from storage.models import Notice, NoticePurpose, NoticeText
from storage.sealing import Sealer

log = logging.getLogger(__name__)

SILENT_S = 4.0  # a process without a heartbeat for this long is dead; its claims are taken back
_NOTICE_CACHE_S = 2.0
_REVIEWS_S = 20
_DEADLINES_S = 5


def new_process_id() -> str:
    """Return the name under which a process claims; new at every start, so an old claim is never mistaken for ours."""
    return str(uuid.uuid4())


class Clockwork:
    """The ticks of one process.

    runs_notices: whether this process also expands and finishes notices, looks at the deadlines of consultations and
        keeps house (the worker's part).
    ledger: the file outside the database (bot/ledger.py), which the worker writes.
    staff_group: what the worker tells that something waits; None where the deployment names no group.
    share_notices: told every second among how many living processes the rate of notices is shared.
    """

    def __init__(
        self, database: Database, outbox: Outbox, *, screens: Screens, deployment: Deployment, sealer: Sealer,
        process_id: str, role: str, runs_notices: bool, ledger: Path, clock: Callable[[], datetime],
        staff_group: StaffGroup | None = None,
        share_notices: Callable[[int], None] = lambda _n: None,
    ) -> None:
        self._channels = Channels(deployment.notice.channels, screens.catalogue.locales, sealer)
        self._database = database
        self._screens = screens
        self._outbox = outbox
        self._deployment = deployment
        self._sealer = sealer
        self._process_id = process_id
        self._role = role
        self._runs_notices = runs_notices
        self._ledger = ledger
        self._clock = clock
        self._staff_group = staff_group
        self._share_notices = share_notices
        self._scheduler = AsyncIOScheduler(timezone=TOKYO, job_defaults={
            "misfire_grace_time": None, "coalesce": True, "max_instances": 1,
        })

    async def start(self) -> None:
        """Announce this process, then tick every second. Raises the database's error when it cannot be reached."""
        await self._beat()
        await self.refresh_reviews()
        self._scheduler.add_job(self._guarded, "interval", seconds=1, args=[self._beat])
        self._scheduler.add_job(self._guarded, "interval", seconds=_REVIEWS_S, args=[self.refresh_reviews])
        if self._runs_notices:
            self._scheduler.add_job(self._guarded, "interval", seconds=1, args=[self.tick],
                                    next_run_time=datetime.now(TOKYO))
            self._scheduler.add_job(self._guarded, "interval", seconds=_DEADLINES_S, args=[self.look_at_deadlines])
            if self._staff_group is not None:
                self._scheduler.add_job(self._guarded, "interval", seconds=_DEADLINES_S, args=[self._staff_group.tick])
            self._scheduler.add_job(self._guarded, "interval", hours=1, args=[self.keep_house],
                                    next_run_time=datetime.now(TOKYO))
            self._scheduler.add_job(self._guarded, "interval", seconds=1, args=[self.keep_erasures])
            self._scheduler.add_job(self._guarded, "cron", hour=3, minute=40, args=[self.check_audit])
        self._scheduler.start()

    @property
    def jobs(self) -> Sequence[Job]:
        """The ticks that are set, with their next times."""
        return tuple(self._scheduler.get_jobs())

    def stop(self) -> None:
        """Tick no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _guarded(self, step: Callable[[], object]) -> None:
        try:
            await step()  # type: ignore[misc]
        except Exception:
            log.exception("a tick failed; the next one tries again")

    async def _beat(self) -> None:
        async with self._database.transaction() as session:
            await session.connection()  # which on SQLite may wait for others: a sign of life from before would be old
            now = self._clock()
            await deliveries.beat(session, process_id=self._process_id, role=self._role, now=now)
            taken_back = await deliveries.release_silent(
                session, silent_since=now - timedelta(seconds=SILENT_S), now=now
            )
            n_workers = await deliveries.count_workers(session, seen_after=now - timedelta(seconds=SILENT_S))
        self._share_notices(n_workers)
        if taken_back:
            log.warning("took back %d deliveries of a process that died", taken_back)
            self._outbox.wake()

    async def refresh_reviews(self) -> None:
        """Answer with the texts in the states that people gave them in the console."""
        await reviews.refresh(self._database, self._screens)

    async def tick(self) -> None:
        """Look for notices that are due, expired, finished or stopped, for reminders, and for free seats."""
        now = self._clock()
        n_changed = await events.remind(self._database, now=now)
        n_changed += await notices.tick(self._database, now=now, channels=self._channels)
        n_changed += await events.give_free_seats(
            self._database, screens=self._screens, sealer=self._sealer, now=now
        )
        n_changed += await notice_alarms.tell(self._database, sealer=self._sealer, now=now)
        if n_changed:
            self._outbox.wake()

    async def look_at_deadlines(self) -> None:
        """Warn of deadlines of consultations, escalate broken ones, and correct what residents were told."""
        if await escalation.tick(self._database, screens=self._screens, sealer=self._sealer, now=self._clock()):
            self._outbox.wake()

    async def keep_house(self) -> None:
        """Forget old rows, and put the coming year's campaigns into the calendar as drafts."""
        now = self._clock()
        await asyncio.to_thread(campaigns.words)  # 0.2 s of reading, before anybody has to wait for the transaction
        async with self._database.transaction() as session:
            gone = await retention.remove_old(session, deployment=self._deployment, now=now)
            n_drafts = await campaigns.ensure_drafts(
                session, now=now, own=self._deployment.notice.campaigns
            )
        log.info("housekeeping done: %d old rows removed, %d campaign drafts added", sum(gone.values()), n_drafts)

    async def keep_erasures(self) -> None:
        """Write what was erased outside the database too, so that a restored backup loses it again."""
        await erasing.keep_in_ledger(self._database, self._ledger)

    async def check_audit(self) -> None:
        """Check every night that the audit is as it was written, and keep its head outside the database."""
        verdict = await audit_check.keep_head(self._database, self._ledger, now=self._clock())
        if verdict.broken is None:
            log.info("the audit is as it was written: %d entries", verdict.head.number)
        else:
            log.critical("the audit is broken at entry %d: %s", verdict.broken.number, verdict.broken.reason)


class NoticeRenderer:
    """Renders a notice for a locale. The texts of a notice are read once every two seconds at most.

    bot_name: returns the bot's name without @, for the links in a channel.
    """

    def __init__(
        self, database: Database, screens: Screens, *, clock: Callable[[], datetime],
        bot_name: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._bot_name = bot_name
        self._database = database
        self._screens = screens
        self._clock = clock
        self._cache: dict[int, _ReadNotice] = {}

    async def __call__(self, notice_id: int, locale: str) -> Outgoing | None:
        """Return the notice as this locale reads it; None when its policy skips the locale."""
        read = await self._read(notice_id)
        if locale not in read.rendered:
            strings = self._screens.words(locale)
            text = notice_texts.choose_text(
                read.texts, locale, missing=read.missing, locales=self._screens.catalogue.locales
            )
            if read.frame.purpose == NoticePurpose.WITHDRAWAL:
                read.rendered[locale] = notice_texts.withdrawn(strings)
            else:
                read.rendered[locale] = notice_texts.render(
                    text, strings, read.frame, self._titles(read.frame, locale)
                ) if text else None
        return read.rendered[locale]

    async def post(self, notice_id: int, tag: str) -> Outgoing | None:
        """Return the notice as the channel of this language shows it; None when its policy skips the language."""
        read = await self._read(notice_id)
        text = notice_texts.choose_text(
            read.texts, tag, missing=read.missing, locales=self._screens.catalogue.locales
        )
        if read.frame.purpose == NoticePurpose.WITHDRAWAL:
            return notice_texts.withdrawn(self._screens.words(tag))
        if text is None or self._bot_name is None:
            return None
        name = await self._bot_name()
        links = links_of(self._titles(read.frame, tag), tag, name)
        return notice_texts.post(text, self._screens.words(tag), read.frame, links, name)

    def _titles(self, frame: notice_texts.Frame, locale: str) -> dict[str, str]:
        today = self._clock().astimezone(TOKYO).date()
        titles = {intent_id: self._screens.title(intent_id, locale, today=today) for intent_id in frame.topics}
        return {intent_id: title for intent_id, title in titles.items() if title}

    async def _read(self, notice_id: int) -> _ReadNotice:
        now = self._clock()
        cached = self._cache.get(notice_id)
        if cached is None or (now - cached.at).total_seconds() > _NOTICE_CACHE_S:
            async with self._database.reading() as session:
                notice = await session.get(Notice, notice_id)
                texts, frame = await notices.texts_and_frame(session, notice) if notice else ({}, notice_texts.Frame())
            if notice is not None and notice.campaign is not None:
                frame = replace(frame, topics=campaigns.topics_of(notice.campaign))
            if len(self._cache) > 50:
                self._cache.clear()
            cached = _ReadNotice(now, notice.missing if notice else "skip", texts, frame)
            self._cache[notice_id] = cached
        return cached


@dataclass(frozen=True, slots=True)
class _ReadNotice:
    """A notice as it was read. rendered: dict of locale → message, filled as chats need it."""

    at: datetime
    missing: str
    texts: dict[str, NoticeText]
    frame: notice_texts.Frame
    rendered: dict[str, Outgoing | None] = field(default_factory=dict)
