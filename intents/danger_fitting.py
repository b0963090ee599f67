"""Fit the question of danger, and choose its thresholds. Authoring only: needs SciPy.

The messages that tell danger from its look-alikes best are those that the tuned encoder has not learned. They are too
few to be set aside: each of FOLDS parts of them is judged by models that learned from the other parts, and all these
judgements together decide the thresholds. The models that are shipped have learned from every part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from intents import danger, evaluation
from intents.encoder_top import text_hash
from intents.examples import DANGERS, Example
from intents.fitting import Linear, Matrix, Mixed, best_temperature, fit, slice_of, softmax
from intents.matcher import OUT_OF_SCOPE, Floats

FOLDS = 4
C_WORDS, C_MEANING, C_MORE = 4.0, 6.0, 0.1
DENSE_SCALE = 16.0
MIX = (0.5, 0.3)
"""How much words and meaning count. Held-out lines are by the hands that wrote the learned ones, which flatters the
layers that were tuned on those, so they cannot choose it; messages by other hands (the development set) did."""
LEAST_LIFT, WORDS_LEAST_LIFT = 0.2, 0.6
"""How far a firm phrase lifts a message at least: it was written by hand, for what a classifier does not hear."""
ALIKE_SHARE = 0.08
"""How many held-out look-alikes may get a card, 0.0–1.0: the product allows 6 % of what people send, which is less
contrived; of the development set's two or three points fewer get one."""
WORDS_ALIKE_SHARE = 0.12
"""The same without a sentence vector: the phrases carry more, and more look-alikes are the price of it."""
STEPS = FOLDS + 1


@dataclass(frozen=True)
class Question:
    """The messages that say something about danger, one row each.

    targets: the class of each, the last of which is no danger. weights: how much each counts.
    held: which of them the tuned encoder has not learned. head: the tuned head, or None where none is tuned.
    """

    examples: list[Example]
    matrix: Matrix
    targets: NDArray[np.int64]
    weights: Floats
    held: NDArray[np.bool_]
    head: Linear | None

    @property
    def n_classes(self) -> int:
        return len(DANGERS) + 1


def weight(example: Example) -> float:
    """Return how much an example counts."""
    if example.style in DANGERS:
        return 3.0
    return {"lookalikes": 3.0, OUT_OF_SCOPE: 1.0}.get(example.style, 0.6)


def fit_dangers(
    question: Question, settings: dict[str, float], *, rounds: int, progress: Callable[[int], None]
) -> tuple[Mixed, dict[str, float]]:
    """Return the models that learned from every example, mixed, and the settings with the thresholds of danger.

    rounds: of the optimiser. progress: called with 1 after each of STEPS steps.
    """
    words, meaning = _judged_by_others(question, rounds, progress)
    everything = np.ones(len(question.targets), dtype=bool)
    mixed = Mixed(_words(question, everything, rounds), _meaning(question, everything, rounds), MIX)
    progress(1)
    examples = [example for example, out in zip(question.examples, question.held, strict=True) if out]
    temperature = best_temperature(words, question.targets[question.held])
    return replace(mixed, temperature=temperature), choose(examples, words, meaning, temperature, settings)


def _judged_by_others(
    question: Question, rounds: int, progress: Callable[[int], None]
) -> tuple[Floats, Floats]:
    """Return the logits of each held-out example, by words and by meaning, from models that did not see it."""
    held = np.nonzero(question.held)[0]
    fold = np.full(len(question.targets), -1)
    fold[held] = [text_hash(question.examples[i].text) // 64 % FOLDS for i in held]  # 64: other bits than `held` reads
    words = np.zeros((len(held), question.n_classes), dtype=np.float32)
    meaning = np.zeros_like(words)
    for number in range(FOLDS):
        asked = fold[held] == number
        matrix = slice_of(question.matrix, held[asked])
        words[asked] = _words(question, fold != number, rounds).logits(matrix.grams)
        meaning[asked] = _meaning(question, fold != number, rounds).logits(matrix.dense)
        progress(1)
    return words, meaning


def _words(question: Question, which: NDArray[np.bool_], rounds: int) -> Linear:
    return fit(question.matrix.grams[np.nonzero(which)[0]], question.targets[which], question.n_classes,
               c=C_WORDS, weights=question.weights[which], rounds=rounds)


def _meaning(question: Question, which: NDArray[np.bool_], rounds: int) -> Linear:
    """Return the tuned head, bent a little towards what its layers have not learned; or one learned here."""
    head, weights = question.head, question.weights
    if head is not None:
        which = which & question.held
        # Ordinary messages are many and far from danger: in the few that bend the head they count more.
        ordinary = np.array([each.style not in (*DANGERS, "lookalikes") for each in question.examples])
        weights = np.where(ordinary, 2.0, weights).astype(np.float32)
    vectors = question.matrix.dense[which]
    found = fit(vectors * DENSE_SCALE, question.targets[which], question.n_classes,
                c=C_MEANING if head is None else C_MORE, weights=weights[which], rounds=rounds,
                offset=None if head is None else head.logits(vectors))
    learned = Linear(found.weights * DENSE_SCALE, found.bias)
    return learned if head is None else Linear(head.weights + learned.weights, head.bias + learned.bias)


def _sample(examples: Sequence[Example], probabilities: Floats) -> evaluation.DangerSample:
    assessed = [danger.assess(example.text) for example in examples]
    return evaluation.DangerSample(
        chances=1.0 - probabilities[:, -1],
        phrases=np.array([2 if each.firm else 1 if each.soft else 0 for each in assessed]),
        kinds=np.array([
            "danger" if each.style in DANGERS else "alike" if each.style == "lookalikes" else "ordinary"
            for each in examples
        ]),
    )


def choose(
    examples: Sequence[Example], words: Floats, meaning: Floats, temperature: float, settings: dict[str, float]
) -> dict[str, float]:
    """Return the settings with the thresholds under which most dangers among held-out messages are seen.

    words, meaning: logits of each example, from models that did not see it. temperature: of the words alone.
    """
    both = _sample(examples, softmax(MIX[0] * words + MIX[1] * meaning))
    alone = replace(both, chances=1.0 - softmax(words / temperature)[:, -1])
    settings, _ = evaluation.choose_danger_settings(settings, both, alike_share=ALIKE_SHARE, least_lift=LEAST_LIFT)
    settings, _ = evaluation.choose_danger_settings(
        settings, alone, prefix="words_", alike_share=WORDS_ALIKE_SHARE, least_lift=WORDS_LEAST_LIFT
    )
    return settings
