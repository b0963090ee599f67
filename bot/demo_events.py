"""The demo's fictional year of events, as drafts in the calendar; words are in locales/<tag>/demo_events.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import yaml
from sqlalchemy.ext.asyncio import AsyncSession

from bot import notices
from bot.deployment import Deployment
from bot.i18n import ROOT, TOKYO
from storage import notices as notice_rows
from storage.models import Event, NoticeKind

_SATURDAY = 5
_INVITED = timedelta(days=14)  # before the event


@dataclass(frozen=True, slots=True)
class DemoEvent:
    """One event. words: its key in the files of words; in_days: at least so far ahead, then the next Saturday."""

    words: str
    name: str
    in_days: int
    hour: int
    hours: int
    municipality: str
    place: str
    seats: int | None
    languages: tuple[str, ...]


YEAR = (
    DemoEvent("crime_prevention", "防犯教室", 20, 14, 2, "99201", "中央公民館 2階", 40, ("vi", "ne", "en")),
    DemoEvent("calling_110", "110番講習", 44, 10, 1, "99203", "国際交流センター", 24, ("vi", "zh-Hans", "pt-BR")),
    DemoEvent("patrol", "合同パトロール", 70, 16, 1, "99204", "汐里浦駅 南口", None, ("id", "fil")),
    DemoEvent("traffic", "交通安全教室", 128, 10, 2, "99205", "運転免許センター", 60, ("ne", "my", "vi")),
    DemoEvent("crime_prevention", "防犯教室（大学）", 150, 13, 2, "99202", "若木野大学 体育館", 120,
              ("en", "zh-Hans", "ko")),
    DemoEvent("calling_110", "110番講習（実習生）", 205, 18, 1, "99303", "石笛町 商工会館", 30, ("vi", "id", "km")),
    DemoEvent("traffic", "交通安全教室（自転車）", 290, 10, 2, "99301", "花岬町 市民広場", 50, ("fil", "th", "mn")),
    DemoEvent("patrol", "合同パトロール（地域安全運動）", 315, 16, 1, "99201", "星見駅 交番前", None,
              ("vi", "ne", "es")),
)


def words(root: Path = ROOT) -> dict[str, dict[str, tuple[str, str]]]:
    """Return key → tag → (title, body)."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for path in sorted(root.glob("locales/*/demo_events.yaml")):
        for key, entry in yaml.safe_load(path.read_text("utf-8")).items():
            found.setdefault(key, {})[path.parent.name] = (entry["title"], entry["body"])
    return found


async def add(session: AsyncSession, deployment: Deployment, *, now: datetime) -> int:
    """Add the year's events as drafts, ready to be approved; returns how many."""
    said = words()
    for event in YEAR:
        at = deployment.municipality(event.municipality)
        assert at is not None, event.municipality
        starts = datetime.combine(_saturday(now.astimezone(TOKYO).date() + timedelta(days=event.in_days)),
                                  time(event.hour), TOKYO)
        notice = await notices.create(
            session, event.name, now=now, kind=NoticeKind.EVENT, expires_at=starts,
            send_at=datetime.combine((starts - _INVITED).date(), time(10), TOKYO),
        )
        for tag, (title, body) in said[event.words].items():
            await notice_rows.put_text(session, notice.id, tag, title=title, body=body, state="drafted")
        session.add(Event(
            notice_id=notice.id, place=f"{at.name('ja')} {event.place}", starts_at=starts,
            ends_at=starts + timedelta(hours=event.hours), seats=event.seats, languages=list(event.languages),
        ))
    return len(YEAR)


def _saturday(day: date) -> date:
    return day + timedelta(days=(_SATURDAY - day.weekday()) % 7)
