"""What the bot says, as plain values: text with entities and buttons, kept in the outbox as JSON.

Nothing here is markup: formatting is entities with offsets, so nothing a person types can break a message.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from bot.line_breaks import keep_together

# In UTF-16 units. Source: Bot API, sendMessage, "1-4096 characters after entities parsing" (2026-11-22)
MAX_TEXT_UNITS = 4096
MAX_CAPTION_UNITS = 1024  # Source: Bot API, sendPhoto.caption (2026-11-27)
MAX_DATA_BYTES = 64  # Source: Bot API, InlineKeyboardButton.callback_data (2026-11-22)


Address = int | str  # of a chat: Telegram's number, or the @name of a public channel


def _by_name(value: Entity | Button | Document | StoredFile | Outgoing) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_by_name).encode


def utf16_length(text: str) -> int:
    """Return the length of text in UTF-16 code units, which is how Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(frozen=True, slots=True)
class Entity:
    """Formatting of a part of the text. kind: a Telegram entity type; offset and length in UTF-16 units."""

    kind: str
    offset: int
    length: int
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Button:
    """An inline button. It carries its own meaning in `data` (at most 64 bytes), or opens `url`."""

    text: str
    data: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if (self.data is None) == (self.url is None):
            raise ValueError("a button has either data or a url")
        if self.data is not None and not 1 <= len(self.data.encode()) <= MAX_DATA_BYTES:
            raise ValueError(f"the data of a button has 1 to {MAX_DATA_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class Document:
    """A small text file to send. content: its text, in UTF-8."""

    name: str
    content: str
    mime: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A picture or a leaflet of a notice, by its row. is_picture: shown in the chat, else sent as a document."""

    id: int
    is_picture: bool
    name: str
    mime: str


class About(StrEnum):
    """What a message does with an earlier one: answers it, takes its place, or only removes it."""

    REPLY = "reply"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to send, or a change to one sent before.

    edit_message_id: replaces the text of that message instead of sending a new one.
    request_location: label of a one-time keyboard button that sends the phone's location.
    is_silent: makes no sound.
    is_unprompted: comes by itself, not in answer to what the resident has just done.
    delete_message_ids: messages that are deleted first; without text nothing is sent after that.
    text_if_kept: said instead of the text when `{n}` of them could not be deleted.
    about, about_message_id: what to do with an earlier message; the text of a REMOVE is shown where it must stay.
    document: goes with the text as its caption, which is then at most 1,024 characters.
    file: like document, a file of a notice. before: files without words that go first, each a message of its own.
    about_part_ids: messages of files that went before the earlier message; they are removed with it.
    """

    text: str
    entities: tuple[Entity, ...] = ()
    buttons: tuple[tuple[Button, ...], ...] = ()
    edit_message_id: int | None = None
    request_location: str | None = None
    is_silent: bool = False
    is_unprompted: bool = False
    delete_message_ids: tuple[int, ...] = ()
    text_if_kept: str = ""
    about: About | None = None
    about_message_id: int | None = None
    document: Document | None = None
    file: StoredFile | None = None
    before: tuple[Outgoing, ...] = ()
    about_part_ids: tuple[int, ...] = ()

    def covered(self) -> Outgoing:
        """Return the same message with all its words covered until they are touched."""
        return replace(self, entities=(Entity("spoiler", 0, utf16_length(self.text)), *self.entities))

    def to_json(self) -> str:
        """Return the message as compact JSON for the outbox."""
        return _encode(self)

    @classmethod
    def from_json(cls, text: str) -> Outgoing:
        """Read a message back from the outbox."""
        return cls._of(json.loads(text))

    @classmethod
    def _of(cls, raw: dict[str, Any]) -> Outgoing:
        raw["entities"] = tuple(Entity(**entity) for entity in raw["entities"])
        raw["buttons"] = tuple(tuple(Button(**button) for button in row) for row in raw["buttons"])
        raw["delete_message_ids"] = tuple(raw.get("delete_message_ids", ()))
        if raw.get("about"):
            raw["about"] = About(raw["about"])
        if raw.get("document"):
            raw["document"] = Document(**raw["document"])
        if raw.get("file"):
            raw["file"] = StoredFile(**raw["file"])
        raw["before"] = tuple(cls._of(each) for each in raw.get("before", ()))
        raw["about_part_ids"] = tuple(raw.get("about_part_ids", ()))
        return cls(**raw)


class TextBuilder:
    """Builds a text and its entities together, counting in UTF-16 units."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._entities: list[Entity] = []
        self._length = 0

    def add(self, text: str, kind: str | None = None, *, url: str | None = None) -> TextBuilder:
        """Append text, formatted when a kind is given."""
        text = keep_together(text)
        length = utf16_length(text)
        if kind and text.strip():
            # Telegram refuses entities that are only white space and moves those that begin or end with it.
            left = utf16_length(text) - utf16_length(text.lstrip())
            self._entities.append(Entity(kind, self._length + left, utf16_length(text.strip()), url))
        self._parts.append(text)
        self._length += length
        return self

    def line(self, text: str = "", kind: str | None = None, *, url: str | None = None) -> TextBuilder:
        """Append text and a line break."""
        return self.add(text, kind, url=url).add("\n")

    @property
    def length(self) -> int:
        """The length so far, in UTF-16 units."""
        return self._length

    def build(self, buttons: tuple[tuple[Button, ...], ...] = ()) -> Outgoing:
        """Return the message, without trailing line breaks, cut to what Telegram takes."""
        text = "".join(self._parts).rstrip()
        entities = self._entities
        if utf16_length(text) > MAX_TEXT_UNITS:
            text = _cut(text, MAX_TEXT_UNITS - 1) + "…"
            entities = [item for item in entities if item.offset + item.length < MAX_TEXT_UNITS]
        return Outgoing(text=text, entities=tuple(entities), buttons=buttons)


def _cut(text: str, units: int) -> str:
    """Return the longest beginning of text that has at most this many UTF-16 units."""
    return text.encode("utf-16-le", "surrogatepass")[: units * 2].decode("utf-16-le", "ignore")


def plain(text: str, *rows: tuple[Button, ...]) -> Outgoing:
    """Return a message without formatting."""
    return TextBuilder().add(text).build(tuple(rows))
