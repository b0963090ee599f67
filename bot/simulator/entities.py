"""Formatted text → plain text and entities, whose offsets count UTF-16 units as in Telegram.

HTML and MarkdownV2 are parsed with Telegram's own complaints; the old `Markdown` mode is refused.
Source: "Formatting options" of the Bot API page and `MessageEntity.cpp` of tdlib, read 2026-11-22.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bot.simulator.errors import ApiError, bad_request
from bot.simulator.models import Json

MAX_ENTITIES = 100

_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_AUTO = re.compile(
    r"(?P<url>https?://[^\s<>\"]+[^\s<>\".,;:!?)\]』」。、）]|(?<![\w@./])(?:[a-z0-9-]+\.)+(?:jp|com|org|net|info|me)\b(?:/[^\s<>\"。、）]*)?)"
    r"|(?P<email>(?<![\w.])[\w.+-]+@[\w-]+\.[\w.-]*\w)"
    r"|(?P<mention>(?<![\w@/])@[A-Za-z]\w{3,31}\b)"
    r"|(?P<bot_command>(?<![\w/@<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z]\w{3,31})?\b)"
    r"|(?P<phone_number>(?<![\w#+-])\+?\d[\d-]{7,14}\d(?![\w-]))"
    r"|(?P<hashtag>(?<![\w#])#(?!\d+\b)\w{1,256})",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class FormattedText:
    """Text as a resident sees it, and its entities."""

    text: str
    entities: list[Json]


def utf16_length(text: str) -> int:
    """Return how many UTF-16 units the text takes, which is how Telegram counts."""
    return len(text) + sum(1 for char in text if ord(char) > 0xFFFF) if not text.isascii() else len(text)


def format_text(text: str, parse_mode: str | None, explicit: list[Json] | None) -> FormattedText:
    """Return what Telegram would store: parsed, trimmed, with links, numbers and commands found.

    parse_mode: None, "HTML" or "MarkdownV2", any case.
    explicit: the `entities` parameter, used when there is no parse_mode.
    Raises the 400 ApiError of Telegram when the text cannot be parsed.
    """
    text = text.replace("\r", "")
    mode = (parse_mode or "").lower()
    if mode == "html":
        found = _Html(text).parse()
    elif mode == "markdownv2":
        found = _MarkdownV2(text).parse()
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


def _unparsable(words: str) -> ApiError:
    return bad_request(f"can't parse entities: {words}")


class _Writer:
    """Collects plain text and knows its length in UTF-16 units."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.units = 0
        self.entities: list[Json] = []

    def write(self, text: str) -> None:
        self.parts.append(text)
        self.units += utf16_length(text)

    def close(self, kind: str, start: int, **more: Any) -> None:
        if self.units > start:
            self.entities.append({"type": kind, "offset": start, "length": self.units - start} | more)

    def done(self) -> FormattedText:
        return FormattedText("".join(self.parts), self.entities)


@dataclass
class _Open:
    tag: str
    start: int
    part: int
    value: str = ""
    expandable: bool = False


class _Html:
    """Telegram's HTML: few tags, four named entities, and no forgiveness."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._out = _Writer()
        self._stack: list[_Open] = []

    def parse(self) -> FormattedText:
        text = self._text
        while self._at < len(text):
            next_mark = re.compile("[<&]").search(text, self._at)
            end = next_mark.start() if next_mark else len(text)
            if end > self._at:
                self._out.write(text[self._at : end])
                self._at = end
            elif text[self._at] == "&":
                self._reference()
            elif text[self._at + 1 : self._at + 2] == "/":
                self._end_tag()
            else:
                self._start_tag()
        if self._stack:
            raise _unparsable(f'Can\'t find end tag corresponding to start tag "{self._stack[-1].tag}"')
        return self._out.done()

    def _offset(self) -> int:
        return len(self._text[: self._at].encode())

    def _reference(self) -> None:
        match = re.compile(r"&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-z]+));?").match(self._text, self._at)
        char = ""
        if match:
            number, hexadecimal, name = match.groups()
            if name:
                char = _NAMED.get(name, "")
            else:
                code = int(number) if number else int(hexadecimal, 16)
                char = chr(code) if 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else ""
        if match and char:
            self._out.write(char)
            self._at = match.end()
        else:
            self._out.write("&")
            self._at += 1

    def _start_tag(self) -> None:
        begin = self._offset()
        match = re.compile(r"<([^\s>/]*)").match(self._text, self._at)
        name = match.group(1).lower() if match else ""
        if name not in _TAGS:
            raise _unparsable(f'Unsupported start tag "{name}" at byte offset {begin}')
        assert match is not None
        pattern = re.compile(r"\s*(?:([\w-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([\w.-]+)))?|(/?>))")
        at = match.end()
        attributes: dict[str, str] = {}
        while True:
            part = pattern.match(self._text, at)
            if part is None:
                raise _unparsable(f'Unclosed start tag "{name}" at byte offset {begin}')
            at = part.end()
            if part.group(5):
                break
            value = next((v for v in part.group(2, 3, 4) if v is not None), "")
            attributes[part.group(1).lower()] = value
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise _unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        value = attributes.get("href", "") if name == "a" else attributes.get("emoji-id", "")
        if name == "code" and attributes.get("class", "").startswith("language-"):
            value = attributes["class"][9:]
        value = re.sub(r"&(lt|gt|amp|quot);", lambda m: _NAMED[m.group(1)], value)
        self._at = at
        expandable = name == "blockquote" and "expandable" in attributes
        self._stack.append(_Open(name, self._out.units, len(self._out.parts), value, expandable))

    def _end_tag(self) -> None:
        begin = self._offset()
        close = self._text.find(">", self._at)
        name = self._text[self._at + 2 : close].strip().lower() if close >= 0 else ""
        if not self._stack:
            raise _unparsable(f"Unexpected end tag at byte offset {begin}")
        top = self._stack.pop()
        if close < 0:
            raise _unparsable(f"Unclosed end tag at byte offset {begin}")
        if name and name != top.tag:
            raise _unparsable(f'Unmatched end tag at byte offset {begin}, expected "</{top.tag}>", found "</{name}>"')
        self._at = close + 1
        self._close(top)

    def _close(self, top: _Open) -> None:
        kind = _TAGS[top.tag]
        out = self._out
        if kind == "text_link":
            url = top.value or "".join(out.parts[top.part :])
            if good := valid_url(url):
                out.close(kind, top.start, url=good)
        elif kind == "custom_emoji":
            out.close(kind, top.start, custom_emoji_id=top.value)
        elif kind == "blockquote" and top.expandable:
            out.close("expandable_blockquote", top.start)
        elif kind == "pre" and (inner := self._inner_code(top)) is not None:
            out.entities.remove(inner)
            out.close("pre", top.start, **({"language": inner["language"]} if inner.get("language") else {}))
        elif kind == "code" and top.value and self._stack and self._stack[-1].tag == "pre":
            out.close("code", top.start, language=top.value)
        else:
            out.close(kind, top.start)

    def _inner_code(self, top: _Open) -> Json | None:
        last = self._out.entities[-1] if self._out.entities else None
        same = last and last["type"] == "code" and last["offset"] == top.start
        return last if same and last and last["length"] == self._out.units - top.start else None


def valid_url(url: str) -> str | None:
    """Return the URL as Telegram keeps it (a bare host gets http://), or None when it is none."""
    url = url.strip()
    if re.fullmatch(r"(?:https?|tg|tel|mailto|geo):[^\s]+", url, re.IGNORECASE):
        return url
    return f"http://{url}" if re.fullmatch(r"[\w-]+(?:\.[\w-]+)+(?:[/?#][^\s]*)?", url) else None


_MARKS = {"*": "bold", "_": "italic", "__": "underline", "~": "strikethrough", "||": "spoiler", "[": "text_link"}
_NAMES = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "text_link": "TextUrl",
    "code": "Code",
    "pre": "Pre",
}


class _MarkdownV2:
    """Telegram's MarkdownV2, in which every special character must be escaped."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._out = _Writer()
        self._stack: list[tuple[str, int, int]] = []
        self._quote: int | None = None
        self._line_start = True

    def _byte(self, at: int) -> int:
        return len(self._text[:at].encode())

    def parse(self) -> FormattedText:
        text = self._text
        while self._at < len(text):
            self._step()
        if self._quote is not None:
            self._end_quote(False)
        if self._stack:
            kind, _, at = self._stack[-1]
            raise _unparsable(f"Can't find end of {_NAMES[kind]} entity at byte offset {self._byte(at)}")
        return self._out.done()

    def _step(self) -> None:
        text, at = self._text, self._at
        char = text[at]
        if self._line_start and char == ">":
            self._quote = self._out.units if self._quote is None else self._quote
            self._line_start = False
            self._at += 1
            return
        if self._line_start and self._quote is not None:
            self._end_quote(False)
        self._line_start = char == "\n"
        if char == "\\" and at + 1 < len(text) and 0 < ord(text[at + 1]) <= 126:
            self._out.write(text[at + 1])
            self._at += 2
        elif char == "`":
            self._code()
        elif char == "]" and self._stack and self._stack[-1][0] == "text_link":
            self._link()
        elif char in "*_~[|":
            self._mark()
        elif char in "](){}>#+-=.!":
            raise _unparsable(f"Character '{char}' is reserved and must be escaped with the preceding '\\'")
        else:
            self._out.write(char)
            self._at += 1

    def _mark(self) -> None:
        text, at = self._text, self._at
        mark = next((double for double in ("__", "||") if text.startswith(double, at)), text[at])
        if mark == "||" and self._quote is not None and self._ends_line(at + 2) and not self._in("spoiler"):
            self._at += 2
            self._end_quote(True)
            return
        if mark == "__" and self._stack and self._stack[-1][0] == "italic" and not self._in("underline"):
            mark = "_"
        if mark == "|":
            raise _unparsable("Character '|' is reserved and must be escaped with the preceding '\\'")
        kind = _MARKS[mark]
        self._at += len(mark)
        if self._stack and self._stack[-1][0] == kind and kind != "text_link":
            _, start, _ = self._stack.pop()
            self._out.close(kind, start)
        else:
            self._stack.append((kind, self._out.units, at))

    def _in(self, kind: str) -> bool:
        return any(open_kind == kind for open_kind, _, _ in self._stack)

    def _ends_line(self, at: int) -> bool:
        return at >= len(self._text) or self._text[at] == "\n"

    def _end_quote(self, expandable: bool) -> None:
        start, self._quote = self._quote, None
        if start is not None:
            self._out.close("expandable_blockquote" if expandable else "blockquote", start)

    def _code(self) -> None:
        text, at = self._text, self._at
        mark, kind = ("```", "pre") if text.startswith("```", at) else ("`", "code")
        end = at + len(mark)
        inside: list[str] = []
        while not text.startswith(mark, end):
            if end >= len(text):
                raise _unparsable(f"Can't find end of {_NAMES[kind]} entity at byte offset {self._byte(at)}")
            if text[end] == "\\" and end + 1 < len(text):
                end += 1
            inside.append(text[end])
            end += 1
        body = "".join(inside)
        more: Json = {}
        if kind == "pre" and (match := re.match(r"([^\s`]*)\n", body)):
            body = body[match.end() :]
            more = {"language": match.group(1)} if match.group(1) else {}
        start = self._out.units
        self._out.write(body)
        self._out.close(kind, start, **more)
        self._at = end + len(mark)

    def _link(self) -> None:
        _, start, opened = self._stack.pop()
        match = re.compile(r"\]\(((?:\\.|[^)\\])*)\)").match(self._text, self._at)
        if match is None:
            if self._text.startswith("](", self._at):
                raise _unparsable(f"Can't find end of a URL at byte offset {self._byte(opened)}")
            self._at += 1
            return
        self._at = match.end()
        if good := valid_url(re.sub(r"\\(.)", r"\1", match.group(1))):
            self._out.close("text_link", start, url=good)
