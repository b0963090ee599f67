"""Training: a small project of three topics becomes a file that answers, and the development set stays out of it."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intents import encoder, features, training, vectors
from intents.__main__ import main
from intents.danger import lifted
from intents.evaluation import (
    DangerSample,
    Row,
    choose_danger_settings,
    choose_settings,
    table,
    understand_all,
    worse_than,
    write_figures,
)
from intents.examples import CALM, Example, development_examples, training_examples
from intents.kana import reading, romaji
from intents.matcher import OUT_OF_SCOPE, Matcher
from intents.understand import Understander
from intents.vectors import VectorCache

UTTERANCES = {
    "stolen_bicycle": ["my bike was stolen", "someone took my bicycle", "bike gone from the station", "bicycle theft"],
    "lost_property": ["I lost my wallet", "left my bag on the train", "lost my phone somewhere", "my keys are lost"],
    "greeting": ["hello", "hi there", "good morning", "hey"],
}
DANGER = """
police_now: ["a man is breaking into my house", "he has a knife at my door", "someone is chasing me", "he hits me now"]
medical_fire_now: ["my baby is not breathing", "the kitchen is on fire", "he is bleeding a lot", "she is unconscious"]
crisis_now: ["I want to die tonight", "I will kill myself", "I took all my pills", "I do not want to live"]
lookalikes: ["my phone died", "how do I call 110", "dying of heat", "the film had a fire"]
out_of_scope: ["what is the weather", "tell me a joke", "ramen recipe please", "who won the football"]
"""


def write_project(root: Path) -> None:
    """Write a project of three topics."""
    folder = root / "locales" / "en" / "utterances"
    folder.mkdir(parents=True)
    for intent, lines in UTTERANCES.items():
        text = "short:\n" + "".join(f'  - "{line}"\n' for line in lines)
        text += "story:\n" + "".join(f'  - "Yesterday: {line}, what now?"\n' for line in lines)
        (folder / f"{intent}.yaml").write_text(text, encoding="utf-8")
    (folder.parent / "danger.yaml").write_text(DANGER, encoding="utf-8")
    held = root / "tests" / "utterances"
    held.mkdir(parents=True)
    held.joinpath("en.yaml").write_text(
        'intents: {stolen_bicycle: {short: ["they took my bicycle"], rough: ["bike stoln"]}}\n'
        'danger: {police_now: ["he is at my door with a knife"]}\nlookalikes: ["my laptop died"]\n'
        'out_of_scope: ["football score"]\n',
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    write_project(root)
    return root


@pytest.fixture(scope="module")
def trained(project: Path) -> Path:
    if encoder.load() is None:
        pytest.skip("no encoder on this machine: models are trained on Linux x86-64")
    data = training.prepare(training_examples(project), VectorCache(project))
    return training.train(project, data, rounds=15)


def test_every_example_is_read_with_what_it_means(project: Path) -> None:
    examples = training_examples(project)
    assert len(examples) == 3 * 8 + 20
    assert Example("hello", "greeting", CALM, "en", "short") in examples
    assert Example("my phone died", None, CALM, "en", "lookalikes") in examples
    assert Example("tell me a joke", OUT_OF_SCOPE, CALM, "en", OUT_OF_SCOPE) in examples
    assert sum(example.danger == "police_now" for example in examples) == 4


def test_the_development_set_is_not_trained_on(project: Path) -> None:
    held = {example.text for example in development_examples(project)}
    assert len(held) == 5
    assert not held & {example.text for example in training_examples(project)}


def test_a_trained_file_answers_for_its_topics(project: Path, trained: Path) -> None:
    matcher = Matcher.load(project)
    assert matcher.labels == ("greeting", "lost_property", "stolen_bicycle", OUT_OF_SCOPE)
    understander = Understander.load(project)
    assert understander.understand("somebody stole my bicycle").intents[0].intent_id == "stolen_bicycle"
    assert understander.understand("I lost my purse").intents[0].intent_id == "lost_property"


def test_the_same_examples_give_the_same_fingerprint(project: Path, trained: Path) -> None:
    before = Matcher.load(project).fingerprint
    data = training.prepare(training_examples(project), VectorCache(project))
    training.train(project, data, rounds=3)
    assert Matcher.load(project).fingerprint == before


def test_known_vectors_are_not_computed_again_and_git_does_not_see_them(
    project: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr(vectors, "ProcessPoolExecutor", refuse)
    cache = VectorCache(project)
    assert cache.vectors(["hello", "hi there"]).shape == (2, encoder.DIMENSION)
    assert (project / ".cache" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_the_table_has_a_row_a_language_and_a_mean(project: Path, trained: Path) -> None:
    rows = table(understand_all(project, development_examples(project), workers=1))
    assert [row.name for row in rows] == ["en", "macro", "short", "rough"]
    assert rows[0].n == 5
    assert rows[0].recall is not None
    assert rows[2].alarms is None


def test_a_figure_that_is_worse_than_the_written_one_is_named(tmp_path: Path) -> None:
    before = Row("vi", 500, 90.0, 97.0, 60.0, 96.0, 2.0, 98.0, 99.0, 3.0, 1.0, 99.0)
    path = tmp_path / "figures.csv"
    write_figures(path, [before])
    assert worse_than(path, [before]) == []
    assert worse_than(path, [replace(before, first=89.2, outside=1.0)]) == []
    assert worse_than(path, [replace(before, first=88.0)]) == ["vi: first was 90.0, is now 88.0"]
    assert worse_than(path, [replace(before, alarms_in_scope=2.5)]) == ["vi: alarms_in_scope was 1.0, is now 2.5"]
    assert worse_than(path, [replace(before, alarms=12.0)]) == ["vi: alarms was 3.0, is now 12.0"]
    assert worse_than(path, [replace(before, precision=None)]) == ["vi: precision was 96.0, is now 0.0"]
    assert worse_than(path, [replace(before, name="ne")]) == ["vi: is not measured any more"]


def test_japanese_is_retyped_as_learners_type_it() -> None:
    assert reading("自転車を盗まれました").replace(" ", "") == "じてんしゃをぬすまれました"
    assert romaji("がっこう に いきました") == "gakkou ni ikimashita"
    assert romaji("とうきょう", long="short") == "tokyo"
    retyped = training.augmented([Example("財布をなくした", "lost_property", CALM, "ja", "short")])
    assert [example.tag for example in retyped] == ["ja", "ja-Hira", "ja-Latn"]
    assert {example.intent for example in retyped} == {"lost_property"}


def test_a_vietnamese_line_may_lose_its_marks_but_not_its_meaning() -> None:
    lines = [Example(f"mất xe đạp số {n}", "stolen_bicycle", CALM, "vi", "short") for n in range(40)]
    more = training.augmented(lines)[40:]
    assert 8 <= len(more) <= 32
    assert all(example.text.isascii() and example.intent == "stolen_bicycle" for example in more)


def test_thresholds_follow_the_held_out_messages() -> None:
    labels = ("a", "b", OUT_OF_SCOPE)
    sure_and_right = np.array([[0.9, 0.05, 0.05]] * 50, dtype=np.float32)
    doubtful_and_wrong = np.array([[0.5, 0.45, 0.05]] * 50, dtype=np.float32)
    both = np.concatenate([sure_and_right, doubtful_and_wrong])
    chosen = choose_settings(
        training.SETTINGS, labels=labels, probabilities=both, words=both, truth=["a"] * 50 + ["b"] * 50
    )
    assert 0.5 < chosen["answer"] <= 0.9


def test_danger_thresholds_keep_look_alikes_quiet_and_see_the_most() -> None:
    chances = np.array([0.9] * 60 + [0.3] * 40 + [0.35] * 100 + [0.02] * 300, dtype=np.float32)
    phrases = np.array([0] * 60 + [2] * 40 + [0] * 100 + [0] * 300)
    kinds = np.array(["danger"] * 100 + ["alike"] * 100 + ["ordinary"] * 300)
    chosen, recall = choose_danger_settings(training.SETTINGS, DangerSample(chances, phrases, kinds))
    assert recall == 1.0
    assert chosen["danger_firm"] > 0.35, "or every look-alike got a card"
    assert lifted(0.3, chosen["danger_phrase"]) >= chosen["danger_firm"], "phrases save what the classifier missed"
    assert chosen["danger_soft"] < chosen["danger_firm"]


def test_features_have_unit_length_and_know_only_the_vocabulary() -> None:
    vocabulary, idf = training.vocabulary_of(
        [features.grams(text) for text in ("lost wallet", "lost bag", "lost key")] * 3
    )
    columns, weights = features.weigh(features.grams("lost umbrella"), vocabulary, idf)
    assert len(columns) == len(weights)
    if len(columns):
        assert float(np.linalg.norm(weights)) == pytest.approx(1.0, abs=1e-5)
    assert not len(features.weigh(features.grams("ゑ"), vocabulary, idf)[0])


def test_without_the_packages_for_authors_training_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sudachipy" else find(name))
    assert main(["train"]) == 1
    assert "pip install -e '.[authoring]'" in capsys.readouterr().err
