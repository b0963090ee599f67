"""What `intents` raises on purpose.

    IntentsError
    └── CatalogueError      the data files cannot be used; holds every problem found
        └── CardsError      the danger cards cannot be used
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a data file.

    path: the file, relative to the project root where possible.
    line: the line a person should look at, 1 for the whole file.
    severity: `error` (must be mended) or `warning` (should be looked at).
    message: what is wrong and what to do about it.
    code: a short name of the kind of problem, for tests and filters.
    """

    path: str
    line: int
    message: str
    severity: str = "error"
    code: str = "format"

    def __str__(self) -> str:
        """The line an editor can jump to."""
        return f"{self.path}:{self.line}: {self.severity}: {self.message}"


class IntentsError(Exception):
    """The base of everything this room raises on purpose."""


class CatalogueError(IntentsError):
    """The data files are not usable; the text has one line for each problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class CardsError(CatalogueError):
    """The danger cards are not usable."""
