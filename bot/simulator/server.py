"""Start the simulator: `create_app` for a server of one's own, `SimulatorServer` for tests and the demo."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.simulator import api, control, methods
from bot.simulator.control import STATES
from bot.simulator.models import DEFAULT_TOKEN, Config, Json, LimitSettings
from bot.simulator.state import State

_HOST = "127.0.0.1"
_STATIC = Path(__file__).parent / "static"
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def create_app(config: Config) -> web.Application:
    """Return the whole server as an aiohttp application; its states are in `app[STATES]`, by token.

    Raises ValueError for a token that Telegram could not have given.
    """
    states: dict[str, State] = {}
    for token in config.tokens:
        if not re.fullmatch(r"\d{1,15}:[A-Za-z0-9_-]{3,}", token):
            raise ValueError("a token looks like 123456:letters-and-digits")

        async def execute(method: str, values: Json, token: str = token) -> None:
            await methods.execute(states[token], method, values)

        states[token] = State(config, token, execute)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app[STATES] = states
    app.router.add_route("*", "/bot{token:[^/]*}/{method:[^/]*}", api.call)
    app.router.add_get("/file/bot{token:[^/]*}/{path:.+}", api.download)
    control.add_routes(app)
    app.router.add_get("/", _home)
    app.router.add_get("/phone", _page)
    app.router.add_get(r"/static/{name:[a-z_]+\.(?:css|js|svg)}", _page)
    app.router.add_route("*", "/{anything:.*}", api.not_found)
    app.on_shutdown.append(_close)
    return app


async def _close(app: web.Application) -> None:
    for state in app[STATES].values():
        await state.close()


async def _home(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/phone")


async def _page(request: web.Request) -> web.StreamResponse:
    name = request.match_info.get("name", "phone.html")
    path = _STATIC / name
    if not control.from_this_machine(request) or not path.is_file():
        return await api.not_found(request)
    kind = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}[path.suffix]
    return web.Response(body=path.read_bytes(), headers={**_PAGE_HEADERS, "Content-Type": f"{kind}; charset=utf-8"})


class SimulatorServer:
    """A running simulator: `async with SimulatorServer() as simulator: Bot(..., base_url=f"{simulator.url}/bot")`.

    port: 0 chooses a free one. It listens on this machine only.
    """

    def __init__(self, config: Config | None = None, *, port: int = 0) -> None:
        self.config = config or Config()
        self.app = create_app(self.config)
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def state(self) -> State:
        """The state of the first bot."""
        return self.app[STATES][self.config.tokens[0]]

    @property
    def token(self) -> str:
        """The token of the first bot."""
        return self.config.tokens[0]

    @property
    def url(self) -> str:
        """The address of the server, without a slash at the end."""
        return f"http://{_HOST}:{self._port}"

    async def start(self) -> None:
        """Listen; raises OSError when the port is taken."""
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, _HOST, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """End waiting polls and deliveries, and close."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


async def serve(config: Config, port: int) -> None:
    """Run until cancelled, and say where."""
    async with SimulatorServer(config, port=port) as simulator:
        print(f"Telegram simulator on {simulator.url} — the phone is at {simulator.url}/phone", flush=True)
        await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulator from the command line."""
    parser = argparse.ArgumentParser(prog="bot.simulator", description="A small Telegram on this machine.")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--token", action="append", help=f"a bot token it knows (default {DEFAULT_TOKEN})")
    parser.add_argument("--time-scale", type=float, default=1.0, help="virtual seconds per real second")
    parser.add_argument("--no-limits", action="store_true", help="let the bot send as fast as it can")
    parser.add_argument(
        "--open-chats", action="store_true", help="every positive chat id exists and has started the bot"
    )
    parser.add_argument("--keep-calls", type=int, default=10_000, help="how many calls the log remembers")
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args(arguments)
    config = Config(
        tokens=tuple(given.token or [DEFAULT_TOKEN]),
        limits=LimitSettings(enabled=not given.no_limits),
        time_scale=given.time_scale,
        keep_calls=given.keep_calls,
        open_chats=given.open_chats,
        seed=given.seed,
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(config, given.port))
