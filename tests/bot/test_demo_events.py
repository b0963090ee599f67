"""The demo's year of events: every language, real places of the fictional prefecture, spread over the year."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy import select

from bot import demo_events, notices
from bot.conversation import Parts
from bot.i18n import TOKYO
from storage.database import Database
from storage.models import Event, Notice, NoticeStatus, Role
from tests.bot.test_campaign_words import CORE
from tests.conftest import Clock
from tests.factories import make_staff


async def test_a_year_of_events_waits_in_the_demo_to_be_approved(
    database: Database, parts: Parts, clock: Clock
) -> None:
    async with database.transaction() as session:
        assert await demo_events.add(session, parts.deployment, now=clock()) == len(demo_events.YEAR)
    async with database.transaction() as session:
        events = list(await session.scalars(select(Event).order_by(Event.starts_at)))
        assert {event.starts_at.astimezone(TOKYO).weekday() for event in events} == {5}
        assert events[-1].starts_at - events[0].starts_at > timedelta(days=270)
        for event in events:
            notice = await session.get_one(Notice, event.notice_id)
            assert notice.send_at is not None
            assert clock() < notice.send_at < event.starts_at
            texts, frame = await notices.texts_and_frame(session, notice)
            assert set(texts) == CORE
            assert frame.invitation is not None
            person = await make_staff(session, role=Role.PUBLISHER)
            await notices.submit(session, notice, person, now=clock())
            assert notice.status == NoticeStatus.REVIEW


def test_every_language_says_the_same_numbers() -> None:
    for key, by_tag in demo_events.words().items():
        assert set(by_tag) == CORE, key
        numbers = {tag: set(re.findall(r"\d+", body)) for tag, (_title, body) in by_tag.items()}
        assert all(found == numbers["ja-simple"] for found in numbers.values()), numbers
