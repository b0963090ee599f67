"""What a resident does with the phone: write, send, edit, tap, block. Each becomes an update for the bot."""

from __future__ import annotations

from typing import Any

from bot.simulator.entities import format_text
from bot.simulator.errors import SimulatorError
from bot.simulator.files import StoredFile, describe
from bot.simulator.formatted_text import utf16_length
from bot.simulator.models import CallbackQuery, Chat, Json, Resident
from bot.simulator.state import State

_MAX_TEXT = 4096


def _refuse(words: str) -> SimulatorError:
    return SimulatorError(400, f"Bad Request: {words}")


def _who(state: State, resident_id: int, chat_id: int | None) -> tuple[Resident, Chat]:
    resident = state.residents.get(resident_id)
    if resident is None:
        raise _refuse("no such resident")
    chat = state.chats.get(resident_id if chat_id is None else chat_id)
    if chat is None:
        raise _refuse("no such chat")
    if chat.status in ("blocked", "deactivated"):
        raise _refuse("this resident has blocked the bot or left Telegram")
    chat.members.setdefault(resident_id, resident) if chat.id < 0 else None
    return resident, chat


def _write(state: State, resident_id: int, chat_id: int | None, reply_to: int | None, content: Json) -> Json:
    resident, chat = _who(state, resident_id, chat_id)
    if chat.status == "not_started":
        chat.status = "open"
    message: Json = {
        "message_id": state.next_message_id(chat),
        "from": resident.as_user(),
        "chat": chat.as_chat(),
        "date": int(state.clock.now()),
    }
    if reply_to is not None and reply_to in chat.messages:
        message["reply_to_message"] = {k: v for k, v in chat.messages[reply_to].items() if k != "reply_to_message"}
    message |= content
    state.store(chat, message)
    state.updates.add("message", message, queue=chat.id, message_key=(chat.id, message["message_id"]))
    return message


def send_text(
    state: State, resident_id: int, text: str, *, chat_id: int | None = None, reply_to: int | None = None
) -> Json:
    """Write a text or a command; returns the Message. chat_id: a group in place of the private chat."""
    found = format_text(text, None, None)
    if not found.text:
        raise _refuse("a message needs words")
    if utf16_length(found.text) > _MAX_TEXT:
        raise _refuse("the phone would cut a text of more than 4096 characters")
    content: Json = {"text": found.text}
    if found.entities:
        content["entities"] = found.entities
    return _write(state, resident_id, chat_id, reply_to, content)


def send_file(
    state: State, resident_id: int, stored: StoredFile, *, caption: str = "", chat_id: int | None = None
) -> Json:
    """Send a stored photo, document, voice message or sticker; returns the Message."""
    content = describe(stored)
    if stored.kind == "sticker":
        content["sticker"]["emoji"] = "🙏"
    found = format_text(caption, None, None)
    if found.text and stored.kind != "sticker":
        content["caption"] = found.text
        if found.entities:
            content["caption_entities"] = found.entities
    return _write(state, resident_id, chat_id, None, content)


def send_location(state: State, resident_id: int, latitude: float, longitude: float) -> Json:
    """Send a place on the map; returns the Message."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise _refuse("a location is -90–90 and -180–180 degrees")
    return _write(state, resident_id, None, None, {"location": {"latitude": latitude, "longitude": longitude}})


def send_contact(state: State, resident_id: int, phone_number: str, first_name: str, *, own: bool = True) -> Json:
    """Send a phone number; returns the Message. own: their own number, which carries their user id."""
    contact: Json = {"phone_number": phone_number, "first_name": first_name}
    if own:
        contact["user_id"] = resident_id
    return _write(state, resident_id, None, None, {"contact": contact})


def edit_text(state: State, resident_id: int, message_id: int, text: str, *, chat_id: int | None = None) -> Json:
    """Change one of their own messages (its caption when it has no text); returns the new Message."""
    _, chat = _who(state, resident_id, chat_id)
    old = chat.messages.get(message_id)
    if old is None or old.get("from", {}).get("id") != resident_id:
        raise _refuse("only one's own message can be edited")
    field = "text" if "text" in old else "caption"
    found = format_text(text, None, None)
    if not found.text or utf16_length(found.text) > _MAX_TEXT:
        raise _refuse("an edited message needs 1 to 4096 characters")
    message = {k: v for k, v in old.items() if k not in ("entities", "caption_entities")}
    message |= {field: found.text, "edit_date": int(state.clock.now())}
    if found.entities:
        message["entities" if field == "text" else "caption_entities"] = found.entities
    chat.messages[message_id] = message
    state.emit("edited", chat.id, message=message)
    state.updates.add("edited_message", message, queue=chat.id)
    return message


def delete_message(state: State, resident_id: int, message_id: int) -> None:
    """Delete a message for both sides; Telegram does not tell the bot."""
    _, chat = _who(state, resident_id, None)
    if chat.messages.pop(message_id, None) is None:
        raise _refuse("no such message")
    state.emit("deleted", chat.id, message_ids=[message_id])


def tap(
    state: State,
    resident_id: int,
    *,
    data: str | None = None,
    text: str | None = None,
    message_id: int | None = None,
    chat_id: int | None = None,
) -> CallbackQuery:
    """Tap an inline button; returns the CallbackQuery, whose `answer` is filled when the bot answers.

    data, text: which button, by its callback_data or by its words.
    message_id: in which message; the newest that has such a button when None.
    """
    resident, chat = _who(state, resident_id, chat_id)
    candidates = list(chat.messages.values())[::-1] if message_id is None else [chat.messages.get(message_id, {})]
    for message in candidates:
        for row in message.get("reply_markup", {}).get("inline_keyboard", []):
            for button in row:
                if "callback_data" not in button:
                    continue
                if button["callback_data"] == data or (data is None and button["text"] == text):
                    return _tap(state, resident, chat, message, button["callback_data"])
    raise _refuse("no such button")


def _tap(state: State, resident: Resident, chat: Chat, message: Json, data: str) -> CallbackQuery:
    query = CallbackQuery(
        id=str(state.rng.getrandbits(62)),
        resident_id=resident.id,
        chat_id=chat.id,
        message_id=message["message_id"],
        data=data,
        at=state.clock.now(),
    )
    state.remember_query(query)
    content: Json = {
        "id": query.id,
        "from": resident.as_user(),
        "message": message,
        "chat_instance": str(abs(chat.id) * 7919),
        "data": data,
    }
    state.updates.add("callback_query", content, queue=chat.id)
    return query


def set_blocked(state: State, chat_id: int, blocked: bool) -> None:
    """Block or unblock the bot in a private chat; the bot gets my_chat_member."""
    chat = state.chats.get(chat_id)
    if chat is None or chat.resident is None:
        raise _refuse("no such resident")
    status = "blocked" if blocked else "open"
    if chat.status == status:
        return
    chat.status = status
    _member_update(state, chat, chat.resident, "kicked" if blocked else "member")
    state.emit("status", chat_id, status=status)


def deactivate(state: State, chat_id: int) -> None:
    """Delete the resident's Telegram account; the bot is not told."""
    chat = state.chats.get(chat_id)
    if chat is None:
        raise _refuse("no such chat")
    chat.status = "deactivated"
    state.emit("status", chat_id, status=chat.status)


def kick(state: State, chat_id: int) -> None:
    """Remove the bot from a group."""
    chat = state.chats.get(chat_id)
    if chat is None or chat.id > 0:
        raise _refuse("no such group")
    chat.status = "kicked"
    by = next(iter(chat.members.values()), Resident(1, "Owner"))
    _member_update(state, chat, by, "kicked")
    state.emit("status", chat_id, status=chat.status)


def _member_update(state: State, chat: Chat, by: Resident, status: str) -> None:
    user = state.bot_user()

    def member(name: str) -> dict[str, Any]:
        return {"user": user, "status": name} | ({"until_date": 0} if name == "kicked" else {})

    old = "member" if status == "kicked" else "kicked"
    content = {
        "chat": chat.as_chat(),
        "from": by.as_user(),
        "date": int(state.clock.now()),
        "old_chat_member": member(old),
        "new_chat_member": member(status),
    }
    state.updates.add("my_chat_member", content, queue=chat.id)
