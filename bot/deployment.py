"""The deploying police: its stations and their municipalities, its desks, local numbers, hours and rules.

One YAML file holds all of it; `load_deployment` reads and checks it once, and nothing changes it afterwards.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncSession

from bot.duty import ALWAYS, TOKYO, DutyCalendar, QuietHours
from intents.catalogue import Catalogue
from intents.schema import Hours, LocalContact
from storage import models, staff

SIZES = ("large", "medium_small")
DATA_CLASSES = ("tickets", "intakes", "chats", "updates", "deliveries", "turns", "ratings", "audit")
EARTH_KM = 6371.0088
"""Mean radius. Source: IUGG, GRS 80 (R1)."""


_KANA = re.compile(r"[ぁ-ヿ]")


@dataclass(frozen=True)
class Names:
    """A name in several languages.

    by_tag: dict of tag → name; always has ja and en.
    kana: how the Japanese name is read, or empty.
    """

    by_tag: Mapping[str, str]
    kana: str = ""

    def __call__(self, tag: str) -> str:
        """Return the name for a reader: their own, else Japanese with its reading, or English.

        Readers of Chinese get the Japanese name, as it is on signs, unless it has more kana than 霧ケ谷 has.
        """
        if found := self.by_tag.get(tag):
            return found
        if tag.split("-")[0] == "zh" and len(_KANA.findall(self.by_tag["ja"])) <= 1:
            return self.by_tag["ja"]
        if tag.split("-")[0] != "ja":
            return self.by_tag["en"]
        return f"{self.by_tag['ja']}（{self.kana}）" if self.kana and tag != "ja" else self.by_tag["ja"]


@dataclass(frozen=True)
class Post:
    """Who bears a responsibility: the post, never the person."""

    ja: str
    en: str


@dataclass(frozen=True)
class Officers:
    """統括責任者 and 運用責任者 of a station."""

    responsible: Post
    operator: Post


@dataclass(frozen=True)
class Body:
    """推進本部 and 推進室: their posts as (role in Japanese, post)."""

    id: str
    name_ja: str
    name_en: str
    posts: tuple[tuple[str, Post], ...]


@dataclass(frozen=True)
class Section:
    """A desk of headquarters; the department only orders long lists."""

    id: str
    name_ja: str
    name_en: str
    department: str

    def name(self, tag: str) -> str:
        """Return the name: Japanese for Japanese readers, English for the rest."""
        return self.name_ja if tag.split("-")[0] == "ja" else self.name_en


@dataclass(frozen=True)
class Station:
    """A police station. size: large or medium_small, as the directive's table divides them."""

    id: str
    names: Names
    size: str
    address: str
    phone: str
    officers: Officers

    @property
    def name_ja(self) -> str:
        """The Japanese name without its reading."""
        return self.names.by_tag["ja"]

    @property
    def name_en(self) -> str:
        """The English name."""
        return self.names.by_tag["en"]

    def name(self, tag: str) -> str:
        """Return the name for a reader of a tag."""
        return self.names(tag)


@dataclass(frozen=True)
class Municipality:
    """A city, town or village, with the station that looks after it.

    latitude, longitude: degrees of the town hall or the middle, for finding the nearest one.
    """

    code: str
    names: Names
    station_id: str
    latitude: float
    longitude: float

    def name(self, tag: str) -> str:
        """Return the name for a reader of a tag."""
        return self.names(tag)


@dataclass(frozen=True)
class RoutingRow:
    """Which desk answers for a topic, from a day on."""

    valid_from: date
    primary: str
    also: tuple[str, ...] = ()
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """Where a consultation goes. also: desks that help; station_id: None while the place is unknown."""

    section_id: str
    station_id: str | None
    also: tuple[str, ...] = ()
    is_urgent: bool = False


@dataclass(frozen=True)
class Interpretation:
    """Languages in which an interpreter joins a 110 call, as tags, and when."""

    languages: tuple[str, ...]
    hours: Hours


@dataclass(frozen=True)
class NoticeRules:
    """Limits on notices.

    rate: messages a second at most; kinds: those that residents can subscribe to.
    test_chats: dict of name → Telegram chat id, of chats of staff that see a notice before residents do.
    campaigns: dict of campaign → (first, last day) where this police sets its own.
    channels: dict of language → the channel into which urgent notices go, by number or @name.
    """

    quiet: QuietHours | None
    rate: int
    kinds: tuple[str, ...]
    test_chats: Mapping[str, int] = field(default_factory=dict)
    campaigns: Mapping[str, tuple[Mapping[str, int], Mapping[str, int]]] = field(default_factory=dict)
    channels: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Deployment:
    """Everything that differs from one prefectural police to the next.

    police: the name of the police.
    demo_mark: the word for “sample” by tag; empty unless this is a demo.
    rows: dict of topic → rows, oldest first.
    default_section: the desk for a topic that has no row.
    content_section: the desk that owns notices and public texts; report_section: the one that reports go to.
    local_contacts: dict of contact id → what this police entered, for Catalogue.with_local_contacts.
    has_night_desk: somebody reads urgent consultations outside duty hours.
    first_reply_hours, next_reply_hours, final_answer_hours: duty hours until the first reply, the reply to a later
        message, and the end of a consultation, at the latest.
    retention: dict of data class → days.
    unchecked: label or hold, for text that no person has checked.
    four_eyes: topics on which a reply of staff needs a second person.
    staff_group: the Telegram group or channel that is told when something waits; None tells nobody.
    warnings: what a person should look at although the file can be used.
    """

    path: Path
    police: Names
    is_demo: bool
    demo_mark: Mapping[str, str]
    stations: tuple[Station, ...]
    municipalities: tuple[Municipality, ...]
    sections: tuple[Section, ...]
    bodies: tuple[Body, ...]
    rows: Mapping[str, tuple[RoutingRow, ...]]
    default_section: str
    content_section: str
    report_section: str
    local_contacts: Mapping[str, LocalContact]
    interpretation: Interpretation | None
    duty: DutyCalendar
    has_night_desk: bool
    first_reply_hours: float
    next_reply_hours: float
    final_answer_hours: float
    retention: Mapping[str, int]
    unchecked: str
    notice: NoticeRules
    four_eyes: frozenset[str]
    session_minutes: int
    staff_group: int | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @cached_property
    def _places(self) -> Mapping[str, Municipality]:
        return {place.code: place for place in self.municipalities}

    @cached_property
    def _stations(self) -> Mapping[str, Station]:
        return {station.id: station for station in self.stations}

    @cached_property
    def _sections(self) -> Mapping[str, Section]:
        return {section.id: section for section in self.sections}

    def name(self, tag: str) -> str:
        """Return the name of the police; a demo says so in the name itself."""
        name = self.police(tag)
        if not self.is_demo:
            return name
        mark = self.demo_mark.get(tag) or self.demo_mark["ja" if tag.split("-")[0] == "ja" else "en"]
        return f"{name} [{mark}]"

    def route(self, topic: str | None, municipality: str | None, *, today: date | None = None) -> Route:
        """Return the desk and the station for a topic and a place; the default desk for a topic without a row.

        today: the day in Japan, for tables that change on a day; None is now.
        """
        today = today or datetime.now(TOKYO).date()
        place = self.municipality(municipality)
        station_id = place.station_id if place else None
        valid = [row for row in self.rows.get(topic or "", ()) if row.valid_from <= today]
        if not valid:
            return Route(self.default_section, station_id)
        return Route(valid[-1].primary, station_id, valid[-1].also, valid[-1].is_urgent)

    def duty_for(self, *, is_urgent: bool) -> DutyCalendar:
        """Return when somebody reads a consultation: an urgent one at any time, where there is a night desk."""
        return ALWAYS if is_urgent and self.has_night_desk else self.duty

    def first_reply_due(self, now: datetime) -> datetime:
        """Return the moment, in UTC, by which staff have to have replied first."""
        return self.duty.add(now, timedelta(hours=self.first_reply_hours))

    def is_on_duty(self, now: datetime) -> bool:
        """Tell whether staff are on duty."""
        return self.duty.is_on_duty(now)

    def next_on_duty(self, now: datetime) -> datetime:
        """Return now when staff are on duty, otherwise the next opening, in UTC."""
        return self.duty.next_on_duty(now)

    def municipality(self, code: str | None) -> Municipality | None:
        """Return a municipality, or None for a code that is not ours."""
        return self._places.get(code or "")

    def nearest_municipality(self, latitude: float, longitude: float, *, max_km: float = 40.0) -> Municipality | None:
        """Return the municipality whose middle is nearest; None when all are too far or the place is no place."""
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # also false for not-a-number
            return None
        found = min(
            self.municipalities,
            key=lambda place: distance_km(latitude, longitude, place.latitude, place.longitude),
        )
        near = distance_km(latitude, longitude, found.latitude, found.longitude) <= max_km
        return found if near else None

    def municipalities_of(self, station_id: str) -> tuple[Municipality, ...]:
        """Return the municipalities that a station looks after."""
        return tuple(place for place in self.municipalities if place.station_id == station_id)

    def station(self, station_id: str | None) -> Station | None:
        """Return a station, or None."""
        return self._stations.get(station_id or "")

    def section(self, section_id: str | None) -> Section | None:
        """Return a section, or None."""
        return self._sections.get(section_id or "")

    def retention_days(self, data_class: str) -> int:
        """Return for how many days a class of data (see DATA_CLASSES) is kept. Raises KeyError for another."""
        return self.retention[data_class]

    def needs_four_eyes(self, topic: str | None) -> bool:
        """Tell whether every translated reply on this topic needs a second person."""
        return topic in self.four_eyes

    def summary(self) -> Mapping[str, int]:
        """Return how many of each thing the file holds."""
        return MappingProxyType({
            "stations": len(self.stations),
            "large_stations": sum(station.size == "large" for station in self.stations),
            "municipalities": len(self.municipalities),
            "sections": len(self.sections),
            "bodies": len(self.bodies),
            "topics_routed": len(self.rows),
            "routing_rows": sum(map(len, self.rows.values())),
            "local_contacts": len(self.local_contacts),
            "interpretation_languages": len(self.interpretation.languages) if self.interpretation else 0,
            "extra_closed_days": len(self.duty.closed),
            "retention_classes": len(self.retention),
            "four_eyes_topics": len(self.four_eyes),
            "warnings": len(self.warnings),
        })


def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return the distance over the ground between two places in degrees (haversine)."""
    phi, other = math.radians(latitude), math.radians(other_latitude)
    half = math.sin((other - phi) / 2) ** 2
    half += math.cos(phi) * math.cos(other) * math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half)))


def load_deployment(path: Path, catalogue: Catalogue | None = None) -> Deployment:
    """Read and check the deployment file.

    catalogue: when given, topics, contacts and languages are compared with it too.

    Raises DeploymentError with every problem at once.
    """
    from bot.deployment_file import read_deployment  # here: the reader needs the classes above

    return read_deployment(path, catalogue)


async def write_rows(session: AsyncSession, deployment: Deployment) -> None:
    """Make the sections and stations of the database those of the deployment."""
    await staff.put_sections(
        session,
        [models.Section(id=each.id, name_ja=each.name_ja, name_en=each.name_en) for each in deployment.sections],
        [models.Station(id=each.id, name_ja=each.name_ja, name_en=each.name_en, size=each.size)
         for each in deployment.stations],
    )
