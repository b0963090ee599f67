"""Methods that put a new message into a chat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.simulator.entities import format_text
from bot.simulator.errors import CAPTION_TOO_LONG, TEXT_EMPTY, TEXT_TOO_LONG, THREAD_NOT_FOUND, ApiError, bad_request
from bot.simulator.files import StoredFile, describe
from bot.simulator.formatted_text import FormattedText, utf16_length
from bot.simulator.markup import check_markup
from bot.simulator.models import Chat, Json
from bot.simulator.params import Params, Upload
from bot.simulator.state import State

MAX_TEXT = 4096
MAX_CAPTION = 1024
_ACTIONS = {
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note", "cancel",
}  # fmt: skip


def read_text(params: Params) -> FormattedText:
    """Return the `text` of a call as Telegram would store it; raises when it is empty, too long or malformed.

    Its length is counted in UTF-16 units after parsing, which is never more generous than Telegram.
    """
    if not params.text("text").strip():
        raise ApiError(400, TEXT_EMPTY)
    found = format_text(params.text("text"), params.text("parse_mode"), params.json("entities"))
    if not found.text:
        raise ApiError(400, TEXT_EMPTY)
    if utf16_length(found.text) > MAX_TEXT:
        raise ApiError(400, TEXT_TOO_LONG)
    return found


def read_caption(params: Params) -> Json:
    """Return the caption fields of a message, {} without one."""
    found = format_text(params.text("caption"), params.text("parse_mode"), params.json("caption_entities"))
    if utf16_length(found.text) > MAX_CAPTION:
        raise ApiError(400, CAPTION_TOO_LONG)
    if not found.text:
        return {}
    return {"caption": found.text} | ({"caption_entities": found.entities} if found.entities else {})


def open_envelope(state: State, params: Params) -> Json:
    """Check where a message goes and return its fields without content.

    Raises what Telegram answers for the chat, the topic, the message replied to, and the limits, which are asked last.
    """
    chat = state.writable_chat(params.chat_id())
    envelope: Json = {"chat": chat}
    markup = check_markup(params.json("reply_markup", "reply keyboard markup"))
    if markup is not None:
        envelope["markup"] = markup
    if thread_id := params.integer("message_thread_id"):
        topic = chat.topics.get(thread_id)
        if topic is None:
            raise ApiError(400, THREAD_NOT_FOUND)
        if topic["closed"]:
            raise bad_request("TOPIC_CLOSED")
        envelope["thread_id"] = thread_id
    reply = params.json("reply_parameters", "reply parameters") or {}
    if reply_id := reply.get("message_id") or params.integer("reply_to_message_id"):
        if (target := chat.messages.get(reply_id)) is not None:
            envelope["reply"] = target
        elif not (reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply")):
            raise bad_request("message to be replied not found")
    return envelope


def deliver(state: State, params: Params, envelope: Json, content: Json) -> Json:
    """Count the message against the limits, store it and return the Message."""
    chat: Chat = envelope["chat"]
    state.limits.take(chat, paid=params.flag("allow_paid_broadcast"))
    now = state.clock.now()
    message: Json = {
        "message_id": state.next_message_id(chat),
        **({"sender_chat": chat.as_chat()} if chat.kind == "channel" else {"from": state.bot_user()}),
        "chat": chat.as_chat(),
        "date": int(now),
    }
    if "thread_id" in envelope:
        message |= {"message_thread_id": envelope["thread_id"], "is_topic_message": True}
    if "reply" in envelope:
        message["reply_to_message"] = {k: v for k, v in envelope["reply"].items() if k != "reply_to_message"}
    message |= content
    if params.flag("protect_content"):
        message["has_protected_content"] = True
    markup = envelope.get("markup")
    if markup is not None and "inline_keyboard" in markup:
        message["reply_markup"] = markup
        markup = None
    state.stats.delivered(chat.id, _fingerprint(message), now)
    return state.store(chat, message, keyboard=markup)


def _fingerprint(message: Json) -> str:
    if "text" in message:
        return str(message["text"])
    for kind in ("document", "photo", "voice", "sticker"):
        if kind in message:
            part = message[kind][0] if kind == "photo" else message[kind]
            return f"{kind}:{part['file_unique_id']}:{message.get('caption', '')}"
    return str(sorted((k, str(v)) for k, v in message.items() if k not in ("message_id", "date", "from", "chat")))


def send_message(state: State, params: Params) -> Json:
    """sendMessage."""
    envelope = open_envelope(state, params)
    found = read_text(params)
    content: Json = {"text": found.text}
    if found.entities:
        content["entities"] = found.entities
    if options := params.json("link_preview_options", "link preview options"):
        content["link_preview_options"] = options
    return deliver(state, params, envelope, content)


def _send_file(kind: str) -> Callable[[State, Params], Json]:
    def send(state: State, params: Params) -> Json:
        envelope = open_envelope(state, params)
        given = params.upload(kind)
        if given is None:
            raise bad_request(f"there is no {kind} in the request")
        caption = read_caption(params)
        return deliver(state, params, envelope, describe(keep_file(state, kind, given)) | caption)

    send.__doc__ = f"send{kind.capitalize()}."
    return send


def keep_file(state: State, kind: str, given: Upload | str) -> StoredFile:
    """Return the stored file of an upload or a file_id; a file_id of another kind is refused."""
    if isinstance(given, Upload):
        return state.files.add(kind, given.content, name=given.name, mime=given.mime)
    stored = state.files.get(given)
    if stored is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if stored.kind != kind:
        raise bad_request(f"can't use file of type {stored.kind.capitalize()} as {kind.capitalize()}")
    return stored


def _location(params: Params) -> Json:
    latitude, longitude = params.number("latitude"), params.number("longitude")
    if latitude is None or longitude is None:
        raise bad_request(f"{'latitude' if latitude is None else 'longitude'} is empty")
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise bad_request("wrong location specified")
    return {"latitude": latitude, "longitude": longitude}


def send_location(state: State, params: Params) -> Json:
    """sendLocation."""
    envelope = open_envelope(state, params)
    return deliver(state, params, envelope, {"location": _location(params)})


def send_venue(state: State, params: Params) -> Json:
    """sendVenue."""
    envelope = open_envelope(state, params)
    location = _location(params)
    title, address = params.text("title"), params.text("address")
    if not title or not address:
        raise bad_request(f"{'title' if not title else 'address'} is empty")
    return deliver(
        state,
        params,
        envelope,
        {"location": location, "venue": {"location": location, "title": title, "address": address}},
    )


def send_contact(state: State, params: Params) -> Json:
    """sendContact."""
    envelope = open_envelope(state, params)
    if not params.text("phone_number") or not params.text("first_name"):
        raise bad_request("phone number or first name is empty")
    contact = {"phone_number": params.text("phone_number"), "first_name": params.text("first_name")}
    return deliver(state, params, envelope, {"contact": contact})


def send_chat_action(state: State, params: Params) -> bool:
    """sendChatAction."""
    chat = state.writable_chat(params.chat_id())
    action = params.text("action")
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    state.emit("action", chat.id, action=action)
    return True


_CONTENT = (
    "text", "entities", "caption", "caption_entities", "photo", "document", "voice", "sticker", "location", "venue",
    "contact",
)  # fmt: skip


def _source(state: State, params: Params, words: str, message_id: Any = None) -> Json:
    source = state.chat(params.chat_id("from_chat_id"))
    wanted = params.integer("message_id") if message_id is None else message_id
    message = state.message(source, wanted, f"Bad Request: message to {words} not found")
    if message.get("has_protected_content"):
        raise bad_request(f"message can't be {'copied' if words == 'copy' else 'forwarded'}")
    return message


def copy_message(state: State, params: Params) -> Json:
    """copyMessage: the same content without its author, with another caption when one is given."""
    envelope = open_envelope(state, params)
    message = _source(state, params, "copy")
    content = {name: message[name] for name in _CONTENT if name in message}
    if "caption" in params and "text" not in content:
        content = {k: v for k, v in content.items() if k not in ("caption", "caption_entities")} | read_caption(params)
    return {"message_id": deliver(state, params, envelope, content)["message_id"]}


def forward_message(state: State, params: Params) -> Json:
    """forwardMessage: the same content with its author."""
    envelope = open_envelope(state, params)
    message = _source(state, params, "forward")
    content = {name: message[name] for name in _CONTENT if name in message}
    origin: Json = {"type": "user", "date": message["date"], "sender_user": message.get("from", state.bot_user())}
    return deliver(state, params, envelope, {"forward_origin": origin} | content)


METHODS: dict[str, Callable[[State, Params], Any]] = {
    "sendMessage": send_message,
    "sendPhoto": _send_file("photo"),
    "sendDocument": _send_file("document"),
    "sendVoice": _send_file("voice"),
    "sendSticker": _send_file("sticker"),
    "sendLocation": send_location,
    "sendVenue": send_venue,
    "sendContact": send_contact,
    "sendChatAction": send_chat_action,
    "copyMessage": copy_message,
    "forwardMessage": forward_message,
}
