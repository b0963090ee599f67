"""Interface strings: locales/*/messages.po, compiled in memory at start, looked up by locale tag.

The source strings are English. `python -m bot.i18n update` collects them from the code into every messages.po
(Babel's own command does not accept hyphenated tags such as zh-Hans), `python -m bot.i18n check` finds what is missing.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from intents.contact_words import listed

ROOT = Path(__file__).resolve().parent.parent
TOKYO = ZoneInfo("Asia/Tokyo")
_BABEL_NAMES = {"zh-Hans": "zh_Hans", "zh-Hant": "zh_Hant", "pt-BR": "pt_BR", "ja-simple": "ja"}
STAFF_TAG = "ja"  # the console speaks Japanese and English; residents' locales do not carry its words
_METHODS = [("**.py", "python"), ("**.html", "jinja2")]
_RESIDENT_METHODS = [("console/**", "ignore"), ("demo.py", "ignore"), ("**.py", "python")]
_KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "gettext": None, "N_": None, "plural": (1, 2),
                                                "ngettext": (1, 2)}
_REFUSALS = dict.fromkeys(("Refused", "NotFound", "AlreadyClaimed", "StaleReply", "WrongState", "NotTranslated"))
_OPTIONS = {"**.html": {"trimmed": "true", "silent": "false"}}


DAYS_A_YEAR = 365
_DAY = {"my": "MMMMEd"}  # the month in full: Burmese cuts December to a word that also means "this"


@cache
def babel_locale(tag: str) -> Locale:
    """Return Babel's locale of one of our tags."""
    return Locale.parse(_BABEL_NAMES.get(tag, tag.replace("-", "_")))


@dataclass(frozen=True)
class Strings:
    """The interface strings of one locale. Call it with the English source string."""

    tag: str
    translations: NullTranslations

    def __call__(self, message: str, /, **values: object) -> str:
        """Return the string in this locale, with named placeholders filled: `_("Hello {name}", name=…)`."""
        text = self.translations.gettext(message)
        return text.format(**values) if values else text

    def plural(self, one: str, many: str, n: int, /, **values: object) -> str:
        """Return the form that the language uses for `n`; `{n}` is filled."""
        return self.translations.ngettext(one, many, n).format(n=n, **values)

    def length(self, days: int) -> str:
        """Return how long something is kept, to stand before "after": in years where it is a whole number of them."""
        years, rest = divmod(days, DAYS_A_YEAR)
        if years and not rest:
            return self.plural("{n} year", "{n} years", years)
        return self.plural("{n} day", "{n} days", days)

    def listed(self, items: Iterable[str]) -> str:
        """Return the items with what this locale writes between them."""
        return listed(items, self.tag)

    def moment(self, at: datetime) -> str:
        """Return a date and time in Japan, as this locale writes it, with the weekday."""
        local = at.astimezone(TOKYO)
        if self.tag in ("ja-simple", "ja"):
            return f"{local.month}月{local.day}日（{'月火水木金土日'[local.weekday()]}）{self.hour(at)}"
        locale = babel_locale(self.tag)
        day = format_skeleton(_DAY.get(self.tag, "MMMEd"), local, tzinfo=TOKYO, locale=locale)
        return f"{day} {self.hour(at)}"

    def hour(self, at: datetime) -> str:
        """Return the time of day in Japan, as this locale writes it."""
        local = at.astimezone(TOKYO)
        if self.tag in ("ja-simple", "ja"):
            half = "午前" if local.hour < 12 else "午後"
            return f"{half}{local.hour % 12}時{local.minute}分" if local.minute else f"{half}{local.hour % 12}時"
        return f"{local:%H:%M}"


def load_strings(root: Path = ROOT) -> Mapping[str, Strings]:
    """Compile every locales/*/messages.po; a string without a translation falls back to English."""
    loaded = {"en": Strings("en", NullTranslations())}
    for path in sorted(root.glob("locales/*/messages.po")):
        tag = path.parent.name
        with path.open("rb") as file:
            catalog = read_po(file, locale=str(babel_locale(tag)))
        compiled = io.BytesIO()
        write_mo(compiled, catalog)
        compiled.seek(0)
        loaded[tag] = Strings(tag, GNUTranslations(compiled))
    return MappingProxyType(loaded)


def collect(tag: str, root: Path = ROOT) -> Catalog:
    """Return the catalogue of every string that a locale needs: staff's words only for the staff's language."""
    found = Catalog(project="koban", charset="utf-8")
    is_staff = tag == STAFF_TAG
    rows = extract_from_dir(
        str(root / "bot"), _METHODS if is_staff else _RESIDENT_METHODS, _OPTIONS,
        keywords=_KEYWORDS | _REFUSALS if is_staff else _KEYWORDS, comment_tags=("Translators:",),
        strip_comment_tags=True,
    )
    for filename, line, message, comments, context in rows:
        found.add(message, None, [(f"bot/{filename}", line)], auto_comments=comments, context=context)
    return found


def update(root: Path = ROOT) -> None:
    """Bring every messages.po up to date with the code; translations stay, strings that are gone are removed."""
    for folder in _folders(root):
        template = collect(folder.name, root)
        path = folder / "messages.po"
        locale = str(babel_locale(folder.name))
        catalog = Catalog(locale=locale, project="koban", charset="utf-8", fuzzy=False)
        if path.exists():
            with path.open("rb") as file:
                catalog = read_po(file, locale=locale)
        catalog.update(template, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        with path.open("wb") as file:
            write_po(file, catalog, width=120, sort_output=True, omit_header=False, include_lineno=False)
        path.write_text(_without_dates(path.read_text("utf-8")), "utf-8")


def problems(root: Path = ROOT) -> Iterator[str]:
    """Yield one line for each string that a locale lacks, or whose placeholders differ from the source."""
    for folder in _folders(root):
        template = collect(folder.name, root)
        path = folder / "messages.po"
        if not path.exists():
            yield f"{path}: is missing: run python -m bot.i18n update"
            continue
        with path.open("rb") as file:
            catalog = read_po(file, locale=str(babel_locale(folder.name)))
        for message in template:
            if not message.id or folder.name == "en":
                continue
            mine = catalog.get(message.id)
            string = mine.string if mine else None
            texts = [string] if isinstance(string, str) else list(string or ())
            sources = [message.id] if isinstance(message.id, str) else list(message.id)
            if not texts or not all(texts):
                yield f"{path}: not translated: {sources[0]}"
                continue
            wanted = {name for source in sources for name in _placeholders(source)}
            for text in texts:
                if not _placeholders(text) <= wanted or (len(texts) == 1 and _placeholders(text) != wanted):
                    yield f"{path}: placeholders differ: {sources[0]}"


def _placeholders(text: str) -> set[str]:
    return {braced or percent for braced, percent in re.findall(r"\{(\w+)\}|%\((\w+)\)", text)}


def _folders(root: Path) -> list[Path]:
    """Return the folders of locales that need interface strings: staff's, the base, and those that have answers.

    English is the source itself; a locale that is only understood (ja-Hira, ja-Latn) is answered in another.
    """
    folders = [path.parent for path in sorted(root.glob("locales/*/locale.yaml"))]
    return [
        folder for folder in folders
        if folder.name in (STAFF_TAG, "ja-simple") or (folder.name != "en" and (folder / "messages.po").exists())
        or (folder.name != "en" and (folder / "intents").is_dir())
    ]


def _without_dates(text: str) -> str:
    """Drop the header lines that change with the clock or the tool, so that a diff shows only words."""
    names = "POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Generated-By|Report-Msgid-Bugs-To"
    return re.sub(rf'^"({names}):.*\n', "", text, flags=re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Run `update` or `check`; returns the exit code."""
    if arguments == ["update"]:
        update()
        return 0
    if arguments == ["check"]:
        found = list(problems())
        print("\n".join(found) or "every string is translated")
        # A language may be committed incomplete; the staff's and the base may not, and nothing may be broken.
        complete = tuple(str(ROOT / "locales" / tag / "") + "/" for tag in (STAFF_TAG, "ja-simple"))
        return 1 if any(line.startswith(complete) or "placeholders differ" in line for line in found) else 0
    print("usage: python -m bot.i18n update | check", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
