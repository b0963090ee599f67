"""The words of a notice: which text a chat gets, and the message as its resident sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.i18n import Strings
from bot.outgoing import Button, Outgoing, TextBuilder
from intents.schema import Locale
from storage.models import NoticeText


def choose_text(
    texts: Mapping[str, NoticeText], tag: str, *, missing: str, locales: Mapping[str, Locale]
) -> NoticeText | None:
    """Return the text that a chat with this locale gets: its own, or by policy that of its fallbacks; None is none."""
    seen: set[str] = set()
    current: str | None = tag
    while current is not None and current not in seen:
        if text := texts.get(current):
            return text
        if missing != "fallback":
            return None
        seen.add(current)
        locale = locales.get(current)
        current = locale.fallback if locale else "ja-simple"
    return texts.get("ja-simple") if missing == "fallback" else None


def render(text: NoticeText, strings: Strings) -> Outgoing:
    """Return a notice as a resident sees it, with why it came and how to stop it."""
    _ = strings
    message = TextBuilder().line(f"📢 {text.title}", "bold").line().line(text.body).line()
    if text.state == "drafted":
        message.line(_("This text was translated by machine and not checked by a person yet."), "italic")
    if text.tag != strings.tag:
        message.line(_("There is no text in your language for this notice yet."), "italic")
    message.add(_("You get this because you asked for notices."), "italic")
    return message.build(((Button(_("Stop notices"), data="sub:off"), Button(_("Menu"), data="menu")),))


def who_gets_what(
    counts: Mapping[str, int], texts: Mapping[str, NoticeText], *, missing: str, locales: Mapping[str, Locale]
) -> Sequence[tuple[str, int, str | None]]:
    """Return (locale, chats, tag of the text they get or None) for the preview before approval."""
    rows = []
    for tag, count in sorted(counts.items(), key=lambda item: -item[1]):
        text = choose_text(texts, tag, missing=missing, locales=locales)
        rows.append((tag, count, text.tag if text else None))
    return rows
