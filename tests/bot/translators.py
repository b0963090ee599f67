"""Translation services on this machine that behave as LibreTranslate and as TexTra do, and can misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

Answer = tuple[int, object]


@dataclass
class FakeTranslator:
    """A server. words: (from, to, text) → translation; asked: what came in, as (path, fields).

    trouble: when set, answers instead of the server; None from it lets the server answer.
    """

    url: str = ""
    words: dict[tuple[str, str, str], str] = field(default_factory=dict)
    pairs: dict[str, list[str]] = field(default_factory=lambda: {
        "ja": ["en", "vi", "pt", "zh-Hans"], "en": ["ja"], "vi": ["ja"], "pt": ["ja"], "zh-Hans": ["ja"],
    })
    engines: list[tuple[str, str, str]] = field(default_factory=lambda: [
        (f"{engine}_{a}_{b}", a, b) for engine, langs in (("generalNT", ("en", "vi", "zh-CN")),
                                                         ("voicetraNT", ("vi", "pt-BR", "fp")))
        for lang in langs for a, b in (("ja", lang), (lang, "ja"))
    ])
    tokens: set[str] = field(default_factory=set)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    trouble: Callable[[str, dict[str, str]], Answer | None] = lambda _path, _fields: None

    def translate(self, source: str, target: str, text: str) -> str:
        """A translation that is known, or the text between marks of the direction."""
        return self.words.get((source, target, text), f"{target}({text})")

    def texts(self) -> list[str]:
        """The texts that came in to be translated."""
        return [fields.get("q") or fields.get("text") or "" for _path, fields in self.asked
                if "q" in fields or "text" in fields]

    def answer(self, method: str, path: str, fields: dict[str, str]) -> Answer:
        """Answer as the real one does."""
        raise NotImplementedError


class FakeLibre(FakeTranslator):
    """LibreTranslate: refuses a key that is not its own, names what is wrong in `error`."""

    key = "libre-key"

    def answer(self, method: str, path: str, fields: dict[str, str]) -> Answer:
        if (method, path) == ("GET", "/languages"):
            return 200, [{"code": code, "name": code, "targets": targets} for code, targets in self.pairs.items()]
        if (method, path) != ("POST", "/translate"):
            return 404, {"error": "Not found"}
        if fields.get("api_key") != self.key:
            return 403, {"error": "Invalid API key"}
        for name in ("q", "source", "target"):
            if not fields.get(name):
                return 400, {"error": f"Invalid request: missing {name} parameter"}
        if fields["target"] not in self.pairs.get(fields["source"], []):
            return 400, {"error": f"{fields['target']} is not supported"}
        return 200, {"translatedText": self.translate(fields["source"], fields["target"], fields["q"])}


class FakeTexTra(FakeTranslator):
    """TexTra: a token first, then forms; the status is 200 and `code` tells how it went."""

    login, key, secret = "police", "textra-key", "textra-secret"
    expires_in: object = 3600

    def answer(self, method: str, path: str, fields: dict[str, str]) -> Answer:
        if path == "/oauth2/token.php":
            right = {"grant_type": "client_credentials", "client_id": self.key, "client_secret": self.secret}
            if method != "POST" or fields != right:
                return 401, {"error": "invalid_client"}
            token = f"token-{len(self.asked)}"
            self.tokens.add(token)
            return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in}
        if fields.get("key") != self.key:
            return self._code(500)
        if fields.get("name") != self.login:
            return self._code(501)
        if fields.get("access_token") not in self.tokens:
            return self._code(510)
        if path == "/api/mt_standard/get/":
            rows = [{"id": name, "lang_s": source, "lang_t": target} for name, source, target in self.engines]
            return self._code(0, {"list": rows})
        name = path.removeprefix("/api/mt/").rstrip("/")
        if not path.startswith("/api/mt/") or name not in {each[0] for each in self.engines}:
            return self._code(521)
        if fields.get("type") != "json" or "text" not in fields:
            return self._code(524)
        _engine, source, target = name.split("_")
        return self._code(0, {"text": self.translate(source, target, fields["text"]), "blank": 0})

    @staticmethod
    def _code(code: int, result: dict[str, Any] | None = None) -> Answer:
        return 200, {"resultset": {"code": code, "message": "", "request": {}, "result": result or {}}}


@contextmanager
def serving(fake: FakeTranslator) -> Iterator[FakeTranslator]:
    """Run a fake on a port of the loopback; its `url` is set."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            if "json" in self.headers.get("content-type", ""):
                fields = json.loads(body)
            else:
                fields = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
            fake.asked.append((self.path, fields))
            trouble = fake.trouble(self.path, fields)
            status, answer = fake.answer(method, self.path, fields) if trouble is None else trouble
            sent = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that gave up waiting is what one test is about."""

    web = Server(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{web.server_port}"
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    try:
        yield fake
    finally:
        web.shutdown()
        thread.join()
        web.server_close()
