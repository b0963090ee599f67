"""Words that somebody types in place of tapping: what a button says, yes and no, and “I am fine” after a card."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from bot import consultation, intake
from bot.answers import N_
from bot.consultation import STEP_CONSENT, STEP_PLACE
from bot.incoming import Incoming, Kind
from bot.outgoing import Button, Outgoing, plain
from bot.replies import Scene
from intents.normalise import clean, fold
from intents.understand import Understanding
from storage.models import Ticket, TicketStatus

MOST_CHARS = 60

# Translators: how people answer “Do you agree?” in one or two words; any number of them, by comma.
YES = N_("yes, yes please, ok, okay, agree, I agree")
# Translators: how people answer “Do you agree?” in one or two words; any number of them, by comma.
NO = N_("no, no thank you, I do not agree")
# Translators: short greetings, by comma. A message that is nothing else never gets a card about danger.
GREETINGS = N_("hello, hi, hey, good morning, good evening, how are you")
# Translators: how people say that nothing is wrong, for example after a card about danger; by comma.
ALL_CLEAR = N_("I am fine, I'm fine, no I am fine, I am ok, I'm okay, false alarm, it was a mistake, nothing happened")


def _key(text: str) -> str:
    """Return words without case, marks of Latin letters, emoji, punctuation and spaces."""
    return "".join(each for each in fold(clean(text)) if unicodedata.category(each)[0] not in "PSZC")


@lru_cache(maxsize=256)  # four lists a language
def _keys(listed: str) -> frozenset[str]:
    return frozenset(key for each in re.split("[,،、，]", listed) if (key := _key(each)))


def _is_one_of(scene: Scene, words: str, *, in_any_language: bool = False) -> bool:
    """Return whether the message is one of these words, in the language of the chat or in English."""
    said = _key(scene.incoming.text)
    if in_any_language:
        return any(said in _keys(each(words)) for each in scene.screens.strings.values())
    return said in _keys(scene.words(words)) or said in _keys(words)


def _is_short(incoming: Incoming) -> bool:
    return incoming.kind is Kind.TEXT and 0 < len(incoming.text.strip()) <= MOST_CHARS


def settled(scene: Scene, understanding: Understanding | None) -> Understanding | None:
    """Return what a message means without the danger that a model saw in a mere greeting, or in “no, I am fine”."""
    if understanding is None or not _is_short(scene.incoming):
        return understanding
    if not understanding.danger and not understanding.soft_danger:
        return understanding
    if any(_is_one_of(scene, words, in_any_language=True) for words in (GREETINGS, ALL_CLEAR)):
        return replace(understanding, danger=None, soft_danger=None)
    return understanding


def all_clear(scene: Scene) -> Outgoing | None:
    """Return the answer to somebody who says that nothing is wrong; None when the message says anything else."""
    if not _is_short(scene.incoming) or not _is_one_of(scene, ALL_CLEAR):
        return None
    _, screens, tag = scene.words, scene.screens, scene.chat.locale
    return plain(
        _("I am glad. Write again whenever you need."),
        (Button(_("📋 Topics"), data="menu"), screens.emergency_button(tag)),
    )


def is_emergency(scene: Scene) -> bool:
    """Return whether the message is the word of the emergency button, or SOS."""
    if not _is_short(scene.incoming):
        return False
    labels = ",".join(scene.screens.cards.button(tag) for tag in (scene.chat.locale, "en"))
    return _key(scene.incoming.text) in _keys(f"SOS,{labels}")


def button(scene: Scene, ticket: Ticket | None) -> str | None:
    """Return what the button means whose words are typed at a question of an intake; None when they are none."""
    if not _is_short(scene.incoming):
        return None
    if ticket is None or ticket.status != TicketStatus.INTAKE or consultation.is_paused(ticket):
        return None
    said = _key(scene.incoming.text)
    shown = [each for row in intake.question(scene, ticket).buttons for each in row if each.data]
    for each in shown:
        if said and said == _key(each.text):
            return each.data
    if ticket.step == STEP_PLACE:
        return _place(said, [each for each in shown if each.data and each.data.startswith("m:")])
    if ticket.step == STEP_CONSENT and not _was_answered_since(scene, ticket.created_at):
        return "t:agree" if _is_one_of(scene, YES) else "t:decline" if _is_one_of(scene, NO) else None
    return None


def _place(said: str, shown: list[Button]) -> str | None:
    """Return the button of the one place whose name begins with this word: “Hoshimi” for “Hoshimi City”."""
    found = [each.data for each in shown if each.data != "m:skip" and said == _key(each.text.split()[0])]
    return found[0] if len(found) == 1 else None


def _was_answered_since(scene: Scene, asked_at: datetime) -> bool:
    """Return whether the bot has talked of something else since it asked: a “yes” may then be about that."""
    answered_at = scene.chat.last_intent_at
    return answered_at is not None and answered_at > asked_at
