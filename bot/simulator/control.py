"""The control side, `/_sim/…`: what residents do, what the bot did, and trouble on purpose. JSON in, JSON out.

Only pages of this very server may call it from a browser: the Host must be this machine; the Origin, if any, ours.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import quote, urlsplit

from aiohttp import web

from bot.simulator import files, people
from bot.simulator.errors import ApiError, SimulatorError, bad_request
from bot.simulator.methods_bot import commands_for
from bot.simulator.models import ChatRule, Json
from bot.simulator.state import State

STATES = web.AppKey("states", dict[str, State])
_PING_SECONDS = 15
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_STATUSES = {"open", "not_started", "blocked", "deactivated", "kicked"}
_SHOWN_INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp", "audio/ogg"}

Handler = Callable[[State, web.Request], Awaitable[Any]]


def from_this_machine(request: web.Request) -> bool:
    """Return whether the request names this machine as its host and comes from one of our pages, or from none."""
    host = urlsplit(f"//{request.host}")
    if host.hostname not in _LOOPBACK:
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == host.netloc


def _guarded(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        if not from_this_machine(request):
            return web.json_response({"ok": False, "description": "Forbidden"}, status=403)
        states = request.app[STATES]
        wanted = request.query.get("bot")
        state = next((s for s in states.values() if wanted in (None, str(s.bot_id))), None)
        try:
            if state is None:
                raise ApiError(404, "Not Found: no such bot")
            result = await handler(state, request)
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)
        except (KeyError, TypeError, ValueError) as error:
            body = bad_request(f"{type(error).__name__}: {error}").body()
            return web.json_response(body, status=400)
        if isinstance(result, web.StreamResponse):
            return result
        return web.json_response({"ok": True, "result": result}, headers={"Cache-Control": "no-store"})

    return handle


async def _body(request: web.Request) -> Json:
    body = await request.json() if request.can_read_body else {}
    if not isinstance(body, dict):
        raise bad_request("expected a JSON object")
    return body


async def _info(state: State, request: web.Request) -> Json:
    language = (request.query.get("language") or "")[:2]
    about = {
        field: state.profile.get((field, language), state.profile.get((field, ""), ""))
        for field in ("name", "description", "short_description")
    }
    return {"bot": state.bot_user(), "about": about, "webhook": state.webhook.info(), "now": state.clock.now()}


async def _residents(state: State, request: web.Request) -> list[Json]:
    most = int(request.query.get("limit", "100"))
    return [
        resident.as_user() | {"status": state.status_of(state.chats[resident.id])}
        for resident in list(state.residents.values())[:most]
    ]


def _resident(state: State, given: Json) -> int:
    known = {k: given[k] for k in ("id", "first_name", "last_name", "username", "language_code") if k in given}
    return state.add_resident(**known, started=bool(given.get("started"))).id


async def _add_resident(state: State, request: web.Request) -> Json:
    return state.residents[_resident(state, await _body(request))].as_user()


async def _add_many(state: State, request: web.Request) -> int:
    body = await _body(request)
    state.add_residents(int(body["first_id"]), int(body["n"]))
    return int(body["n"])


async def _add_group(state: State, request: web.Request) -> Json:
    body = await _body(request)
    group = state.add_group(
        body["chat_id"], body.get("title", "Group"), kind=body.get("kind", "group"),
        is_forum=bool(body.get("is_forum")), username=body.get("username", ""), language=body.get("language"),
    )
    return group.as_chat()


async def _migrate(state: State, request: web.Request) -> Json:
    body = await _body(request)
    return state.migrate(int(body["chat_id"]), int(body["new_id"])).as_chat()


async def _send(state: State, request: web.Request) -> Json:
    upload: web.FileField | None = None
    if request.content_type == "multipart/form-data":
        form = await request.post()
        body: Json = {k: v for k, v in form.items() if isinstance(v, str)}
        field = form.get("file")
        upload = field if isinstance(field, web.FileField) else None
        body["resident_id"] = int(body["resident_id"])
    else:
        body = await _body(request)
    who = _resident(state, body["resident"]) if "resident" in body else int(body["resident_id"])
    kind, chat_id = body.get("kind", "text"), body.get("chat_id")
    if kind == "text":
        return people.send_text(state, who, body["text"], chat_id=chat_id, reply_to=body.get("reply_to"))
    if kind == "location":
        return people.send_location(state, who, float(body["latitude"]), float(body["longitude"]))
    if kind == "contact":
        name = body.get("first_name") or state.residents[who].first_name
        return people.send_contact(state, who, str(body["phone_number"]), name, own=body.get("own", True))
    if kind not in ("photo", "document", "voice", "sticker"):
        raise bad_request("unknown kind of message")
    if upload is not None:
        content, name, mime = upload.file.read(), upload.filename, upload.content_type
    else:
        content, name, mime = _sample(kind) if "data" not in body else (base64.b64decode(body["data"]), "file", "")
    stored = state.files.add(kind, content, name=body.get("name", name), mime=body.get("mime") or mime)
    return people.send_file(state, who, stored, caption=body.get("caption", ""), chat_id=chat_id)


def _sample(kind: str) -> tuple[bytes, str, str]:
    if kind == "voice":
        return files.sample_voice(), "voice.ogg", "audio/ogg"
    if kind == "document":
        return b"A sample document of the simulator.\n", "sample.txt", "text/plain"
    return files.sample_png(), f"{kind}.png", "image/png"


async def _edit(state: State, request: web.Request) -> Json:
    body = await _body(request)
    return people.edit_text(
        state, int(body["resident_id"]), int(body["message_id"]), body["text"], chat_id=body.get("chat_id")
    )


async def _delete(state: State, request: web.Request) -> bool:
    body = await _body(request)
    people.delete_message(state, int(body["resident_id"]), int(body["message_id"]))
    return True


async def _tap(state: State, request: web.Request) -> Json:
    body = await _body(request)
    known = {k: body[k] for k in ("data", "text", "message_id", "chat_id") if k in body}
    return asdict(people.tap(state, int(body["resident_id"]), **known))


async def _query(state: State, request: web.Request) -> Json:
    return asdict(state.queries[request.match_info["id"]])


async def _chats(state: State, request: web.Request) -> list[Json]:
    kind, most = request.query.get("kind"), int(request.query.get("limit", "100"))
    found = [chat for chat in state.chats.values() if kind in (None, chat.kind)]
    return [
        chat.as_chat() | {"status": state.status_of(chat), "n_messages": len(chat.messages), "language": chat.language}
        for chat in found[:most]
    ]


async def _chat(state: State, request: web.Request) -> Json:
    chat = state.chat(int(request.match_info["id"]))
    waiting = [u.message_key[1] for u in state.updates.waiting() if u.message_key and u.message_key[0] == chat.id]
    language = chat.resident.language_code if chat.resident else None
    return {
        "chat": chat.as_chat(),
        "status": state.status_of(chat),
        "messages": list(chat.messages.values()),
        "not_taken": waiting,
        "keyboard": chat.keyboard,
        "pinned": chat.pinned,
        "reactions": chat.reactions,
        "commands": commands_for(state, chat.id, language),
    }


async def _set_status(state: State, request: web.Request) -> str:
    body = await _body(request)
    chat_id, status = int(body["chat_id"]), body["status"]
    if status not in _STATUSES:
        raise bad_request("unknown status")
    chat = state.chat(chat_id)
    if status == "deactivated":
        people.deactivate(state, chat_id)
    elif status == "kicked":
        people.kick(state, chat_id)
    elif status == "not_started" or chat.resident is None:
        chat.status = status
    else:
        people.set_blocked(state, chat_id, status == "blocked")
    return state.status_of(chat)


async def _add_rule(state: State, request: web.Request) -> int:
    body = await _body(request)
    if body["status"] not in _STATUSES - {"open"} or int(body["modulo"]) < 1:
        raise bad_request("a rule needs a modulo above zero and a status")
    state.rules.append(ChatRule(int(body["modulo"]), int(body["remainder"]), body["status"]))
    return len(state.rules)


async def _clear_rules(state: State, request: web.Request) -> int:
    state.rules.clear()
    return 0


async def _calls(state: State, request: web.Request) -> list[Json]:
    query = request.query
    method, since = query.get("method", "").lower(), int(query.get("since", "0"))
    chat_id = int(query["chat_id"]) if "chat_id" in query else None
    found = [
        call
        for call in state.calls
        if call.id > since
        and (not method or call.method.lower() == method)
        and (chat_id is None or call.chat_id == chat_id)
    ]
    return [call.as_json() for call in found[-int(query.get("limit", "100")) :]]


async def _clear_calls(state: State, request: web.Request) -> int:
    state.calls.clear()
    return 0


async def _faults(state: State, request: web.Request) -> list[Json]:
    if request.method == "POST":
        state.faults.add_json(await _body(request))
    elif request.method == "DELETE":
        state.faults.clear()
    return state.faults.as_json()


async def _clock(state: State, request: web.Request) -> Json:
    if request.method == "POST":
        body = await _body(request)
        if "scale" in body:
            state.clock.set_scale(float(body["scale"]))
        state.clock.advance(float(body.get("advance", 0)))
    return {"now": state.clock.now(), "scale": state.clock.scale}


async def _limits(state: State, request: web.Request) -> Json:
    if request.method == "POST":
        state.limits.settings = replace(state.limits.settings, **await _body(request))
    return asdict(state.limits.settings)


async def _stats(state: State, request: web.Request) -> Json:
    return state.stats.as_json() | {"updates_waiting": len(state.updates)}


async def _reset(state: State, request: web.Request) -> bool:
    await state.reset()
    return True


async def _file(state: State, request: web.Request) -> web.Response:
    stored = state.files.get(request.match_info["id"])
    if stored is None:
        raise SimulatorError(404, "Not Found")
    shown = stored.mime in _SHOWN_INLINE and not request.query.get("download")
    answer = web.Response(body=stored.content, content_type=stored.mime if shown else "application/octet-stream")
    if not shown:
        name = quote(stored.name, safe="")
        answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


async def _events(state: State, request: web.Request) -> web.StreamResponse:
    stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await stream.prepare(request)
    queue = state.subscribe()
    try:
        await stream.write(b'data: {"kind":"hello"}\n\n')
        while True:
            try:
                async with asyncio.timeout(_PING_SECONDS):
                    event = await queue.get()
            except TimeoutError:
                await stream.write(b": still here\n\n")
                continue
            if event["kind"] == "closed":
                break
            data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
            await stream.write(f"data: {data}\n\n".encode())
    except ConnectionResetError:
        pass  # the page was closed
    finally:
        state.unsubscribe(queue)
    return stream


def add_routes(app: web.Application) -> None:
    """Add the control routes to the server."""
    routes: list[tuple[str, str, Handler]] = [
        ("GET", "info", _info),
        ("GET", "residents", _residents),
        ("POST", "residents", _add_resident),
        ("POST", "residents/many", _add_many),
        ("POST", "groups", _add_group),
        ("POST", "migrate", _migrate),
        ("POST", "send", _send),
        ("POST", "edit", _edit),
        ("POST", "delete", _delete),
        ("POST", "tap", _tap),
        ("GET", "queries/{id}", _query),
        ("GET", "chats", _chats),
        ("GET", "chats/{id:-?[0-9]+}", _chat),
        ("POST", "status", _set_status),
        ("POST", "rules", _add_rule),
        ("DELETE", "rules", _clear_rules),
        ("GET", "calls", _calls),
        ("DELETE", "calls", _clear_calls),
        *((method, "faults", _faults) for method in ("GET", "POST", "DELETE")),
        *((method, "clock", _clock) for method in ("GET", "POST")),
        *((method, "limits", _limits) for method in ("GET", "POST")),
        ("GET", "stats", _stats),
        ("POST", "reset", _reset),
        ("GET", "files/{id}", _file),
        ("GET", "events", _events),
    ]
    for method, path, handler in routes:
        app.router.add_route(method, f"/_sim/{path}", _guarded(handler))
