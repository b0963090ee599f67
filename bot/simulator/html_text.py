"""Telegram's HTML → plain text and entities, with Telegram's own complaints.

Source: "Formatting options" of the Bot API page and `MessageEntity.cpp` of tdlib, read 2026-11-22.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.simulator.formatted_text import FormattedText, Writer, unparsable, valid_url
from bot.simulator.models import Json

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


@dataclass
class _Open:
    tag: str
    start: int
    part: int
    value: str = ""
    expandable: bool = False


class HtmlText:
    """Telegram's HTML: few tags, four named entities, and no forgiveness."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._out = Writer()
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
            raise unparsable(f'Can\'t find end tag corresponding to start tag "{self._stack[-1].tag}"')
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
            raise unparsable(f'Unsupported start tag "{name}" at byte offset {begin}')
        assert match is not None
        pattern = re.compile(r"\s*(?:([\w-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([\w.-]+)))?|(/?>))")
        at = match.end()
        attributes: dict[str, str] = {}
        while True:
            part = pattern.match(self._text, at)
            if part is None:
                raise unparsable(f'Unclosed start tag "{name}" at byte offset {begin}')
            at = part.end()
            if part.group(5):
                break
            value = next((v for v in part.group(2, 3, 4) if v is not None), "")
            attributes[part.group(1).lower()] = value
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
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
            raise unparsable(f"Unexpected end tag at byte offset {begin}")
        top = self._stack.pop()
        if close < 0:
            raise unparsable(f"Unclosed end tag at byte offset {begin}")
        if name and name != top.tag:
            raise unparsable(f'Unmatched end tag at byte offset {begin}, expected "</{top.tag}>", found "</{name}>"')
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
