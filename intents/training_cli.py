"""The commands `match`, `train` and `evaluate` of `python -m intents`."""

import argparse
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def register(subparsers: Any) -> None:
    """Add the commands to the parser of `python -m intents`."""
    match = subparsers.add_parser("match", help="show what one message is understood as")
    match.add_argument("text", nargs="+", help="the message")
    match.add_argument("--words", action="store_true", help="without the sentence encoder")
    match.add_argument("--root", type=Path, default=ROOT)
    match.set_defaults(func=_match)

    train = subparsers.add_parser(
        "train", help="train the models from locales/*/utterances and write intents/data/model.npz"
    )
    train.add_argument("--root", type=Path, default=ROOT)
    train.add_argument("--rounds", type=int, default=60, help="rounds of the optimiser a model")
    train.set_defaults(func=_train)

    evaluate = subparsers.add_parser("evaluate", help="print the figures by language and style on tests/utterances")
    evaluate.add_argument("--root", type=Path, default=ROOT)
    evaluate.add_argument("--words", action="store_true", help="without the sentence encoder")
    evaluate.add_argument("--tag", action="append", help="only this language; may be given several times")
    evaluate.add_argument(
        "--confusions", action="store_true", help="also print which intents are taken for one another"
    )
    evaluate.add_argument(
        "--misses",
        action="store_true",
        help="also print missed dangers and false alarms (the lines are ours, not residents')",
    )
    evaluate.add_argument(
        "--language", type=Path, help="also measure language detection on this table (lang, bucket, source, text)"
    )
    evaluate.set_defaults(func=_evaluate)


@contextmanager
def _progress(title: str, total: int) -> Any:
    """Show a bar on the terminal; yield the function that moves it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)

        def move(n: int) -> None:
            bar.advance(task, n)

        yield move


def _match(options: argparse.Namespace) -> int:
    from intents.understand import Understander

    understander = Understander.load(options.root, encoder="off" if options.words else "auto")
    found = understander.understand(" ".join(options.text))
    print(f"danger      {found.danger or '-'}   soft {found.soft_danger or '-'}")
    print(
        f"language    {found.language or '-'}   {found.language_confidence:.2f}   "
        f"{'sure' if found.language_sure else 'unsure'}"
    )
    print(f"outcome     {found.outcome}   {' '.join(found.choices)}")
    for ranked in found.intents:
        print(f"  {ranked.score:5.3f}  {ranked.intent_id}")
    return 0


def _train(options: argparse.Namespace) -> int:
    from intents import training
    from intents.examples import training_examples

    examples = training_examples(options.root)
    if not examples:
        print("no utterances under locales/: nothing to train", file=sys.stderr)
        return 1
    examples = training.augmented(examples)
    cache = training.VectorCache(options.root / ".cache" / "vectors.npz")
    with _progress("sentences", len(examples)) as move:
        data = training.prepare(examples, cache, progress=move)
    with _progress("models", training.STEPS) as move:
        path = training.train(options.root, data, rounds=options.rounds, progress=move)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {len(examples)} sentences, {len(data.labels) - 1} intents")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from intents.evaluation import confusions, language_rows, table
    from intents.examples import development_examples
    from intents.understand import Understander

    if options.language:
        for line in language_rows(options.language):
            print(
                f"language, prior {line.prior:20} core {line.core:6.2f}   1-2 words {line.core_short:6.2f}   "
                f"all {line.everything:6.2f}"
            )
    examples = [e for e in development_examples(options.root) if not options.tag or e.tag in options.tag]
    if not examples:
        print("no development set under tests/utterances/", file=sys.stderr)
        return 0 if options.language else 1
    understander = Understander.load(options.root, encoder="off" if options.words else "auto")
    with _progress("messages", len(examples)) as move:
        rows = table(understander, examples, progress=move)
    _print_table(rows)
    if options.confusions:
        for count, meant, said in confusions(understander, examples):
            print(f"{count:4}  {meant} → {said}")
    if options.misses:
        _print_misses(understander, examples)
    return 0


def _print_table(rows: Any) -> None:
    heads = ("first", "in 3", "answered", "wrong", "oos answered", "danger", "or soft", "false alarm", "in-scope alarm")
    print(f"{'':10} {'n':>6} " + " ".join(f"{head:>14}" for head in heads))
    for line in rows:
        figures = (
            line.first,
            line.in_three,
            line.answered,
            line.answered_wrong,
            line.answered_outside,
            line.recall,
            line.soft,
            line.false_alarms,
            line.alarms_in_scope,
        )
        print(
            f"{line.name:10} {line.n:6} " + " ".join(f"{'-' if f is None else format(f, '.1f'):>14}" for f in figures)
        )


def _print_misses(understander: Any, examples: Any) -> None:
    from intents.examples import DANGERS

    checks: list[tuple[str, Callable[[Any, Any], bool]]] = [
        ("missed danger", lambda e, u: e.style in DANGERS and u.danger is None),
        ("false alarm", lambda e, u: e.style not in DANGERS and u.danger is not None),
    ]
    for title, check in checks:
        for example in examples:
            understood = understander.understand(example.text)
            if check(example, understood):
                print(f"{title}  {example.tag}  {example.intent or example.style}  {example.text}")
