"""The optional second reader: it names an intent or nothing, sees nothing personal, and never holds anybody up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bot import conversation
from bot.classifier import PAUSE_S, RemoteClassifier
from bot.conversation import Parts
from bot.incoming import Incoming, Kind
from bot.redaction import redact

TITLES = {"stolen_bicycle": "Stolen bicycle", "lost_property": "You lost something"}


@dataclass
class FakeServer:
    """An OpenAI-compatible server on this machine; `reply` makes the whole answer."""

    url: str
    reply: Callable[[], object]
    asked: list[dict[str, object]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


def says(word: str) -> dict[str, object]:
    return {"choices": [{"message": {"role": "assistant", "content": word}}]}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            made.keys.append(self.headers.get("authorization", ""))
            answer = made.reply()
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that gave up waiting is what one test is about."""

    web = Server(("127.0.0.1", 0), Handler)
    made = FakeServer(f"http://127.0.0.1:{web.server_port}/v1", lambda: says("stolen_bicycle"))
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    yield made
    web.shutdown()
    thread.join()
    web.server_close()


def classifier(server: FakeServer, **changes: object) -> RemoteClassifier:
    return RemoteClassifier(server.url, "some-model", TITLES, **changes)  # type: ignore[arg-type]


def message(text: str) -> Incoming:
    return Incoming(1, 1, Kind.TEXT, text=text, language_code="en")


@pytest.mark.parametrize(("word", "named"), [
    ("stolen_bicycle", "stolen_bicycle"), (" `Lost_Property`. \n", "lost_property"), ("none", None),
    ("Call 110 now!", None), ("stolen_bicycle lost_property", None), ("", None),
])
def test_only_an_id_of_the_list_counts(server: FakeServer, word: str, named: str | None) -> None:
    server.reply = lambda: says(word)
    assert classifier(server).choose("my mamachari has vanished") == named


def test_what_points_at_a_person_stays_here(server: FakeServer) -> None:
    classifier(server, key="k").choose("I am a@b.example, @handle_1, +81 90-1234-5678, card AB12345678CD, https://x.example/me")
    sent = json.dumps(server.asked)
    for secret in ("a@b.example", "handle_1", "1234", "AB12345678CD", "x.example"):
        assert secret not in sent
    assert server.keys == ["Bearer k"]


@pytest.mark.parametrize(("text", "left"), [
    ("call 110 or 119", "call 110 or 119"), ("٠٩٠١٢٣٤٥٦٧٨", "<number>"), ("０９０－１２３４－５６７８", "<number>"),
    ("室番号 12", "室番号 12"), ("口座1234567です", "口座<number>です"), ("passport TR1234567", "passport <number>"),
])
def test_numbers_of_people_go_and_numbers_of_help_stay(text: str, left: str) -> None:
    assert redact(text) == left


@pytest.mark.parametrize("answer", [b"<html>502</html>", {}, {"choices": []}, [1], {"choices": [{"message": None}]}])
def test_a_broken_server_is_left_alone_for_a_while(server: FakeServer, answer: object) -> None:
    now = [0.0]
    asking = classifier(server, clock=lambda: now[0])
    server.reply = lambda: answer
    assert asking.choose("x") is None
    server.reply = lambda: says("lost_property")
    assert asking.choose("x") is None
    assert len(server.asked) == 1, "not asked again while it rests"
    now[0] = PAUSE_S + 1
    assert asking.choose("x") == "lost_property"


def test_a_slow_server_and_one_that_is_not_there_cost_the_time_limit_at_most(server: FakeServer) -> None:
    release = threading.Event()

    def slow() -> object:
        release.wait(5)
        return says("stolen_bicycle")

    server.reply = slow
    started = time.monotonic()
    assert classifier(server, timeout_s=0.2).choose("x") is None
    assert time.monotonic() - started < 2.5
    release.set()
    gone = FakeServer("http://127.0.0.1:9/v1", lambda: None)
    assert classifier(gone, timeout_s=0.2).choose("x") is None


def test_it_is_asked_in_doubt_only_and_leads_the_buttons(server: FakeServer, parts: Parts) -> None:
    asked = replace(parts, classifier=classifier(server))
    clear = conversation.understand(message("Tôi bị mất xe đạp ở ga"), asked)
    assert clear is not None
    danger = conversation.understand(message("someone is breaking into my house right now with a knife"), asked)
    assert danger is not None
    assert danger.danger is not None
    assert server.asked == [], "the bot knew by itself"
    doubtful = message("qwzx blorp flim")
    before = conversation.understand(doubtful, parts)
    after = conversation.understand(doubtful, asked)
    assert before is not None
    assert after is not None
    assert before.outcome == "fallback"
    assert after.outcome in ("answer", "choices")
    assert after.intents[0].intent_id == "stolen_bicycle"
    server.reply = lambda: says("greeting")
    assert conversation.understand(doubtful, asked) == before, "it cannot name what is no answer"


def test_it_is_never_asked_about_the_words_of_a_consultation(server: FakeServer, parts: Parts) -> None:
    asked = replace(parts, classifier=classifier(server))
    found = conversation.understand(replace(message("qwzx blorp flim"), is_for_staff=True), asked)
    assert found is not None
    assert found.outcome == "fallback"
    assert server.asked == []
