"""Is somebody in danger now? Looked at before language, consent, limits and the database, with nothing but the words.

`assess` needs no model and no language setting. `DangerModel` adds what a trained classifier sees in the same words
and, where the
encoder runs, in their meaning; it can raise and settle what the phrases leave open.
"""

import re
import threading
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from intents import language_han, language_words
from intents.danger_rules import GUARDS, PREFIXED, SPACED, UNSPACED, Rule, RuleSet, Writing, read_rules
from intents.normalise import clean, fold
from intents.romaji import loose_kana, romaji_to_kana, to_hiragana

if TYPE_CHECKING:  # the phrases must work where the model's file is missing
    from typing import TypeVar

    from intents.matcher import Floats, Matcher, Message

    Chance = TypeVar("Chance", float, Floats)


class Danger(StrEnum):
    """What help is needed at once."""

    POLICE_NOW = "police_now"
    MEDICAL_FIRE_NOW = "medical_fire_now"
    CRISIS_NOW = "crisis_now"


@dataclass(frozen=True)
class Assessment:
    """What the words say about danger.

    firm: the danger card is sent.
    soft: the words border on danger: a short card is sent together with the answer.
    """

    firm: Danger | None = None
    soft: Danger | None = None


MAX_CHARS = 1500
"""Characters that are read: the first 1,100 and the last 400 of a longer message."""

_FOLDER = Path(__file__).parent / "data" / "danger"
_WRITING: dict[str, Writing] = {"ne": PREFIXED, "mn": PREFIXED, "ko": PREFIXED} | dict.fromkeys(
    ("ja", "zh", "th", "km", "my"), UNSPACED
)
_SCRIPT = {
    "zh": "[\u4e00-\u9fff]", "ko": "[\uac00-\ud7a3\u3131-\u318e]", "th": "[\u0e00-\u0e7f]",
    "km": "[\u1780-\u17ff]", "my": "[\u1000-\u109f]", "mn": "[\u0400-\u04ff]", "ne": "[\u0900-\u097f]",
}  # fmt: skip
_SCRIPT_SEEN = {tag: re.compile(pattern) for tag, pattern in _SCRIPT.items()}
_KANA = re.compile("[\u3041-\u30ff]")
_LATIN_WORD = re.compile(r"[^\W\d_]+")
_CLEARLY_CHINESE = 4.0
"""Lead of Chinese over Japanese, in log units, above which characters without kana are not read as Japanese."""
_LATIN = re.compile("[a-z\u00c0-\u1ef9]{2}")
_SENTENCE_END = re.compile(r"[.!?。！？।។။\n]+")
_ORDER = (Danger.CRISIS_NOW, Danger.MEDICAL_FIRE_NOW, Danger.POLICE_NOW)


@lru_cache(maxsize=1)
def _rule_sets() -> dict[str, RuleSet]:
    """Return the rules by the form of text that they read, compiled once (about 0.3 s)."""
    rules: dict[str, list[Rule]] = {}
    for path in sorted(_FOLDER.glob("*.txt")):
        tag = path.stem
        if tag == "ja":
            rules["ja"] = list(read_rules(path, UNSPACED, _japanese_pattern))
        elif tag == "vi":
            rules["vi"] = list(read_rules(path, SPACED, clean))
            rules["vi-plain"] = list(read_rules(path, SPACED, _bare, skip="+"))
        elif tag in _SCRIPT:
            rules[tag] = list(read_rules(path, _WRITING.get(tag, SPACED), clean))
        else:
            rules.setdefault("latin", []).extend(read_rules(path, SPACED, _bare))
    return {form: RuleSet(found, _WRITING.get(form, SPACED)) for form, found in rules.items()}


def _bare(line: str) -> str:
    return fold(clean(line))


def _japanese_pattern(line: str) -> str:
    """Return a pattern line in loose kana, its own signs kept."""
    return " ".join(loose_kana(to_hiragana(clean(token))) for token in line.split())


_WARM_AFTER_S = 3.0
_WARM_REST_S = 0.002


def load(*, warm: bool = True) -> None:
    """Read the phrases now rather than at the first message (0.1 s).

    warm: compile them too, in a thread of its own that nobody waits for (1 s of work, with rests between, since work
    in one piece held up everything that waits for the interpreter); what a message needs sooner is compiled then.
    """
    sets = _rule_sets()

    def compile_all() -> None:
        for rules in sets.values():
            rules.warm(_WARM_REST_S)

    if warm:
        timer = threading.Timer(_WARM_AFTER_S, compile_all)
        timer.daemon = True
        timer.start()


_COLUMNS = {"en": "en", "es": "es", "pt": "pt-BR", "id": "id", "fil": "fil", "ne-latin": "ne-Latn", "romaji": "ja"}
_COLUMNS |= {"vi": "vi", "vi-plain": "vi"}


def _plausible(text: str) -> frozenset[str]:
    """Return the languages in Latin letters that explain the words about as well as the best one does.

    `bom dia` has a bomb in it in one language and a good morning in another. Generous on purpose: a message may mix
    two languages, and the learner's spelling is not in any list.
    """
    words: list[str] = _LATIN_WORD.findall(text)
    sums = language_words.evidence(words).sum(axis=0).tolist() if words else []
    strength: dict[str, float] = {}
    for column, value in zip(language_words.COLUMNS, sums, strict=False):
        if column in _COLUMNS:
            tag = _COLUMNS[column]
            strength[tag] = max(strength.get(tag, 0.0), value * (1.4 if column in ("romaji", "ne-latin") else 1.0))
    best = max(strength.values(), default=0.0)
    return frozenset(tag for tag, value in strength.items() if value >= 0.6 * best)


def _views(text: str) -> list[tuple[str, str, frozenset[str] | None]]:
    """Return which rule set reads which form of the text, and for which languages (None: all of the set)."""
    views: list[tuple[str, str, frozenset[str] | None]] = []
    sets = _rule_sets()
    if _LATIN.search(text):
        bare, likely = fold(text), _plausible(text)
        views.append(("latin", bare, likely))
        if "vi" in likely:
            views.append(("vi-plain", bare, None) if bare == text else ("vi", text, None))
        kana, share = romaji_to_kana(text)
        if share >= 0.5 and "ja" in likely:
            views.append(("ja", loose_kana(to_hiragana(kana)), None))
    n_kana = len(_KANA.findall(text))
    has_han = _SCRIPT_SEEN["zh"].search(text) is not None
    if n_kana or (has_han and max(language_han.lead(text)) < _CLEARLY_CHINESE):
        views.append(("ja", loose_kana(to_hiragana(text)), None))
    for tag, seen in _SCRIPT_SEEN.items():
        if seen.search(text) and not (tag == "zh" and n_kana >= 2):
            views.append((tag, text, None))
    return [view for view in views if view[0] in sets]


def assess(text: str) -> Assessment:
    """Look for danger in the words alone.

    text: as sent, in any language; anything goes, and nothing is raised.
    """
    body = clean(text, MAX_CHARS)
    if not body:
        return Assessment()
    found: set[str] = set()
    for form, view, likely in _views(body):
        for tag, candidates in _rule_sets()[form].candidates(view).items():
            if likely is None or tag in likely:
                found |= _read(candidates, view)
    firm = next((danger for danger in _ORDER if danger in found), None)
    soft = next((danger for danger in _ORDER if f"soft {danger}" in found), None)
    return Assessment(firm, None if firm else soft)


def _read(candidates: list[Rule], text: str) -> set[str]:
    """Return the sections that stand after the guards of the same language have spoken."""
    if all(rule.section in GUARDS for rule in candidates):
        return set()
    for rule in candidates:
        if rule.section == "idiom":
            text = rule.pattern.sub(lambda match: "_" * len(match.group()), text)
    guards: dict[str, list[int]] = {}
    hits: list[tuple[str, int]] = []
    for rule in candidates:
        if rule.section == "idiom":
            continue
        match = rule.pattern.search(text)
        if match is None:
            continue
        if rule.section in GUARDS:
            guards.setdefault(rule.section, []).append(match.start())
        else:
            hits.append((rule.section, match.start()))
    if not hits or "fiction" in guards:
        return set()
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]

    def sentence(at: int) -> int:
        return sum(end <= at for end in ends)

    def beside(guard: str, at: int) -> bool:
        return any(sentence(at) == sentence(place) for place in guards.get(guard, ()))

    stands: set[str] = set()
    for section, at in hits:
        if beside("asking", at) or beside("negated", at):
            continue
        if "past" in guards and "now" not in guards:
            stands.add(section if section.startswith("soft ") else f"soft {section}")
            continue
        stands.add(section)
    return stands


def lifted(chance: "Chance", lift: "Chance") -> "Chance":
    """Return the chance of danger that a classifier gives, raised by what phrases say: a share of the way to certainty.

    chance, lift: 0.0–1.0; one message's, or arrays with one each.
    """
    return chance + (1.0 - chance) * lift


CRISIS_LIFT = 0.3
"""What plain words of wanting to die lift at least: a classifier hears them also in those who ask for advice."""
THRESHOLDS = ("danger_phrase", "danger_soft_phrase", "danger_firm", "danger_soft")


class DangerModel:
    """Phrases and classifier together."""

    def __init__(self, matcher: "Matcher") -> None:
        self._matcher = matcher

    def assess(
        self, text: str, vector: "Floats | None" = None, *, message: "Message | None" = None,
        phrases: Assessment | None = None,
    ) -> Assessment:
        """Look for danger in the words and, where there is a vector, in the meaning.

        text: as sent. vector: from the encoder, or None. message: features that were read before, instead of `vector`.
        phrases: what the function `assess` said of the text, where that is known.
        """
        words = phrases or assess(text)
        if message is None:
            message = self._matcher.read(text, vector)
        if not len(message.columns) and message.vector is None:
            return words
        return self.combine(words, self._matcher.danger_probabilities(message), by_words=message.vector is None)

    def combine(self, words: Assessment, probabilities: "Floats", *, by_words: bool = False) -> Assessment:
        """Return what phrases and classifier say together.

        probabilities: one for each danger class in the order of the model, then that of no danger.
        by_words: whether the classifier had no sentence vector; it is then less sure and has thresholds of its own.
        """
        labels = self._matcher.danger_labels
        prefix = "words_" if by_words else ""
        settings = {name: self._matcher.settings[prefix + name] for name in THRESHOLDS}
        best = words.firm or Danger(labels[int(probabilities[:-1].argmax())])
        lift = settings["danger_phrase"] if words.firm else settings["danger_soft_phrase"] if words.soft else 0.0
        if words.firm is Danger.CRISIS_NOW:
            lift = max(lift, CRISIS_LIFT)
        chance = lifted(1.0 - float(probabilities[-1]), lift)
        if chance >= settings["danger_firm"]:
            return Assessment(firm=best)
        if chance >= settings["danger_soft"] or words.soft or words.firm:
            return Assessment(soft=words.firm or words.soft or best)
        return Assessment()
