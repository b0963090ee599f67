"""Choose thresholds from messages that were held out, so that a score of 0.8 is right about eight times in ten.

`Settings` is what the model's file carries beside its weights; `understand` and `danger` read it at run time.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from intents.danger import Assessment
from intents.matcher import BOT_REQUESTS, OUT_OF_SCOPE, SMALLTALK, Floats

SETTINGS = {
    "skip_encoder": 0.97, "skip_calm": 0.995, "outside": 0.4, "answer": 0.6, "answer_bot": 0.6, "answer_outside": 0.3,
    "choice": 0.06, "choices": 0.4, "danger_full_limit": 0.5, "danger_words_limit": 0.5,
    "danger_full_slope": 1.0, "danger_full_firm": 2.0, "danger_full_soft": 0.5, "danger_full_offset": 0.0,
    "danger_words_slope": 1.0, "danger_words_firm": 3.0, "danger_words_soft": 0.5, "danger_words_offset": 0.0,
}  # fmt: skip
"""What is used where too few messages were held out to choose better. Probabilities are 0.0–1.0."""

WRONG_ANSWERS = 0.08
"""How many of the answers given may be wrong: below, buttons are offered instead."""
ANSWERS_OUTSIDE = 0.04
"""How many out-of-scope messages may get an answer."""
HIGHEST_ANSWER = 0.85
"""Above this a model that is unsure of everything would answer nothing at all."""
ALARMS_ALIKE, ALARMS_ORDINARY = 0.04, 0.015
"""How many look-alikes, and how many ordinary messages, may raise the danger card."""


def choose_answers(
    settings: dict[str, float], *, labels: Sequence[str], probabilities: Floats, words: Floats, truth: Sequence[str]
) -> dict[str, float]:
    """Return the settings with the thresholds of the outcomes.

    probabilities, words: one row a held-out message, from the full model and from the words alone. truth: the
    label of each.
    """
    outside = list(labels).index(OUT_OF_SCOPE)
    names = np.array(labels)
    answers = probabilities.copy()
    answers[:, outside] = -1.0
    best, score = names[answers.argmax(axis=1)], answers.max(axis=1)
    told = np.array(truth)
    willing = probabilities[:, outside] < settings["answer_outside"]
    topical = ~np.isin(best, [*BOT_REQUESTS, *SMALLTALK])
    chosen = dict(settings)
    for name, kind in (("answer", topical), ("answer_bot", ~topical)):
        chosen[name] = lowest_threshold(
            score[willing & kind], best[willing & kind] == told[willing & kind], WRONG_ANSWERS, floor=0.4
        )
    strangers = told == OUT_OF_SCOPE
    if strangers.sum() >= 50:
        reach = float(np.quantile(np.where(willing & topical, score, 0.0)[strangers], 1.0 - ANSWERS_OUTSIDE))
        chosen["answer"] = max(chosen["answer"], reach)
    chosen["answer"] = min(chosen["answer"], HIGHEST_ANSWER)
    sure = words.max(axis=1)
    chosen["skip_encoder"] = lowest_threshold(sure, names[words.argmax(axis=1)] == told, 0.01, floor=0.9)
    return {name: round(value, 4) for name, value in chosen.items()}


def lowest_threshold(score: Floats, right: NDArray[np.bool_], wrong_share: float, *, floor: float) -> float:
    """Return the lowest threshold above which at most `wrong_share` of the messages are wrong; 0.995 where none is."""
    for threshold in np.arange(floor, 0.995, 0.005):
        above = score >= threshold
        if above.any() and 1.0 - right[above].mean() <= wrong_share:
            return float(threshold)
    return 0.995


def choose_danger(
    settings: dict[str, float],
    head: str,
    *,
    calm: Floats,
    phrases: Sequence[Assessment],
    dangerous: NDArray[np.bool_],
    alike: NDArray[np.bool_],
) -> dict[str, float]:
    """Return the settings with the weights of classifier and phrases, and the limit above which the card is sent.

    head: `full` or `words`. calm: the held-out probability of no danger. phrases: what the words alone said.
    dangerous, alike: which messages are danger, and which are its look-alikes; the rest are ordinary.
    """
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    if dangerous.sum() < 10 or alike.sum() < 10:
        return settings
    inputs = np.stack(
        [
            log_odds(calm),
            np.array([1.0 if found.firm else 0.0 for found in phrases]),
            np.array([1.0 if found.soft else 0.0 for found in phrases]),
            np.ones(len(calm)),
        ],
        axis=1,
    )
    weights = np.where(dangerous, 1.0, np.where(alike, 1.0, 0.3))
    signs = np.where(dangerous, 1.0, -1.0)

    def loss(found: NDArray[np.float64]) -> float:
        value: float = (weights * np.logaddexp(0.0, -signs * (inputs @ found))).sum()
        return value + 0.5 * float(((found - [1.0, 1.5, 0.5, 0.0]) ** 2).sum())

    start = np.array([1.0, 1.5, 0.5, 0.0])
    found = minimize(loss, start, method="L-BFGS-B", bounds=[(0.2, 3.0), (0.3, 6.0), (0.0, 3.0), (-6.0, 6.0)]).x
    chosen = dict(settings)
    for name, value in zip(("slope", "firm", "soft", "offset"), found.tolist(), strict=True):
        chosen[f"danger_{head}_{name}"] = round(value, 4)
    chances = 1.0 / (1.0 + np.exp(-(inputs @ found)))
    limits = [_limit(chances[alike], ALARMS_ALIKE), _limit(chances[~dangerous & ~alike], ALARMS_ORDINARY)]
    # Where everything is told apart, stay in the middle of the gap rather than at its edge.
    weakest = float(np.quantile(chances[dangerous], 0.01))
    limit = max(0.08, *limits, min((max(limits) + weakest) / 2, 0.5))
    chosen[f"danger_{head}_limit"] = round(min(0.6, limit), 4)
    return chosen


def log_odds(calm: Floats) -> NDArray[np.float64]:
    """Return the log-odds of danger, within ±8."""
    safe = np.clip(calm.astype(np.float64), 3e-4, 1 - 3e-4)
    result: NDArray[np.float64] = np.log((1.0 - safe) / safe)
    return result


def _limit(chances: NDArray[np.float64], share: float) -> float:
    """Return the chance that only `share` of the messages exceed."""
    if not len(chances):
        return 0.0
    return float(np.quantile(chances, 1.0 - share)) + 1e-4
