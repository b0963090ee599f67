"""The demo file as it ships, what it answers, and every kind of mistake in a copy of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.deployment import DATA_CLASSES, Deployment, distance_km, load_deployment
from bot.errors import DeploymentError
from bot.i18n import ROOT
from intents.catalogue import Catalogue, load_catalogue
from intents.schema import CORE_TAGS
from tests import environment

DEMO = ROOT / "bot/deployments/demo.yaml"
Load = Callable[..., Deployment]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The real content."""
    return load_catalogue(ROOT, strict=False)


@pytest.fixture(scope="module")
def demo(catalogue: Catalogue) -> Deployment:
    """The demo, checked against the content."""
    return load_deployment(DEMO, catalogue)


@pytest.fixture
def load(tmp_path: Path, catalogue: Catalogue) -> Load:
    """Load the demo with texts replaced: `load(("size: large", "size: huge"))`."""

    def changed(*replacements: tuple[str, str]) -> Deployment:
        text = DEMO.read_text("utf-8")
        for old, new in replacements:
            assert old in text, f"the demo no longer has `{old}`"
            text = text.replace(old, new, 1)
        path = tmp_path / "ours.yaml"
        path.write_text(text, "utf-8")
        return load_deployment(path, catalogue)

    return changed


# the demo


def test_the_demo_is_whole(demo: Deployment) -> None:
    counts = demo.summary()
    assert counts == {
        "stations": 3, "large_stations": 1, "municipalities": 9, "sections": 38, "bodies": 2, "topics_routed": 66,
        "routing_rows": 66, "local_contacts": 12, "interpretation_languages": 11, "extra_closed_days": 0,
        "retention_classes": len(DATA_CLASSES), "four_eyes_topics": 5, "warnings": 0,
    }


def test_the_demo_needs_no_catalogue() -> None:
    assert load_deployment(DEMO).summary()["stations"] == 3


def test_every_table_row_of_the_directive_has_its_section(demo: Deployment) -> None:
    directive = environment.SHARED / "directive.txt"
    if not directive.is_file():
        pytest.skip("../shared/directive.txt is not here")
    table = directive.read_text("utf-8").rpartition("別表")[2]
    cells = {cell.strip() for line in table.splitlines() for cell in line.split("\t")}
    desks = {cell for cell in cells if cell.endswith(("担当", "副センター長"))}
    assert len(desks) == 38
    assert {section.name_ja for section in demo.sections} == desks
    posts = {post.ja for body in demo.bodies for _, post in body.posts}
    assert posts <= cells
    assert len(posts) == 11
    defaults = {"副署長", "事件指導官又は刑事第二課長", "刑事（第二）課長又は生活安全刑事課長"}
    assert defaults <= cells
    assert {station.officers.responsible.ja for station in demo.stations} == {"副署長"}


def test_the_sections_are_those_that_own_the_intents(demo: Deployment, catalogue: Catalogue) -> None:
    assert {section.id: section.name_ja for section in demo.sections} == dict(catalogue.sections)
    owners = {intent.id: intent.section for intent in catalogue if intent.kind == "content"}
    assert {topic: demo.route(topic, None).section_id for topic in owners} == owners


def test_no_number_of_the_demo_can_ring_and_each_name_says_sample(demo: Deployment, catalogue: Catalogue) -> None:
    numbers = [station.phone for station in demo.stations]
    numbers += [number.value or "" for local in demo.local_contacts.values() for number in local.numbers]
    assert len(numbers) == 3 + 14
    assert all(re.fullmatch(r"000-000-\d{4}", number) for number in numbers)
    assert set(re.findall(r"[0-9]{2,}-[0-9-]+", DEMO.read_text("utf-8"))) <= {*numbers, *_dates()}
    filled = catalogue.with_local_contacts(demo.local_contacts)
    for tag in CORE_TAGS:
        mark = demo.demo_mark[tag]
        for shown in filled.shown_contacts(tuple(demo.local_contacts), tag):
            assert f"[{mark}]" in shown.name or f"[{demo.demo_mark['ja']}]" in shown.name, (tag, shown.name)
        assert demo.name(tag).endswith(f"[{mark}]")


def _dates() -> set[str]:
    return set(re.findall(r"\d{4}-\d\d-\d\d|\b\d\d-\d\d\b", DEMO.read_text("utf-8")))


def test_no_prefecture_and_no_municipality_of_the_demo_is_real(demo: Deployment) -> None:
    assert all(place.code.startswith("99") for place in demo.municipalities), "real codes begin with 01 to 47"
    for place in demo.municipalities:  # the nearest land, Hachijo and the Boso peninsula, is 300 km away
        assert distance_km(place.latitude, place.longitude, 33.11, 139.79) > 250
        assert distance_km(place.latitude, place.longitude, 35.73, 140.86) > 200
    spread = [distance_km(one.latitude, one.longitude, other.latitude, other.longitude)
              for one in demo.municipalities for other in demo.municipalities]
    assert max(spread) < 100, "one coherent area"


# what it answers


def test_a_topic_goes_to_its_desk_and_a_place_to_its_station(demo: Deployment) -> None:
    route = demo.route("stolen_bicycle", "99204")
    assert (route.section_id, route.also, route.station_id) == ("seian_yokushi", ("sousan",), "shioriura")
    assert not route.is_urgent
    assert demo.route("stalking", "99201").is_urgent


@pytest.mark.parametrize("topic", [None, "", "weather", "💣" * 100])
@pytest.mark.parametrize("place", [None, "", "13101", "'; DROP"])
def test_what_is_unknown_goes_to_the_default_desk(demo: Deployment, topic: str | None, place: str | None) -> None:
    route = demo.route(topic, place)
    assert (route.section_id, route.station_id, route.also) == ("soumu_koucho", None, ())


def test_a_later_table_counts_from_its_day_and_only_for_its_topics(load: Load) -> None:
    later = "routing:\n  - valid_from: 2027-04-01\n    topics:\n      stolen_bicycle: {primary: sousan}\n"
    deployment = load(("routing:\n", later))
    before, after = date(2027, 3, 31), date(2027, 4, 1)
    assert deployment.route("stolen_bicycle", None, today=before).section_id == "seian_yokushi"
    assert deployment.route("stolen_bicycle", None, today=after).section_id == "sousan"
    assert deployment.route("burglary", None, today=after).section_id == "seian_yokushi"
    assert deployment.route("burglary", None, today=date(2026, 3, 31)).section_id == "soumu_koucho"


def test_names_are_in_the_readers_language_or_english_and_japanese_with_its_reading(demo: Deployment) -> None:
    place = demo.municipality("99201")
    assert place is not None
    assert [place.name(tag) for tag in ("ja", "ja-simple", "vi")] == ["星見市", "星見市（ほしみし）", "Hoshimi City"]
    assert [place.name("zh-Hant") for place in demo.municipalities][:3] == ["星見市", "若木野市", "鈴ノ森市"]
    assert replace(place.names, by_tag={"ja": "みなみ市", "en": "Minami City"})("zh-Hans") == "Minami City"
    assert (demo.police("vi"), demo.police("bn")) == ("Cảnh sát tỉnh Mizuhono", "Mizuhono Prefectural Police")
    station = demo.station("kumonohara")
    assert station is not None
    assert (station.name_ja, station.name("en"), station.officers.operator.ja) == (
        "雲野原警察署", "Kumonohara Police Station", "生活安全刑事課長")
    assert demo.station("nowhere") is None
    assert demo.station(None) is None
    section = demo.section("cyber")
    assert section is not None
    assert section.name("ja") == "サイバー犯罪対策課捜査担当"
    assert [place.code for place in demo.municipalities_of("kumonohara")] == ["99205", "99303", "99304"]


def test_the_nearest_municipality_is_found_and_a_far_place_has_none(demo: Deployment) -> None:
    for place in demo.municipalities:
        assert demo.nearest_municipality(place.latitude + 0.01, place.longitude - 0.01) == place
    assert demo.nearest_municipality(35.68, 139.77) is None
    assert demo.nearest_municipality(34.5, 143.5, max_km=200) is not None


@given(st.floats(), st.floats())
def test_any_pair_of_numbers_is_a_place_or_none(latitude: float, longitude: float) -> None:
    found = load_once().nearest_municipality(latitude, longitude)
    if found is not None:
        assert math.isfinite(latitude)
        assert abs(longitude) <= 180


_loaded: list[Deployment] = []


def load_once() -> Deployment:
    if not _loaded:
        _loaded.append(load_deployment(DEMO))
    return _loaded[0]


def test_distances_are_those_over_the_ground() -> None:
    assert distance_km(35.681, 139.767, 34.702, 135.496) == pytest.approx(403, abs=3)  # Tokyo to Osaka
    assert distance_km(0, 0, 0, 180) == pytest.approx(math.pi * 6371.0088)


def test_the_first_reply_is_due_in_duty_hours(demo: Deployment) -> None:
    friday_evening = datetime(2026, 12, 25, 10, 0, tzinfo=UTC)  # 19:00 in Japan
    assert not demo.is_on_duty(friday_evening)
    assert demo.next_on_duty(friday_evening) == datetime(2026, 12, 27, 23, 30, tzinfo=UTC)
    # 7.75 hours on Monday the 28th, then 年末年始, then a quarter of an hour on 4 January.
    assert demo.first_reply_due(friday_evening) == datetime(2027, 1, 3, 23, 45, tzinfo=UTC)


def test_rules_are_read(demo: Deployment) -> None:
    assert demo.needs_four_eyes("stalking")
    assert not demo.needs_four_eyes("lost_property")
    assert not demo.needs_four_eyes(None)
    assert demo.retention_days("tickets") == 365
    assert demo.retention_days("ratings") == 1825
    with pytest.raises(KeyError):
        demo.retention_days("everything")
    assert demo.notice.quiet is not None
    assert demo.notice.quiet.is_quiet(datetime(2026, 12, 1, 13, 0, tzinfo=UTC))
    assert (demo.notice.rate, demo.notice.kinds) == (20, ("campaign", "event", "safety"))
    assert (demo.unchecked, demo.session_minutes, demo.first_reply_hours) == ("label", 30, 8)
    assert not demo.has_night_desk
    assert demo.interpretation is not None
    assert demo.interpretation.hours.kind == "always"


# a real police


def _real(*more: tuple[str, str]) -> list[tuple[str, str]]:
    text = DEMO.read_text("utf-8")
    mark = text[text.index("demo_mark:"):text.index("police:")]
    return [("is_demo: true", "is_demo: false"), (mark, "\n"), *more]


def test_a_real_police_has_no_mark(load: Load) -> None:
    deployment = load(*_real())
    assert deployment.name("en") == "Mizuhono Prefectural Police"
    assert deployment.local_contacts["onestop"].name_en == "Mizuhono Multicultural Centre"


def test_optional_parts_may_be_left_out(load: Load) -> None:
    text = DEMO.read_text("utf-8")
    interpretation = text[text.index("interpretation_110:"):text.index("# When staff answer")]
    contacts = text[text.index("local_contacts:"):text.index("# q7119")]
    bodies = text[text.index("organisation:"):text.index("# The desks of the directive")]
    deployment = load((interpretation, ""), (contacts, ""), (bodies, ""), ('  quiet_hours: "21:00-08:00"\n', ""),
                      ("console:\n  session_minutes: 30", "#"))
    assert deployment.interpretation is None
    assert dict(deployment.local_contacts) == {}
    assert deployment.notice.quiet is None
    assert deployment.session_minutes == 30


def test_a_group_of_staff_may_be_named(load: Load) -> None:
    assert load().staff_group is None
    assert load(("# staff_group:", "staff_group:")).staff_group == -1001234567890


def test_test_chats_and_own_days_of_campaigns(load: Load) -> None:
    more = ("  rate: 20", "  test_chats: [{name: 推進室, chat_id: 42}]\n"
            "  campaigns: {fraud_day: {first: 02-15, last: 02-15}}\n  rate: 20")
    notice = load(more).notice
    assert notice.test_chats == {"推進室": 42}
    assert notice.campaigns["fraud_day"][0] == {"month": 2, "day": 15}


def test_a_topic_without_a_row_is_a_warning(load: Load) -> None:
    deployment = load(("      burglary: {primary: seian_yokushi, also: [sousa_shien, sousan]}\n", ""))
    assert len(deployment.warnings) == 1
    assert "`burglary`" in deployment.warnings[0]


# mistakes


@pytest.mark.parametrize(("old", "new", "says"), [
    ("size: large", "size: huge", "choose one of large, medium_small"),
    ('"@mizuhono_keisatsu_en"', '"@mizuhono_keisatsu_JA"', "stands twice; each language has one"),
    ('"@mizuhono_keisatsu_en"', '"https://t.me/x"', "write its @name, or its number"),
    ('"@mizuhono_keisatsu_en"', "-42", "which begins with -100"),
    ('    en: "@mizuhono_keisatsu_en"', '    xx: "@mizuhono_keisatsu_en"', "`xx` is not a language"),
    ("  rate: 20", "  test_chats: [{name: x, chat_id: -100}]\n  rate: 20", "number of a private chat"),
    ("  rate: 20", "  campaigns: {no_day: {first: 02-15, last: 02-15}}\n  rate: 20", "is no campaign"),
    ("  rate: 20", "  campaigns: {fraud_day: {first: 02-30, last: 02-15}}\n  rate: 20", "day"),
    ("size: large", "size:", "fill it in"),
    ("phone: 000-000-0001", "phone: call us", "write digits and hyphens"),
    ("address: みずほの県星見市見本町一丁目", "adress: x", "did you mean `address`?"),
    ("- id: shioriura", "- id: hoshimi", "stands twice"),
    ("- id: shioriura", "- id: Shioriura!", "at most 32 Latin letters"),
    ("station: hoshimi", "station: hosimi", "write one of hoshimi, kumonohara, shioriura"),
    ('code: "99202"', 'code: "99201"', "stands twice in `municipalities`"),
    ("latitude: 33.60", "latitude: 133.60", "between -90 and 90"),
    ("latitude: 33.60", "latitude: nan", "write a number in digits"),
    ("kana: ほしみし", "kana: 星見", "hiragana"),
    ("{id: cyber, ja: サイバー犯罪対策課捜査担当", "{id: cyber, ja: ", "fill it in"),
    ("ja: 総務課広報担当", "ja: " + "長" * 101, "write at most 100"),
    ("ja: 総務課広報担当", 'ja: "総務課\\n広報担当"', "invisible character"),
    ("stolen_bicycle: {primary", "stolen_bike: {primary", "`stolen_bike` is no intent"),
    ("primary: sotai_boutai", "primary: boutai", "not in `sections`"),
    ("also: [sousan]", "also: [sousan, sosan]", "`sosan` is not in `sections`"),
    ("valid_from: 2026-04-01", "valid_from: 2026-04-31", "YYYY-MM-DD"),
    ("unknown_topic: soumu_koucho", "unknown_topic: nobody", "not in `sections`"),
    ("  city_office:", "  town_office:", "not in intents/contacts.yaml"),
    ("  city_office:", "  emg_110:", "is `publish: ok`"),
    ("numbers: [{phone: 000-000-0020}]", "numbers: []", "neither a number nor an address"),
    ("numbers: [{phone: 000-000-0020}]", "numbers: [{url: 'http://x.example'}]", "must start with https://"),
    ("numbers: [{phone: 000-000-0020}]", "numbers: [{phone: ask}]", "is not a phone number"),
    ("languages: [ja, en, vi]", "languages: [ja, english]", "`english` is not a language"),
    ("[en, zh-Hans, zh-Hant, ko, vi, pt-BR, es, th, id, fil, ne]", "[en, jp]", "`jp` is not a language"),
    ('mon-fri: "08:30-12:00, 13:00-17:15"', 'mon-fri: "08:30-12:00, 11:00-17:15"', "overlap"),
    ('mon-fri: "08:30-12:00, 13:00-17:15"', 'mon-fri: "22:00-06:00"', "split a night"),
    ('mon-fri: "08:30-12:00, 13:00-17:15"', 'fri-mon: "08:30-12:00"', "mon-fri, sat"),
    ('mon-fri: "08:30-12:00, 13:00-17:15"', "{}", "nobody is ever on duty"),
    ("holidays: jp  ", "holidays: us  ", "choose one of jp, none"),
    ("{first: 12-29, last: 01-03}", "{first: 12-32, last: 01-03}", "year_end.first"),
    ("{first: 12-29, last: 01-03}", "{first: 01-04, last: 12-28}", "longer than a month"),
    ("closed: []", "closed: [2026-02-30]", "write a real day"),
    ("night_desk: false", "night_desk: no", "true or false"),
    ("first_reply_hours: 8", "first_reply_hours: 0", "between 0.25 and 400"),
    ("first_reply_hours: 8", "first_reply_hours: soon", "write a number"),
    ("tickets: 365", "tickets: 0", "between 1 and 3660"),
    ("tickets: 365", "tickets: 1.5", "write a whole number"),
    ("  tickets: 365\n", "", "`retention_days.tickets` is missing"),
    ("unchecked: label", "unchecked: show", "choose one of label, hold"),
    ('quiet_hours: "21:00-08:00"', 'quiet_hours: "night"', "write 21:00-08:00"),
    ('quiet_hours: "21:00-08:00"', 'quiet_hours: "00:00-24:00"', "quiet hours are empty"),
    ("rate: 20", "rate: 100000", "between 1 and 1100"),
    ("kinds: [campaign, event, safety]", "kinds: [advert]", "write campaign, event, safety"),
    ("four_eyes: [domestic_violence,", "four_eyes: [violence,", "`violence` is no intent"),
    ("session_minutes: 30", "session_minutes: 1", "between 5 and 1440"),
    ("session_minutes: 30", "session_minutes: 30\n  staff_group: 42", "it begins with -"),
    ("session_minutes: 30", "session_minutes: 30\n  staff_group: staff", "number of a Telegram group"),
    ("police:\n", "polise:\n", "did you mean `police`?"),
    ("is_demo: true", "is_demo: false", "remove it, or write `is_demo: true`"),
    ("  en: sample, not real", "  xx: sample", "`xx` is not a language"),
    ("is_demo: true", "is_demo: [", "is not valid YAML"),
], ids=lambda value: value[:24] if isinstance(value, str) else None)
def test_a_mistake_is_named_with_its_line_and_what_to_write(load: Load, old: str, new: str, says: str) -> None:
    with pytest.raises(DeploymentError) as caught:
        load((old, new))
    assert any(says in problem for problem in caught.value.problems), caught.value.problems
    assert all(re.match(r"\S+ours\.yaml:\d+: ", problem) for problem in caught.value.problems)


def test_the_line_is_that_of_the_mistake(load: Load) -> None:
    line = DEMO.read_text("utf-8").splitlines().index("    station: hoshimi") + 1
    with pytest.raises(DeploymentError) as caught:
        load(("station: hoshimi", "station: nowhere"))
    assert f"ours.yaml:{line}: station `nowhere`" in caught.value.problems[0]


def test_every_problem_is_named_at_once_in_the_order_of_the_file(load: Load) -> None:
    with pytest.raises(DeploymentError) as caught:
        load(("size: large", "size: huge"), ("latitude: 33.60", "latitude: x"), ("unchecked: label", "unchecked: x"),
             ("session_minutes: 30", "session_minutes: x"))
    lines = [int(problem.split(":")[1]) for problem in caught.value.problems]
    assert len(lines) == 4
    assert lines == sorted(lines)


def test_a_station_without_a_municipality_is_a_problem(load: Load) -> None:
    with pytest.raises(DeploymentError, match="station `shioriura` has no municipality"):
        load(*[("station: shioriura", "station: hoshimi")] * 3)


@pytest.mark.parametrize("content", [b"", b"- 1\n", b"\xff\xfe", b"a: &a [*a]\n", b"police: {ja: x\n", b"x" * 1_000_001,
                                     b"stations: {}\nmunicipalities: 3\nsections: ~\n"])
def test_any_other_file_is_refused_without_a_crash(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ours.yaml"
    path.write_bytes(content)
    with pytest.raises(DeploymentError):
        load_deployment(path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="cannot be read"):
        load_deployment(tmp_path / "none.yaml")


@pytest.mark.parametrize("key", list(yaml.safe_load(DEMO.read_text("utf-8"))))
@pytest.mark.parametrize("value", ["[]", "{}", "3", "[[1]]", "{a: {b: [c]}}", "~"])
def test_a_value_of_another_kind_is_never_a_crash(tmp_path: Path, key: str, value: str) -> None:
    nodes = yaml.safe_load(DEMO.read_text("utf-8"))
    nodes[key] = yaml.safe_load(value)
    path = tmp_path / "ours.yaml"
    path.write_text(yaml.safe_dump(nodes, allow_unicode=True), "utf-8")
    with suppress(DeploymentError):
        assert isinstance(load_deployment(path), Deployment)
