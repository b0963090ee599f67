"""What every step of a notice is held to: who may do it, at what hour it may arrive, how long sending takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.deployment import Deployment
from bot.duty import QuietHours
from bot.errors import WrongState
from storage.models import Notice, NoticeStatus, Role, Staff

# Above this many messages a second notices are marked as paid, and each costs a tenth of a Telegram Star; the two
# texts differ on whether the first 30 of a second do, so the estimate counts all.
# Source: Bot API, sendMessage.allow_paid_broadcast; Bots FAQ, "Paid broadcasts" (2026-11-22)
FREE_RATE = 30
MESSAGES_A_STAR = 10
EDITORS = frozenset({Role.PUBLISHER, Role.PROMOTION_OFFICE})
APPROVERS = frozenset({Role.APPROVER, Role.ADMINISTRATOR})
RUNNERS = EDITORS | APPROVERS


@dataclass(frozen=True, slots=True)
class NoticeLimits:
    """What the deployment and the settings say about sending.

    tags: the locales that residents can choose.
    rate: messages a second at most, over all chats.
    is_paid: the operator chose Telegram's paid rate.
    """

    tags: tuple[str, ...]
    quiet: QuietHours | None
    rate: int
    is_paid: bool = False

    @classmethod
    def of(cls, deployment: Deployment, tags: Sequence[str], *, telegram_rate: int) -> NoticeLimits:
        """Return the limits; the lower of the two rates counts."""
        return cls(
            tuple(tags), deployment.notice.quiet, min(deployment.notice.rate, telegram_rate), telegram_rate > FREE_RATE
        )

    def is_quiet(self, at: datetime) -> bool:
        """Tell whether a notice would arrive in the quiet hours."""
        return self.quiet is not None and self.quiet.is_quiet(at)

    def duration(self, n_recipients: int) -> timedelta:
        """Return how long sending to so many takes at this rate, in whole seconds, at least one."""
        return timedelta(seconds=max(1, -(-n_recipients // self.rate)))

    def stars(self, n_recipients: int) -> int:
        """Return how many Telegram Stars sending to so many costs at most; 0 at the free rate."""
        return -(-n_recipients // MESSAGES_A_STAR) if self.is_paid else 0


def require_role(person: Staff, roles: Collection[Role]) -> None:
    """Raise WrongState unless this account is in use and its role is one of these."""
    if person.disabled_at is not None or person.role not in roles:
        raise WrongState("Your role may not do this with a notice.")


def require_state(notice: Notice, states: Sequence[NoticeStatus]) -> None:
    """Raise WrongState unless the notice is in one of these states."""
    if notice.status not in states:
        raise WrongState("The notice is not in a state in which this can be done.")


def lacking(notice: Notice, tags: Iterable[str], have: Collection[str]) -> list[str]:
    """Return the languages of the audience without a text, when the notice is to be held for them.

    tags: the locales that residents can choose; have: those with a text.
    """
    if notice.missing != "hold":
        return []
    wanted = tuple(notice.audience.get("locales", ())) or tags
    return [tag for tag in wanted if tag not in have]


def require_loud_hours(notice: Notice, limits: NoticeLimits, at: datetime) -> None:
    """Raise WrongState when the notice would arrive in the quiet hours and no second person allowed it."""
    if limits.is_quiet(at) and notice.quiet_allowed_by_id is None:
        assert limits.quiet is not None
        raise WrongState(
            "No notice is sent from {start} to {end}. Choose another time, or ask a second person to allow it.",
            start=f"{limits.quiet.starts:%H:%M}", end=f"{limits.quiet.ends:%H:%M}",
        )
