"""Counts of what the bot delivered: per second, the busiest sliding second, and messages sent twice."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

_MAX_SECONDS = 100_000


class Stats:
    """Counts deliveries; times are virtual unix seconds."""

    def __init__(self) -> None:
        self.n_delivered = 0
        self.n_calls = 0
        self.statuses: Counter[int] = Counter()
        self.sliding_maximum = 0
        self._per_second: dict[int, int] = {}
        self._window: deque[float] = deque()
        self._seen: Counter[tuple[int, int]] = Counter()

    def call(self, status: int) -> None:
        """Count one call by its HTTP status."""
        self.n_calls += 1
        self.statuses[status] += 1

    def delivered(self, chat_id: int, text: str, now: float) -> None:
        """Count one message that reached a chat."""
        self.n_delivered += 1
        second = int(now)
        self._per_second[second] = self._per_second.get(second, 0) + 1
        if len(self._per_second) > _MAX_SECONDS:
            del self._per_second[next(iter(self._per_second))]
        window = self._window
        window.append(now)
        while now - window[0] >= 1.0:
            window.popleft()
        self.sliding_maximum = max(self.sliding_maximum, len(window))
        self._seen[(chat_id, hash(text))] += 1

    @property
    def n_duplicates(self) -> int:
        """How many messages repeat an earlier (chat, text)."""
        return self.n_delivered - len(self._seen)

    def as_json(self) -> dict[str, Any]:
        """Return all counts; `per_second` lists [second, count], oldest first."""
        return {
            "delivered": self.n_delivered,
            "calls": self.n_calls,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "sliding_maximum": self.sliding_maximum,
            "duplicates": self.n_duplicates,
            "per_second": [[second, count] for second, count in self._per_second.items()],
        }
