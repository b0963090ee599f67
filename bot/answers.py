"""Curated answers, cards and menus as messages: one phone screen, with buttons that carry their own meaning.

What a button means (its data): `a:<intent>` show, `ja:<intent>` show in Japanese, `h:<intent>:1|0` helped or not,
`staff[:<intent>]` talk to staff, `lang` / `lang:<tag>`, `menu[:<topic>]`, `sos` / `sos:<danger>`, `m:<municipality>`,
`t:<action>[:<receipt>]` a ticket, `tp[:…]` what it is about, `sc[:…]` safe contact, `sub:on|off`, `furi:on|off`,
`del:yes|no`, `do:<request>` a request about the bot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from bot.i18n import Strings, babel_locale
from bot.outgoing import Button, Outgoing, TextBuilder, plain
from intents.cards import Cards
from intents.catalogue import Catalogue, RenderedAnswer
from intents.contact_words import ShownContact, bracketed
from intents.danger import Danger
from intents.schema import BASE_TAG, Source

Row = tuple[Button, ...]


def N_(text: str) -> str:
    """Mark a string for translation without translating it."""
    return text


TOPIC_NAMES = {
    "emergency": N_("Emergency and reaching the police"),
    "crime": N_("Crime and harm"),
    "fraud": N_("Fraud and internet"),
    "work": N_("Work and brokers"),
    "procedure": N_("Police procedures"),
    "traffic": N_("Traffic and licences"),
    "disaster": N_("Disasters"),
    "children": N_("Children and young people"),
    "community": N_("Community and daily life"),
}


REQUESTS = {
    "talk_to_staff": N_("💬 Talk to staff"), "change_language": N_("🌐 Language"), "start_notices": N_("📢 Notices"),
    "stop_notices": N_("Stop notices"), "ticket_status": N_("📄 Status"), "delete_data": N_("🗑 Delete my data"),
    "privacy": "🔒 /privacy", "export_data": "📦 /export",
}  # fmt: skip
"""What the button of a request about the bot says; commands are the same in every language."""


@dataclass
class Screens:
    """Makes the messages of the bot from the curated content; the same for every chat of a locale.

    catalogue: replaced as a whole by `show` when a person has decided about a text.
    unchecked: `label` or `hold`, as the deployment says of text that no person has checked.
    """

    catalogue: Catalogue
    cards: Cards
    strings: Mapping[str, Strings]
    unchecked: str = "label"
    curated: Catalogue = field(init=False)
    reviews_seen: int = field(default=0, init=False)
    _written: dict[tuple[str, str, date, bool], Outgoing | None] = field(default_factory=dict, init=False, repr=False)
    _titles: dict[tuple[str, str, date], str | None] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Keep the catalogue as the files have it: decisions are always laid over that one."""
        self.curated = self.catalogue

    def show(self, catalogue: Catalogue, *, reviews_seen: int) -> None:
        """Show this catalogue from now on: the same texts in the states that people gave them.

        reviews_seen: the newest decision that it takes into account.
        """
        self.catalogue, self.reviews_seen = catalogue, reviews_seen
        self._written, self._titles = {}, {}

    @cached_property
    def offered_tags(self) -> tuple[str, ...]:
        """The languages with an interface or answers of their own, in the order of the folders, the base first."""
        own = {tag for tag, _intent in self.catalogue.translations} | set(self.strings)
        found = [tag for tag in self.catalogue.answer_tags() if tag in own and tag != BASE_TAG]
        return (BASE_TAG, *found)

    @cached_property
    def numbers(self) -> dict[str, str]:
        """The numbers that interface strings may name, by contact id; typed nowhere else."""
        wanted = ("emg_110", "emg_119", "police_9110")
        return {each: self.catalogue.contacts[each].first_number or "" for each in wanted}

    def words(self, tag: str) -> Strings:
        """Return the interface strings of a tag or of the first of its fallbacks that has any."""
        for candidate in self.catalogue.chain(tag):
            if found := self.strings.get(candidate):
                return found
        return self.strings["en"]

    def title(self, intent_id: str, tag: str, *, today: date) -> str | None:
        """Return the title of an answer for a button; None when there is none to show."""
        kept, key = self._titles, (intent_id, tag, today)
        if key not in kept:
            answer = self.catalogue.answer(intent_id, tag, today=today, unchecked=self.unchecked)
            _forget_other_days(kept, today)
            kept[key] = answer.title if answer else None
        return kept[key]

    def answer(self, intent_id: str, tag: str, *, today: date, furigana: bool) -> Outgoing | None:
        """Return an answer with its contacts, source, date, state and buttons; None when none may be shown.

        An answer is the same for everybody all day, so each is written once.
        """
        kept, key = self._written, (intent_id, tag, today, furigana)
        if key not in kept:
            written = self._write(intent_id, tag, today=today, furigana=furigana)
            _forget_other_days(kept, today)
            kept[key] = written
        return kept[key]

    def _write(self, intent_id: str, tag: str, *, today: date, furigana: bool) -> Outgoing | None:
        answer = self.catalogue.answer(
            intent_id, tag, today=today, unchecked=self.unchecked, furigana=furigana
        )
        if answer is None:
            return None
        _ = self.words(tag)
        text = TextBuilder()
        if answer.tag != tag:
            text.line(_("We do not have this answer in your language yet. Here it is in {language}.",
                        language=self.language_name(answer.tag)), "italic").line()
        self._body(text, answer, self.words(answer.tag))
        if answer.state != "checked":
            text.line(_("No person has checked this text yet. If unsure, ask the staff."), "italic")
        if answer.sources:
            source = _most_official(answer.sources)
            seen = f" · {answer.checked.isoformat()}" if answer.checked else ""
            text.line(_("Source: {source}", source=source.url.split("/")[2]) + seen, "text_link", url=source.url)
        return text.build(self._answer_buttons(answer, tag, today))

    def in_japanese(self, intent_id: str, *, today: date) -> Outgoing | None:
        """Return the Japanese text of an answer, to show to an officer or a clerk."""
        answer = self.catalogue.in_japanese(intent_id, today=today)
        if answer is None:
            return None
        text = TextBuilder()
        text.line("🇯🇵 この 画面を 見て ください。", "bold").line()
        self._body(text, answer, self.words("ja-simple"))
        return text.build()

    def _body(self, text: TextBuilder, answer: RenderedAnswer, words: Strings) -> None:
        text.line(answer.title, "bold").line().line(f"➡️ {answer.now}").line()
        for number, step in enumerate(answer.steps, start=1):
            text.line(f"{number}. {step}")
        if answer.steps:
            text.line()
        if answer.warning:
            text.line(f"⚠️ {answer.warning}").line()
        for contact in answer.contacts:
            self._contact(text, contact, words)

    def _contact(self, text: TextBuilder, contact: ShownContact, _: Strings) -> None:
        text.line(f"📞 {contact.name}", "bold")
        for number in contact.numbers:
            # The space ends a link: Telegram takes the full-width bracket for a part of the address.
            text.line(f"{number.value} {bracketed(number.note, _.tag).strip()}" if number.note else number.value)
        details = [part for part in (contact.hours, contact.cost) if part]
        if details:
            text.line(" · ".join(details))
        if contact.languages_text:
            unspoken = " — " + _("not in your language") if contact.speaks is False else ""
            text.line(f"🗣 {contact.languages_text}{unspoken}")
        text.line()

    def _answer_buttons(self, answer: RenderedAnswer, tag: str, today: date) -> tuple[Row, ...]:
        _ = self.words(tag)
        rows: list[Row] = [
            (Button(_("👍 It helped"), data=f"h:{answer.intent_id}:1"),
             Button(_("👎 It did not"), data=f"h:{answer.intent_id}:0")),
            (Button(_("💬 Talk to staff"), data=f"staff:{answer.intent_id}"),
             Button(_("🇯🇵 Show in Japanese"), data=f"ja:{answer.intent_id}")),
        ]
        for related in answer.related[:3]:
            if title := self.title(related, tag, today=today):
                rows.append((Button(f"▸ {title}", data=f"a:{related}"),))
        rows.append((self.emergency_button(tag), Button(_("🌐 Language"), data="lang")))
        return tuple(rows)

    def emergency_button(self, tag: str) -> Button:
        """Return the button that is always one tap away."""
        return Button(f"🆘 {self.cards.button(tag)}", data="sos")

    def danger_card(self, danger: Danger, tag: str, *, soft: bool = False, furigana: bool = True) -> Outgoing:
        """Return the card of a danger, softly worded when it is not certain. Static: needs no database."""
        card = self.cards.card(danger.value, tag, furigana=furigana)
        text = TextBuilder()
        if soft:
            text.line(card.soft_prefix).line()
        text.line(card.title, "bold").line()
        for line in card.lines:
            text.line(f"• {line}")
        text.line().line(f"🇯🇵 {card.say_ja}", "bold").line(card.say_reading)
        if tag != "ja-simple":
            text.line(card.say_romaji)
        return text.build(((self.emergency_button(tag),),))

    def emergency_menu(self, tag: str) -> Outgoing:
        """Return the three cards as buttons, with the numbers already in the text."""
        rows = [(Button(self.cards.card(danger.value, tag).title, data=f"sos:{danger.value}"),) for danger in Danger]
        text = TextBuilder().line(f"🆘 {self.cards.button(tag)}", "bold").line().line(
            "🚓 {emg_110}    🚒 🚑 {emg_119}".format(**self.numbers)
        )
        return text.build(tuple(rows))

    def choices(self, intent_ids: Sequence[str], tag: str, *, today: date) -> Outgoing:
        """Ask which of a few topics the resident means."""
        _ = self.words(tag)
        rows: list[Row] = []
        for intent_id in intent_ids:
            if request := REQUESTS.get(intent_id):
                rows.append((Button(_(request), data=f"do:{intent_id}"),))
            elif title := self.title(intent_id, tag, today=today):
                rows.append((Button(title, data=f"a:{intent_id}"),))
        rows.append((Button(_("None of these"), data="menu"), Button(_("💬 Talk to staff"), data="staff")))
        rows.append((self.emergency_button(tag),))
        return plain(_("Which of these do you mean?"), *rows)

    def fallback(self, tag: str, *, again: bool) -> Outgoing:
        """Say that the message was not understood; the second time offer a person first."""
        _ = self.words(tag)
        staff, menu = Button(_("💬 Talk to staff"), data="staff"), Button(_("📋 Topics"), data="menu")
        if again:
            text = _("I still do not understand. A member of the police staff can read your message: tap “Talk to "
                     "staff”. For advice by telephone in Japanese, call {police_9110}.", **self.numbers)
            return plain(text, (staff,), (menu, self.emergency_button(tag)))
        text = _("I did not understand this. Please write it in other words, or choose a topic. You can also talk to "
                 "staff.")
        return plain(text, (menu, staff), (self.emergency_button(tag), Button(_("🌐 Language"), data="lang")))

    def menu(self, tag: str) -> Outgoing:
        """Return the topic groups as buttons."""
        _ = self.words(tag)
        rows: list[Row] = [(Button(_(name), data=f"menu:{topic}"),) for topic, name in TOPIC_NAMES.items()]
        rows.append((Button(_("💬 Talk to staff"), data="staff"), self.emergency_button(tag)))
        rows.append((Button(_("🌐 Language"), data="lang"), Button(_("📢 Notices"), data="sub")))
        return plain(_("What is it about?"), *rows)

    def topic_menu(self, topic: str, tag: str, *, today: date) -> Outgoing | None:
        """Return the answers of one topic group as buttons; None for an unknown group."""
        _ = self.words(tag)
        if topic not in TOPIC_NAMES:
            return None
        rows: list[Row] = [
            (Button(title, data=f"a:{intent.id}"),)
            for intent in self.catalogue
            if intent.topic == topic and (title := self.title(intent.id, tag, today=today))
        ]
        rows.append((Button(_("⬅️ Back"), data="menu"), self.emergency_button(tag)))
        return plain(_(TOPIC_NAMES[topic]), *rows)

    def languages(self, tag: str) -> Outgoing:
        """Return every language in its own name and script; readable without any other language."""
        buttons = [Button(self.language_name(each), data=f"lang:{each}") for each in self.offered_tags]
        rows = [tuple(buttons[index : index + 3]) for index in range(0, len(buttons), 3)]
        _ = self.words(tag)
        return plain("🌐 " + _("Choose your language."), *rows)

    def welcome(self, tag: str, police_name: str) -> Outgoing:
        """Return the first message: who speaks, what it can do, what it is not."""
        _ = self.words(tag)
        text = TextBuilder().line(_("Hello. This is Koban, a bot of {police}.", police=police_name), "bold").line()
        text.line(_("Write your question in your own language. I am a machine; police staff read only what you send "
                    "to them after you agree.")).line()
        text.add(_("In danger now? Call {emg_110} (police) or {emg_119} (fire, ambulance). This chat is not watched "
                   "all the time.", **self.numbers))
        return text.build((
            (self.emergency_button(tag),),
            (Button(_("📋 Topics"), data="menu"), Button(_("💬 Talk to staff"), data="staff")),
            (Button(_("🌐 Language"), data="lang"), Button(_("📢 Notices"), data="sub")),
        ))

    def language_name(self, tag: str) -> str:
        """Return a language's own name."""
        locale = self.catalogue.locales.get(tag)
        return locale.name if locale else str(babel_locale(tag).get_display_name())


def _forget_other_days(kept: dict[Any, Any], today: date) -> None:
    """Empty what was kept for another day. The day stands third in every key."""
    if kept and next(iter(kept))[2] != today:
        kept.clear()


def _most_official(sources: Sequence[Source]) -> Source:
    """Return the source to name: a page of a public body before any other."""
    official = (".go.jp/", ".lg.jp/", ".pref.", "police", "houterasu.or.jp", "nnvs.org")
    return next((source for source in sources if any(part in source.url for part in official)), sources[0])
