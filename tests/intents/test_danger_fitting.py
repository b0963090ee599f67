"""Danger is fitted so that what decides the thresholds was judged by models that had not seen it."""

import numpy as np
import pytest

from intents import danger_fitting, training
from intents.danger_fitting import FOLDS, Question, fit_dangers
from intents.examples import CALM, DANGERS, Example
from intents.fitting import Linear, Matrix
from intents.matcher import Floats

N = 160


@pytest.fixture
def question() -> Question:
    """Half dangers, half look-alikes, in no order. Every message is one column, which says nothing of the others."""
    sparse = pytest.importorskip("scipy.sparse")
    is_danger = np.random.default_rng(7).permutation(N) % 2 == 0
    examples = [
        Example(f"message {i}", None, DANGERS[0] if each else CALM, "en", DANGERS[0] if each else "lookalikes")
        for i, each in enumerate(is_danger)
    ]
    targets = np.where(is_danger, 0, len(DANGERS))
    matrix = Matrix(sparse.identity(N, format="csr", dtype=np.float32), np.zeros((N, 4), dtype=np.float32))
    ones = np.ones(N, dtype=np.float32)
    return Question(examples, matrix, targets, ones, np.ones(N, dtype=bool), Linear(np.zeros((4, 4)), np.zeros(4)))


def judged(question: Question) -> tuple[Floats, Floats]:
    return danger_fitting._judged_by_others(question, 30, lambda n: None)


def test_no_message_is_judged_by_a_model_that_has_learned_it(question: Question) -> None:
    words, _ = judged(question)
    found = words.argmax(axis=1) == question.targets
    assert found.mean() < 0.65, "chance is 0.5; a model that has learned them knows all"
    learned = danger_fitting._words(question, np.ones(N, dtype=bool), 30).logits(question.matrix.grams)
    assert (learned.argmax(axis=1) == question.targets).mean() == 1.0


def test_a_tuned_head_is_bent_by_what_it_has_not_learned_only(question: Question) -> None:
    half = np.arange(N) < N // 2
    vectors = np.zeros((N, 4), dtype=np.float32)
    vectors[half, 0] = np.where(question.targets[half] == 0, 1.0, -1.0)  # true in the held half,
    vectors[~half, 0] = np.where(question.targets[~half] == 0, -3.0, 3.0)  # the opposite, and louder, else
    bent = danger_fitting._meaning(
        Question(question.examples, Matrix(question.matrix.grams, vectors), question.targets, question.weights, half,
                 question.head),
        np.ones(N, dtype=bool), 30,
    ).logits(vectors)
    assert (bent[half].argmax(axis=1) == question.targets[half]).all()
    assert not (bent[~half].argmax(axis=1) == question.targets[~half]).any()


def test_every_step_is_told_and_the_thresholds_are_set(question: Question) -> None:
    steps: list[int] = []
    mixed, settings = fit_dangers(question, dict(training.SETTINGS), rounds=5, progress=steps.append)
    assert sum(steps) == danger_fitting.STEPS == FOLDS + 1
    assert mixed.mix == danger_fitting.MIX
    assert 0.0 < settings["danger_soft"] <= settings["danger_firm"] < 1.0
    assert settings["words_danger_phrase"] >= 0.6
