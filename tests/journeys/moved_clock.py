"""The `koban` command with a clock that a test moves: `python -m tests.journeys.moved_clock run`.

Everything else is the real thing. The file that TEST_CLOCK names says how many seconds this clock is ahead.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from bot import __main__, app


class MovedClock:
    """A clock that runs on from the moment to which it was set. path: the file that running processes read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self) -> datetime:
        """Return the present moment of the test."""
        return datetime.now(UTC) + timedelta(seconds=float(self.path.read_text()))

    def set(self, moment: datetime) -> None:
        """Let it be this moment now, in every process at once."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(str((moment - datetime.now(UTC)).total_seconds()))
        os.replace(fresh, self.path)


    def datetime_type(self) -> type[datetime]:
        """What takes the place of `datetime` in a module that asks it for the time."""
        clock = self

        class Moved(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return clock().astimezone(tz)

        return Moved


if __name__ == "__main__":
    app.utc_now = MovedClock(Path(os.environ["TEST_CLOCK"]))
    sys.exit(__main__.main())
