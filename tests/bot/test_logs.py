"""What residents write, names and tokens must not reach the log, by whichever way an error takes."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bot import logs
from bot.errors import AlreadyClaimed, DeliveryError, DeploymentError

WORDS = "chồng tôi đánh tôi mỗi đêm"
TOKEN = "7512345678:AAF3xY_k0pQ-z8LmN4rT6vW1bC2dE5fG7hI"
ROOT = Path(__file__).resolve().parents[2]

Read = Callable[[], list[dict[str, object]]]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """A configured log; everything global is put back afterwards."""
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in (*logs.OUR_ROOMS, *logs.QUIET_LOGGERS, "uvicorn"))]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook, logging.raiseExceptions
    stream = io.StringIO()
    logs.configure("DEBUG", stream=stream, as_json=True)
    yield stream
    logging.captureWarnings(False)
    sys.excepthook, sys.unraisablehook, threading.excepthook, logging.raiseExceptions = hooks
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture
def rows(written: io.StringIO) -> Read:
    """The lines written so far, parsed."""
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_row_holds_level_logger_message_and_ids(rows: Read) -> None:
    logging.getLogger("bot.outbox").info("delivery sent", extra={"delivery_id": 12, "process_id": "a-1"})
    (row,) = rows()
    assert row.pop("at")
    assert row == {"level": "info", "logger": "bot.outbox", "message": "delivery sent", "delivery_id": 12,
                   "process_id": "a-1"}


def test_an_extra_that_is_no_id_is_hidden(rows: Read) -> None:
    logging.getLogger("bot.x").info("kept", extra={"ticket_id": 3, "body": WORDS, "names": [WORDS]})
    (row,) = rows()
    assert row["ticket_id"] == 3
    assert WORDS not in json.dumps(row, ensure_ascii=False)


@pytest.mark.parametrize("name", ["bot.telegram.sender", "httpx", "telegram.ext"])
def test_a_token_is_removed_from_message_arguments_and_exception(name: str, written: io.StringIO) -> None:
    logger = logging.getLogger(name)
    url = f"https://api.telegram.org/bot{TOKEN}/sendMessage"
    logger.error("POST %s failed", url)
    logger.error(f"POST {url} failed")
    logger.error("asked", extra={"url": url})
    try:
        raise DeploymentError([f"no answer from {url}"])
    except DeploymentError as error:
        logger.exception("broken: %s", error)
        logger.error(error)
    assert TOKEN not in written.getvalue()
    assert TOKEN.split(":")[1] not in written.getvalue()
    assert written.getvalue().count("\n") == 5


def test_an_encoded_token_and_a_database_password_are_removed() -> None:
    assert TOKEN.split(":")[1] not in logs.scrub(TOKEN.replace(":", "%3A"))
    assert logs.scrub("postgresql://koban:s3cret@db:5432/koban") == "postgresql://koban:<password>@db:5432/koban"


@given(st.from_regex(r"[0-9]{8,10}:[A-Za-z0-9_-]{35}", fullmatch=True), st.text(max_size=30), st.text(max_size=30))
def test_no_token_survives_whatever_stands_around_it(token: str, before: str, after: str) -> None:
    assert token not in logs.scrub(f"{before}{token}{after}")


async def test_a_refused_row_is_logged_without_its_values(written: io.StringIO) -> None:
    engine = create_async_engine("sqlite+aiosqlite://")  # without hide_parameters: the log may not rely on it
    try:
        async with engine.connect() as connection:
            await connection.execute(text("CREATE TABLE t (body TEXT NOT NULL, n INTEGER NOT NULL)"))
            await connection.execute(text("INSERT INTO t VALUES (:body, :n)"), {"body": WORDS, "n": None})
    except Exception as error:
        quoted = str(error)
        logging.getLogger("bot.worker").exception("a tick failed: %s", error)
        logging.getLogger("sqlalchemy.pool").error("broken: %s", error, exc_info=True)
    finally:
        await engine.dispose()
    assert WORDS in quoted, "the driver no longer quotes the row; this test has lost its point"
    assert "IntegrityError" in written.getvalue()
    assert "tests/bot/test_logs.py:" in written.getvalue()
    assert WORDS not in written.getvalue()
    assert "INSERT" not in written.getvalue()


def test_causes_contexts_and_groups_are_logged_without_their_values(rows: Read) -> None:
    def fail() -> None:
        try:
            try:
                yaml.safe_load(f"[{WORDS}")
            except yaml.YAMLError as inner:
                raise KeyError(WORDS) from inner
        except KeyError:
            raise ExceptionGroup(WORDS, [ValueError(WORDS), LookupError(WORDS)])  # noqa: B904 - the context is the point

    try:
        fail()
    except ExceptionGroup as error:
        error.add_note(WORDS)
        logging.getLogger("bot.app").exception("stopped")
    (row,) = rows()
    logged = "\n".join(map(str, row["error"]))  # type: ignore[call-overload]
    for kind in ("ExceptionGroup", "ValueError", "LookupError", "KeyError", "yaml.parser.ParserError"):
        assert kind in logged
    assert " fail" in logged, "the function is named"
    assert WORDS not in json.dumps(row, ensure_ascii=False)


def test_an_exception_that_is_its_own_cause_ends() -> None:
    error = ValueError(WORDS)
    other = KeyError(WORDS)
    error.__cause__, other.__cause__ = other, error
    assert logs.describe_traceback(error) == "ValueError\nbecause of\nKeyError"


def test_our_own_errors_keep_their_text_but_not_names_and_quotations() -> None:
    assert logs.describe_exception(DeploymentError(["demo.yaml:3: mend it"])) == "DeploymentError: demo.yaml:3: mend it"
    refused = AlreadyClaimed("{name} has this consultation.", name="山田太郎")
    assert "山田" not in logs.describe_exception(refused)
    assert "{name} has this consultation." in logs.describe_exception(refused)
    delivery = DeliveryError(f'Bad Request: unsupported start tag "{WORDS}"', permanent=True)
    assert WORDS not in logs.describe_exception(delivery)
    assert "unsupported start tag" in logs.describe_exception(delivery)


def test_a_reason_given_as_an_argument_loses_what_it_quotes(rows: Read) -> None:
    logging.getLogger("bot.outbox").warning("delivery not sent: %s", f'Bad Request: can\'t parse "{WORDS}" at 3')
    (row,) = rows()
    assert row["message"] == "delivery not sent: Bad Request: can't parse … at 3"


async def test_what_asyncio_says_of_a_lost_task_holds_no_words(written: io.StringIO) -> None:
    class Person:
        def speak(self, words: str) -> None:
            raise RuntimeError(words)

    loop = asyncio.get_running_loop()
    loop.call_soon(Person().speak, WORDS)
    await asyncio.sleep(0.01)
    loop.call_exception_handler({
        "message": "Task exception was never retrieved", "exception": RuntimeError(WORDS), "future": WORDS,
    })
    assert "Exception in callback" in written.getvalue()
    assert "Task exception was never retrieved" in written.getvalue()
    assert "RuntimeError" in written.getvalue()
    assert WORDS not in written.getvalue()


def test_other_libraries_keep_their_fixed_words_and_numbers(rows: Read) -> None:
    logging.getLogger("apscheduler.scheduler").warning('Run of job "%s" missed by %d s', WORDS, 4)
    logging.getLogger("telegram.ext").error("Received data was: %s", {"text": WORDS})
    logging.getLogger("telegram.ext").error("Named: %(text)s and %(n)d", {"text": WORDS, "n": 3})
    logging.getLogger("somebody").error(f"could not parse: {WORDS}")
    assert [row["message"] for row in rows()] == [
        'Run of job "…" missed by 4 s', "Received data was: …", "Named: … and 3", "could not parse"]


def test_other_libraries_speak_only_from_warning_on(rows: Read) -> None:
    for name in ("httpx", "aiohttp.access", "telegram.Bot", "sqlalchemy.engine.Engine", "apscheduler", "anything"):
        logging.getLogger(name).info("HTTP Request: POST https://api.telegram.org/bot%s/getMe", TOKEN)
    logging.getLogger("intents.matcher").debug("ours")
    assert [row["message"] for row in rows()] == ["ours"]


def test_arguments_that_do_not_fit_lose_the_record_and_not_the_words(written: io.StringIO) -> None:
    logging.getLogger("bot.x").error("two %s and %d", WORDS, WORDS)
    logging.getLogger("bot.x").error("one", WORDS)
    assert "could not be written" in written.getvalue()
    assert WORDS not in written.getvalue()


def test_a_warning_is_logged_as_its_kind_and_place(rows: Read) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn(f"coercing {WORDS}", UserWarning, stacklevel=1)
    (row,) = rows()
    assert str(row["message"]).endswith(": UserWarning")
    assert WORDS not in str(row)


def test_a_line_break_cannot_forge_a_line_of_the_plain_log() -> None:
    record = logging.LogRecord("bot.x", logging.INFO, "", 1, "seen %s", ("1\n09:00:00 error bot: all is lost\x1b[2J",),
                               None)
    logs.Scrubber().filter(record)
    line = logs.PlainFormatter().format(record)
    assert "\n" not in line
    assert "\x1b" not in line


def test_a_record_that_passes_two_scrubbers_stays_the_same(written: io.StringIO) -> None:
    record = logging.LogRecord("bot.x", logging.ERROR, "", 1, "at 100%% of %s", ("it",), None)
    logs.Scrubber().filter(record)
    logs.Scrubber().filter(record)
    assert record.getMessage() == "at 100% of it"


@pytest.mark.parametrize("way", [
    "raise RuntimeError(words)",
    "import threading; t = threading.Thread(target=int, args=(words,)); t.start(); t.join()",
    "class A:\n    def __del__(self): raise RuntimeError(words)\nA()",
    "import logging; logging.getLogger('bot').error('%d', words)",
], ids=["uncaught", "thread", "unraisable", "formatting"])
def test_a_process_that_breaks_prints_no_words(way: str) -> None:
    code = f"from bot import logs\nlogs.configure('INFO')\nwords = {WORDS!r}\n{way}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False,
                          encoding="utf-8")
    assert done.stderr, "the error is logged"
    assert WORDS not in done.stderr
    assert json.loads(done.stderr.splitlines()[0])["level"] in ("critical", "error")
