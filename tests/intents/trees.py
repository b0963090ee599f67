"""Small content trees for tests: a project root with two intents, four contacts and four languages."""

from __future__ import annotations

from pathlib import Path

from intents.schema import AnswerText, Fact
from intents.texts import fingerprint

SECTIONS = "seian: 生活安全企画課\njinshin: 人身安全対策課\n"
FACT_SOURCES = "card.1: confirmed\ncard.2: knowledge-only\n"
CONTACTS = """\
texts:
  always: {ja-simple: "いつでも", en: "at any time"}
  every_day: {ja-simple: "{毎日|まいにち}", en: "every day"}
  ask_first: {ja-simple: "たしかめて ください", en: "ask first"}
  closed_holidays: {ja-simple: "{祝日|しゅくじつ}は {休|やす}み", en: "closed on public holidays"}
  closed_year_end: {ja-simple: "{年末|ねんまつ}は {休|やす}み", en: "closed around New Year"}
  then_press: {ja-simple: "{press} を おします", en: "then press {press}"}
  free: {ja-simple: "お{金|かね}は いりません", en: "free"}
  call_charge: {ja-simple: "お{金|かね}が かかります", en: "call charge"}
  languages_vary: {ja-simple: "ほかは {聞|き}いて ください", en: "other languages: please ask"}
  ask_languages: {ja-simple: "ことばは {聞|き}いて ください", en: "ask which languages"}
contacts:
  emg_110:
    name: {ja: 110番, en: Police emergency}
    numbers: [{phone: "110"}]
    hours: always
    closed: {holidays: false, year_end: false}
    languages: [ja]
    languages_vary: true
    cost: free
    what_for: "Danger now."
    scope: national
    publish: ok
    confidence: confirmed
    checked: 2026-11-22
  helpline:
    name: {ja: 相談電話, en: Helpline}
    numbers: [{phone: "0120-000-111", press: "2"}, {phone: "0120-000-222"}]
    hours: {weekly: {mon-fri: "09:00-17:00"}}
    closed: {holidays: true, year_end: true}
    languages: [en, vi]
    cost: call_charge
    what_for: "Worries."
    scope: national
    publish: ok
    confidence: confirmed
    checked: 2026-11-22
  stations:
    name: {ja: 警察署, en: Police stations}
    numbers: []
    hours: {text: ask_first}
    languages: [ja]
    cost: unknown
    what_for: "Visits."
    scope: per_prefecture
    publish: configure
    confidence: knowledge-only
    checked: 2026-11-22
  rumour:
    name: {ja: うわさ, en: Rumour}
    numbers: [{phone: "0120-999-999"}]
    hours: {text: ask_first}
    languages: [ja]
    cost: free
    what_for: "Nobody has checked it."
    scope: national
    publish: check_first
    confidence: single-source
    checked: 2026-11-22
"""
BASE = """\
section: seian
urgency: normal
always: false
sensitive: false
sources:
  - {url: "https://www.example.go.jp/a", checked: 2026-11-20}
  - {url: "https://www.example.go.jp/b", checked: 2026-11-22}
review_by: 2027-05-31
review: {state: drafted}
related: [other]
contacts: [helpline, stations, rumour]
facts:
  card_days: {kind: number, value: 14, source: card.1}
  fee: {kind: yen, value: 5000, source: card.2}
answer:
  title: カードを なくした とき
  now: 警察に 行って ください。あぶない ときは {emg_110} です。
  steps:
    - "{card_days}日までに 行って ください。"
    - "{fee}が いります。"
  warning: うそを 言わないで ください。
"""
OTHER = """\
section: jinshin
urgency: today
sources:
  - {url: "https://www.example.go.jp/c", checked: 2026-11-22}
review_by: 2027-05-31
review: {state: drafted}
related: []
contacts: [emg_110]
answer:
  title: こまった とき
  now: 相談して ください。
"""
ENGLISH = """\
source_rev: {rev}
state: drafted
answer:
  title: When you have lost your card
  now: Go to the police. In danger call {{emg_110}}.
  steps:
    - Go within {{card_days}} days.
    - It costs {{fee}}.
  warning: Do not lie.
"""
CARD_REV = fingerprint(
    AnswerText(
        "カードを なくした とき",
        "警察に 行って ください。あぶない ときは {emg_110} です。",
        ("{card_days}日までに 行って ください。", "{fee}が いります。"),
        "うそを 言わないで ください。",
    ),
    {"card_days": Fact("number", "14", "card.1"), "fee": Fact("yen", "5000", "card.2")},
)


def write(root: Path, name: str, text: str) -> Path:
    """Write one file below the root."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def make_tree(
    root: Path, *, base: str = BASE, other: str = OTHER, english: str | None = ENGLISH, contacts: str = CONTACTS
) -> Path:
    """Write a whole content tree; each argument replaces one file, None leaves it out.

    english: may name the base's own fingerprint as {rev}.
    """
    write(root, "intents/sections.yaml", SECTIONS)
    write(root, "intents/fact_sources.yaml", FACT_SOURCES)
    write(root, "intents/contacts.yaml", contacts)
    write(root, "intents/topics/crime/lost_card.yaml", base)
    write(root, "intents/topics/crime/other.yaml", other)
    write(root, "locales/ja-simple/locale.yaml", "name: やさしい日本語\n")
    write(root, "locales/en/locale.yaml", "name: English\nfallback: ja-simple\n")
    write(root, "locales/vi/locale.yaml", "name: Tiếng Việt\nfallback: en\n")
    write(root, "locales/ja/locale.yaml", "name: 日本語\nfallback: ja-simple\nconsole_only: true\n")
    write(root, "locales/ja-Latn/locale.yaml", "name: Nihongo\nunderstood_only: true\nanswers_in: ja-simple\n")
    if english is not None:
        write(root, "locales/en/intents/lost_card.yaml", english.format(rev=CARD_REV))
    return root
