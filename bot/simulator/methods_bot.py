"""Methods about the bot itself: who it is, its webhook, its commands, its description, its files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from bot.simulator.errors import bad_request
from bot.simulator.files import MAX_DOWNLOAD
from bot.simulator.models import Json
from bot.simulator.params import Params
from bot.simulator.state import State

_MAX_COMMANDS = 100
_PROFILE_LIMITS = {"name": 64, "description": 512, "short_description": 120}
_SCOPES = {
    "default", "all_private_chats", "all_group_chats", "all_chat_administrators", "chat", "chat_administrators",
    "chat_member",
}  # fmt: skip


def get_me(state: State, params: Params) -> Json:
    """getMe."""
    return state.bot_user() | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def set_webhook(state: State, params: Params) -> bool:
    """setWebhook; an empty url deletes it."""
    url = params.text("url")
    if not url:
        return delete_webhook(state, params)
    limit = params.integer("max_connections", 40)
    state.webhook.set(url, secret=params.text("secret_token"), max_connections=limit)
    state.updates.allow(params.json("allowed_updates"))
    if params.flag("drop_pending_updates"):
        state.updates.drop_all()
    return True


def delete_webhook(state: State, params: Params) -> bool:
    """deleteWebhook."""
    state.webhook.delete()
    if params.flag("drop_pending_updates"):
        state.updates.drop_all()
    return True


def get_webhook_info(state: State, params: Params) -> Json:
    """getWebhookInfo."""
    return state.webhook.info()


def refuse_to_leave(state: State, params: Params) -> bool:
    """logOut and close: refused, since there is no other server to go to."""
    raise bad_request("the simulator is the only server of this bot")


def _language(params: Params) -> str:
    code = params.text("language_code")
    if code and not re.fullmatch(r"[a-z]{2}", code):
        raise bad_request("invalid language code specified")
    return code


def _scope(state: State, params: Params) -> str:
    scope = params.json("scope", "BotCommandScope") or {"type": "default"}
    if not isinstance(scope, dict) or scope.get("type") not in _SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    if "chat" in scope["type"].split("_")[:1]:
        state.chat(scope.get("chat_id"))
    return json.dumps(scope, sort_keys=True)


def set_my_commands(state: State, params: Params) -> bool:
    """setMyCommands, per scope and two-letter language."""
    commands = params.json("commands", "commands")
    if not isinstance(commands, list):
        raise bad_request("can't parse commands: expected an Array")
    if len(commands) > _MAX_COMMANDS:
        raise bad_request("too many commands specified")
    for command in commands:
        if not re.fullmatch(r"/?[a-z0-9_]{1,32}", str(command.get("command", ""))):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", "")).strip()) <= 256:
            raise bad_request("command description must be non-empty and at most 256 characters")
    key = (_scope(state, params), _language(params))
    state.commands[key] = [
        {"command": c["command"].lstrip("/"), "description": c["description"].strip()} for c in commands
    ]
    state.emit("commands", None)
    return True


def get_my_commands(state: State, params: Params) -> list[Json]:
    """getMyCommands: exactly what was set for this scope and language."""
    return state.commands.get((_scope(state, params), _language(params)), [])


def delete_my_commands(state: State, params: Params) -> bool:
    """deleteMyCommands."""
    state.commands.pop((_scope(state, params), _language(params)), None)
    state.emit("commands", None)
    return True


def commands_for(state: State, chat_id: int, language_code: str | None) -> list[Json]:
    """Return the menu one resident sees: that of their chat, of private chats or of everyone; own language first."""
    language = (language_code or "")[:2].lower() if len((language_code or "").split("-")[0]) == 2 else ""
    scopes = ({"type": "chat", "chat_id": chat_id}, {"type": "all_private_chats"}, {"type": "default"})
    for scope in scopes:
        for code in (language, ""):
            if found := state.commands.get((json.dumps(scope, sort_keys=True), code)):
                return found
    return []


def _set_profile(field: str) -> Callable[[State, Params], bool]:
    def change(state: State, params: Params) -> bool:
        words = params.text(field).strip()
        if len(words) > _PROFILE_LIMITS[field]:
            raise bad_request(f"bot {field.replace('_', ' ')} is too long")
        key = (field, _language(params))
        if words:
            state.profile[key] = words
        else:
            state.profile.pop(key, None)
        state.emit("profile", None)
        return True

    return change


def _get_profile(field: str) -> Callable[[State, Params], Json]:
    def read(state: State, params: Params) -> Json:
        default = state.config.bot_name if field == "name" else ""
        words = state.profile.get((field, _language(params)), state.profile.get((field, ""), default))
        return {field: words}

    return read


def set_chat_menu_button(state: State, params: Params) -> bool:
    """setChatMenuButton."""
    button = params.json("menu_button", "menu button") or {"type": "default"}
    if not isinstance(button, dict) or button.get("type") not in ("default", "commands", "web_app"):
        raise bad_request("can't parse menu button: MenuButton has unsupported type")
    state.menu_buttons[params.integer("chat_id") or None] = button
    return True


def get_chat_menu_button(state: State, params: Params) -> Json:
    """getChatMenuButton."""
    found = state.menu_buttons.get(params.integer("chat_id") or None) or state.menu_buttons.get(None)
    return found or {"type": "default"}


def get_file(state: State, params: Params) -> Json:
    """getFile."""
    if not params.text("file_id"):
        raise bad_request("file_id not specified")
    stored = state.files.get(params.text("file_id"))
    if stored is None:
        raise bad_request("invalid file_id")
    if len(stored.content) > MAX_DOWNLOAD:
        raise bad_request("file is too big")
    return stored.as_file() | {"file_path": stored.path}


METHODS: dict[str, Callable[[State, Params], Any]] = {
    "getMe": get_me,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
    "logOut": refuse_to_leave,
    "close": refuse_to_leave,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "setMyName": _set_profile("name"),
    "getMyName": _get_profile("name"),
    "setMyDescription": _set_profile("description"),
    "getMyDescription": _get_profile("description"),
    "setMyShortDescription": _set_profile("short_description"),
    "getMyShortDescription": _get_profile("short_description"),
    "setChatMenuButton": set_chat_menu_button,
    "getChatMenuButton": get_chat_menu_button,
    "getFile": get_file,
}
