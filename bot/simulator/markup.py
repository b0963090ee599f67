"""Check the keyboards a bot sends."""

from __future__ import annotations

from typing import Any

from bot.simulator.errors import BUTTON_DATA_INVALID, ApiError, bad_request
from bot.simulator.formatted_text import valid_url
from bot.simulator.models import Json

MAX_BUTTONS = 100
MAX_ROW = 8
MAX_CALLBACK_BYTES = 64
_KINDS = ("inline_keyboard", "keyboard", "remove_keyboard", "force_reply")


def check_markup(markup: Any) -> Json | None:
    """Return the keyboard when Telegram would take it, None when there is none; otherwise raise a 400 ApiError.

    Stricter than Telegram in one thing: more than 100 buttons, or more than 8 in a row, are refused in place of
    being cut or squeezed, because a phone cannot show them well.
    """
    if markup is None or markup == "" or markup == {}:
        return None
    if not isinstance(markup, dict) or not any(kind in markup for kind in _KINDS):
        raise bad_request("can't parse reply keyboard markup JSON object")
    for kind in ("inline_keyboard", "keyboard"):
        if kind in markup:
            rows = markup[kind]
            if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
                raise bad_request(f'field "{kind}" of the ReplyKeyboardMarkup must be an Array of Arrays')
            if sum(map(len, rows)) > MAX_BUTTONS or any(len(row) > MAX_ROW for row in rows):
                raise bad_request("reply markup is too long")
            for row in rows:
                for button in row:
                    _check_button(button, inline=kind == "inline_keyboard")
    if "inline_keyboard" in markup and not any(markup["inline_keyboard"]):
        return None
    return markup


def _check_button(button: Any, *, inline: bool) -> None:
    what = "inline keyboard button" if inline else "keyboard button"
    if isinstance(button, str) and not inline:
        button = {"text": button}
    if not isinstance(button, dict):
        raise bad_request(f"can't parse {what}: {what.capitalize()} must be an Object")
    text = button.get("text")
    if not isinstance(text, str):
        raise bad_request(f"can't parse {what}: Can't find field \"text\"")
    if not text.strip():
        raise bad_request(f"{what} text must be non-empty" if inline else "keyboard button text must be non-empty")
    if not inline:
        return
    if "url" in button:
        if not isinstance(button["url"], str) or valid_url(button["url"]) is None:
            raise bad_request(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    elif "callback_data" in button:
        data = button["callback_data"]
        if not isinstance(data, str) or not 1 <= len(data.encode()) <= MAX_CALLBACK_BYTES:
            raise ApiError(400, BUTTON_DATA_INVALID)
    elif "copy_text" not in button and "web_app" not in button:
        raise bad_request("text buttons are unallowed in the inline keyboard")
