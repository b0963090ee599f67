"""No count of the report tells of fewer than five people, shown or by subtraction."""

from __future__ import annotations

import random

from bot.small_cells import Row, safe_rows

FEWEST = 5


def test_small_groups_stand_together() -> None:
    rows = safe_rows({"vi": (50, 50), "ne": (30, 20), "th": (3, 3), "km": (4, 4)}, fewest=FEWEST)
    assert rows == [Row("vi", 50, 50), Row("ne", 30, 20), Row(None, 7, 7)]


def test_a_small_group_alone_is_joined_by_the_next() -> None:
    rows = safe_rows({"vi": (50, 50), "ne": (30, 30), "th": (2, 2)}, fewest=FEWEST)
    assert rows == [Row("vi", 50, 50), Row(None, 32, 32)]


def test_a_part_that_tells_of_few_is_left_out_in_two_rows() -> None:
    rows = safe_rows({"vi": (50, 48), "ne": (30, 20), "th": (20, 20)}, fewest=FEWEST)
    assert rows == [Row("vi", 50, None), Row("ne", 30, 20), Row("th", 20, None)]


def test_one_group_shows_no_more_than_the_total_does() -> None:
    assert safe_rows({"vi": (3, 2)}, fewest=FEWEST) == [Row(None, 3, 2)]
    assert safe_rows({"vi": (30, 29), "th": (0, 0)}, fewest=FEWEST) == [Row("vi", 30, 29)]
    assert safe_rows({}, fewest=FEWEST) == []


def test_nothing_small_can_be_computed_from_what_is_shown() -> None:
    chance = random.Random(110)
    for _ in range(3000):
        counts = {}
        for key in "abcdefg"[: chance.randint(2, 7)]:
            n = chance.choice((0, 1, 3, 4, 5, 9, 40, 300))
            counts[key] = (n, chance.choice((n, 0, chance.randint(0, n))))
        rows = safe_rows(counts, fewest=FEWEST)
        assert sum(row.n for row in rows) == sum(n for n, _part in counts.values())
        if len(rows) < 2:
            continue  # what the totals tell anyway
        assert all(row.n >= FEWEST for row in rows), counts
        for row in rows:
            if row.n_part is not None:
                assert row.n_part in (0, row.n) or FEWEST <= row.n_part <= row.n - FEWEST, counts
        assert sum(row.n_part is None for row in rows) != 1, counts
