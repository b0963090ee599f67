"""How fast a bot may send. The first limit that is full answers with 429 and an integer retry_after."""

from __future__ import annotations

from collections import deque

from bot.simulator.clock import Clock
from bot.simulator.errors import too_many
from bot.simulator.models import Chat, LimitSettings

_TOLERANCE = 1e-9


class Limits:
    """The sending limits of one bot.

    A refused message does not count, so a bot that waits as told gets through.
    """

    def __init__(self, settings: LimitSettings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._overall: deque[float] = deque()
        self._paid: deque[float] = deque()
        self._buckets: dict[int, tuple[float, float]] = {}
        self._groups: dict[int, deque[float]] = {}

    def take(self, chat: Chat, *, paid: bool = False) -> None:
        """Count one message to `chat`, or raise the 429 ApiError.

        paid: `allow_paid_broadcast`, which lifts the overall limit and leaves those of the chat.
        """
        settings = self.settings
        if not settings.enabled:
            return
        now = self._clock.now()
        window, most = (self._paid, settings.paid) if paid else (self._overall, settings.overall)
        wait = self._window_wait(window, most, 1.0, now)
        private = chat.kind == "private"
        tokens = 0.0
        group: deque[float] | None = None
        if private:
            tokens, at = self._buckets.get(chat.id, (float(settings.private_burst), now))
            tokens = min(float(settings.private_burst), tokens + now - at)
            if tokens < 1.0 - _TOLERANCE:
                wait = max(wait, 1.0 - tokens)
        else:
            group = self._groups.setdefault(chat.id, deque())
            wait = max(wait, self._window_wait(group, settings.group_per_minute, 60.0, now))
        if wait > 0:
            raise too_many(self._clock.real_seconds(wait))
        window.append(now)
        if private:
            self._buckets[chat.id] = (tokens - 1.0, now)
            if len(self._buckets) > 50_000:
                self._forget_full_buckets(now)
        elif group is not None:
            group.append(now)

    @staticmethod
    def _window_wait(window: deque[float], most: int, seconds: float, now: float) -> float:
        while window and now - window[0] >= seconds - _TOLERANCE:
            window.popleft()
        return window[0] + seconds - now if len(window) >= most else 0.0

    def _forget_full_buckets(self, now: float) -> None:
        burst = self.settings.private_burst
        self._buckets = {k: v for k, v in self._buckets.items() if v[0] + now - v[1] < burst}
