"""The Bot API over HTTP: reads a call, lets faults strike, answers as Telegram does."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

from bot.simulator import methods
from bot.simulator.control import STATES
from bot.simulator.errors import INVALID_TOKEN, NOT_FOUND, RESTART, ApiError, bad_request
from bot.simulator.faults import Fault
from bot.simulator.files import MAX_UPLOAD
from bot.simulator.models import Json
from bot.simulator.params import Params, Upload
from bot.simulator.state import State

_HTML = "<html>\r\n<head><title>{0}</title></head>\r\n<body><center><h1>{0}</h1></center></body>\r\n</html>\r\n"
_BOUNDARY_ROOM = 1024 * 1024


def encode(value: Any) -> bytes:
    """Return compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def answer(body: bytes, status: int = 200) -> web.Response:
    """Return a JSON response."""
    return web.Response(body=body, status=status, headers={"Content-Type": "application/json"})


def refusal(error: ApiError) -> web.Response:
    """Return the JSON response of a refused call."""
    response = answer(encode(error.body()), error.code)
    if "retry_after" in error.parameters:
        response.headers["Retry-After"] = str(error.parameters["retry_after"])
    return response


def find_state(request: web.Request, token: str) -> State:
    """Return the bot of a token; a malformed token is 404, an unknown one 401."""
    states = request.app[STATES]
    state = states.get(token)
    if state is None:
        bot_id, _, secret = token.partition(":")
        if bot_id.isdecimal() and len(secret) >= 3:
            raise ApiError(401, INVALID_TOKEN)
        raise ApiError(404, NOT_FOUND)
    return state


async def read_params(request: web.Request) -> Params:
    """Return the parameters of a call from its query string and body."""
    values: Json = dict(request.query) if request.query_string else {}
    if not request.can_read_body:
        return Params(values)
    kind = request.content_type
    if kind == "multipart/form-data":
        return await _multipart(request, values)
    body = await request.read()
    if kind == "application/json":
        try:
            given = json.loads(body) if body else {}
        except ValueError:
            raise bad_request("can't parse JSON object") from None
        if not isinstance(given, dict):
            raise bad_request("expected a JSON object")
        return Params(values | given)
    if kind == "application/x-www-form-urlencoded":
        values.update(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return Params(values)


async def _multipart(request: web.Request, values: Json) -> Params:
    files: dict[str, Upload] = {}
    total = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        content = bytearray()
        while chunk := await part.read_chunk(65_536):
            content += chunk
            total += len(chunk)
            if total > MAX_UPLOAD + _BOUNDARY_ROOM:
                raise ApiError(413, "Request Entity Too Large")
        name = part.name or ""
        if part.filename is not None:
            mime = part.headers.get("Content-Type", "application/octet-stream").partition(";")[0]
            files[name] = Upload(part.filename or "file", mime, bytes(content))
        else:
            values[name] = content.decode("utf-8", "replace")
    return Params(values, files)


async def call(request: web.Request) -> web.StreamResponse:
    """Handle `/bot<token>/<method>`."""
    try:
        state = find_state(request, request.match_info["token"])
        params = await read_params(request)
    except ApiError as error:
        return refusal(error)
    method = request.match_info["method"]
    state.n_active += 1
    try:
        fault = state.faults.strike(method, methods.chat_id_of(params))
        if fault is None:
            body, status, _ = await _perform(state, method, params, None)
            return answer(body, status) if status == 200 else _with_retry(body, status)
        return await _faulty(request, state, method, params, fault)
    finally:
        state.n_active -= 1


async def _perform(state: State, method: str, params: Params, fault: str | None) -> tuple[bytes, int, Any]:
    result: Any = None
    error: ApiError | None = None
    encoded: bytes | None = None
    name = method
    try:
        name, _ = methods.find(method)
        await methods.flood_check(state)
        if name == "getUpdates":
            encoded = await _get_updates(state, params)
        else:
            result = methods.run(state, method, params)
    except ApiError as refused:
        error = refused
    except Exception:
        error = ApiError(500, RESTART)
        methods.log_failure(name)
    if name != "getUpdates" or error is not None or fault:
        methods.log(state, name, params, result, error, fault)
    if error is not None:
        return encode(error.body()), error.code, error
    return b'{"ok":true,"result":' + (encode(result) if encoded is None else encoded) + b"}", 200, None


async def _get_updates(state: State, params: Params) -> bytes:
    return await state.updates.get(
        params.integer("offset"),
        params.integer("limit", 100),
        params.integer("timeout"),
        params.json("allowed_updates"),
    )


def _with_retry(body: bytes, status: int) -> web.Response:
    response = answer(body, status)
    if status == 429:
        response.headers["Retry-After"] = str(json.loads(body)["parameters"]["retry_after"])
    return response


async def _faulty(request: web.Request, state: State, method: str, params: Params, fault: Fault) -> web.StreamResponse:
    """Answer a call that a fault strikes. Delays are in real seconds, since clients time out in real seconds."""
    error = fault.error()
    passes = error is None and not fault.close
    body, status = b"", 0
    if fault.delay and not fault.after_delivery:
        await asyncio.sleep(fault.delay)
    if fault.after_delivery or passes:
        body, status, _ = await _perform(state, method, params, fault.name())
    else:
        methods.log(state, method, params, None, error or ApiError(0, "socket closed"), fault.name())
    if fault.delay and fault.after_delivery:
        await asyncio.sleep(fault.delay)
    if fault.close:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)
    if error is None:
        return answer(body, status)
    if fault.html:
        page = _HTML.format(f"{error.code} {error.description}")
        return web.Response(text=page, status=error.code, content_type="text/html")
    return refusal(error)


async def download(request: web.Request) -> web.StreamResponse:
    """Handle `/file/bot<token>/<file_path>`."""
    try:
        state = find_state(request, request.match_info["token"])
        fault = state.faults.strike("download", None)
        if fault is not None and (error := fault.error()):
            raise error
        stored = state.files.by_path(request.match_info["path"])
        if stored is None:
            raise ApiError(404, NOT_FOUND)
    except ApiError as error:
        return refusal(error)
    return web.Response(body=stored.content, content_type="application/octet-stream")


async def not_found(request: web.Request) -> web.StreamResponse:
    """Answer any other path."""
    return refusal(ApiError(404, NOT_FOUND))
