"""Everything one message says: danger, language, what to do. The contract that `koban understand` writes."""

import json
import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TextIO

from intents import danger, encoder, language
from intents.danger import Assessment, Danger, DangerModel
from intents.matcher import BOT_REQUESTS, OUT_OF_SCOPE, SMALLTALK, Floats, Matcher, Message, Ranked

log = logging.getLogger(__name__)

FOLLOW_UP_CHARS = 48

Outcome = Literal["answer", "choices", "bot_request", "smalltalk", "fallback"]


@dataclass(frozen=True)
class Understanding:
    """What one message means.

    danger: the card to send now, or None. soft_danger: a shorter card to send with the answer.
    language: a tag of `language.TAGS`, or None where nothing says; confidence is 0.0–1.0.
    outcome: what to do: answer the first intent, offer `choices` as buttons, do the `bot_request`, be polite, or
    say that we do not know.
    intents: five, best first. choices: two to four intent ids where the outcome is `choices`, else empty.
    bot_request: the id where the outcome is `bot_request`, else None.
    """

    danger: Danger | None
    soft_danger: Danger | None
    language: str | None
    language_confidence: float
    language_sure: bool
    outcome: Outcome
    intents: tuple[Ranked, ...]
    choices: tuple[str, ...]
    bot_request: str | None


    def following(self, previous: str, *, n_chars: int) -> "Understanding":
        """Return what a message means right after the answer to `previous`.

        A short one that is not clear by itself (“and how much is it?”) may well ask on about the same thing, so that
        becomes the first of the buttons; beside it stand others only where the message by itself pointed to them.
        Where danger is seen nothing is asked. n_chars: of the message.
        """
        is_doubtful = self.outcome in ("choices", "fallback") and not self.danger and not self.soft_danger
        if n_chars > FOLLOW_UP_CHARS or not is_doubtful:
            return self
        others = [
            ranked.intent_id for ranked in self.intents[:4]
            if ranked.intent_id not in (previous, *SMALLTALK, *BOT_REQUESTS)
        ]
        return replace(self, outcome="choices", choices=(previous, *(others[:2] if self.outcome == "choices" else ())))

    def led_by(self, intent_id: str) -> "Understanding":
        """Return this understanding after another reader has named an intent.

        An intent that stands among the first three here is taken; another one becomes the first button, before ours.
        """
        if intent_id in BOT_REQUESTS or intent_id in SMALLTALK:
            return self
        first = tuple(ranked.intent_id for ranked in self.intents[:3])
        named = next((each for each in self.intents if each.intent_id == intent_id), Ranked(intent_id, 0.0))
        intents = (named, *(each for each in self.intents if each.intent_id != intent_id))[:5]
        if intent_id in first:
            return replace(self, outcome="answer", intents=intents, choices=())
        others = [each for each in (self.choices or first) if each != intent_id and each not in SMALLTALK]
        return replace(self, outcome="choices", intents=intents, choices=(intent_id, *others[:3]))


class Understander:
    """All models of the room behind one method. Safe to call from several threads."""

    def __init__(self, matcher: Matcher, engine: encoder.Encoder | None) -> None:
        self.matcher = matcher
        self._engine = engine
        self._danger = DangerModel(matcher)

    @classmethod
    def load(cls, root: Path, *, encoder: Literal["auto", "off"] = "auto") -> "Understander":
        """Return an understander for the project in `root`, every table read (about two seconds).

        encoder: "off" never starts the sentence encoder.

        Raises FileNotFoundError where no model has been trained.
        """
        reading = threading.Thread(target=language.load)
        reading.start()
        danger.load(warm=False)
        matcher = Matcher.load(root)
        engine = _engine(matcher, root) if encoder == "auto" else None
        reading.join()
        danger.load()
        return cls(matcher, engine)

    def understand(
        self,
        text: str,
        *,
        language_code: str | None = None,
        locale: str | None = None,
        phrases: Assessment | None = None,
    ) -> Understanding:
        """Read one message.

        text: as sent; anything goes.
        language_code: of the resident's Telegram. locale: the tag the chat is answered in.
        phrases: what `danger.assess` said of the same text, where that is known.
        """
        found = language.detect(text, client=language_code, previous=locale)
        message, probabilities = self._read(text)
        assessment = self._danger.assess(text, message=message, phrases=phrases)
        ranked = self.matcher.ranked(probabilities)
        outcome, choices = self._decide(ranked, probabilities)
        return Understanding(
            danger=assessment.firm,
            soft_danger=assessment.soft,
            language=found.tag,
            language_confidence=round(found.confidence, 3),
            language_sure=found.sure,
            outcome=outcome,
            intents=ranked,
            choices=choices,
            bot_request=ranked[0].intent_id if outcome == "bot_request" else None,
        )

    def _read(self, text: str) -> tuple[Message, Floats]:
        """Return the features of a message and its intents; the encoder is asked only where the words leave doubt."""
        message = self.matcher.read(text)
        probabilities = self.matcher.intent_probabilities(message)
        if self._engine is None or not text.strip():
            return message, probabilities
        if float(probabilities.max()) >= self.matcher.settings["skip_encoder"]:
            calm = float(self.matcher.danger_probabilities(message)[-1])
            if calm >= self.matcher.settings["skip_calm"]:
                return message, probabilities
        message = Message(message.columns, message.weights, self._engine.encode(text))
        return message, self.matcher.intent_probabilities(message)

    def _decide(self, ranked: tuple[Ranked, ...], probabilities: Floats) -> tuple[Outcome, tuple[str, ...]]:
        """Return what to do with a ranking, and the buttons to offer."""
        settings, best = self.matcher.settings, ranked[0]
        outside = float(probabilities[self.matcher.labels.index(OUT_OF_SCOPE)])
        if outside > max(best.score, settings["outside"]):
            return "fallback", ()
        if best.score >= settings["answer"] and outside < settings["answer_outside"]:
            if best.intent_id in BOT_REQUESTS:
                return "bot_request", ()
            return ("smalltalk" if best.intent_id in SMALLTALK else "answer"), ()
        offered = [r for r in ranked[:4] if r.intent_id not in SMALLTALK]
        choices = [r.intent_id for place, r in enumerate(offered) if place < 2 or r.score >= settings["choice"]]
        if len(choices) >= 2 and sum(r.score for r in ranked[:4]) >= settings["choices"]:
            return "choices", tuple(choices)
        return "fallback", ()


def _engine(matcher: Matcher, root: Path) -> encoder.Encoder | None:
    """Return the encoder if it is the one that the model was trained with."""
    engine = encoder.load(root)
    if engine is not None and engine.name != matcher.encoder_name:
        log.warning(
            "encoder differs from the trained one", extra={"engine": engine.name, "trained": matcher.encoder_name}
        )
        return None
    return engine


def to_json(understanding: Understanding) -> dict[str, Any]:
    """Return the contract of `koban understand` as plain values, in its order."""
    return {
        "danger": understanding.danger.value if understanding.danger else None,
        "language": understanding.language,
        "language_confidence": understanding.language_confidence,
        "outcome": understanding.outcome,
        "intents": [{"id": ranked.intent_id, "score": ranked.score} for ranked in understanding.intents],
    }


def run_lines(stdin: TextIO, stdout: TextIO, root: Path, *, encoder: Literal["auto", "off"] = "auto") -> None:
    """Read one JSON object a line and write one JSON object a line, in order, at once.

    A line that cannot be read gives an object with `error`, no danger and the outcome `fallback`, so that lines
    keep their numbers.
    """
    understander = Understander.load(root, encoder=encoder)
    for line in stdin:
        stdout.write(json.dumps(_one_line(understander, line), ensure_ascii=False) + "\n")
        stdout.flush()


def _one_line(understander: Understander, line: str) -> dict[str, Any]:
    try:
        asked = json.loads(line)
        if not isinstance(asked, dict) or not isinstance(asked.get("text"), str):
            raise ValueError('an object with a "text" is needed')
        hints = {name: asked.get(name) for name in ("language_code", "locale")}
        if any(not isinstance(hint, str | None) for hint in hints.values()):
            raise ValueError('"language_code" and "locale" are texts')
    except (ValueError, RecursionError) as error:
        empty = understander.understand("")
        return {**to_json(empty), "outcome": "fallback", "error": str(error)[:200]}
    return to_json(understander.understand(asked["text"], language_code=hints["language_code"], locale=hints["locale"]))
