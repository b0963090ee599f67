"""Business time, against plain counting of minutes and against days of the real calendar."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.duty import (
    DAY_MINUTES,
    TOKYO,
    DutyCalendar,
    QuietHours,
    Span,
    YearEnd,
    national_holidays,
    parse_clock,
    parse_spans,
    tokyo_day,
)

SHIFTS = parse_spans("08:30-12:00, 13:00-17:15")
OFFICE = DutyCalendar((SHIFTS,) * 5 + ((), ()), year_end=YearEnd((12, 29), (1, 3)))
ZERO = timedelta()


def japan(text: str) -> datetime:
    """A moment written as the clock in Japan shows it."""
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO).astimezone(UTC)


@st.composite
def spans(draw: st.DrawFn) -> tuple[Span, ...]:
    """Up to three stretches of a day, sorted and apart."""
    marks = sorted(draw(st.sets(st.integers(0, DAY_MINUTES), min_size=2, max_size=6)))
    return tuple(zip(marks[::2], marks[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn) -> DutyCalendar:
    """Any duty calendar that the deployment file may hold."""
    week = tuple(draw(st.one_of(st.just(()), spans())) for _ in range(7))
    if not any(week):
        week = (draw(spans()), *week[1:])
    rest = draw(st.sampled_from([None, *map(YearEnd, ((12, 29), (12, 28), (1, 1)), ((1, 3), (12, 31), (1, 3)))]))
    closed = draw(st.frozensets(st.dates(date(2025, 12, 1), date(2027, 3, 1)), max_size=4))
    return DutyCalendar(week, draw(st.booleans()), rest, closed)


moments = st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
amounts = st.integers(0, 40 * 60).map(lambda minutes: timedelta(minutes=minutes))


@given(calendars(), moments, amounts)
@settings(deadline=None)
def test_the_sum_lies_in_duty_time_and_exactly_that_much_has_passed(
    calendar: DutyCalendar, at: datetime, working: timedelta
) -> None:
    due = calendar.add(at, working)
    assert due >= at
    assert due.tzinfo is UTC
    assert any(start <= due <= stop for start, stop in calendar.spans(tokyo_day(due - timedelta(microseconds=1)))) \
        or calendar.is_on_duty(due)
    assert calendar.between(at, due) == working


@given(calendars(), moments, moments, amounts)
@settings(deadline=None)
def test_what_comes_later_is_not_due_earlier(
    calendar: DutyCalendar, one: datetime, other: datetime, working: timedelta
) -> None:
    first, second = sorted((one, other))
    assert calendar.add(first, working) <= calendar.add(second, working)


@given(calendars(), moments, amounts, amounts)
@settings(deadline=None)
def test_more_work_is_not_due_earlier_and_two_parts_make_the_whole(
    calendar: DutyCalendar, at: datetime, one: timedelta, other: timedelta
) -> None:
    whole = calendar.add(at, one + other)
    assert calendar.add(at, one) <= whole
    if other:  # nothing added to the end of a day would give the next opening
        assert calendar.add(calendar.add(at, one), other) == whole


@given(calendars(), moments)
@settings(deadline=None)
def test_adding_nothing_gives_now_or_the_next_opening(calendar: DutyCalendar, at: datetime) -> None:
    opening = calendar.next_on_duty(at)
    assert calendar.add(at, ZERO) == opening
    assert calendar.is_on_duty(opening)
    assert (opening == at) == calendar.is_on_duty(at)
    assert calendar.between(at, opening) == ZERO


@given(calendars(), moments, st.integers(0, 5 * 24))
@settings(deadline=None, max_examples=40)
def test_time_between_is_what_counting_minutes_gives(calendar: DutyCalendar, at: datetime, hours: int) -> None:
    start = at.replace(second=0, microsecond=0)
    stop = start + timedelta(hours=hours)
    counted = sum(calendar.is_on_duty(start + timedelta(minutes=minute)) for minute in range(hours * 60))
    assert calendar.between(start, stop) == timedelta(minutes=counted)


@pytest.mark.parametrize(("at", "hours", "due"), [
    ("2026-11-30T09:00", 0, "2026-11-30T09:00"),
    ("2026-11-30T11:00", 2, "2026-11-30T14:00"),  # over the lunch break
    ("2026-11-30T12:30", 0, "2026-11-30T13:00"),  # asked during the break
    ("2026-11-30T08:30", 7.75, "2026-11-30T17:15"),  # fills the day to its last minute
    ("2026-11-30T17:15", 1, "2026-12-01T09:30"),  # the minute of closing
    ("2026-11-27T17:00", 1, "2026-11-30T09:15"),  # Friday → Monday
    ("2026-11-28T10:00", 8, "2026-12-01T08:45"),  # asked on a Saturday
    ("2026-11-20T17:00", 0.5, "2026-11-24T08:45"),  # Monday the 23rd is 勤労感謝の日
    ("2026-09-18T17:00", 0.5, "2026-09-24T08:45"),  # 敬老の日, a day between two holidays, 秋分の日
    ("2027-03-19T17:00", 0.5, "2027-03-23T08:45"),  # Sunday the 21st is 春分の日: the 22nd replaces it
    ("2026-12-28T16:00", 8, "2027-01-04T16:15"),  # over 年末年始
    ("2026-12-31T23:59", 0, "2027-01-04T08:30"),
    ("2026-04-28T17:00", 8.5, "2026-05-01T09:00"),  # 昭和の日; Friday lies between holidays and is worked
])
def test_days_of_the_real_calendar(at: str, hours: float, due: str) -> None:
    assert OFFICE.add(japan(at), timedelta(hours=hours)) == japan(due)


@pytest.mark.parametrize(("year", "holiday"), [
    (2026, date(2026, 5, 6)),  # replaces 3 May, a Sunday
    (2026, date(2026, 9, 22)),  # between two holidays
    (2019, date(2019, 5, 1)),  # a law of its own
    (2024, date(2024, 2, 12)),  # replaces 11 February
    (2021, date(2021, 7, 23)),  # moved for the Olympics
])
def test_holidays_are_those_that_the_cabinet_office_announced(year: int, holiday: date) -> None:
    """Source: 内閣府「国民の祝日について」, the table of each year."""
    assert holiday in national_holidays(year)


def test_there_is_no_summer_time() -> None:
    for month in range(1, 13):
        day = next(day for day in (date(2026, month, number) for number in range(10, 28)) if OFFICE.is_open_day(day))
        (start, _), (_, stop) = OFFICE.spans(day)
        assert (start.time(), stop.time()) == (time(23, 30), time(8, 15))
        assert OFFICE.between(start, stop) == timedelta(hours=7, minutes=45)


def test_extra_closed_days_and_the_open_holiday() -> None:
    day = date(2026, 12, 1)
    assert OFFICE.is_open_day(day)
    assert not DutyCalendar(OFFICE.weekly, closed=frozenset({day})).is_open_day(day)
    assert DutyCalendar(OFFICE.weekly, keeps_holidays=False).is_open_day(date(2026, 11, 23))


def test_a_round_the_clock_desk_never_waits() -> None:
    always = DutyCalendar((((0, DAY_MINUTES),),) * 7, keeps_holidays=False)
    at = japan("2026-12-31T23:30")
    assert always.is_on_duty(at)
    assert always.add(at, timedelta(hours=30)) == at + timedelta(hours=30)


def test_naive_times_and_negative_work_are_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        OFFICE.is_on_duty(datetime(2026, 11, 30, 9, 0))  # noqa: DTZ001 - naive on purpose
    with pytest.raises(ValueError, match="negative"):
        OFFICE.add(japan("2026-11-30T09:00"), timedelta(minutes=-1))


def test_a_calendar_on_which_nobody_is_ever_there_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        DutyCalendar(((),) * 7)
    never = DutyCalendar(OFFICE.weekly, year_end=YearEnd((1, 1), (12, 31)))
    with pytest.raises(ValueError, match="two years"):
        never.next_on_duty(japan("2026-11-30T09:00"))


@pytest.mark.parametrize(("text", "found"), [
    ("08:30-12:00, 13:00-17:15", ((510, 720), (780, 1035))),
    ("13:00-17:15,8:30-12:00", ((510, 720), (780, 1035))),
    ("00:00-24:00", ((0, 1440),)),
])
def test_shifts_are_read_and_sorted(text: str, found: tuple[Span, ...]) -> None:
    assert parse_spans(text) == found


@pytest.mark.parametrize("text", ["", "8-9", "09:00", "12:00-09:00", "09:00-09:00", "09:00-24:01", "09:60-10:00",
                                  "09:00-12:00, 11:00-13:00", "09:00-12:00,12:00-13:00", "０９:00-10:00", "-1:00-02:00",
                                  "²:00-10:00"])
def test_malformed_shifts_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|join|split"):
        parse_spans(text)


@given(st.text(max_size=12))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert 0 <= parse_clock(text) <= DAY_MINUTES


@given(moments, st.times().map(lambda at: at.replace(second=0, microsecond=0)), st.integers(1, DAY_MINUTES - 1))
def test_quiet_hours_end_within_a_day_and_at_their_end(at: datetime, starts: time, length: int) -> None:
    minutes = (starts.hour * 60 + starts.minute + length) % DAY_MINUTES
    quiet = QuietHours(starts, time(*divmod(minutes, 60)))
    awake = quiet.next_awake(at)
    assert not quiet.is_quiet(awake)
    assert at <= awake < at + timedelta(days=1)
    assert quiet.is_quiet(at) == (awake != at)


def test_a_night_runs_over_midnight() -> None:
    night = QuietHours(time(21), time(8))
    assert night.next_awake(japan("2026-11-30T23:00")) == japan("2026-12-01T08:00")
    assert night.next_awake(japan("2026-11-30T03:00")) == japan("2026-11-30T08:00")
    assert not night.is_quiet(japan("2026-11-30T08:00"))
    assert night.is_quiet(japan("2026-11-30T21:00"))
