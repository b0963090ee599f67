"""The year's awareness campaigns: dated drafts a year ahead, with words in every language that has them.

Dates are in bot/campaigns.yaml; words are in locales/<tag>/campaigns.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import notices
from bot.i18n import ROOT, TOKYO
from storage import notices as notice_rows
from storage.models import Notice, NoticeKind

SEND_HOUR = time(10, 0)
HORIZON = timedelta(days=365)


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNSURE = "（日程を確認）"  # in the name of a draft, for staff
Day = Mapping[str, Any]
Run = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Campaign:
    """One yearly campaign.

    start, end: days in Japan, inclusive, as {month, day} or {month, nth, weekday}; n_days stands for an end.
    exceptions: dict of year → (start, end). is_sure: False where each police sets the days.
    once: the only year in which it is; None for every year.
    """

    id: str
    name: str
    former_name: str | None
    start: Day
    end: Day | None
    n_days: int
    topics: tuple[str, ...]
    exceptions: Mapping[int, tuple[Day, Day]]
    is_sure: bool
    once: int | None

    def run_of(self, year: int, own: tuple[Day, Day] | None = None) -> Run | None:
        """Return the first and the last day of the run that begins in this year. own: what the deployment says."""
        if self.once is not None and year != self.once:
            return None
        start_rule, end_rule = own or self.exceptions.get(year) or (self.start, self.end)
        start = _day(start_rule, year)
        if end_rule is None:
            return start, start + timedelta(days=self.n_days - 1)
        end = _day(end_rule, year)
        return start, end if end >= start else _day(end_rule, year + 1)

    def next_run(self, today: date, own: tuple[Day, Day] | None = None) -> Run | None:
        """Return the next run that begins on or after today; None when there is none any more."""
        for year in (today.year, today.year + 1):
            run = self.run_of(year, own)
            if run is not None and run[0] >= today:
                return run
        return None


def _day(rule: Day, year: int) -> date:
    """Return a day of a year. Raises KeyError or ValueError for a malformed rule."""
    if "weekday" not in rule:
        return date(year, rule["month"], rule["day"])
    first = date(year, rule["month"], 1)
    ahead = (WEEKDAYS.index(rule["weekday"]) - first.weekday()) % 7
    return first + timedelta(days=ahead + 7 * (rule["nth"] - 1))


@cache
def load(root: Path = ROOT) -> tuple[Campaign, ...]:
    """Read the calendar. Raises KeyError or ValueError for a malformed file (a test reads it)."""
    raw = yaml.safe_load((root / "bot" / "campaigns.yaml").read_text("utf-8"))
    return tuple(
        Campaign(
            id=campaign_id, name=entry["name"], former_name=entry.get("former_name"), start=entry["start"],
            end=entry.get("end"), n_days=entry.get("days", 1), topics=tuple(entry["topics"]),
            exceptions={year: (run["start"], run["end"]) for year, run in entry.get("exceptions", {}).items()},
            is_sure=entry.get("sure", True), once=entry.get("once"),
        )
        for campaign_id, entry in raw.items()
    )


@cache
def topics_of(campaign_id: str) -> tuple[str, ...]:
    """Return the intents that a campaign is about, for the buttons under its notice."""
    return next((campaign.topics for campaign in load() if campaign.id == campaign_id), ())


@cache
def words(root: Path = ROOT) -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Return campaign id → tag → (title, body), from the locale folders."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for path in sorted(root.glob("locales/*/campaigns.yaml")):
        for campaign_id, entry in (yaml.safe_load(path.read_text("utf-8")) or {}).items():
            found.setdefault(campaign_id, {})[path.parent.name] = (entry["title"], entry["body"].strip())
    return found


async def ensure_drafts(
    session: AsyncSession, *, now: datetime, own: Mapping[str, tuple[Day, Day]] | None = None
) -> int:
    """Add a draft for each campaign that begins within a year and has none yet; returns how many were added.

    own: the days that the deployment sets, by campaign.
    """
    today, own = now.astimezone(TOKYO).date(), own or {}
    n_added = 0
    for campaign in load():
        run = campaign.next_run(today, own.get(campaign.id))
        if run is None or run[0] - today > HORIZON or await _has_draft(session, campaign.id, run[0].year):
            continue
        start, end = run
        is_sure = campaign.id in own or (campaign.is_sure and start.year not in campaign.exceptions)
        notice = await notices.create(
            session, f"{campaign.name} {start.year}{'' if is_sure else UNSURE}", now=now, kind=NoticeKind.CAMPAIGN,
            send_at=datetime.combine(start, SEND_HOUR, TOKYO),
            expires_at=datetime.combine(end + timedelta(days=1), time(0), TOKYO),
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
