"""Read the parameters of a call: they come as text, as JSON, as JSON within text, and as uploaded files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bot.simulator.errors import bad_request
from bot.simulator.models import Json


@dataclass(frozen=True)
class Upload:
    """A file that came with a call."""

    name: str
    mime: str
    content: bytes


class Params:
    """The parameters of one call.

    values: name → text (form) or JSON value; files: name → upload.
    """

    def __init__(self, values: Json, files: dict[str, Upload] | None = None) -> None:
        self.values = values
        self.files = files or {}

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        """Return a string; numbers are written out, as the Bot API does."""
        value = self.values.get(name)
        if value is None:
            return default
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        """Return a whole number; what is none counts as the default."""
        value = self.values.get(name, default)
        if isinstance(value, bool):
            return int(value)
        try:
            return int(value)
        except (TypeError, ValueError):
            return default

    def number(self, name: str) -> float | None:
        """Return a number, or None."""
        try:
            return float(self.values[name])
        except (KeyError, TypeError, ValueError):
            return None

    def flag(self, name: str) -> bool:
        """Return whether it is true, 1 or yes."""
        value = self.values.get(name)
        return value if isinstance(value, bool) else str(value).lower() in ("true", "1", "yes", "y")

    def json(self, name: str, what: str | None = None) -> Any:
        """Return a JSON value, decoded when it came as text; None when absent.

        what: how Telegram calls it in the complaint.
        """
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {what or name} JSON object") from None

    def chat_id(self, name: str = "chat_id") -> int | str:
        """Return a chat id: a number, or the @name of a channel; raises "chat_id is empty"."""
        value = self.values.get(name)
        if value is None or value == "":
            raise bad_request(f"{name} is empty")
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        text = str(value).strip()
        return int(text) if text.lstrip("-").isdecimal() and text.isascii() and text.count("-") < 2 else text

    def upload(self, name: str) -> Upload | str | None:
        """Return the file of this field, or the file_id given in its place, or None."""
        if name in self.files:
            return self.files[name]
        value = self.values.get(name)
        if isinstance(value, str) and value.startswith("attach://"):
            return self.files.get(value[9:])
        return value if isinstance(value, str) and value else None

    def logged(self) -> Json:
        """Return what the call log keeps: everything, with files by name and size only."""
        if not self.files:
            return self.values
        return self.values | {k: f"<file {f.name}, {len(f.content)} bytes>" for k, f in self.files.items()}
