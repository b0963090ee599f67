"""From Telegram's updates to plain values: what of an update is kept while it waits, and what it means.

An update is reduced before it is stored: no name, handle, phone number, quoted or forwarded author gets even into the
sealed inbox. Everything here may come from anybody, so every field is checked before it is used.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.incoming import Incoming, Kind
from intents import danger

log = logging.getLogger(__name__)

RawUpdate = Mapping[str, Any]

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
MAX_TEXT = 4096
URGENT = "urgent"  # our own mark in a stored update: its words ask for help
CALM = "calm"  # and this one: they hold no phrase of danger at all
_MAX_ID = 2**63
_COMMAND = re.compile(r"/(\w{1,32})(?:@\w+)?(?:\s+(.*))?", re.ASCII | re.DOTALL)
_GONE = frozenset({"kicked", "left", "banned"})

_FILES = (
    ("photo", Kind.PHOTO), ("voice", Kind.VOICE), ("audio", Kind.VOICE), ("document", Kind.DOCUMENT),
    ("video", Kind.DOCUMENT), ("sticker", Kind.STICKER),
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


def message_id_of(update: RawUpdate) -> int | None:
    """Return the id of the message that a kept update brings; None for a button or an edit, which bring none."""
    message = update.get("message")
    return _whole(message.get("message_id")) if isinstance(message, Mapping) else None


def marks_of(update: RawUpdate) -> dict[str, bool]:
    """Return whether the words of an update, or its button, ask for a danger card, and whether they are surely calm."""
    button = update.get("callback_query")
    if button is not None:
        return {URGENT: str(button.get("data", "")).startswith("sos"), CALM: False}
    for kind in ("message", "edited_message"):
        if (message := update.get(kind)) is not None and (text := message.get("text") or message.get("caption")):
            found = listen(text)
            return {URGENT: found is not None and found.firm is not None, CALM: found == danger.Assessment()}
    return {URGENT: False, CALM: False}


def asks_for_help(incoming: Incoming) -> bool:
    """Tell of plain values what `marks_of` tells of an update."""
    if incoming.kind is Kind.BUTTON:
        return incoming.data.startswith("sos")
    return bool(incoming.text) and sounds_urgent(incoming.text)


def sounds_urgent(text: str) -> bool:
    """Tell whether words raise a danger card for certain."""
    found = listen(text)
    return found is not None and found.firm is not None


def listen(text: str) -> danger.Assessment | None:
    """Look for the phrases of danger in words; None when that failed."""
    try:
        return danger.assess(text)
    except Exception:
        log.exception("the danger rules failed on a text of %d characters", len(text))
        return None


def to_incoming(raw: RawUpdate) -> Incoming | None:
    """Return what a resident did, as plain values; None when the update is not one of ours.

    raw: as it came from Telegram, or as `slim` keeps it. It is read directly: the library's objects have a hundred
    fields that nobody looks at, and raise whatever the data leads them to.
    """
    update = slim(raw) if isinstance(raw, Mapping) else None
    if update is None:
        return None
    kind = next(each for each in ALLOWED_UPDATES if each in update)
    return _READ[kind](update["update_id"], update[kind])


def _of_message(update_id: int, message: dict[str, Any]) -> Incoming | None:
    text = message.get("text") or message.get("caption") or ""

    def incoming(kind: Kind, words: str = text, **more: Any) -> Incoming:
        return Incoming(
            update_id, message["chat"]["id"], kind, message_id=message["message_id"], text=words,
            language_code=message["from"].get("language_code"), **more,
        )

    if "text" in message:
        if (command := _COMMAND.fullmatch(text)) and not _is_a_cry(command[2]):
            return incoming(Kind.COMMAND, " ".join(part for part in command.groups() if part))
        return incoming(Kind.TEXT)
    if "location" in message:
        return incoming(Kind.LOCATION, place=(message["location"]["latitude"], message["location"]["longitude"]))
    for name, kind in _FILES:
        if name in message:
            return incoming(kind, file_id=message[name]["file_id"], file_size=message[name].get("file_size"))
    return incoming(Kind.OTHER)


def _is_a_cry(words: str | None) -> bool:
    """Tell whether what follows a command is a call for help: then it is read as words, not as a command."""
    return bool(words) and sounds_urgent(words or "")


def _of_edit(update_id: int, message: dict[str, Any]) -> Incoming | None:
    text = message.get("text") or message.get("caption")
    if not text:  # a moving location, a poll that was answered: nothing new was said
        return None
    return Incoming(
        update_id, message["chat"]["id"], Kind.EDIT, message_id=message["message_id"], text=text,
        language_code=message["from"].get("language_code"),
    )


def _of_button(update_id: int, query: dict[str, Any]) -> Incoming:
    return Incoming(
        update_id, query["from"]["id"], Kind.BUTTON, message_id=query.get("message", {}).get("message_id"),
        data=query.get("data", ""), callback_id=query["id"], language_code=query["from"].get("language_code"),
    )


def _of_membership(update_id: int, change: dict[str, Any]) -> Incoming:
    kind = Kind.BLOCKED if change["new_chat_member"]["status"] in _GONE else Kind.UNBLOCKED
    return Incoming(
        update_id, change["chat"]["id"], kind, language_code=change["from"].get("language_code")
    )


_READ: dict[str, Callable[[int, dict[str, Any]], Incoming | None]] = {
    "message": _of_message, "edited_message": _of_edit, "callback_query": _of_button, "my_chat_member": _of_membership,
}

# What is kept of each kind of update


def _keep_message(message: RawUpdate, chat_id: int) -> dict[str, Any] | None:
    message_id = _whole(message.get("message_id"))
    if message_id is None:
        return None
    content: dict[str, Any] = {}
    for name in ("text", "caption"):
        if isinstance(text := message.get(name), str) and text:
            content[name] = text[:MAX_TEXT]
    for name, _kind in _FILES:
        if (file := _file(message.get(name))) is not None:
            content[name] = file
    if place := _place(message.get("location")):
        content["location"] = place
    if any(name in message for name in _OTHER):
        content["other"] = True
    if not content:
        return None
    person = _person(message.get("from"), chat_id)
    return {"message_id": message_id, "chat": _private(chat_id), "from": person, **content}


def _keep_button(query: RawUpdate, chat_id: int) -> dict[str, Any] | None:
    if not isinstance(query.get("id"), str):
        return None
    kept: dict[str, Any] = {"id": query["id"][:64], "from": _person(query.get("from"), chat_id)}
    if isinstance(data := query.get("data"), str):
        kept["data"] = data[:64]
    message = query.get("message")
    if isinstance(message, Mapping) and (message_id := _whole(message.get("message_id"))) is not None:
        kept["message"] = {"message_id": message_id, "chat": _private(chat_id)}
    return kept


def _keep_membership(change: RawUpdate, chat_id: int) -> dict[str, Any] | None:
    member = change.get("new_chat_member")
    status = member.get("status") if isinstance(member, Mapping) else None
    if not isinstance(status, str):
        return None
    return {
        "chat": _private(chat_id), "from": _person(change.get("from"), chat_id),
        "new_chat_member": {"status": status[:32]},
    }


_KEEP = {
    "message": _keep_message, "edited_message": _keep_message, "callback_query": _keep_button,
    "my_chat_member": _keep_membership,
}


def _private(chat_id: int) -> dict[str, Any]:
    return {"id": chat_id, "type": "private"}


def _person(raw: Any, chat_id: int) -> dict[str, Any]:
    """Return a person without a name. In a private chat the chat's id is the person's."""
    language = raw.get("language_code") if isinstance(raw, Mapping) else None
    if isinstance(language, str) and language:
        return {"id": chat_id, "language_code": language[:35]}
    return {"id": chat_id}


def _file(raw: Any) -> dict[str, Any] | None:
    """Return the id and size of a file, not its name; of a photo, which comes in several sizes, the last and largest.
    """
    if isinstance(raw, list) and raw:
        raw = raw[-1]
    if not isinstance(raw, Mapping):  # such as the list itself when it is empty
        return None
    file_id, size = raw.get("file_id"), _whole(raw.get("file_size"))
    if not isinstance(file_id, str):
        return None
    return {"file_id": file_id[:256]} | ({"file_size": size} if size is not None and size >= 0 else {})


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
