"""The commands `match`, `tune`, `train` and `evaluate` of `python -m intents`."""

import argparse
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
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

    tune = subparsers.add_parser(
        "tune", help="tune the encoder's upper layers on the utterances (needs PyTorch); then run `train`"
    )
    tune.add_argument("--root", type=Path, default=ROOT)
    tune.add_argument("--epochs", type=int, default=3, help="how often every sentence is seen")
    tune.set_defaults(func=_tune)

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
    evaluate.add_argument("--write", type=Path, metavar="CSV", help="write the figures for --against")
    evaluate.add_argument("--against", type=Path, metavar="CSV", help="fail when a figure is worse by over a point")
    evaluate.set_defaults(func=_evaluate)


@contextmanager
def _bars() -> Iterator[Callable[[str, int], Callable[[int], None]]]:
    """Show bars on the terminal; yield what adds one (title, total) and returns the function that moves it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:

        def add(title: str, total: int) -> Callable[[int], None]:
            task = shown.add_task(title, total=total)
            return lambda n: shown.advance(task, n)

        yield add


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show one bar on the terminal; yield the function that moves it."""
    with _bars() as add:
        yield add(title, total)


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
    if any(importlib.util.find_spec(name) is None for name in ("sklearn", "sudachipy", "sudachidict_core")):
        print("training needs the packages for authors: run pip install -e '.[authoring]'", file=sys.stderr)
        return 1
    from intents import training
    from intents.encoder_top import TOP_FILE, load_top
    from intents.examples import training_examples
    from intents.vectors import VectorCache

    examples = training_examples(options.root)
    if not examples:
        print("no utterances under locales/: nothing to train", file=sys.stderr)
        return 1
    top = load_top(options.root / TOP_FILE)
    if top is not None and top.labels != training.labels_of(examples):
        print("the encoder was tuned for other intents; run `python -m intents tune` first", file=sys.stderr)
        return 1
    with _progress("sentences", len(examples)) as move:
        data = training.prepare(examples, VectorCache(options.root), top=top, progress=move)
    with _progress("models", training.STEPS) as move:
        path = training.train(options.root, data, rounds=options.rounds, progress=move)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {len(data.examples)} sentences, {len(data.labels) - 1} intents")
    return 0


def _tune(options: argparse.Namespace) -> int:
    from intents.examples import training_examples

    try:
        from intents import tuning
    except ImportError:
        print("tuning needs PyTorch: pip install torch (any build for the CPU)", file=sys.stderr)
        return 1
    examples = training_examples(options.root)
    with _bars() as add:
        path = tuning.tune(options.root, examples, epochs=options.epochs, progress=add)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB; now run `python -m intents train`")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from intents.evaluation import confusions, language_rows, table, understand_all, worse_than, write_figures
    from intents.examples import development_examples

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
    with _progress("messages", len(examples)) as move:
        results = understand_all(options.root, examples, encoder="off" if options.words else "auto", progress=move)
    rows = table(results)
    print(as_text(rows))
    if options.confusions:
        for count, meant, said in confusions(results):
            print(f"{count:4}  {meant} → {said}")
    if options.misses:
        _print_misses(results)
    if options.write:
        write_figures(options.write, rows)
    if options.against:
        worse = worse_than(options.against, rows)
        print("\n".join(worse) if worse else f"no figure is worse than in {options.against}")
        return 1 if worse else 0
    return 0


_HEADS = {
    "first": "first", "in_three": "in 3", "answered": "answered", "precision": "right", "outside": "oos ans.",
    "recall": "danger", "soft": "or soft", "alarms": "alike", "alarms_in_scope": "in scope", "language": "language",
}  # fmt: skip


def as_text(rows: Sequence[Any]) -> str:
    """Return the table for a terminal: a line a row, figures in percent."""
    lines = [f"{'':10} {'n':>6} " + " ".join(f"{head:>9}" for head in _HEADS.values())]
    for row in rows:
        figures = (getattr(row, name) for name in _HEADS)
        cells = " ".join(f"{'-' if figure is None else format(figure, '.1f'):>9}" for figure in figures)
        lines.append(f"{row.name:10} {row.n:6} {cells}")
    return "\n".join(lines)


def _print_misses(results: Any) -> None:
    from intents.examples import DANGERS

    for title, is_danger in (("missed danger", True), ("false alarm", False)):
        for example, understood in results:
            if (example.style in DANGERS) is is_danger and (understood.danger is None) is is_danger:
                print(f"{title}  {example.tag}  {example.intent or example.style}  {example.text}")
