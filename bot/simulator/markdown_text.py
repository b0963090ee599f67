"""Telegram's MarkdownV2 → plain text and entities, with Telegram's own complaints.

Source: "Formatting options" of the Bot API page and `MessageEntity.cpp` of tdlib, read 2026-11-22.
"""

from __future__ import annotations

import re

from bot.simulator.formatted_text import FormattedText, Writer, unparsable, valid_url
from bot.simulator.models import Json

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


class MarkdownV2Text:
    """Telegram's MarkdownV2, in which every special character must be escaped."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._out = Writer()
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
            raise unparsable(f"Can't find end of {_NAMES[kind]} entity at byte offset {self._byte(at)}")
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
            raise unparsable(f"Character '{char}' is reserved and must be escaped with the preceding '\\'")
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
            raise unparsable("Character '|' is reserved and must be escaped with the preceding '\\'")
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
                raise unparsable(f"Can't find end of {_NAMES[kind]} entity at byte offset {self._byte(at)}")
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
                raise unparsable(f"Can't find end of a URL at byte offset {self._byte(opened)}")
            self._at += 1
            return
        self._at = match.end()
        if good := valid_url(re.sub(r"\\(.)", r"\1", match.group(1))):
            self._out.close("text_link", start, url=good)
