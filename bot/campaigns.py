"""The year's awareness campaigns: dated drafts a year ahead, with words in every language that has them.

Dates are in bot/campaigns.yaml; words are in locales/<tag>/campaigns.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path

import yaml
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import notices
from bot.i18n import ROOT, TOKYO
from storage import notices as notice_rows
from storage.models import Notice, NoticeKind

SEND_HOUR = time(10, 0)
HORIZON = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Campaign:
    """One yearly campaign. start and end: (month, day) in Japan, inclusive."""

    id: str
    name: str
    former_name: str | None
    start: tuple[int, int]
    end: tuple[int, int]
    topics: tuple[str, ...]

    def next_start(self, today: date) -> date:
        """Return the next first day on or after today."""
        this_year = date(today.year, *self.start)
        return this_year if this_year >= today else date(today.year + 1, *self.start)

    def end_of(self, start: date) -> date:
        """Return the last day of the run that begins at `start`."""
        end = date(start.year, *self.end)
        return end if end >= start else date(start.year + 1, *self.end)


@cache
def load(root: Path = ROOT) -> tuple[Campaign, ...]:
    """Read the calendar. Raises KeyError or ValueError for a malformed file (a test reads it)."""
    raw = yaml.safe_load((root / "bot" / "campaigns.yaml").read_text("utf-8"))
    return tuple(
        Campaign(
            id=campaign_id, name=entry["name"], former_name=entry.get("former_name"),
            start=(entry["start"]["month"], entry["start"]["day"]), end=(entry["end"]["month"], entry["end"]["day"]),
            topics=tuple(entry["topics"]),
        )
        for campaign_id, entry in raw.items()
    )


@cache
def words(root: Path = ROOT) -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Return campaign id → tag → (title, body), from the locale folders."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for path in sorted(root.glob("locales/*/campaigns.yaml")):
        for campaign_id, entry in (yaml.safe_load(path.read_text("utf-8")) or {}).items():
            found.setdefault(campaign_id, {})[path.parent.name] = (entry["title"], entry["body"].strip())
    return found


async def ensure_drafts(session: AsyncSession, *, now: datetime) -> int:
    """Add a draft for each campaign that begins within a year and has none yet; returns how many were added."""
    today = now.astimezone(TOKYO).date()
    n_added = 0
    for campaign in load():
        start = campaign.next_start(today)
        send_at = datetime.combine(start, SEND_HOUR, TOKYO)
        if start - today > HORIZON or await _has_draft(session, campaign.id, start.year):
            continue
        expires_at = datetime.combine(campaign.end_of(start) + timedelta(days=1), time(0), TOKYO)
        notice = await notices.create(
            session, f"{campaign.name} {start.year}", now=now, kind=NoticeKind.CAMPAIGN, send_at=send_at,
            expires_at=expires_at,
        )
        notice.campaign, notice.campaign_year = campaign.id, start.year
        for tag, (title, body) in words().get(campaign.id, {}).items():
            await notice_rows.put_text(session, notice.id, tag, title=title, body=body, state="drafted")
        n_added += 1
    return n_added


async def _has_draft(session: AsyncSession, campaign_id: str, year: int) -> bool:
    """Tell whether this year's run of the campaign has its notice, whenever it was moved to."""
    query = select(Notice.id).where(Notice.campaign == campaign_id, Notice.campaign_year == year)
    return await session.scalar(query) is not None
