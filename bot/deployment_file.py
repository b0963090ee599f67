"""Reads the deployment file into bot.deployment's dataclasses, and writes down every problem with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType

from bot.deployment import (
    DATA_CLASSES,
    SIZES,
    Body,
    Deployment,
    Interpretation,
    Municipality,
    Names,
    Officers,
    Post,
    RoutingRow,
    Section,
    Station,
)
from bot.deployment_contacts import read_local_contacts
from bot.deployment_notices import read_notices
from bot.deployment_values import clean_text, number, parsed, read_group, read_month_day, whole_number
from bot.duty import DutyCalendar, Span, YearEnd, parse_spans
from bot.errors import DeploymentError
from intents.catalogue import Catalogue
from intents.contacts import DAYS, read_hours
from intents.loading import Fields, Report, read_mapping

ROOT = Path(__file__).resolve().parent.parent
_TOP = frozenset({
    "police", "is_demo", "demo_mark", "stations", "officers", "municipalities", "sections", "organisation", "routing",
    "desks", "local_contacts", "interpretation_110", "duty", "first_reply_hours", "next_reply_hours",
    "final_answer_hours", "retention_days", "unchecked", "notices", "four_eyes", "console",
})  # fmt: skip
_RETENTION = {"ratings": 1825}  # days, where the file does not say
_FINAL_HOURS = 80.0  # about two weeks of duty
_ID = re.compile(r"[a-z][a-z0-9_]{0,31}")
_CODE = re.compile(r"[0-9A-Za-z_]{1,32}")
_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,8})*")
_KANA = re.compile(r"[\u3041-\u309f\u30fc ・]+")
_ONE_YEAR = range(date(2027, 1, 1).toordinal(), date(2028, 1, 1).toordinal())


def read_deployment(path: Path, catalogue: Catalogue | None) -> Deployment:
    """Read and check the file. Raises DeploymentError with every problem at once."""
    report = Report(ROOT)
    fields = read_mapping(path, report)
    found = _Reader(fields, catalogue).read() if fields is not None else None
    if report.errors or found is None:
        ordered = sorted(report.errors, key=lambda problem: (problem.line, problem.message))
        raise DeploymentError(list(dict.fromkeys(f"{each.path}:{each.line}: {each.message}" for each in ordered)))
    return found


@dataclass
class _Reader:
    top: Fields
    catalogue: Catalogue | None

    def read(self) -> Deployment:
        top = self.top
        top.only(_TOP)
        is_demo = top.flag("is_demo")
        mark = self._demo_mark(is_demo)
        officers = self._officers_by_size()
        stations = self._stations(officers)
        sections = self._sections()
        known = {section.id for section in sections}
        rows, warnings = self._routing(known)
        desks = top.mapping("desks")
        if desks is not None:
            desks.only({"unknown_topic", "content", "reports"})
        duty, has_night_desk = self._duty()
        first_hours = number(top, "first_reply_hours", 0.25, 400)
        console = top.mapping("console", required=False)
        if console is not None:
            console.only({"session_minutes", "staff_group"})
        return Deployment(
            path=top.path,
            police=self._names(top, "police"),
            is_demo=is_demo,
            demo_mark=mark,
            stations=stations,
            municipalities=self._municipalities({station.id for station in stations}),
            sections=sections,
            bodies=self._bodies(),
            rows=rows,
            default_section=self._desk(desks, "unknown_topic", known),
            content_section=self._desk(desks, "content", known),
            report_section=self._desk(desks, "reports", known),
            local_contacts=read_local_contacts(top, self.catalogue, mark),
            interpretation=self._interpretation(),
            duty=duty,
            has_night_desk=has_night_desk,
            first_reply_hours=first_hours,
            next_reply_hours=self._hours("next_reply_hours", first_hours),
            final_answer_hours=self._hours("final_answer_hours", _FINAL_HOURS),
            retention=self._retention(),
            unchecked=top.choice("unchecked", ("label", "hold"), default="label"),
            notice=read_notices(top, self.catalogue.locales if self.catalogue is not None else None),
            four_eyes=frozenset(self._topics(top, "four_eyes")),
            session_minutes=whole_number(console, "session_minutes", 5, 24 * 60) if console is not None else 30,
            staff_group=parsed(console, "staff_group", read_group, required=False) if console is not None else None,
            warnings=tuple(warnings),
        )

    # names

    def _names(self, fields: Fields, key: str) -> Names:
        inner = fields.mapping(key)
        by_tag: dict[str, str] = {"ja": "", "en": ""}
        if inner is None:
            return Names(by_tag)
        kana = inner.text("kana", required=False) or ""
        if kana and not _KANA.fullmatch(kana):
            inner.problem(f"`{inner.prefix}kana` is `{kana}`; write the reading in hiragana", key="kana")
        for tag in ("ja", "en"):
            by_tag[tag] = clean_text(inner, tag)
        for tag in inner:
            if tag in ("ja", "en", "kana"):
                continue
            if self._is_tag(inner, tag, key=tag):
                by_tag[tag] = clean_text(inner, tag)
        return Names(MappingProxyType(by_tag), kana)

    def _is_tag(self, fields: Fields, tag: str, *, key: str | None = None, line: int | None = None) -> bool:
        good = _TAG.fullmatch(tag) if self.catalogue is None else tag in self.catalogue.locales
        if not good:
            fields.problem(f"`{tag}` is not a language that has a folder in locales/; write a tag such as vi",
                           key=key, line=line, code="unknown_id")
        return bool(good)

    def _demo_mark(self, is_demo: bool) -> Mapping[str, str]:
        inner = self.top.mapping("demo_mark", required=is_demo)
        if inner is None:
            return MappingProxyType({})
        if not is_demo:
            self.top.problem("`demo_mark` stands in a file that is no demo; remove it, or write `is_demo: true`",
                             key="demo_mark")
        words = {tag: clean_text(inner, tag) for tag in inner if self._is_tag(inner, tag, key=tag)}
        for tag in ("ja", "en"):
            if tag not in words:
                inner.problem(f"`demo_mark.{tag}` is missing; write the word for “sample”", code="missing_key")
                words[tag] = tag
        return MappingProxyType(words)

    # the police

    def _post(self, fields: Fields, key: str) -> Post:
        inner = fields.mapping(key)
        if inner is None:
            return Post("", "")
        inner.only({"ja", "en"})
        return Post(clean_text(inner, "ja"), clean_text(inner, "en"))

    def _officers(self, fields: Fields, default: Officers | None) -> Officers:
        """Read both posts; with a default, each may be left out."""
        fields.only({"responsible", "operator"})
        return Officers(
            default.responsible if default and "responsible" not in fields else self._post(fields, "responsible"),
            default.operator if default and "operator" not in fields else self._post(fields, "operator"),
        )

    def _officers_by_size(self) -> Mapping[str, Officers]:
        inner = self.top.mapping("officers")
        found: dict[str, Officers] = {}
        if inner is not None:
            inner.only(SIZES)
            for size in SIZES:
                if (entry := inner.mapping(size)) is not None:
                    found[size] = self._officers(entry, None)
        return found

    def _stations(self, officers: Mapping[str, Officers]) -> tuple[Station, ...]:
        found: list[Station] = []
        nobody = Officers(Post("", ""), Post("", ""))
        for entry in self._entries("stations", "id", _ID):
            entry.only({"id", "name", "size", "address", "phone", "officers"})
            size = entry.choice("size", SIZES, default=SIZES[-1])
            own = entry.mapping("officers", required=False)
            default = officers.get(size, nobody)
            phone = entry.text("phone") or ""
            if phone and not re.fullmatch(r"[0-9+][0-9-]{2,19}", phone):
                entry.problem(f"`{phone}` is not a phone number; write digits and hyphens", key="phone", code="type")
            found.append(Station(
                id=entry.text("id") or "", names=self._names(entry, "name"), size=size,
                address=clean_text(entry, "address"), phone=phone,
                officers=self._officers(own, default) if own is not None else default,
            ))
        return tuple(found)

    def _municipalities(self, stations: set[str]) -> tuple[Municipality, ...]:
        found: list[Municipality] = []
        for entry in self._entries("municipalities", "code", _CODE):
            entry.only({"code", "name", "station", "latitude", "longitude"})
            station = entry.text("station") or ""
            if station and station not in stations:
                entry.problem(f"station `{station}` is not in `stations`; write one of {', '.join(sorted(stations))}",
                              key="station", code="unknown_id")
            found.append(Municipality(
                code=entry.text("code") or "", names=self._names(entry, "name"), station_id=station,
                latitude=number(entry, "latitude", -90, 90), longitude=number(entry, "longitude", -180, 180),
            ))
        served = {place.station_id for place in found}
        for station in sorted(stations - served) if found else ():
            self.top.problem(f"station `{station}` has no municipality; give it one, or remove it", key="stations")
        return tuple(found)

    def _sections(self) -> tuple[Section, ...]:
        found: list[Section] = []
        for entry in self._entries("sections", "id", _ID):
            entry.only({"id", "ja", "en", "department"})
            found.append(Section(entry.text("id") or "", clean_text(entry, "ja"), clean_text(entry, "en"),
                                 clean_text(entry, "department")))
        return tuple(found)

    def _bodies(self) -> tuple[Body, ...]:
        found: list[Body] = []
        for entry in self._entries("organisation", "id", _ID, required=False):
            entry.only({"id", "ja", "en", "posts"})
            posts: list[tuple[str, Post]] = []
            for post in entry.mappings("posts"):
                post.only({"role", "ja", "en"})
                posts.append((clean_text(post, "role"), Post(clean_text(post, "ja"), clean_text(post, "en"))))
            found.append(Body(entry.text("id") or "", clean_text(entry, "ja"), clean_text(entry, "en"), tuple(posts)))
        return tuple(found)

    def _entries(self, key: str, id_key: str, form: re.Pattern[str], *, required: bool = True) -> Iterator[Fields]:
        """Yield the items of a list; reports missing, malformed and doubled ids."""
        entries = self.top.mappings(key, required=required)
        if required and key in self.top and not entries:
            self.top.problem(f"`{key}` has no items; write at least one", key=key, code="missing_key")
        seen: set[str] = set()
        for entry in entries:
            value = entry.text(id_key)
            if value is not None and not form.fullmatch(value):
                entry.problem(f"`{value}` cannot be an id; write at most 32 Latin letters, digits and _", key=id_key)
            if value in seen:
                entry.problem(f"`{value}` stands twice in `{key}`; keep one", key=id_key, code="duplicate")
            seen.add(value or "")
            yield entry

    # who answers for what

    def _routing(self, known: set[str]) -> tuple[Mapping[str, tuple[RoutingRow, ...]], list[str]]:
        rows: dict[str, list[RoutingRow]] = {}
        lines: dict[str, int] = {}
        seen_days: set[date] = set()
        for table in self.top.mappings("routing"):
            table.only({"valid_from", "topics"})
            valid_from = table.date("valid_from") or date.max
            if valid_from in seen_days:
                table.problem("two routing tables begin on this day; join them", key="valid_from", code="duplicate")
            seen_days.add(valid_from)
            topics = table.mapping("topics")
            for topic in topics or ():
                assert topics is not None
                self._check_topic(topics, topic, topics.line_of(topic))
                entry = topics.mapping(topic)
                if entry is None:
                    continue
                entry.only({"primary", "also", "urgent"})
                also = tuple(item for item, line in entry.texts("also", required=False)
                             if self._is_section(entry, item, known, line=line))
                row = RoutingRow(valid_from, self._desk(entry, "primary", known), also, entry.flag("urgent"))
                rows.setdefault(topic, []).append(row)
                lines.setdefault(topic, entry.line)
        ordered = {topic: tuple(sorted(found, key=lambda row: row.valid_from)) for topic, found in rows.items()}
        return MappingProxyType(ordered), self._unrouted(rows)

    def _unrouted(self, rows: Mapping[str, object]) -> list[str]:
        if self.catalogue is None:
            return []
        missing = sorted(each.id for each in self.catalogue if each.kind == "content" and each.id not in rows)
        name = self.top.report.name_of(self.top.path)
        return [f"{name}:{self.top.line_of('routing')}: topic `{topic}` has no row; its consultations go to "
                "`desks.unknown_topic`" for topic in missing]

    def _check_topic(self, fields: Fields, topic: str, line: int) -> None:
        if self.catalogue is not None and self.catalogue.intent(topic) is None:
            fields.problem(f"topic `{topic}` is no intent; write the id of a file in intents/topics/", line=line,
                           code="unknown_id")

    def _topics(self, fields: Fields, key: str) -> Iterator[str]:
        for topic, line in fields.texts(key, required=False):
            self._check_topic(fields, topic, line)
            yield topic

    def _is_section(self, fields: Fields, section: str, known: set[str], *, line: int) -> bool:
        if section not in known:
            fields.problem(f"section `{section}` is not in `sections`; add it there or mend the id", line=line,
                           code="unknown_id")
        return section in known

    def _desk(self, fields: Fields | None, key: str, known: set[str]) -> str:
        section = (fields.text(key) if fields is not None else None) or ""
        if section and fields is not None:
            self._is_section(fields, section, known, line=fields.line_of(key))
        return section

    def _interpretation(self) -> Interpretation | None:
        inner = self.top.mapping("interpretation_110", required=False)
        if inner is None:
            return None
        inner.only({"languages", "hours"})
        tags = tuple(tag for tag, line in inner.texts("languages") if self._is_tag(inner, tag, line=line))
        hours = read_hours(inner, "hours")
        if hours is not None and hours.kind == "text":
            inner.problem("the hours of 110 interpretation must be `always` or a weekly table", key="hours")
        return Interpretation(tags, hours) if hours is not None else None

    # times and rules

    def _duty(self) -> tuple[DutyCalendar, bool]:
        asleep = DutyCalendar(weekly=(((0, 1),),) * 7)
        inner = self.top.mapping("duty")
        if inner is None:
            return asleep, False
        inner.only({"weekly", "holidays", "year_end", "closed", "night_desk"})
        days: list[tuple[Span, ...]] = [()] * 7
        table = inner.mapping("weekly")
        for name in table or ():
            assert table is not None
            first, _, last = name.partition("-")
            if first not in DAYS or (last and last not in DAYS) or DAYS.index(last or first) < DAYS.index(first):
                table.problem(f"days `{name}` are not understood; write mon-fri, sat, …", key=name)
                continue
            spans = parsed(table, name, parse_spans) or ()
            for number_of_day in range(DAYS.index(first), DAYS.index(last or first) + 1):
                if days[number_of_day]:
                    table.problem(f"{DAYS[number_of_day]} stands twice in `duty.weekly`; join its times with a comma",
                                  key=name, code="duplicate")
                days[number_of_day] = spans
        closed: set[date] = set()
        for text, line in inner.texts("closed", required=False):
            try:
                closed.add(date.fromisoformat(text))
            except ValueError:
                inner.problem(f"`{text}` is not a day; write a real day as YYYY-MM-DD", line=line, code="date")
        keeps = inner.choice("holidays", ("jp", "none"), default="jp") == "jp"
        rest = inner.mapping("year_end", required=False)
        if rest is not None:
            rest.only({"first", "last"})
        ends = (parsed(rest, "first", read_month_day), parsed(rest, "last", read_month_day)) if rest is not None else ()
        year_end = YearEnd(ends[0], ends[1]) if len(ends) == 2 and ends[0] and ends[1] else None
        if year_end is not None and sum(date.fromordinal(day) in year_end for day in _ONE_YEAR) > 31:
            assert rest is not None
            rest.problem("the rest around New Year is longer than a month; write its `first` and `last` as MM-DD")
        night = inner.flag("night_desk")
        if not any(days):
            inner.problem("nobody is ever on duty; write hours in `duty.weekly`", key="weekly")
            return asleep, night
        return DutyCalendar(tuple(days), keeps, year_end, frozenset(closed)), night

    def _hours(self, key: str, default: float) -> float:
        return number(self.top, key, 0.25, 2000) if key in self.top else default

    def _retention(self) -> Mapping[str, int]:
        inner = self.top.mapping("retention_days")
        if inner is None:
            return MappingProxyType({})
        inner.only(DATA_CLASSES)
        days = {
            name: whole_number(inner, name, 1, 3660) for name in DATA_CLASSES if name in inner or name not in _RETENTION
        }
        return MappingProxyType(_RETENTION | days)
