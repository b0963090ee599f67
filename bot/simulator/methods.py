"""The methods of the Bot API: a table of names, and what every call goes through."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from bot.simulator import methods_bot, methods_chats, methods_edit, methods_send
from bot.simulator.errors import METHOD_NOT_FOUND, RESTART, ApiError, too_many
from bot.simulator.models import Call, Json
from bot.simulator.params import Params
from bot.simulator.state import State

Method = Callable[[State, Params], Any]

_MODULES = (methods_bot, methods_chats, methods_edit, methods_send)
METHODS: dict[str, tuple[str, Method]] = {
    name.lower(): (name, method) for module in _MODULES for name, method in module.METHODS.items()
}
_WAITING: dict[str, tuple[str, Method]] = {"getupdates": ("getUpdates", lambda state, params: [])}  # see api.py
_BUSY = 1000
_LOG = logging.getLogger(__name__)


def find(method: str) -> tuple[str, Method]:
    """Return the method's proper name and function; raises 404 "method not found". method: any case."""
    found = METHODS.get(method.lower()) or _WAITING.get(method.lower())
    if found is None:
        raise ApiError(404, METHOD_NOT_FOUND)
    return found


async def flood_check(state: State) -> None:
    """Refuse when too many calls are open at once: 429 with retry_after 60, answered after 3 s."""
    if state.n_active > _BUSY + len(state.updates):
        await state.clock.sleep(3.0)
        raise too_many(60)


def run(state: State, method: str, params: Params) -> Any:
    """Carry out one method and return its result; raises ApiError."""
    _, function = find(method)
    return function(state, params)


def chat_id_of(params: Params) -> int | None:
    """Return the chat a call is about, or None."""
    try:
        value = params.chat_id()
    except ApiError:
        return None
    return value if isinstance(value, int) else None


def log(state: State, method: str, params: Params, answer: Any, error: ApiError | None, fault: str | None) -> None:
    """Write a finished call into the log and the counts."""
    status = error.code if error else 200
    state.stats.call(status)
    message_id = answer.get("message_id") if isinstance(answer, dict) else None
    now, chat_id = state.clock.now(), chat_id_of(params)
    words = error.description if error else None
    logged = params.logged()
    state.record(lambda id: Call(id, now, method, logged, status, chat_id, words, message_id, fault))


async def execute(state: State, method: str, values: Json) -> None:
    """Carry out a method that came as the answer of a webhook; its result goes nowhere, as with Telegram."""
    params = Params(values)
    answer: Any = None
    error: ApiError | None = None
    try:
        name, _ = find(method)
        answer = run(state, method, params)
    except ApiError as refused:
        name, error = method, refused
    except Exception:
        name, error = method, ApiError(500, RESTART)
        log_failure(method)
    log(state, name, params, answer, error, None)


def log_failure(method: str) -> None:
    """Log a mistake of the simulator itself, with its traceback."""
    _LOG.exception("simulated method failed", extra={"method": method})
