"""What came of a notice, in numbers that add up; and the same, followed in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from storage.models import DeliveryStatus


@dataclass(frozen=True, slots=True)
class NoticeResult:
    """The result in five numbers that add up: queued = sent + failed + skipped + unknown + waiting."""

    queued: int
    sent: int
    failed: int
    skipped: int
    unknown: int
    waiting: int

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> NoticeResult:
        """Return the numbers of counts by status. Cancelled counts as skipped, on its way counts as waiting."""

        def together(*statuses: DeliveryStatus) -> int:
            return sum(counts.get(status, 0) for status in statuses)

        return cls(
            sum(counts.values()), together(DeliveryStatus.SENT), together(DeliveryStatus.FAILED),
            together(DeliveryStatus.SKIPPED, DeliveryStatus.CANCELLED), together(DeliveryStatus.UNKNOWN),
            together(DeliveryStatus.QUEUED, DeliveryStatus.SENDING),
        )
