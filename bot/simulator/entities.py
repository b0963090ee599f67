"""Formatted text → plain text and entities, whose offsets count UTF-16 units as in Telegram.

HTML and MarkdownV2 are parsed with Telegram's own complaints; the old `Markdown` mode is refused.
Source: "Formatting options" of the Bot API page and `MessageEntity.cpp` of tdlib, read 2026-11-22.
"""

from __future__ import annotations

import re

from bot.simulator.errors import bad_request
from bot.simulator.formatted_text import FormattedText, utf16_length
from bot.simulator.html_text import HtmlText
from bot.simulator.markdown_text import MarkdownV2Text
from bot.simulator.models import Json

MAX_ENTITIES = 100

_AUTO = re.compile(
    r"(?P<url>https?://[^\s<>\"]+[^\s<>\".,;:!?)\]』」。、）]|(?<![\w@./])(?:[a-z0-9-]+\.)+(?:jp|com|org|net|info|me)\b(?:/[^\s<>\"。、）]*)?)"
    r"|(?P<email>(?<![\w.])[\w.+-]+@[\w-]+\.[\w.-]*\w)"
    r"|(?P<mention>(?<![\w@/])@[A-Za-z]\w{3,31}\b)"
    r"|(?P<bot_command>(?<![\w/@<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z]\w{3,31})?\b)"
    r"|(?P<phone_number>(?<![\w#+-])\+?\d[\d-]{7,14}\d(?![\w-]))"
    r"|(?P<hashtag>(?<![\w#])#(?!\d+\b)\w{1,256})",
    re.IGNORECASE,
)


def format_text(text: str, parse_mode: str | None, explicit: list[Json] | None) -> FormattedText:
    """Return what Telegram would store: parsed, trimmed, with links, numbers and commands found.

    parse_mode: None, "HTML" or "MarkdownV2", any case.
    explicit: the `entities` parameter, used when there is no parse_mode.
    Raises the 400 ApiError of Telegram when the text cannot be parsed.
    """
    text = text.replace("\r", "")
    mode = (parse_mode or "").lower()
    if mode == "html":
        found = HtmlText(text).parse()
    elif mode == "markdownv2":
        found = MarkdownV2Text(text).parse()
    elif mode in ("", "none"):
        found = FormattedText(text, _checked(explicit or [], text))
    else:
        raise bad_request("unsupported parse_mode")
    return _add_automatic(_trimmed(found))


def _checked(entities: list[Json], text: str) -> list[Json]:
    length = utf16_length(text)
    good: list[Json] = []
    for entity in entities:
        if not isinstance(entity, dict) or not isinstance(entity.get("type"), str):
            raise bad_request('can\'t parse MessageEntity: Field "type" must be of type String')
        offset, size = entity.get("offset"), entity.get("length")
        if not isinstance(offset, int) or not isinstance(size, int):
            raise bad_request('can\'t parse MessageEntity: Field "offset" must be of type Number')
        if offset < 0 or size <= 0 or offset + size > length:
            raise bad_request(f"entity beginning at UTF-16 offset {offset} ends after the end of the text")
        good.append(dict(entity))
    return good


def _trimmed(found: FormattedText) -> FormattedText:
    text = found.text.strip(" \t\n\v\f\0")
    if text == found.text:
        return FormattedText(text, _sorted(found.entities))
    lead = utf16_length(found.text[: len(found.text) - len(found.text.lstrip(" \t\n\v\f\0"))]) if text else 0
    length = utf16_length(text)
    kept = []
    for entity in found.entities:
        start = max(0, entity["offset"] - lead)
        end = min(length, entity["offset"] - lead + entity["length"])
        if end > start:
            kept.append(entity | {"offset": start, "length": end - start})
    return FormattedText(text, _sorted(kept))


def _sorted(entities: list[Json]) -> list[Json]:
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def _add_automatic(found: FormattedText) -> FormattedText:
    text, entities = found.text, found.entities
    opaque = [
        (e["offset"], e["offset"] + e["length"])
        for e in entities
        if e["type"] in ("code", "pre", "text_link", "url", "custom_emoji", "bot_command", "phone_number")
    ]
    extra: list[Json] = []
    for match in _AUTO.finditer(text):
        kind = str(match.lastgroup)
        digits = sum(char.isdigit() for char in match.group())
        if kind == "phone_number" and (digits < 9 or digits > 15):
            continue
        start = utf16_length(text[: match.start()])
        end = start + utf16_length(match.group())
        if all(end <= a or start >= b for a, b in opaque):
            extra.append({"type": kind, "offset": start, "length": end - start})
    if not extra:
        return FormattedText(text, entities[:MAX_ENTITIES])
    return FormattedText(text, _sorted(entities + extra)[:MAX_ENTITIES])
