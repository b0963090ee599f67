"""An event as its residents read it: when, where, how many, in which languages; its buttons; its calendar file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from icalendar import Calendar
from icalendar import Event as Entry

from bot.i18n import TOKYO, Strings
from bot.outgoing import Button, Document
from intents import contact_words
from storage.models import Event

PRODUCT = "-//Koban//Notices//EN"
ICS = "text/calendar"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an event says. notice_id: of the notice that invites; point: latitude and longitude in degrees."""

    notice_id: int
    place: str
    starts_at: datetime
    ends_at: datetime
    seats: int | None = None
    languages: tuple[str, ...] = ()
    point: tuple[float, float] | None = None
    is_cancelled: bool = False

    @classmethod
    def of(cls, event: Event) -> Invitation:
        """Read an event."""
        has_point = event.latitude is not None and event.longitude is not None
        return cls(
            event.notice_id, event.place, event.starts_at, event.ends_at, event.seats, tuple(event.languages),
            (float(event.latitude or 0), float(event.longitude or 0)) if has_point else None,
            event.cancelled_at is not None,
        )

    @property
    def map_url(self) -> str:
        """Return the address of a map with this place: its point when there is one, otherwise its words.

        Source: Maps URLs, "Search", developers.google.com/maps/documentation/urls/get-started (2026-11-26).
        """
        query = f"{self.point[0]},{self.point[1]}" if self.point else self.place
        return "https://www.google.com/maps/search/?" + urlencode({"api": "1", "query": query})


def lines_of(invitation: Invitation, strings: Strings) -> Iterator[str]:
    """Yield the facts of an event, a line each."""
    _ = strings
    ends = invitation.ends_at.astimezone(TOKYO)
    is_one_day = ends.date() == invitation.starts_at.astimezone(TOKYO).date()
    until = _.hour(ends) if is_one_day else _.moment(ends)
    yield "🗓 " + _("When: {time}", time=f"{_.moment(invitation.starts_at)} – {until}")
    yield "📍 " + _("Where: {place}", place=invitation.place)
    if invitation.seats is not None:
        yield "🪑 " + _("Seats: {n}", n=invitation.seats)
    if invitation.languages:
        names = _.listed(dict.fromkeys(language_name(tag, strings.tag) for tag in invitation.languages))
        yield "🗣 " + _("Interpreters: {languages}", languages=names)


def language_name(tag: str, reader: str) -> str:
    """Return the name of a spoken language in the reader's own: Chinese, however it is written."""
    return "やさしい日本語" if tag == "ja-simple" else contact_words.language_name(tag, reader)


def buttons_of(invitation: Invitation, strings: Strings, *, is_invited: bool) -> tuple[tuple[Button, ...], ...]:
    """Return the buttons under an event. is_invited: False when there is nothing left to come to."""
    _, notice_id = strings, invitation.notice_id
    if not is_invited:
        return ()
    return (
        (Button(_("✅ I will come"), data=f"ev:{notice_id}:yes"), Button(_("Not now"), data=f"ev:{notice_id}:no")),
        (Button(_("📍 Map"), url=invitation.map_url), Button(_("📅 For my calendar"), data=f"ev:{notice_id}:ics")),
    )


def calendar_entry(
    uid: str, title: str, starts_at: datetime, ends_at: datetime, *, stamp: datetime, sequence: int = 0
) -> Entry:
    """Return one entry of a calendar file. uid: stays the same when the entry is given out again."""
    entry = Entry()
    entry.add("uid", uid)
    entry.add("dtstamp", stamp)
    entry.add("dtstart", starts_at.astimezone(TOKYO))
    entry.add("dtend", ends_at.astimezone(TOKYO))
    entry.add("summary", title)
    entry.add("sequence", sequence)
    return entry


def new_calendar(name: str) -> Calendar:
    """Return an empty calendar."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    return calendar


def calendar_text(calendar: Calendar) -> str:
    """Return the calendar as the text of an .ics file, with the rules of its time zones."""
    calendar.add_missing_timezones()
    return str(calendar.to_ical(), "utf-8")


def calendar_file(invitation: Invitation, title: str, *, now: datetime) -> Document:
    """Return the event as a file that a telephone's calendar opens, with alarms a day and two hours before."""
    calendar = new_calendar(title)
    entry = calendar_entry(
        f"event-{invitation.notice_id}@koban", title, invitation.starts_at, invitation.ends_at, stamp=now
    )
    entry.add("location", invitation.place)
    entry.add("status", "CANCELLED" if invitation.is_cancelled else "CONFIRMED")
    if invitation.point:
        entry.add("geo", invitation.point)
    entry.add("url", invitation.map_url)
    calendar.add_component(entry)
    return Document(f"event-{invitation.notice_id}.ics", calendar_text(calendar), ICS)
