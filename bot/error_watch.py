"""When too many messages of a notice fail, one by one is the wrong way to find out: the notice is paused.

A chat that blocked the bot, and a wait that Telegram asks for, are no errors. The counts live in the process that
sends; each process judges by what it sees.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from bot.errors import DeliveryError

WINDOW = 100  # messages
FEWEST = 20
SHARE = 0.2
_KEPT = 50  # notices


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was seen. error: the newest reason, as Telegram or the network gave it."""

    n_errors: int
    n: int
    error: str


class ErrorWatch:
    """The newest outcomes of each notice."""

    def __init__(self) -> None:
        self._seen: dict[int, deque[bool]] = {}

    def note(self, notice_id: int, error: DeliveryError | None) -> Trouble | None:
        """Count one outcome; returns the trouble when it is too much, and then begins anew."""
        if error is not None and error.retry_after is not None:
            return None
        is_error = error is not None and not error.is_blocked
        if notice_id not in self._seen and len(self._seen) >= _KEPT:
            del self._seen[next(iter(self._seen))]
        seen = self._seen.setdefault(notice_id, deque(maxlen=WINDOW))
        seen.append(is_error)
        n, n_errors = len(seen), sum(seen)
        if error is None or not is_error or n < FEWEST or n_errors < SHARE * n:
            return None
        seen.clear()
        return Trouble(n_errors, n, error.reason)
