"""Formatting becomes entities that count in UTF-16 units, with Telegram's complaints for what is malformed."""

from __future__ import annotations

import pytest
from telegram import Bot

from bot.simulator.entities import format_text
from bot.simulator.errors import ApiError
from bot.simulator.models import Resident


def shape(text: str, mode: str | None = "HTML") -> tuple[str, list[tuple[str, int, int]]]:
    found = format_text(text, mode, None)
    return found.text, [(e["type"], e["offset"], e["length"]) for e in found.entities]


@pytest.mark.parametrize(
    ("html", "text", "entities"),
    [
        ("<b>日本</b>語", "日本語", [("bold", 0, 2)]),
        ("👮 <i>x</i>", "👮 x", [("italic", 3, 1)]),
        ("<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        ("<tg-spoiler>s</tg-spoiler><u>u</u>", "su", [("spoiler", 0, 1), ("underline", 1, 1)]),
        ("<del>d</del>", "d", [("strikethrough", 0, 1)]),
        ('<span class="tg-spoiler">s</span>', "s", [("spoiler", 0, 1)]),
        ('<a href="https://a.jp/?a=1&amp;b">x</a>', "x", [("text_link", 0, 1)]),
        ("<pre><code class=\"language-py\">x</code></pre>", "x", [("pre", 0, 1)]),
        ("<blockquote expandable>q\nr</blockquote>", "q\nr", [("expandable_blockquote", 0, 3)]),
        ("1 &lt; 2 &amp;&#33; &nbsp;", "1 < 2 &! &nbsp;", []),
        ("  <b> x</b> ", "x", [("bold", 0, 1)]),
    ],
)  # fmt: skip
def test_html(html: str, text: str, entities: list[tuple[str, int, int]]) -> None:
    assert shape(html) == (text, entities)


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("日<div>x</div>", 'Unsupported start tag "div" at byte offset 3'),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("<a href=", 'Unclosed start tag "a" at byte offset 0'),
        ('<span class="x">y</span>', 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_html_that_telegram_refuses(html: str, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        format_text(html, "HTML", None)
    assert caught.value.description == f"Bad Request: can't parse entities: {words}"


@pytest.mark.parametrize(
    ("text", "plain", "entities"),
    [
        ("*b* _i_ __u__ ~s~ ||p||", "b i u s p",
         [("bold", 0, 1), ("italic", 2, 1), ("underline", 4, 1), ("strikethrough", 6, 1), ("spoiler", 8, 1)]),
        ("[x](https://a.jp/\\))", "x", [("text_link", 0, 1)]),
        ("`a\\`b`", "a`b", [("code", 0, 3)]),
        ("```py\nx = 1```", "x = 1", [("pre", 0, 5)]),
        (">q\n>r\nx", "q\nr\nx", [("blockquote", 0, 4)]),
        (">q\n>r||", "q\nr", [("expandable_blockquote", 0, 3)]),
        ("110\\.", "110.", []),
    ],
)  # fmt: skip
def test_markdown(text: str, plain: str, entities: list[tuple[str, int, int]]) -> None:
    assert shape(text, "MarkdownV2") == (plain, entities)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("110.", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("日*b", "Can't find end of Bold entity at byte offset 3"),
        ("`x", "Can't find end of Code entity at byte offset 0"),
        ("[x](http://a", "Can't find end of a URL at byte offset 0"),
    ],
)
def test_markdown_that_telegram_refuses(text: str, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        format_text(text, "MarkdownV2", None)
    assert caught.value.description == f"Bad Request: can't parse entities: {words}"


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("see https://www.npa.go.jp/x.", [("url", 4, 23)]),
        ("/start now", [("bot_command", 0, 6)]),
        ("call 03-3501-0110", [("phone_number", 5, 12)]),
        ("#9110 is no tag, #koban is", [("hashtag", 17, 6)]),
        ("a@example.jp and @koban_bot", [("email", 0, 12), ("mention", 17, 10)]),
        ("110", []),
        ("2026-11-22", []),
    ],
)
def test_links_commands_and_numbers_are_found(text: str, entities: list[tuple[str, int, int]]) -> None:
    assert shape(text, None)[1] == entities


def test_nothing_is_found_inside_code() -> None:
    assert shape("<code>https://a.jp</code>")[1] == [("code", 0, 12)]


def test_only_a_hundred_entities_are_kept() -> None:
    assert len(shape("<b>x</b> " * 120)[1]) == 100


def test_explicit_entities_must_lie_within_the_text() -> None:
    with pytest.raises(ApiError):
        format_text("abc", None, [{"type": "bold", "offset": 2, "length": 5}])


async def test_python_telegram_bot_reads_them_back(bot: Bot, linh: Resident) -> None:
    message = await bot.send_message(linh.id, "👮‍♂️ <b>警察 110</b> <a href='https://a.jp'>link</a>", parse_mode="HTML")
    assert message.parse_entities() == dict(zip(message.entities, ["警察 110", "link"], strict=True))
    assert message.text_html == '👮‍♂️ <b>警察 110</b> <a href="https://a.jp">link</a>'
