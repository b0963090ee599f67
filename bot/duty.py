"""Business time: when staff are on duty, and when a number of working hours has passed.

Everything is reckoned on the clock of Japan, which has had no summer time since 1951, and given back in UTC.
Source: 国民の祝日に関する法律, as the `holidays` package computes it (substitute and sandwiched holidays included).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import holidays

TOKYO = ZoneInfo("Asia/Tokyo")
DAY_MINUTES = 24 * 60
_MAX_SEARCH_DAYS = 800  # beside the extra closed days; a year's rest and two long holidays are far below it

Span = tuple[int, int]
"""Minutes from midnight: (540, 720) is 09:00 to 12:00; the end is not part of it."""


@lru_cache(maxsize=64)
def national_holidays(year: int) -> frozenset[date]:
    """Return the public holidays of Japan in a year."""
    return frozenset(holidays.country_holidays("JP", years=year))


def tokyo_day(at: datetime) -> date:
    """Return the calendar day in Japan. Raises ValueError for a naive time."""
    return _aware(at).astimezone(TOKYO).date()


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a naive datetime was given: use aware UTC times")
    return at


@dataclass(frozen=True)
class YearEnd:
    """年末年始: the days of rest around New Year, as (month, day); the last day is included."""

    first: tuple[int, int]
    last: tuple[int, int]

    def __contains__(self, day: date) -> bool:
        """Tell whether a day belongs to it; the rest may run over New Year."""
        place = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= place <= self.last
        return place >= self.first or place <= self.last


@dataclass(frozen=True)
class DutyCalendar:
    """When staff are on duty.

    weekly: seven tuples of spans, Monday first; spans are sorted and do not touch.
    keeps_holidays: closed on the public holidays of Japan.
    closed: further days on which nobody is there.
    """

    weekly: tuple[tuple[Span, ...], ...]
    keeps_holidays: bool = True
    year_end: YearEnd | None = None
    closed: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a week that no moment of duty can come from."""
        if len(self.weekly) != 7 or not any(self.weekly):
            raise ValueError("a duty week has seven days, and somebody is on duty in at least one of them")

    def is_open_day(self, day: date) -> bool:
        """Tell whether anybody is on duty on a day."""
        if not self.weekly[day.weekday()] or day in self.closed:
            return False
        if self.year_end is not None and day in self.year_end:
            return False
        return not (self.keeps_holidays and day in national_holidays(day.year))

    def spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """Return the (start, stop) of each stretch of duty on a day, in UTC."""
        if not self.is_open_day(day):
            return ()
        midnight = datetime.combine(day, time(), TOKYO).astimezone(UTC)
        return tuple(
            (midnight + timedelta(minutes=start), midnight + timedelta(minutes=stop))
            for start, stop in self.weekly[day.weekday()]
        )

    def is_on_duty(self, at: datetime) -> bool:
        """Tell whether somebody is on duty at a moment; the minute of closing is no longer duty."""
        return any(start <= at < stop for start, stop in self.spans(tokyo_day(at)))

    def next_on_duty(self, at: datetime) -> datetime:
        """Return the moment itself when somebody is on duty, otherwise the next opening."""
        start, _ = next(self._stretches(at))
        return max(start, at).astimezone(UTC)

    def add(self, at: datetime, working: timedelta) -> datetime:
        """Return the moment at which this much duty time has passed since `at`.

        working: zero gives `next_on_duty(at)`; a sum that fills a stretch to its end gives that end.

        Raises ValueError for a negative amount.
        """
        if working < timedelta():
            raise ValueError("working time cannot be negative")
        left = working
        for start, stop in self._stretches(at):
            begins = max(start, at)
            if left <= stop - begins:
                return (begins + left).astimezone(UTC)
            left -= stop - begins
        raise AssertionError("unreachable: stretches do not end")

    def between(self, start: datetime, stop: datetime) -> timedelta:
        """Return the duty time from one moment to another; zero when they run backwards."""
        total = timedelta()
        if stop <= start:
            return total
        day, last = tokyo_day(start), tokyo_day(stop)
        while day <= last:
            for opens, closes in self.spans(day):
                total += max(timedelta(), min(closes, stop) - max(opens, start))
            day += timedelta(days=1)
        return total

    def _stretches(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the stretches of duty that end after a moment. Raises ValueError when there is none for two years."""
        day = tokyo_day(at)
        idle = 0
        while idle <= _MAX_SEARCH_DAYS + len(self.closed):
            found = [span for span in self.spans(day) if span[1] > at]
            yield from found
            idle = 0 if found else idle + 1
            day += timedelta(days=1)
        raise ValueError("nobody is on duty for two years: mend `duty` in the deployment file")


ALWAYS = DutyCalendar(weekly=(((0, DAY_MINUTES),),) * 7, keeps_holidays=False)


@dataclass(frozen=True)
class QuietHours:
    """The hours of night in which no notice is sent, on the clock of Japan; they may run over midnight."""

    starts: time
    ends: time

    def is_quiet(self, at: datetime) -> bool:
        """Tell whether a moment is quiet."""
        clock = _aware(at).astimezone(TOKYO).time()
        if self.starts <= self.ends:
            return self.starts <= clock < self.ends
        return clock >= self.starts or clock < self.ends

    def next_awake(self, at: datetime) -> datetime:
        """Return the moment itself when it is not quiet, otherwise the end of the quiet hours."""
        if not self.is_quiet(at):
            return at.astimezone(UTC)
        local = at.astimezone(TOKYO)
        end = datetime.combine(local.date(), self.ends, TOKYO)
        return (end if end > local else end + timedelta(days=1)).astimezone(UTC)


def parse_spans(text: str) -> tuple[Span, ...]:
    """Read `08:30-12:00, 13:00-17:15`; 24:00 ends a day.

    Raises ValueError that says what is malformed, and for stretches that overlap or touch.
    """
    spans: list[Span] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not dash:
            raise ValueError(f"`{part.strip()}` is not a stretch of time; write 08:30-17:15")
        start, stop = parse_clock(first), parse_clock(last)
        if start >= stop:
            raise ValueError(f"`{part.strip()}` runs backwards; split a night into `22:00-24:00` and, on the next "
                             "day, `00:00-06:00`")
        spans.append((start, stop))
    spans.sort()
    if any(before[1] >= after[0] for before, after in pairwise(spans)):
        raise ValueError(f"the stretches of `{text.strip()}` overlap or touch; join them into one")
    return tuple(spans)


def parse_clock(text: str) -> int:
    """Read `HH:MM`, 00:00 to 24:00, as minutes from midnight. Raises ValueError."""
    hours, colon, minutes = text.strip().partition(":")
    digits = hours + minutes
    if not colon or not digits.isascii() or not digits.isdigit() or not 1 <= len(hours) <= 2 or len(minutes) != 2:
        raise ValueError(f"`{text.strip()}` is not a time; write 08:30")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > DAY_MINUTES:
        raise ValueError(f"`{text.strip()}` is not a time of day; write 00:00 to 24:00")
    return total
