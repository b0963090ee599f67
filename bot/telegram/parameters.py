"""What the sending methods of the Bot API are called with, for a message of ours."""

from __future__ import annotations

from typing import Any

from bot.outgoing import About, Address, Outgoing

NOTHING_LINKED = {"is_disabled": True}


def message_parameters(address: Address, outgoing: Outgoing) -> dict[str, Any]:
    """Return what sendMessage is called with."""
    parameters: dict[str, Any] = {
        "chat_id": address, "text": outgoing.text, "link_preview_options": NOTHING_LINKED,
    }
    if outgoing.entities:
        parameters["entities"] = _entities(outgoing)
    if outgoing.request_location is not None:
        parameters["reply_markup"] = {
            "keyboard": [[{"text": outgoing.request_location, "request_location": True}]],
            "one_time_keyboard": True, "resize_keyboard": True,
        }
    elif outgoing.buttons:
        parameters["reply_markup"] = _inline(outgoing)
    return parameters | _manner(outgoing)


def file_parameters(address: Address, outgoing: Outgoing) -> dict[str, Any]:
    """Return what sendPhoto or sendDocument is called with, but for the file itself."""
    parameters: dict[str, Any] = {"chat_id": address}
    if outgoing.text:
        parameters["caption"] = outgoing.text
    if outgoing.entities:
        parameters["caption_entities"] = _entities(outgoing)
    if outgoing.buttons:
        parameters["reply_markup"] = _inline(outgoing)
    return parameters | _manner(outgoing)


def caption_parameters(address: Address, outgoing: Outgoing) -> dict[str, Any]:
    """Return what editMessageCaption is called with."""
    return {"chat_id": address, "message_id": outgoing.edit_message_id, "caption": outgoing.text}


def _manner(outgoing: Outgoing) -> dict[str, Any]:
    """Return whether it makes a sound, and what it answers."""
    parameters: dict[str, Any] = {}
    if outgoing.is_silent:
        parameters["disable_notification"] = True
    if outgoing.about is About.REPLY and outgoing.about_message_id is not None:
        parameters["reply_parameters"] = {
            "message_id": outgoing.about_message_id, "allow_sending_without_reply": True,
        }
    return parameters


def document_parameters(address: Address, outgoing: Outgoing) -> dict[str, Any]:
    """Return what sendDocument is called with, for a small text file."""
    return file_parameters(address, outgoing) | {"document": outgoing.document}


def edit_parameters(address: Address, outgoing: Outgoing) -> dict[str, Any]:
    """Return what editMessageText is called with."""
    parameters: dict[str, Any] = {
        "chat_id": address, "message_id": outgoing.edit_message_id, "text": outgoing.text,
        "link_preview_options": NOTHING_LINKED,
    }
    if outgoing.entities:
        parameters["entities"] = _entities(outgoing)
    if outgoing.buttons:
        parameters["reply_markup"] = _inline(outgoing)
    return parameters


def _entities(outgoing: Outgoing) -> list[dict[str, Any]]:
    return [
        {"type": each.kind, "offset": each.offset, "length": each.length, **({"url": each.url} if each.url else {})}
        for each in outgoing.entities
    ]


def _inline(outgoing: Outgoing) -> dict[str, Any]:
    return {"inline_keyboard": [
        [{"text": each.text, "url": each.url} if each.url is not None
         else {"text": each.text, "callback_data": each.data} for each in row]
        for row in outgoing.buttons
    ]}
