"""From Telegram's updates to plain values: what of an update is kept while it waits, and what it means.

An update is reduced before it is stored: no name, handle, phone number, quoted or forwarded author gets even into the
sealed inbox. Everything here may come from anybody, so every field is checked before it is used.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from telegram import Bot, CallbackQuery, ChatMemberUpdated, Message, Update

from bot.incoming import Incoming, Kind
from intents import danger

log = logging.getLogger(__name__)

RawUpdate = Mapping[str, Any]

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
MAX_TEXT = 4096
URGENT = "urgent"  # our own mark in a stored update: its words ask for help
_MAX_ID = 2**63
_COMMAND = re.compile(r"/(\w{1,32})(?:@\w+)?(?:\s+(.*))?", re.ASCII | re.DOTALL)
_GONE = frozenset({"kicked", "left", "banned"})

# Files: what is kept of each kind is what fetching it needs and what the library insists on.
_FILE_FIELDS = ("file_id", "file_unique_id", "width", "height", "duration", "length", "is_animated", "is_video", "type")
_FILES = (
    ("voice", Kind.VOICE), ("audio", Kind.VOICE), ("document", Kind.DOCUMENT), ("video", Kind.DOCUMENT),
    ("sticker", Kind.STICKER),
)
# What a person can send and we do not keep. Anything else without words is Telegram telling of itself: no answer.
_OTHER = (
    "animation", "checklist", "contact", "dice", "game", "invoice", "paid_media", "poll", "story", "video_note",
    "other",  # our own mark for one of these
)


def update_id_of(raw: Any) -> int | None:
    """Return the id of an update; None when this is no update."""
    return _whole(raw.get("update_id")) if isinstance(raw, Mapping) else None


def chat_of(raw: RawUpdate) -> Mapping[str, Any] | None:
    """Return the chat of an update, as Telegram describes it; None when it has none or is of a kind we do not take."""
    for kind in ALLOWED_UPDATES:
        content = raw.get(kind)
        if not isinstance(content, Mapping):
            continue
        if kind == "callback_query":
            message = content.get("message")
            if not isinstance(message, Mapping):  # the button of a message that Telegram no longer shows us
                sender = content.get("from")
                return {"id": sender.get("id"), "type": "private"} if isinstance(sender, Mapping) else None
            content = message
        chat = content.get("chat")
        return chat if isinstance(chat, Mapping) and _whole(chat.get("id")) is not None else None
    return None


def slim(raw: RawUpdate) -> dict[str, Any] | None:
    """Return what is kept of an update of a private chat; None when it is not one or nobody waits for an answer."""
    update_id, chat = update_id_of(raw), chat_of(raw)
    if update_id is None or update_id < 0 or chat is None or chat.get("type") != "private":
        return None
    chat_id = _whole(chat.get("id"))
    if chat_id is None:
        return None
    for kind in ALLOWED_UPDATES:
        content = raw.get(kind)
        if isinstance(content, Mapping):
            kept = _KEEP[kind](content, chat_id)
            return None if kept is None else {"update_id": update_id, kind: kept}
    return None


def is_urgent(update: RawUpdate) -> bool:
    """Tell whether the words of an update, or its button, ask for a danger card. Words only, and cheap."""
    button = update.get("callback_query")
    if button is not None:
        return str(button.get("data", "")).startswith("sos")
    for kind in ("message", "edited_message"):
        if (message := update.get(kind)) is not None:
            text = message.get("text") or message.get("caption") or ""
            return bool(text) and sounds_urgent(text)
    return False


def sounds_urgent(text: str) -> bool:
    """Tell whether words raise a danger card for certain."""
    try:
        return danger.assess(text).firm is not None
    except Exception:
        log.exception("the danger rules failed on a text of %d characters", len(text))
        return False


def to_incoming(raw: RawUpdate, bot: Bot | None = None) -> Incoming | None:
    """Return what a resident did, as plain values; None when the update is not one of ours or cannot be read.

    raw: as it came from Telegram, or as `slim` keeps it.
    """
    slimmed = slim(raw) if isinstance(raw, Mapping) else None
    if slimmed is None:
        return None
    try:
        update = Update.de_json(slimmed, bot)
        if update.message is not None:
            return _of_message(update.update_id, update.message, is_other="other" in slimmed["message"])
        if update.edited_message is not None:
            return _of_edit(update.update_id, update.edited_message)
        if update.callback_query is not None:
            return _of_button(update.update_id, update.callback_query)
        if update.my_chat_member is not None:
            return _of_membership(update.update_id, update.my_chat_member)
    except Exception as error:  # the library's reader raises whatever the data leads it to
        log.warning("an update cannot be read (%s)", type(error).__name__, extra={"update_id": slimmed["update_id"]})
    return None


def _of_message(update_id: int, message: Message, *, is_other: bool) -> Incoming | None:
    language = message.from_user.language_code if message.from_user else None
    text = message.text or message.caption or ""

    def incoming(kind: Kind, **more: Any) -> Incoming:
        return Incoming(
            update_id, message.chat.id, kind, message_id=message.message_id, language_code=language,
            **({"text": text} | more),
        )

    if message.text:
        if (command := _COMMAND.fullmatch(text)) and not _is_a_cry(command[2]):
            return incoming(Kind.COMMAND, text=" ".join(part for part in command.groups() if part))
        return incoming(Kind.TEXT)
    if message.photo:
        return incoming(Kind.PHOTO, file_id=message.photo[-1].file_id)
    if message.location:
        return incoming(Kind.LOCATION, place=(message.location.latitude, message.location.longitude))
    for name, kind in _FILES:
        if (file := getattr(message, name)) is not None:
            return incoming(kind, file_id=file.file_id)
    return incoming(Kind.OTHER) if is_other or text else None


def _is_a_cry(words: str | None) -> bool:
    """Tell whether what follows a command is a call for help: then it is read as words, not as a command."""
    return bool(words) and sounds_urgent(words or "")


def _of_edit(update_id: int, message: Message) -> Incoming | None:
    text = message.text or message.caption
    if not text:  # a moving location, a poll that was answered: nothing new was said
        return None
    language = message.from_user.language_code if message.from_user else None
    return Incoming(
        update_id, message.chat.id, Kind.EDIT, message_id=message.message_id, text=text, language_code=language
    )


def _of_button(update_id: int, query: CallbackQuery) -> Incoming:
    message = query.message
    return Incoming(
        update_id, message.chat.id if message else query.from_user.id, Kind.BUTTON,
        message_id=message.message_id if message else None, data=query.data or "", callback_id=query.id,
        language_code=query.from_user.language_code,
    )


def _of_membership(update_id: int, change: ChatMemberUpdated) -> Incoming:
    kind = Kind.BLOCKED if change.new_chat_member.status in _GONE else Kind.UNBLOCKED
    return Incoming(update_id, change.chat.id, kind, language_code=change.from_user.language_code)


# What is kept of each kind of update


def _keep_message(message: RawUpdate, chat_id: int) -> dict[str, Any] | None:
    message_id = _whole(message.get("message_id"))
    if message_id is None:
        return None
    kept: dict[str, Any] = {
        "message_id": message_id, "date": 0, "chat": _private(chat_id), "from": _person(message.get("from"), chat_id),
    }
    for name in ("text", "caption"):
        if isinstance(text := message.get(name), str) and text:
            kept[name] = text[:MAX_TEXT]
    if photo := _largest(message.get("photo")):
        kept["photo"] = [photo]
    for name, _kind in _FILES:
        if file := _file(message.get(name)):
            kept[name] = file
    if place := _place(message.get("location")):
        kept["location"] = place
    if any(name in message for name in _OTHER):
        kept["other"] = True
    return kept if len(kept) > 4 else None


def _keep_button(query: RawUpdate, chat_id: int) -> dict[str, Any] | None:
    if not isinstance(query.get("id"), str):
        return None
    kept: dict[str, Any] = {"id": query["id"][:64], "from": _person(query.get("from"), chat_id), "chat_instance": ""}
    if isinstance(data := query.get("data"), str):
        kept["data"] = data[:64]
    message = query.get("message")
    if isinstance(message, Mapping) and (message_id := _whole(message.get("message_id"))) is not None:
        kept["message"] = {"message_id": message_id, "date": 0, "chat": _private(chat_id)}
    return kept


def _keep_membership(change: RawUpdate, chat_id: int) -> dict[str, Any] | None:
    member = change.get("new_chat_member")
    status = member.get("status") if isinstance(member, Mapping) else None
    if not isinstance(status, str):
        return None
    person = _person(change.get("from"), chat_id)
    new: dict[str, Any] = {"user": person, "status": "member"}
    if status in _GONE:
        new |= {"status": "kicked", "until_date": 0}
    return {
        "chat": _private(chat_id), "from": person, "date": 0,
        "old_chat_member": {"user": person, "status": "member"}, "new_chat_member": new,
    }


_KEEP = {
    "message": _keep_message, "edited_message": _keep_message, "callback_query": _keep_button,
    "my_chat_member": _keep_membership,
}


def _private(chat_id: int) -> dict[str, Any]:
    return {"id": chat_id, "type": "private"}


def _person(raw: Any, chat_id: int) -> dict[str, Any]:
    """Return a person without a name. In a private chat the chat's id is the person's."""
    person: dict[str, Any] = {"id": chat_id, "is_bot": False, "first_name": ""}
    language = raw.get("language_code") if isinstance(raw, Mapping) else None
    if isinstance(language, str) and language:
        person["language_code"] = language[:35]
    return person


def _largest(raw: Any) -> dict[str, Any] | None:
    """Return the last size of a photo, which is the largest."""
    return _file(raw[-1]) if isinstance(raw, Sequence) and not isinstance(raw, str) and raw else None


def _file(raw: Any) -> dict[str, Any] | None:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("file_id"), str):
        return None
    return {name: raw[name] for name in _FILE_FIELDS if isinstance(raw.get(name), (str, int))}


def _place(raw: Any) -> dict[str, float] | None:
    if not isinstance(raw, Mapping):
        return None
    place = {name: raw.get(name) for name in ("latitude", "longitude")}
    if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in place.values()):
        return None
    latitude, longitude = float(place["latitude"] or 0), float(place["longitude"] or 0)
    return {"latitude": latitude, "longitude": longitude} if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _whole(value: Any) -> int | None:
    """Return a whole number that fits the database; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MAX_ID else None
