"""Methods about chats: what they are, who is in them, pins and forum topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.simulator.errors import CHAT_NOT_FOUND, THREAD_NOT_FOUND, ApiError, bad_request
from bot.simulator.models import CHANNEL_RIGHTS, Chat, Json
from bot.simulator.params import Params
from bot.simulator.state import State

_MAX_TOPIC_NAME = 128
_ICON_COLOUR = 7322096
_NO_GIFTS = {
    "unlimited_gifts": False,
    "limited_gifts": False,
    "unique_gifts": False,
    "premium_subscription": False,
    "gifts_from_channels": False,
}


def get_chat(state: State, params: Params) -> Json:
    """getChat."""
    chat = state.chat(params.chat_id())
    if chat.kind == "channel" and chat.rights is None and not chat.username:
        raise ApiError(400, CHAT_NOT_FOUND)  # a private channel that the bot was never added to
    full = chat.as_chat() | {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}
    if chat.pinned in chat.messages:
        full["pinned_message"] = chat.messages[chat.pinned]
    return full


def get_chat_member(state: State, params: Params) -> Json:
    """getChatMember."""
    chat = state.chat(params.chat_id())
    user_id = params.integer("user_id")
    if user_id == state.bot_id:
        kicked = chat.status in ("kicked", "blocked")
        if chat.kind == "channel" and not kicked:
            return _in_channel(state, chat)
        member: Json = {"user": state.bot_user(), "status": "kicked" if kicked else "member"}
        return member | ({"until_date": 0} if kicked else {})
    if chat.resident is not None and chat.resident.id == user_id:
        return {"user": chat.resident.as_user(), "status": "member"}
    if user_id in chat.members:
        return {"user": chat.members[user_id].as_user(), "status": "member"}
    if user_id in state.residents and chat.kind != "private":
        return {"user": state.residents[user_id].as_user(), "status": "left"}
    raise bad_request("user not found")


def _in_channel(state: State, chat: Chat) -> Json:
    """Return the bot as a member of a channel: its administrator, or nobody."""
    if chat.rights is None:
        return {"user": state.bot_user(), "status": "left"}
    return {"user": state.bot_user(), "status": "administrator"} | {
        right: right in chat.rights for right in sorted(CHANNEL_RIGHTS)
    }


def get_chat_member_count(state: State, params: Params) -> int:
    """getChatMemberCount."""
    chat = state.chat(params.chat_id())
    return 2 if chat.kind == "private" else len(chat.members) + 1


def leave_chat(state: State, params: Params) -> bool:
    """leaveChat."""
    chat = state.writable_chat(params.chat_id())
    if chat.kind == "private":
        raise bad_request("chat member status can't be changed in private chats")
    chat.status = "kicked"
    return True


def pin_chat_message(state: State, params: Params) -> bool:
    """pinChatMessage."""
    chat = state.writable_chat(params.chat_id())
    message = state.message(chat, params.integer("message_id"), "Bad Request: message to pin not found")
    chat.pinned = message["message_id"]
    state.emit("pinned", chat.id, message_id=chat.pinned)
    return True


def unpin_chat_message(state: State, params: Params) -> bool:
    """unpinChatMessage."""
    chat = state.writable_chat(params.chat_id())
    if chat.pinned is None:
        raise bad_request("message to unpin not found")
    chat.pinned = None
    state.emit("pinned", chat.id, message_id=None)
    return True


def create_forum_topic(state: State, params: Params) -> Json:
    """createForumTopic."""
    chat = state.writable_chat(params.chat_id())
    if not chat.is_forum:
        raise bad_request("the chat is not a forum")
    name = params.text("name").strip()
    if not 1 <= len(name) <= _MAX_TOPIC_NAME:
        raise bad_request("TOPIC_TITLE_EMPTY" if not name else "topic name is too long")
    thread_id = state.next_message_id(chat)
    message = {
        "message_id": thread_id,
        "from": state.bot_user(),
        "chat": chat.as_chat(),
        "date": int(state.clock.now()),
        "forum_topic_created": {"name": name, "icon_color": _ICON_COLOUR},
    }
    chat.topics[thread_id] = {"name": name, "closed": False}
    state.store(chat, message)
    return {"message_thread_id": thread_id, "name": name, "icon_color": _ICON_COLOUR}


def _set_closed(closed: bool) -> Callable[[State, Params], bool]:
    def change(state: State, params: Params) -> bool:
        chat: Chat = state.writable_chat(params.chat_id())
        topic = chat.topics.get(params.integer("message_thread_id"))
        if topic is None:
            raise ApiError(400, THREAD_NOT_FOUND)
        if topic["closed"] == closed:
            raise bad_request("TOPIC_NOT_MODIFIED")
        topic["closed"] = closed
        return True

    return change


METHODS: dict[str, Callable[[State, Params], Any]] = {
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getChatMemberCount": get_chat_member_count,
    "leaveChat": leave_chat,
    "pinChatMessage": pin_chat_message,
    "unpinChatMessage": unpin_chat_message,
    "createForumTopic": create_forum_topic,
    "closeForumTopic": _set_closed(True),
    "reopenForumTopic": _set_closed(False),
}
