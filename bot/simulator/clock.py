"""A clock that can be hurried: back-off, expiry and limits follow it, so that a test need not wait."""

from __future__ import annotations

import asyncio
import math
import time


class Clock:
    """Virtual time: the real clock, times a scale, plus whatever was advanced.

    scale: virtual seconds per real second; 1.0 is real time.
    start: unix seconds at which virtual time begins; the real time when None.
    """

    def __init__(self, scale: float = 1.0, start: float | None = None) -> None:
        self._real = time.monotonic()
        self._virtual = time.time() if start is None else start
        self._scale = scale
        self._sleepers: set[asyncio.Event] = set()

    @property
    def scale(self) -> float:
        """Virtual seconds per real second."""
        return self._scale

    def now(self) -> float:
        """Return virtual unix seconds."""
        return self._virtual + (time.monotonic() - self._real) * self._scale

    def set_scale(self, scale: float) -> None:
        """Let virtual time run `scale` times as fast as real time from now on; it must be above zero."""
        if not (math.isfinite(scale) and scale > 0):
            raise ValueError("the scale of a clock is a number above zero")
        self._virtual, self._real = self.now(), time.monotonic()
        self._scale = scale
        self._wake()

    def advance(self, seconds: float) -> None:
        """Jump forward; sleepers whose time has come wake at once. seconds: virtual, not negative."""
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError("a clock only goes forward")
        self._virtual += seconds
        self._wake()

    def real_seconds(self, virtual: float) -> int:
        """Return how many whole real seconds a client must wait for `virtual` seconds to pass, at least 1."""
        return max(1, math.ceil(virtual / self._scale - 1e-6))

    async def sleep_until(self, deadline: float) -> None:
        """Sleep until virtual time reaches `deadline` (unix seconds)."""
        while (left := deadline - self.now()) > 0:
            changed = asyncio.Event()
            self._sleepers.add(changed)
            try:
                async with asyncio.timeout(left / self._scale):
                    await changed.wait()
            except TimeoutError:
                pass
            finally:
                self._sleepers.discard(changed)

    async def sleep(self, seconds: float) -> None:
        """Sleep for `seconds` of virtual time."""
        await self.sleep_until(self.now() + seconds)

    def _wake(self) -> None:
        for event in self._sleepers:
            event.set()
