"""Reads the rules of notices of the deployment file: quiet hours, rate, kinds, test chats, channels, campaigns."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType

from bot.deployment import NoticeRules
from bot.deployment_values import clean_text, parsed, read_channel, read_month_day, read_quiet_hours, whole_number
from intents.loading import Fields
from storage.models import NoticeKind

_KINDS = tuple(kind.value for kind in NoticeKind)


def read_notices(top: Fields, tags: Collection[str] | None) -> NoticeRules:
    """Read the rules of notices; every problem is reported at its line. tags: the languages there are, if known."""
    inner = top.mapping("notices")
    if inner is None:
        return NoticeRules(None, 1, _KINDS)
    inner.only({"quiet_hours", "rate", "kinds", "test_chats", "campaigns", "channels"})
    return NoticeRules(
        quiet=parsed(inner, "quiet_hours", read_quiet_hours, required=False),
        rate=whole_number(inner, "rate", 1, 1100),
        kinds=_kinds(inner),
        test_chats=MappingProxyType(_test_chats(inner)),
        campaigns=MappingProxyType(_campaigns(inner)),
        channels=MappingProxyType(_channels(inner, tags)),
    )


def _kinds(notices: Fields) -> tuple[str, ...]:
    for kind, line in notices.texts("kinds"):
        if kind not in _KINDS:
            notices.problem(f"`{kind}` is no kind of notice; write {', '.join(_KINDS)}", line=line, code="unknown_id")
    chosen = {kind for kind, _ in notices.texts("kinds", required=False)}
    return tuple(each for each in _KINDS if each in chosen)


def _test_chats(notices: Fields) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in notices.mappings("test_chats", required=False):
        entry.only({"name", "chat_id"})
        name = clean_text(entry, "name")
        if name in found:
            entry.problem(f"test chat `{name}` stands twice; keep one", key="name", code="duplicate")
        if not re.fullmatch(r"[1-9][0-9]{0,15}", chat_id := entry.text("chat_id") or ""):
            entry.problem("`chat_id` must be the number of a private chat; the bot leaves groups", key="chat_id",
                          code="type")
            continue
        found[name] = int(chat_id)
    return found


def _channels(notices: Fields, tags: Collection[str] | None) -> dict[str, int | str]:
    """Read the channel of each language; no channel may have two."""
    found: dict[str, int | str] = {}
    inner = notices.mapping("channels", required=False)
    for tag in inner or ():
        assert inner is not None
        if tags is not None and tag not in tags:
            inner.problem(f"`{tag}` is not a language that has a folder in locales/; write a tag such as vi", key=tag,
                          code="unknown_id")
        if (channel := parsed(inner, tag, read_channel)) is None:
            continue
        if str(channel).casefold() in {str(each).casefold() for each in found.values()}:
            inner.problem(f"channel `{channel}` stands twice; each language has one of its own", key=tag,
                          code="duplicate")
            continue
        found[tag] = channel
    return found


def _campaigns(notices: Fields) -> dict[str, tuple[Mapping[str, int], Mapping[str, int]]]:
    """Read the days that this police sets itself for campaigns of bot/campaigns.yaml."""
    from bot.campaigns import load  # which knows notices, and so this module

    known = {campaign.id for campaign in load()}
    found: dict[str, tuple[Mapping[str, int], Mapping[str, int]]] = {}
    inner = notices.mapping("campaigns", required=False)
    for name in inner or ():
        assert inner is not None
        if name not in known:
            inner.problem(f"`{name}` is no campaign of bot/campaigns.yaml", key=name, code="unknown_id")
        if (entry := inner.mapping(name)) is None:
            continue
        entry.only({"first", "last"})
        days = [parsed(entry, key, read_month_day) for key in ("first", "last")]
        if all(days):
            first, last = ({"month": day[0], "day": day[1]} for day in days if day)
            found[name] = (first, last)
    return found
