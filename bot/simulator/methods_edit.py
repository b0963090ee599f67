"""Methods that change messages already sent, and the answers to taps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.simulator.errors import CANNOT_EDIT, EDIT_NOT_FOUND, NOT_MODIFIED, QUERY_TOO_OLD, ApiError, bad_request
from bot.simulator.formatted_text import utf16_length
from bot.simulator.markup import check_markup
from bot.simulator.methods_send import read_caption, read_text
from bot.simulator.models import Chat, Json
from bot.simulator.params import Params
from bot.simulator.state import State

_DELETABLE_SECONDS = 48 * 3600
_MAX_CALLBACK_ANSWER = 200
_MAX_BULK = 100


def _target(state: State, params: Params) -> tuple[Chat, Json]:
    chat = state.writable_chat(params.chat_id())
    if not params.integer("message_id"):
        raise bad_request("message identifier is not specified")
    message = state.message(chat, params.integer("message_id"), EDIT_NOT_FOUND)
    if not _is_own(state, message) or "forward_origin" in message:
        raise ApiError(400, CANNOT_EDIT)
    return chat, message


def _is_own(state: State, message: Json) -> bool:
    return "sender_chat" in message or bool(message["from"]["id"] == state.bot_id)


def _inline_markup(params: Params) -> Json | None:
    markup = check_markup(params.json("reply_markup", "inline keyboard markup"))
    if markup is not None and "inline_keyboard" not in markup:
        raise bad_request("inline keyboard expected")
    return markup


def _replace(state: State, chat: Chat, old: Json, content: Json, dropped: tuple[str, ...], markup: Json | None) -> Json:
    message = {k: v for k, v in old.items() if k not in (*dropped, "reply_markup")} | content
    if markup is not None:
        message["reply_markup"] = markup
    if {k: v for k, v in old.items() if k != "edit_date"} == {k: v for k, v in message.items() if k != "edit_date"}:
        raise ApiError(400, NOT_MODIFIED)
    message["edit_date"] = int(state.clock.now())
    chat.messages[old["message_id"]] = message
    state.emit("edited", chat.id, message=message)
    return message


def edit_message_text(state: State, params: Params) -> Json:
    """editMessageText."""
    chat, old = _target(state, params)
    if "text" not in old:
        raise bad_request("there is no text in the message to edit")
    found = read_text(params)
    content: Json = {"text": found.text} | ({"entities": found.entities} if found.entities else {})
    if options := params.json("link_preview_options", "link preview options"):
        content["link_preview_options"] = options
    dropped = ("text", "entities", "link_preview_options")
    return _replace(state, chat, old, content, dropped, _inline_markup(params))


def edit_message_caption(state: State, params: Params) -> Json:
    """editMessageCaption."""
    chat, old = _target(state, params)
    if not any(kind in old for kind in ("photo", "document", "voice")):
        raise bad_request("there is no caption in the message to edit")
    return _replace(state, chat, old, read_caption(params), ("caption", "caption_entities"), _inline_markup(params))


def edit_message_reply_markup(state: State, params: Params) -> Json:
    """editMessageReplyMarkup."""
    chat, old = _target(state, params)
    return _replace(state, chat, old, {}, (), _inline_markup(params))


def delete_message(state: State, params: Params) -> bool:
    """deleteMessage: any message of a private chat, the bot's own in groups, within 48 hours."""
    chat = state.writable_chat(params.chat_id())
    if not params.integer("message_id"):
        raise bad_request("message identifier is not specified")
    message = state.message(chat, params.integer("message_id"), "Bad Request: message to delete not found")
    if not _can_delete(state, chat, message):
        raise bad_request("message can't be deleted for everyone")
    _remove(state, chat, [message["message_id"]])
    return True


def delete_messages(state: State, params: Params) -> bool:
    """deleteMessages: up to 100; those that cannot be deleted are passed over."""
    chat = state.writable_chat(params.chat_id())
    wanted = params.json("message_ids", "message identifiers")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= _MAX_BULK:
        raise bad_request("there must be 1-100 message identifiers")
    found = [chat.messages[i] for i in wanted if isinstance(i, int) and i in chat.messages]
    _remove(state, chat, [m["message_id"] for m in found if _can_delete(state, chat, m)])
    return True


def _can_delete(state: State, chat: Chat, message: Json) -> bool:
    fresh = state.clock.now() - message["date"] <= _DELETABLE_SECONDS
    return fresh and (chat.kind == "private" or _is_own(state, message))


def _remove(state: State, chat: Chat, message_ids: list[int]) -> None:
    for message_id in message_ids:
        chat.messages.pop(message_id, None)
        if chat.pinned == message_id:
            chat.pinned = None
    if message_ids:
        state.emit("deleted", chat.id, message_ids=message_ids)


def answer_callback_query(state: State, params: Params) -> bool:
    """answerCallbackQuery: once, and while the tap is fresh."""
    query = state.queries.get(params.text("callback_query_id"))
    fresh = query is not None and state.clock.now() - query.at <= state.config.callback_lifetime
    if query is None or not fresh or query.answer is not None:
        raise ApiError(400, QUERY_TOO_OLD)
    text = params.text("text")
    if utf16_length(text) > _MAX_CALLBACK_ANSWER:
        raise bad_request("MESSAGE_TOO_LONG")
    query.answer = {"text": text, "show_alert": params.flag("show_alert"), "url": params.text("url")}
    state.emit("callback_answer", query.chat_id, query_id=query.id, resident_id=query.resident_id, **query.answer)
    return True


def set_message_reaction(state: State, params: Params) -> bool:
    """setMessageReaction."""
    chat = state.writable_chat(params.chat_id())
    message = state.message(chat, params.integer("message_id"), "Bad Request: message to react not found")
    reactions = params.json("reaction", "reaction types") or []
    if not isinstance(reactions, list) or len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    chat.reactions[message["message_id"]] = reactions
    state.emit("reaction", chat.id, message_id=message["message_id"], reaction=reactions)
    return True


METHODS: dict[str, Callable[[State, Params], Any]] = {
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
    "answerCallbackQuery": answer_callback_query,
    "setMessageReaction": set_message_reaction,
}
