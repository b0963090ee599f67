"""The words of a notice: which text a chat gets, and the message as its resident sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.answers import N_
from bot.event_texts import Invitation, buttons_of, lines_of
from bot.i18n import Strings
from bot.notice_files import Attached, choose
from bot.outgoing import (
    MAX_CAPTION_UNITS,
    About,
    Button,
    Outgoing,
    StoredFile,
    TextBuilder,
    plain,
    utf16_length,
)
from intents.schema import Locale
from storage.models import FileKind, Notice, NoticeKind, NoticePurpose, NoticeText, Urgency

KIND_NAMES = {
    NoticeKind.SAFETY: N_("Safety information"),
    NoticeKind.EVENT: N_("Events"),
    NoticeKind.CAMPAIGN: N_("Awareness months"),
}
_HEADINGS = {
    NoticePurpose.CORRECTION: N_("✏️ Correction of an earlier notice"),
    NoticePurpose.REMINDER: N_("⏰ Reminder: you said that you come to this event."),
    NoticePurpose.CHANGE: N_("❗ This event has changed. Please look at the time and the place."),
    NoticePurpose.CANCELLATION: N_("❌ This event was cancelled. Please do not come."),
}
_ABOUT = {
    NoticePurpose.CORRECTION: About.REPLY,
    NoticePurpose.REPEAT: About.REPLACE,
    NoticePurpose.WITHDRAWAL: About.REMOVE,
}
_SIGNS = {FileKind.PICTURE: "🖼", FileKind.LEAFLET: "📄"}
_FOR_GUESTS = (NoticePurpose.REMINDER, NoticePurpose.CHANGE, NoticePurpose.CANCELLATION)


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the words: what kind of notice it is, and the event it invites to."""

    kind: str = NoticeKind.CAMPAIGN
    purpose: str = NoticePurpose.NOTICE
    urgency: str = Urgency.ROUTINE
    invitation: Invitation | None = None
    topics: tuple[str, ...] = ()  # intents whose answers it leads to
    files: tuple[Attached, ...] = ()

    @classmethod
    def of(cls, notice: Notice, invitation: Invitation | None, files: tuple[Attached, ...] = ()) -> Frame:
        """Return the frame of a notice."""
        return cls(notice.kind, notice.purpose, notice.urgency, invitation, files=files)


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


def render(
    text: NoticeText, strings: Strings, frame: Frame | None = None, titles: Mapping[str, str] | None = None
) -> Outgoing:
    """Return a notice as a resident sees it, with why it came and how to stop it.

    titles: dict of intent → title in the chat's language, of the answers that get a button.
    """
    _, frame = strings, frame or Frame()
    if frame.purpose == NoticePurpose.WITHDRAWAL:
        return withdrawn(strings)
    message = TextBuilder()
    if heading := _HEADINGS.get(NoticePurpose(frame.purpose)):
        message.line(_(heading), "bold").line()
    message.line(f"📢 {text.title}", "bold").line().line(text.body).line()
    rows: tuple[tuple[Button, ...], ...] = ()
    if frame.invitation is not None:
        for line in lines_of(frame.invitation, strings):
            message.line(line)
        message.line()
        rows = buttons_of(frame.invitation, strings, is_invited=frame.purpose != NoticePurpose.CANCELLATION)
    files = choose(frame.files, strings.tag, text.tag)
    _describe(message, files, text.tag)
    rows += tuple((Button(title, data=f"a:{intent_id}"),) for intent_id, title in (titles or {}).items())
    if text.state == "drafted":
        message.line(_("This text was translated by machine and not checked by a person yet."), "italic")
    if text.tag != strings.tag:
        message.line(_("There is no text in your language for this notice yet."), "italic")
    if frame.purpose not in _FOR_GUESTS:
        kind = _(KIND_NAMES[NoticeKind(frame.kind)])
        message.line(_("You get this because you asked for notices."), "italic").add(f"🔔 {kind} · /stop", "italic")
        rows += ((Button(_("Stop notices"), data="sub:off"), Button(_("Menu"), data="menu")),)
    return replace(
        _with_files(message.build(rows), files), about=_ABOUT.get(NoticePurpose(frame.purpose)),
        is_silent=frame.urgency == Urgency.ROUTINE and frame.purpose not in _FOR_GUESTS,
    )


def post(
    text: NoticeText, strings: Strings, frame: Frame, links: Sequence[tuple[str, str]], bot_name: str
) -> Outgoing:
    """Return a notice as a channel shows it: public, so with links to the bot where a resident has buttons.

    strings: of the channel's language; links: (words, address) of topics in the bot.
    """
    _ = strings
    message = TextBuilder()
    if heading := _HEADINGS.get(NoticePurpose(frame.purpose)):
        message.line(_(heading), "bold").line()
    message.line(f"📢 {text.title}", "bold").line().line(text.body).line()
    rows: list[tuple[Button, ...]] = []
    if frame.invitation is not None:
        for line in lines_of(frame.invitation, strings):
            message.line(line)
        message.line()
    files = choose(frame.files, strings.tag, text.tag)
    _describe(message, files, text.tag)
    rows += [(Button(words, url=address),) for words, address in links]
    rows.append((Button(_("💬 Ask this bot"), url=f"https://t.me/{bot_name}?start=menu"),))
    if text.state == "drafted":
        message.line(_("This text was translated by machine and not checked by a person yet."), "italic")
    if text.tag != strings.tag:
        message.line(_("There is no text in your language for this notice yet."), "italic")
    return replace(_with_files(message.build(tuple(rows)), files), about=_ABOUT.get(NoticePurpose(frame.purpose)))


def _describe(message: TextBuilder, files: Sequence[Attached], tag: str) -> None:
    """Say in words what each file shows, for those who cannot see it, where that is in the language of the text."""
    said = [f"{_SIGNS[FileKind(file.kind)]} {file.alt}" for file in files if file.tag == tag]
    for line in said:
        message.line(line)
    if said:
        message.line()


def _with_files(message: Outgoing, files: Sequence[Attached]) -> Outgoing:
    """Put files before a message; the last one carries its words where they fit under it."""
    stored = [StoredFile(file.id, file.kind == FileKind.PICTURE, file.name, file.mime) for file in files]
    if stored and utf16_length(message.text) <= MAX_CAPTION_UNITS:
        message = replace(message, file=stored.pop())
    return replace(message, before=tuple(Outgoing(text="", file=each, is_silent=True) for each in stored))


def withdrawn(strings: Strings) -> Outgoing:
    """Return what stands in the place of a withdrawn notice that Telegram no longer lets us remove."""
    _ = strings
    return replace(plain(_("This notice was withdrawn. Please do not follow it.")), about=About.REMOVE)


def who_gets_what(
    counts: Mapping[str, int], texts: Mapping[str, NoticeText], *, missing: str, locales: Mapping[str, Locale]
) -> Sequence[tuple[str, int, str | None]]:
    """Return (locale, chats, tag of the text they get or None) for the preview before approval."""
    rows = []
    for tag, count in sorted(counts.items(), key=lambda item: -item[1]):
        text = choose_text(texts, tag, missing=missing, locales=locales)
        rows.append((tag, count, text.tag if text else None))
    return rows
