"""The scene of one decision, and what comes of it. Shared by conversation, intake and wishes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.answers import Screens
from bot.deployment import Deployment
from bot.i18n import TOKYO, Strings
from bot.incoming import Incoming, Kind
from bot.outgoing import Outgoing
from storage.models import Chat, Lane
from storage.sealing import Sealer

FOLLOW_UP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that deciding about one incoming thing may look at."""

    session: AsyncSession
    chat: Chat
    incoming: Incoming
    screens: Screens
    deployment: Deployment
    sealer: Sealer
    now: datetime

    @property
    def words(self) -> Strings:
        """The interface strings of the chat's locale."""
        return self.screens.words(self.chat.locale)

    @property
    def recent_intent(self) -> str | None:
        """The intent that was answered a few minutes ago: what "talk to staff" is probably about."""
        answered_at = self.chat.last_intent_at
        return self.chat.last_intent if answered_at and self.now - answered_at <= FOLLOW_UP else None

    def tapping(self, data: str) -> Scene:
        """Return the scene as if a button with this meaning had been tapped."""
        return replace(self, incoming=replace(self.incoming, kind=Kind.BUTTON, data=data, message_id=None))

    @property
    def today(self) -> date:
        """The day in Japan."""
        return self.now.astimezone(TOKYO).date()


@dataclass(frozen=True, slots=True)
class Response:
    """What to send, in order, and the short text shown over the button that was pressed."""

    messages: tuple[tuple[Lane, Outgoing], ...] = ()
    toast: str | None = None

    @classmethod
    def say(cls, *messages: Outgoing, toast: str | None = None) -> Response:
        """Answer with messages."""
        return cls(tuple((Lane.ANSWER, message) for message in messages), toast)

    def and_say(self, message: Outgoing) -> Response:
        """Return the same response with one message more."""
        return replace(self, messages=(*self.messages, (Lane.ANSWER, message)))
