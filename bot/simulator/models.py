"""What the simulator is made of: its settings, its people and chats, and the record of each call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

CHANNEL_RIGHTS = frozenset({"can_post_messages", "can_edit_messages", "can_delete_messages"})
DEFAULT_TOKEN = "123456:simulator-token"  # noqa: S105 - the simulator has no secret


@dataclass(frozen=True)
class LimitSettings:
    """How much Telegram lets a bot send; virtual time.

    enabled: off lets everything through.
    overall: messages in any sliding second.
    paid: the same with `allow_paid_broadcast`.
    private_burst: messages to one private chat before one a second applies.
    group_per_minute: messages to one group in any sliding minute.
    Source: Bots FAQ and the Bot API page on paid broadcasts, read 2026-11-22; the burst of 3 is our reading of
    "short bursts".
    """

    enabled: bool = True
    overall: int = 30
    paid: int = 1000
    private_burst: int = 3
    group_per_minute: int = 20


@dataclass(frozen=True)
class Config:
    """How a simulator starts.

    tokens: the bot tokens it knows; the first is the one the phone page shows.
    limits: sending limits.
    time_scale: virtual seconds per real second.
    keep_calls: how many calls the log remembers; the oldest go first, 0 keeps none.
    keep_messages: how many messages each chat remembers.
    keep_bytes: how many bytes of files are held in memory.
    open_chats: True lets the bot write to any positive chat id, as if everyone had started it.
    callback_lifetime: seconds during which a tap can be answered.
    seed: makes update ids, file ids and back-off repeatable.
    """

    tokens: Sequence[str] = (DEFAULT_TOKEN,)
    bot_name: str = "交番 Koban"
    bot_username: str = "koban_demo_bot"
    limits: LimitSettings = field(default_factory=LimitSettings)
    time_scale: float = 1.0
    keep_calls: int = 10_000
    keep_messages: int = 500
    keep_bytes: int = 256 * 1024 * 1024
    open_chats: bool = False
    callback_lifetime: float = 60.0
    seed: int | None = None


@dataclass
class Resident:
    """A person with a phone.

    language_code: what their app reports, for example `vi` or `zh-hans`; None for old apps.
    """

    id: int
    first_name: str
    language_code: str | None = None
    last_name: str | None = None
    username: str | None = None

    def as_user(self) -> Json:
        """Return the Bot API's User."""
        user: Json = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        for name in ("last_name", "username", "language_code"):
            if (value := getattr(self, name)) is not None:
                user[name] = value
        return user


@dataclass
class Chat:
    """One chat as the server knows it.

    kind: private, group, supergroup or channel.
    username: the public name of a group or channel, without @.
    language: the BCP 47 tag of what a channel writes, for the page; Telegram knows no such thing.
    rights: what the bot may do as an administrator of a channel; None when it is no administrator of it.
    status: open, not_started, blocked, deactivated or kicked.
    messages: message id → Bot API Message, oldest first.
    keyboard: the reply keyboard now shown, or None.
    topics: thread id → {"name", "closed"}; a forum when is_forum.
    """

    id: int
    kind: str = "private"
    title: str = ""
    status: str = "open"
    resident: Resident | None = None
    messages: dict[int, Json] = field(default_factory=dict)
    keyboard: Json | None = None
    pinned: int | None = None
    is_forum: bool = False
    topics: dict[int, Json] = field(default_factory=dict)
    migrated_to: int | None = None
    members: dict[int, Resident] = field(default_factory=dict)
    reactions: dict[int, list[Json]] = field(default_factory=dict)
    username: str = ""
    rights: frozenset[str] | None = CHANNEL_RIGHTS
    language: str | None = None

    def as_chat(self) -> Json:
        """Return the Bot API's Chat."""
        if self.resident is not None:
            user = self.resident.as_user()
            return {"id": self.id, "type": "private"} | {
                k: user[k] for k in ("first_name", "last_name", "username") if k in user
            }
        if self.kind == "private":
            return {"id": self.id, "type": "private", "first_name": f"Resident {self.id}"}
        chat: Json = {"id": self.id, "type": self.kind, "title": self.title}
        if self.username:
            chat["username"] = self.username
        if self.is_forum:
            chat["is_forum"] = True
        return chat


@dataclass(frozen=True)
class ChatRule:
    """Gives every chat id with `id % modulo == remainder` a status, for example one in ten blocked."""

    modulo: int
    remainder: int
    status: str


@dataclass
class CallbackQuery:
    """A tap waiting for its answer. answer: what the bot answered, or None."""

    id: str
    resident_id: int
    chat_id: int
    message_id: int
    data: str
    at: float
    answer: Json | None = None


@dataclass(frozen=True)
class Call:
    """One call of the bot. status: HTTP status, 0 for a closed socket; params hold no file contents."""

    id: int
    at: float
    method: str
    params: Json
    status: int
    chat_id: int | None
    description: str | None
    message_id: int | None
    fault: str | None

    def as_json(self) -> Json:
        """Return it for the control side."""
        return dict(self.__dict__)
