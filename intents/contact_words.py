"""How a contact is written for a resident: its hours, languages and numbers in words; what is unknown is left out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import babel
from babel.dates import format_time, get_day_names

from intents.contacts import DAYS
from intents.schema import Closed, Contact, Hours, with_furigana, without_ruby


@dataclass(frozen=True)
class ShownNumber:
    """One number as a resident sees it; `note` says what it is for, and may be empty."""

    value: str
    kind: str
    note: str = ""


@dataclass(frozen=True)
class ShownContact:
    """A contact written in one language; what is unknown is empty, never guessed.

    languages: tags of the languages that are really spoken; languages_text: their names, with a word when they vary.
    speaks: whether the resident's own language is among them; None when that depends on place or day.
    """

    id: str
    name: str
    numbers: tuple[ShownNumber, ...]
    hours: str
    languages: tuple[str, ...]
    languages_text: str
    speaks: bool | None
    cost: str
    url: str | None


@lru_cache(maxsize=64)
def _babel(tag: str) -> babel.Locale:
    return babel.Locale.parse({"ja-simple": "ja", "ja-Hira": "ja", "ja-Latn": "ja"}.get(tag, tag).replace("-", "_"))


@lru_cache(maxsize=256)
def clock(at: dt.time, tag: str) -> str:
    """A time of day as the language writes it; with ruby markup for やさしい日本語 (午後5時15分)."""
    if tag == "ja-simple":
        half = "{午前|ごぜん}" if at.hour < 12 else "{午後|ごご}"
        minutes = f"{at.minute}{{分|{'ふん' if at.minute % 10 in (2, 5, 7, 9) else 'ぷん'}}}" if at.minute else ""
        return f"{half}{at.hour % 12 if at.hour != 12 else 12}{{時|じ}}{minutes}"
    # Babel writes Khmer and Korean hours with the English letters AM and PM.
    style = "HH:mm" if tag in ("km", "ko") else "short"
    return format_time(at, format=style, locale=_babel(tag)).replace("\u202f", " ")


@lru_cache(maxsize=2048)
def language_name(tag: str, in_tag: str) -> str:
    """The name of a language in another language: (`vi`, `ja`) → ベトナム語."""
    if tag == "ja-simple":
        tag = "ja"
    name = babel.Locale.parse(tag.replace("-", "_")).get_language_name(_babel(in_tag)) or tag
    if tag in ("zh-Hans", "zh-Hant", "pt-BR"):
        name = babel.Locale.parse(tag.split("-")[0]).get_language_name(_babel(in_tag)) or name
    if in_tag == "zh-Hant" and name.endswith("文") and name != "中文":  # 文 is written, 語 is spoken
        name = name.removesuffix("文") + "語"
    return name


_RUBY_NAMES = {
    "ja": "{日本語|にほんご}",
    "en": "{英語|えいご}",
    "zh": "{中国語|ちゅうごくご}",
    "ko": "{韓国語|かんこくご}",
    "fil": "フィリピン{語|ご}",
}
_RUBY_DAYS = (
    "{月曜日|げつようび}", "{火曜日|かようび}", "{水曜日|すいようび}", "{木曜日|もくようび}", "{金曜日|きんようび}",
    "{土曜日|どようび}", "{日曜日|にちようび}",
)  # fmt: skip
_UNTIL = {"ja-simple": "から ", "zh-Hans": "至", "zh-Hant": "至"}  # 週一–週五 would read as two dashes


def separator(tag: str) -> str:
    """What stands between the items of a list."""
    return {"ja": "、", "zh": "、", "my": "၊ ", "ur": "، "}.get(tag.split("-")[0], ", ")


def listed(names: Iterable[str], tag: str) -> str:
    """Names in a row, as the language writes them: in Vietnamese only the first one begins with a capital."""
    items = [name for name in names if name]
    if tag == "vi":
        items[1:] = [name[0].lower() + name[1:] for name in items[1:]]
    return separator(tag).join(items)


def bracketed(text: str, tag: str) -> str:
    """A remark in the brackets of the language, ready to stand behind other words."""
    return f"（{text}）" if tag.split("-")[0] == "zh" else f" ({text})"


def languages_in(tags: Iterable[str], in_tag: str) -> list[str]:
    """The names of languages in a language; with ruby markup for やさしい日本語."""
    if in_tag != "ja-simple":
        return [language_name(tag, in_tag) for tag in tags]
    names: list[str] = []
    for tag in tags:
        name = language_name(tag, in_tag)
        ruby = _RUBY_NAMES.get(tag.split("-")[0])
        names.append(ruby or (name[:-1] + "{語|ご}" if name.endswith("語") else name))
    return names


@lru_cache(maxsize=64)
def _short_days(tag: str) -> tuple[str, ...]:
    names = get_day_names("abbreviated", locale=_babel(tag))
    # Babel shortens Vietnamese days to “Th 2”; people write T2.
    return tuple(names[day].replace("Th ", "T") if tag == "vi" else names[day] for day in range(7))


def describe_hours(hours: Hours, closed: Closed, tag: str, say: Callable[[str], str]) -> str:
    """The hours in words; with ruby markup for やさしい日本語.

    say: gives the text of a key in the wanted language.
    """
    if hours.kind == "always":
        return say("always")
    if hours.kind == "text":
        return say(hours.text)
    days = _RUBY_DAYS if tag == "ja-simple" else _short_days(tag)
    spans: dict[str, list[str]] = {}
    for item in hours.ranges:
        first, last = days[item.days[0]], days[item.days[-1]]
        span = f"{clock(item.opens, tag)}–{clock(item.closes, tag)}"
        if tag == "ja-simple":
            span = f"{clock(item.opens, tag)}から {clock(item.closes, tag)}まで"
        joined = first if first == last else f"{first}{_UNTIL.get(tag, '–')}{last}"
        spans.setdefault(say("every_day") if len(item.days) == len(DAYS) else joined, []).append(span)
    parts = [f"{when} {separator(tag).join(times)}".strip() for when, times in spans.items()]
    notes = [say(hours.text)] if hours.text else []
    if closed.holidays:
        notes.append(say("closed_holidays"))
    if closed.year_end:
        notes.append(say("closed_year_end"))
    return separator(tag).join(parts) + (bracketed(separator(tag).join(notes), tag) if notes else "")


def show_contact(
    contact: Contact,
    tag: str,
    *,
    chain: tuple[str, ...],
    texts: Mapping[str, Mapping[str, str]],
    furigana: bool = False,
) -> ShownContact:
    """Write a contact for a resident.

    tag: the resident's language.
    chain: tags to try for the words, best first.
    """

    def say(key: str) -> str:
        by_tag = texts.get(key, {})
        return next((by_tag[item] for item in chain if item in by_tag), "")

    def spell(text: str) -> str:
        return with_furigana(text) if furigana else without_ruby(text)

    numbers: list[ShownNumber] = []
    own = [item for item in contact.numbers if item.language == tag]
    general = [item for item in contact.numbers if item.language is None]
    rest = [item for item in contact.numbers if item.language not in (None, tag)]
    for item in own or general or rest:
        if item.value is None:
            continue
        notes = [say(item.label)] if item.label else []
        if item.press:
            notes.append(say("then_press").replace("{press}", item.press))
        if item.hours:
            notes.append(describe_hours(item.hours, contact.closed, tag, say))
        numbers.append(ShownNumber(item.value, item.kind, spell(separator(tag).join(note for note in notes if note))))
    names = languages_in(contact.languages, tag)
    if contact.languages_vary:
        names.append(say("languages_vary") if names else say("ask_languages"))
    own_tags = {tag, "ja"} if tag.split("-")[0] == "ja" else {tag, *(["zh-Hans"] if tag == "zh-Hant" else [])}
    speaks = True if own_tags & set(contact.languages) else (None if contact.languages_vary else False)
    return ShownContact(
        id=contact.id,
        name=contact.name(next((item for item in chain if item in contact.names or item in ("en", "ja")), tag),
                          furigana=furigana),
        numbers=tuple(numbers),
        hours=spell(describe_hours(contact.hours, contact.closed, tag, say)),
        languages=contact.languages,
        languages_text=spell(listed(names, tag)),
        speaks=speaks,
        cost=spell(say(contact.cost)) if contact.cost != "unknown" else "",
        url=contact.url,
    )
