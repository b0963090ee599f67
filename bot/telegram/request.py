"""python-telegram-bot's transport on aiohttp: cheaper than its default, and honest about what may have been delivered.

A request that never left is `NotConnected`; one whose answer was lost is `AnswerLost`, and Telegram may have carried it
out. The address of every call contains the bot's token, so no text of the transport's own errors is passed on.

Source: timeouts and cost measured against the default transport, 2026-11-22 (CPU of a call falls to about a third).
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Any, cast, final

import aiohttp
from telegram import Bot
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from bot.outgoing import Document

CONNECT_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 30.0
READ_TIMEOUT_S = 30.0  # a slow delivery is not given up and then sent twice
MAX_CONNECTIONS = 256  # more than the outbox has in flight
KEEP_ALIVE_S = 15.0  # shorter than the server's, so a call seldom meets a connection that is being closed
DEFAULT_RETRY_AFTER_S = 5
MAX_RETRY_AFTER_S = 3600

_Timeout = Any  # seconds, None for no limit, or the library's own "not given"
_DEFAULT: _Timeout = BaseRequest.DEFAULT_NONE
_TEMPORARY_4XX = frozenset({408, 420, 421, 425})
_MAPPED_BY_PTB = frozenset({400, 401, 403, 404, 409})


class NotConnected(NetworkError):
    """No connection was made: the request certainly did not arrive."""


class AnswerLost(TimedOut):
    """The connection broke or fell silent after the request was sent: Telegram may have carried it out."""


class FloodControl(TelegramError):
    """Telegram asks to wait. seconds: how long, at most an hour."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many requests: retry after {seconds:g} s")
        self.seconds = seconds


class TooLarge(TelegramError):
    """A file is larger than asked for."""

    def __init__(self) -> None:
        super().__init__("the file is too large")


class _JsonBody:
    """A body that is already JSON; stands in for RequestData, which PTB passes through without looking."""

    __slots__ = ("body",)
    contains_files = False

    def __init__(self, parameters: dict[str, Any]) -> None:
        text = json.dumps(parameters, ensure_ascii=False, separators=(",", ":"))
        self.body = text.encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to upload."""

    name: str
    content: bytes
    mime: str


class _FormBody:
    """A body with one file: the other parameters beside it, as text or JSON."""

    __slots__ = ("document", "name", "parameters")
    contains_files = True

    def __init__(self, parameters: dict[str, Any], name: str, document: Document | Upload) -> None:
        self.parameters = {key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                           for key, value in parameters.items() if key != name}
        self.name, self.document = name, document

    def form(self) -> aiohttp.FormData:
        """Return the form."""
        form = aiohttp.FormData()
        for key, value in self.parameters.items():
            form.add_field(key, value)
        content = self.document.content
        if isinstance(content, str):
            content = content.encode("utf-8", "replace")
        form.add_field(self.name, content, filename=self.document.name, content_type=self.document.mime)
        return form


async def call(bot: Bot, method: str, parameters: dict[str, Any], *, read_timeout: float | None = None) -> Any:
    """Make one Bot API call with plain values and return its `result` as plain values.

    It saves building and reading library objects that nobody looks at: about a third of the CPU of an answer.
    parameters: JSON values; `document` or `photo` may be a file, which is uploaded.
    read_timeout: seconds; the transport's own when None.
    Raises what the library raises for the same answer, NotConnected, AnswerLost and FloodControl.
    """
    name = "photo" if "photo" in parameters else "document"
    file = parameters.get(name)
    body = _FormBody(parameters, name, file) if isinstance(file, Document | Upload) else _JsonBody(parameters)
    return await bot.request.post(
        f"{bot.base_url}/{method}", cast("RequestData", body),
        read_timeout=_DEFAULT if read_timeout is None else read_timeout,
    )


@final
class AiohttpRequest(BaseRequest):
    """One pool of connections for every call of a bot. It opens itself at the first call.

    connect_timeout, write_timeout, read_timeout: seconds.
    """

    def __init__(
        self,
        *,
        connect_timeout: float = CONNECT_TIMEOUT_S,
        write_timeout: float = WRITE_TIMEOUT_S,
        read_timeout: float = READ_TIMEOUT_S,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self._connect_timeout = connect_timeout
        self._write_timeout = write_timeout
        self._read_timeout = read_timeout
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None
        self._timeout = self._timeouts(connect_timeout, write_timeout, read_timeout)

    @property
    def read_timeout(self) -> float:
        """The default read timeout in seconds."""
        return self._read_timeout

    async def initialize(self) -> None:
        """Open the pool; calling it twice changes nothing."""
        self._open()

    async def shutdown(self) -> None:
        """Close the pool; calling it twice changes nothing."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: _Timeout = _DEFAULT,
        write_timeout: _Timeout = _DEFAULT,
        connect_timeout: _Timeout = _DEFAULT,
        pool_timeout: _Timeout = _DEFAULT,
    ) -> tuple[int, bytes]:
        """Make one HTTP request and return its status and body.

        Raises NotConnected, AnswerLost, FloodControl for a 429, NetworkError for a 5xx, BadRequest for a 4xx that the
        library does not know. The caller is the library, which maps the other statuses.
        """
        timeout = self._timeout
        if any(given is not _DEFAULT for given in (read_timeout, write_timeout, connect_timeout)):
            timeout = self._timeouts(
                _chosen(connect_timeout, self._connect_timeout), _chosen(write_timeout, self._write_timeout),
                _chosen(read_timeout, self._read_timeout),
            )
        data, headers = _body(request_data)
        try:
            async with self._open().request(
                method, url, data=data, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                body = await response.read()
                status, wait = response.status, response.headers.get("Retry-After", "")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ServerFingerprintMismatch,
                aiohttp.InvalidURL) as error:
            raise NotConnected(f"no connection to the Bot API server ({_name(error)})") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AnswerLost(f"the answer of the Bot API server was lost ({_name(error)})") from None
        _raise_for(status, body, wait)
        return status, body

    async def download(self, url: str, *, max_bytes: int) -> bytes:
        """Return a file of the Bot API server. Raises TooLarge before more than `max_bytes` are held, else as above."""
        try:
            async with self._open().get(url, timeout=self._timeout, allow_redirects=False) as response:
                status, wait = response.status, response.headers.get("Retry-After", "")
                parts: list[bytes] = []
                n_bytes = 0
                async for part in response.content.iter_chunked(64 * 1024):
                    n_bytes += len(part)
                    if n_bytes > max_bytes:
                        raise TooLarge
                    parts.append(part)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AnswerLost(f"a file of the Bot API server was lost on its way ({_name(error)})") from None
        body = b"".join(parts)
        _raise_for(status, body, wait)
        if status != 200:
            raise BadRequest(f"the Bot API server refused a file with status {status}")
        return body

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Read an answer. Raises TelegramError without its text, which may hold what residents wrote."""
        try:
            parsed = json.loads(payload)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise TelegramError("the Bot API server answered with something that is not its JSON")
        return parsed

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(
                limit=self._max_connections, keepalive_timeout=KEEP_ALIVE_S, ttl_dns_cache=300
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=self._timeout,
                headers={"User-Agent": "koban"}, auto_decompress=True,
            )
        return self._session

    @staticmethod
    def _timeouts(connect: float | None, write: float | None, read: float | None) -> aiohttp.ClientTimeout:
        total = None if connect is None or write is None or read is None else 2 * connect + write + read
        # `connect` also covers the wait for a free connection, hence twice the time of connecting.
        return aiohttp.ClientTimeout(
            total=total, connect=None if connect is None else 2 * connect, sock_connect=connect, sock_read=read
        )


def _chosen(given: _Timeout, default: float) -> float | None:
    if given is _DEFAULT:
        return default
    return None if given is None else float(given)


def _name(error: BaseException) -> str:
    """Return what kind of error it was; never its text, which may contain the address and so the token."""
    reason = error.os_error.strerror if isinstance(error, aiohttp.ClientConnectorError) else None
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__


def _body(request_data: RequestData | None) -> tuple[Any, dict[str, str]]:
    """Return the body as the library gives it: JSON for plain values, multipart when there are files."""
    if request_data is None:
        return None, {}
    if isinstance(request_data, _JsonBody):
        return request_data.body, {"Content-Type": "application/json"}
    if isinstance(request_data, _FormBody):
        return request_data.form(), {}
    if not request_data.contains_files:
        return request_data.url_encoded_parameters().encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    form = aiohttp.FormData()
    for name, value in request_data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, kind) in request_data.multipart_data.items():
        form.add_field(name, content, filename=filename, content_type=kind)
    return form, {}


def _raise_for(status: int, body: bytes, wait: str) -> None:
    """Raise for the statuses that the library would describe with the server's own text, or not tell apart."""
    if status < 400 or status in _MAPPED_BY_PTB:
        return
    if status == 429:
        raise FloodControl(_seconds(body, wait))
    if status >= 500 or status in _TEMPORARY_4XX:
        raise NetworkError(f"the Bot API server answered with status {status}")
    raise BadRequest(f"the Bot API server refused the request with status {status}")


def _seconds(body: bytes, wait: str) -> float:
    """Return how long a 429 asks to wait: in its JSON, in its header, or our own default."""
    try:
        asked: Any = json.loads(body)["parameters"]["retry_after"]
    except (ValueError, TypeError, KeyError):
        asked = wait
    try:
        return float(min(max(int(asked), 1), MAX_RETRY_AFTER_S))
    except (ValueError, TypeError, OverflowError):
        return DEFAULT_RETRY_AFTER_S


def silence_libraries() -> None:
    """Keep the loggers that would write calls with their words, or addresses with the token, at WARNING."""
    for name in ("telegram", "aiohttp", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


async def close_bot(bot: Bot) -> None:
    """Close the connections of a bot."""
    await bot.request.shutdown()
    await asyncio.sleep(0)  # lets the sockets close before the loop does
