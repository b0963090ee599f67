"""Counts by group that tell of no single person, also not to somebody who subtracts what is shown from the total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One group, or, with key None, the small ones together. n_part: None where it is left out."""

    key: str | None
    n: int
    n_part: int | None


def safe_rows(counts: Mapping[str, tuple[int, int]], *, fewest: int) -> list[Row]:
    """Return the groups, largest first, of which no cell shows, or lets be computed, fewer than `fewest`.

    counts: dict of group → (people, those of them with some property). The totals of both may be known.

    Small groups are put together; when they are still too few, the smallest of the others joins them. A part is left
    out when it or its rest is small; and when that is so in one row only, in a second row, too.
    """
    shown = sorted(((key, n, part) for key, (n, part) in counts.items() if n), key=lambda row: (-row[1], row[0]))
    together: list[tuple[str, int, int]] = []
    while shown and (shown[-1][1] < fewest or 0 < sum(row[1] for row in together) < fewest):
        together.append(shown.pop())
    rows = [Row(key, n, part) for key, n, part in shown]
    if together:
        rows.append(Row(None, sum(row[1] for row in together), sum(row[2] for row in together)))
    if len(rows) < 2:
        return rows
    hidden = {index for index, row in enumerate(rows) if _is_telling(row, fewest)}
    if len(hidden) == 1:
        hidden.add(max(index for index in range(len(rows)) if index not in hidden))
    return [Row(row.key, row.n, None) if index in hidden else row for index, row in enumerate(rows)]


def _is_telling(row: Row, fewest: int) -> bool:
    part = row.n_part or 0
    return 0 < part < fewest or 0 < row.n - part < fewest
