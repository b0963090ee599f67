"""The log: what happened and to which id, never what anybody wrote, and never a token.

Every record passes the `Scrubber` before it is written:
- bot tokens and passwords in addresses are replaced, wherever they stand;
- an exception is written as its type and its frames (file, line, function); its text only when it is one of our own,
  since a driver quotes the row it refused and a parser quotes what it could not parse;
- records of other libraries keep their fixed words and numbers; what they quote is left out.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from bot.errors import DeliveryError, Refused

OUR_ROOMS = ("bot", "intents", "storage")
QUIET_LOGGERS = (
    "aiohttp", "aiosqlite", "alembic", "apscheduler", "asyncio", "httpcore", "httpx", "python_multipart", "sqlalchemy",
    "sse_starlette", "telegram", "uvicorn.access",
)  # fmt: skip
MAX_MESSAGE = 2000  # characters of one message
MAX_FRAMES = 40
MAX_EXCEPTIONS = 8  # of one chain or group
HIDDEN = "…"

_ROOT = Path(__file__).resolve().parent.parent
_SECRETS = (
    # A bot token, also as it stands in the path of a request. Source: core.telegram.org/bots/api, read 2026-11-22.
    (re.compile(r"\d{1,20}(?::|%3[Aa])[A-Za-z0-9_-]{30,}"), "<token>"),
    (re.compile(r"(://[^/\s:@]{0,100}:)[^/\s@]{1,200}@"), r"\1<password>@"),
)
_QUOTED = re.compile(r"\"[^\"]*\"?|(?<!\w)'[^']*'?|“[^”]*”?|«[^»]*»?|「[^」]*」?")
_DATA = re.compile(r"[(\[{<\"'“«=]|: ")  # where a ready-made sentence of a library begins to show values
_ID_LIKE = re.compile(r"[A-Za-z0-9_.:+/-]{1,64}")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def scrub(text: str) -> str:
    """Return the text without bot tokens and passwords."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def describe_exception(error: BaseException) -> str:
    """Return the type of an exception, with its text when it is one of ours and says no more than it may."""
    kind = type(error)
    if isinstance(error, Refused):  # the filled sentence may name a colleague
        return f"{kind.__name__}: {error.sentence}"
    if isinstance(error, DeliveryError):
        return scrub(f"{kind.__name__}: {_QUOTED.sub(HIDDEN, error.reason)} (permanent={error.permanent})")
    if kind.__module__.split(".")[0] in OUR_ROOMS:
        return scrub(f"{kind.__name__}: {error}")
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def describe_traceback(error: BaseException) -> str:
    """Return an exception with its causes and groups: types, files, lines, functions; no source and no values."""
    return "\n".join(_lines(error, "", set()))


def _lines(error: BaseException, indent: str, seen: set[int]) -> Iterator[str]:
    if id(error) in seen or len(seen) >= MAX_EXCEPTIONS:
        return
    seen.add(id(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    yield indent + describe_exception(error)
    frames = list(_frames(error.__traceback__))
    if len(frames) > MAX_FRAMES:
        yield f"{indent}  ({len(frames) - MAX_FRAMES} outer frames left out)"
    for frame in frames[-MAX_FRAMES:]:
        yield f"{indent}  {frame}"
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _lines(each, indent + "  | ", seen)
    if cause is not None and id(cause) not in seen:
        yield f"{indent}because of"
        yield from _lines(cause, indent, seen)


def _frames(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield f"{_short(code.co_filename)}:{traceback.tb_lineno} {code.co_name}"
        traceback = traceback.tb_next


def _short(filename: str) -> str:
    """Return a file from the project root, or from the folder of installed packages."""
    _, found, rest = filename.replace("\\", "/").rpartition("/site-packages/")
    if found:
        return rest
    try:
        return Path(filename).relative_to(_ROOT).as_posix()
    except ValueError:
        return Path(filename).name


class Scrubber(logging.Filter):
    """Replaces the message and the exception of a record by what may be written. Lets every record pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; never raises, whatever it holds."""
        try:
            message = _message(record)
        except Exception:
            # Not even the template: a sentence that was built with f"" is its own value.
            message = f"a log record of {record.module}:{record.lineno} could not be written"
        record.msg, record.args = scrub(message)[:MAX_MESSAGE], None
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            try:
                record.exc_text = describe_traceback(error)
            except Exception:
                record.exc_text = type(error).__name__
        elif not getattr(record, "is_scrubbed", False):
            record.exc_text = None
        record.exc_info = record.stack_info = None
        record.is_scrubbed = True
        return True


def _message(record: logging.LogRecord) -> str:
    if getattr(record, "is_scrubbed", False):
        return str(record.msg)
    if record.name.split(".")[0] in OUR_ROOMS:
        template = describe_exception(record.msg) if isinstance(record.msg, BaseException) else str(record.msg)
        return str(template % _arguments(record, _own_value)) if record.args else template
    if isinstance(record.msg, BaseException):
        return describe_exception(record.msg)
    if record.name == "py.warnings":  # `path:line: Category: text`, ready-made by the standard library
        found = re.match(r"(.{0,400}?:\d+: \w+):", str(record.msg))
        return found.group(1) if found else "a warning"
    first = str(record.msg).strip().split("\n", 1)[0]
    if not record.args:
        return _DATA.split(first, maxsplit=1)[0].rstrip() or "a record without fixed words"
    return str(str(record.msg) % _arguments(record, _foreign_value))


def _arguments(record: logging.LogRecord, safe: Callable[[object], object]) -> Any:
    args: Any = record.args
    if isinstance(args, Mapping):  # `logging` unpacks a single mapping, whether the template names its keys or not
        return {key: safe(value) for key, value in args.items()} if "%(" in str(record.msg) else (safe(args),)
    return tuple(safe(value) for value in args)


def _own_value(value: object) -> object:
    if isinstance(value, BaseException):
        return describe_exception(value)
    if isinstance(value, str):
        return _QUOTED.sub(HIDDEN, value)  # Telegram's reasons quote what they refuse
    return HIDDEN if isinstance(value, bytes | Mapping | list | tuple | set | frozenset) else value


def _foreign_value(value: object) -> object:
    if isinstance(value, BaseException):
        return describe_exception(value)
    return value if isinstance(value, int | float) else HIDDEN


def _extras(record: logging.LogRecord) -> dict[str, object]:
    """Return what was given as `extra`: numbers, and texts that look like an id."""
    found: dict[str, object] = {}
    for key, value in vars(record).items():
        if key in _STANDARD or key.startswith("_") or key == "is_scrubbed":
            continue
        if value is None or isinstance(value, bool | int | float):
            found[key] = value
        elif isinstance(value, str):
            text = scrub(str(value))
            found[key] = text if _ID_LIKE.fullmatch(text) else HIDDEN
    return found


class JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, logger, message, the ids, and error with its frames."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        row: dict[str, object] = {
            **_extras(record),
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            row["error"] = record.exc_text.split("\n")
        return json.dumps(row, ensure_ascii=False, default=lambda _: HIDDEN)


class PlainFormatter(logging.Formatter):
    """A line for people, and the frames of an error below it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line or lines."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        # A line break in a message would let somebody write log lines of their own.
        message = "".join(char if char.isprintable() else " " for char in record.getMessage())
        ids = "".join(f" {key}={value}" for key, value in _extras(record).items())
        head = f"{at} {record.levelname.lower():7} {record.name}: {message}{ids}"
        return f"{head}\n{record.exc_text}" if record.exc_text else head


def configure(level: str, *, stream: IO[str] | None = None, as_json: bool | None = None) -> None:
    """Write the log of this process to stderr, scrubbed; replaces whatever was configured before.

    level: DEBUG, INFO, WARNING or ERROR, for our own loggers; other libraries speak from WARNING on.
    stream: where to write; None is stderr.
    as_json: None writes JSON lines unless a person looks at the terminal.
    """
    stream = stream if stream is not None else sys.stderr
    if as_json is None:
        as_json = not stream.isatty()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Scrubber())
    handler.setFormatter(JsonFormatter() if as_json else PlainFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in OUR_ROOMS:
        logging.getLogger(name).setLevel(level)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):  # a library's own handler would write unscrubbed
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.raiseExceptions = False  # otherwise a handler that fails prints the record with its values
    logging.captureWarnings(True)
    sys.excepthook = _on_uncaught
    sys.unraisablehook = _on_unraisable
    threading.excepthook = _on_thread_uncaught


def _on_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("bot").critical("stopped by an error", exc_info=(kind, error, traceback))


def _on_unraisable(unraisable: Any) -> None:
    logging.getLogger("bot").error("an error while something was thrown away", exc_info=unraisable.exc_value)


def _on_thread_uncaught(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        logging.getLogger("bot").error("a thread was stopped by an error", exc_info=args.exc_value)
