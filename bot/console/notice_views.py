"""What the pages of a notice show and read: its draft, who gets which text, how far sending is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot import notice_texts
from bot.answers import Screens
from bot.console.pages import FEWEST_SHOWN, local_input, parse_local
from bot.console.parts import ConsoleParts, Form
from bot.errors import WrongState
from bot.notice_channels import Post
from bot.notice_texts import Frame
from bot.notices import Audience
from storage.models import DeliveryStatus, Notice, NoticeText, Urgency

# From left to right on the bar: what is over first.
_BAR = (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED, DeliveryStatus.SKIPPED,
        DeliveryStatus.CANCELLED, DeliveryStatus.SENDING, DeliveryStatus.QUEUED)
_OPEN = (DeliveryStatus.QUEUED, DeliveryStatus.SENDING)


@dataclass(frozen=True)
class Draft:
    """A notice as its form holds it. Times as the fields hold them; texts: dict of tag → (title, body)."""

    revision: int
    name: str
    texts: Mapping[str, tuple[str, str]]
    states: Mapping[str, str]
    audience: Audience
    missing: str
    send_at: str
    expires_at: str
    urgency: str = Urgency.ROUTINE

    @classmethod
    def of(cls, notice: Notice, texts: Mapping[str, NoticeText]) -> Draft:
        """Return the draft of what is saved."""
        return cls(
            revision=notice.revision, name=notice.name, audience=Audience.of(notice), missing=notice.missing,
            texts={tag: (text.title, text.body) for tag, text in texts.items()},
            states={tag: text.state for tag, text in texts.items()}, send_at=local_input(notice.send_at),
            expires_at=local_input(notice.expires_at), urgency=notice.urgency,
        )

    @classmethod
    def read(cls, form: Form, parts: ConsoleParts) -> Draft:
        """Read the form; languages and municipalities that are not ours are left out."""
        tags = parts.screens.offered_tags
        return cls(
            revision=form.number("revision"), name=form("name"), missing=form("missing"), states={},
            texts={tag: (form(f"title:{tag}"), form(f"body:{tag}")) for tag in tags if f"body:{tag}" in form.fields},
            audience=Audience(
                tuple(tag for tag in tags if tag in form.every("locale")),
                tuple(place.code for place in parts.deployment.municipalities
                      if place.code in form.every("municipality")),
            ),
            send_at=form("send_at"), expires_at=form("expires_at"), urgency=form("urgency") or Urgency.ROUTINE,
        )

    def renewed(self, notice: Notice) -> Draft:
        """Return what was typed as a draft of the revision that is there now, so that saving again is possible."""
        return replace(self, revision=notice.revision)

    def text(self, tag: str) -> tuple[str, str]:
        """Return title and body in a language."""
        return self.texts.get(tag, ("", ""))

    @staticmethod
    def moment(text: str) -> datetime | None:
        """Return the moment of a field. Raises WrongState."""
        try:
            return parse_local(text)
        except ValueError as error:
            raise WrongState("The date or the time is not right.") from error


@dataclass(frozen=True, slots=True)
class Preview:
    """Who would get which text. rows: (locale, chats, tag of the text or None).

    n_known: how many chats the shown rows have together.
    n_hidden: rows whose count is too small to be shown.
    n_messages: how many messages that would be; files that go before the words are messages of their own.
    """

    rows: tuple[tuple[str, int, str | None], ...]
    n_known: int
    n_hidden: int
    n_without: int
    n_messages: int


def preview(
    reach: Mapping[str, int], texts: Mapping[str, NoticeText], notice: Notice, screens: Screens, frame: Frame
) -> Preview:
    """Return who would get which text if it went out now."""
    rows = tuple(notice_texts.who_gets_what(reach, texts, missing=notice.missing, locales=screens.catalogue.locales))
    shown = [count for _tag, count, _text in rows if count >= FEWEST_SHOWN]
    n_messages = sum(
        count * (1 + len(notice_texts.render(texts[text], screens.words(tag), frame).before) if text else 1)
        for tag, count, text in rows
    )
    return Preview(
        rows, sum(shown), len(rows) - len(shown), sum(text is None for _tag, _count, text in rows), n_messages
    )


def as_residents_see(
    texts: Mapping[str, NoticeText], screens: Screens, frame: Frame
) -> list[tuple[NoticeText, str]]:
    """Return each text with the message that residents read, in the order of the languages."""
    order = {tag: index for index, tag in enumerate(screens.offered_tags)}
    found = sorted(texts.values(), key=lambda text: (order.get(text.tag, len(order)), text.tag))
    return [(text, notice_texts.render(text, screens.words(text.tag), frame).text) for text in found]


def with_words(
    posts: Sequence[Post], texts: Mapping[str, NoticeText], screens: Screens, frame: Frame
) -> list[tuple[Post, str]]:
    """Return each post of a channel with the words that would stand in it; "" where nothing would."""
    return [
        (post, notice_texts.post(texts[post.text], screens.words(post.language), frame, (), "bot").text
         if post.text else "")
        for post in posts
    ]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far sending is. counts: (status, deliveries), which add up to `total`."""

    counts: tuple[tuple[str, int], ...]
    total: int
    n_over: int

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Progress:
        """Return the progress of counts by status."""
        total = sum(counts.values())
        n_open = sum(counts.get(status, 0) for status in _OPEN)
        return cls(tuple((status, counts[status]) for status in _BAR if counts.get(status)), total, total - n_open)

    @property
    def bars(self) -> tuple[tuple[str, float, float], ...]:
        """Return (status, left edge, width) of the bar, in hundredths of its length."""
        found, left = [], 0.0
        for status, count in self.counts:
            width = 100 * count / self.total
            found.append((status, round(left, 3), round(width, 3)))
            left += width
        return tuple(found)
