"""What residents thought, as a report: by month, section and language of one year of the administration.

The running month is left out: from one day to the next its numbers would tell of single people. Of the rest no cell
shows fewer people than `fewest`, nor lets them be computed (bot/small_cells.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.small_cells import Row, safe_rows
from storage.ratings import RatingCount

HELPED = 3
_FIRST_MONTH = 4  # 年度: April to March


@dataclass(frozen=True, slots=True)
class Period:
    """One year of the administration, as far as its months are over. until: the first day that is not in it."""

    year: int
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class RatingReport:
    """n, n_helped: None while so few rated that it could point at somebody.

    scores: how many said that it did not help, partly, and that it helped; None where one of these is too small.
    by_month, by_section, by_language: of each group how many rated and how many of them were helped.
    """

    n: int | None
    n_helped: int | None
    scores: tuple[int, int, int] | None
    by_month: Sequence[Row] = ()
    by_section: Sequence[Row] = ()
    by_language: Sequence[Row] = ()


def year_of(day: date) -> int:
    """Return the year of the administration in which a day lies."""
    return day.year if day.month >= _FIRST_MONTH else day.year - 1


def period(year: int, *, today: date) -> Period:
    """Return the months of a year that are over."""
    since, end = date(year, _FIRST_MONTH, 1), date(year + 1, _FIRST_MONTH, 1)
    return Period(year, since, max(since, min(end, today.replace(day=1))))


def report(counts: Sequence[RatingCount], *, fewest: int) -> RatingReport:
    """Return the report of some counts."""
    scores = tuple(sum(each.n for each in counts if each.score == score) for score in (1, 2, HELPED))
    total, helped = sum(scores), scores[-1]
    if total < fewest:
        return RatingReport(None, None, None)
    is_telling = any(0 < part < fewest for part in (helped, total - helped))
    return RatingReport(
        n=total, n_helped=None if is_telling else helped,
        scores=None if any(0 < part < fewest for part in scores) else (scores[0], scores[1], scores[2]),
        by_month=sorted(
            safe_rows(_groups(counts, "month"), fewest=fewest), key=lambda row: (row.key is None, row.key or "")
        ),
        by_section=safe_rows(_groups(counts, "section_id"), fewest=fewest),
        by_language=safe_rows(_groups(counts, "locale"), fewest=fewest),
    )


def _groups(counts: Sequence[RatingCount], name: str) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for each in counts:
        key = str(getattr(each, name))
        n, helped = found.get(key, (0, 0))
        found[key] = n + each.n, helped + (each.n if each.score == HELPED else 0)
    return found
