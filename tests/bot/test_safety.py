"""When a message is safe: hours of the day in Japan, kept as bits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.i18n import TOKYO
from bot.safety import DAYS, SLOTS, SafeTimes
from tests.conftest import A_MONDAY

moments = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
times = st.builds(SafeTimes, st.integers(0, 2**24 - 1), st.sampled_from(sorted(DAYS)))


@given(times, moments)
def test_the_next_moment_is_safe_and_none_before_it_is(chosen: SafeTimes, at: datetime) -> None:
    found = chosen.next_moment(at)
    assert chosen.includes(found)
    assert found >= at
    if found > at:
        assert not chosen.includes(at)
        assert not chosen.includes(found - timedelta(seconds=1))
        assert found - at <= timedelta(days=7)


def test_nothing_chosen_means_any_hour() -> None:
    assert SafeTimes().is_always
    assert SafeTimes().next_moment(A_MONDAY) == A_MONDAY
    assert SafeTimes().spans() == ()


def test_slots_are_chosen_and_taken_out_and_cover_the_day_once() -> None:
    assert sorted(hour for first, end in SLOTS for hour in range(first, end)) == list(range(24))
    chosen = SafeTimes().toggled(1).toggled(2)
    assert chosen.spans() == ((9, 15),)
    assert chosen.toggled(1).spans() == ((12, 15),)
    assert chosen.toggled(1).toggled(2) == SafeTimes()


@pytest.mark.parametrize(("days", "expected"), [
    ("all", datetime(2026, 12, 5, 9, tzinfo=TOKYO)), ("work", datetime(2026, 12, 7, 9, tzinfo=TOKYO)),
    ("rest", datetime(2026, 12, 5, 9, tzinfo=TOKYO)),
])
def test_days_count_in_japan(days: str, expected: datetime) -> None:
    friday_evening = datetime(2026, 12, 4, 18, 30, tzinfo=TOKYO)
    assert SafeTimes(0, days).toggled(1).next_moment(friday_evening) == expected
