"""`python -m intents lint` and `python -m intents furigana`: the two commands of an author of base answers."""

import argparse
import sys
from collections.abc import Sequence

from intents.plain import answer_texts, lint_answer, measure_sentences, score
from intents.plain_files import BaseFile, UnreadableFile, base_files
from intents.plain_text import Sentence, sentences
from intents.wordlevels import AuthoringToolsMissing


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-commands; each sets `run`, which takes the parsed arguments and gives the exit code."""
    lint = subparsers.add_parser("lint", help="check that the base answers are やさしい日本語")
    lint.add_argument("intents", nargs="*", metavar="intent", help="intent id or file; all of them when none is named")
    lint.add_argument("-q", "--quiet", action="store_true", help="errors only, no warnings")
    lint.set_defaults(run=run_lint)


def run_lint(arguments: argparse.Namespace) -> int:
    """Print `file: field: rule: message` for each finding, then the measures; 1 when there is an error."""
    try:
        files = base_files(arguments.intents)
        n_errors = sum(_lint_file(file, quiet=arguments.quiet) for file in files)
        _print_measures(files)
    except (UnreadableFile, AuthoringToolsMissing) as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if n_errors else 0


def _lint_file(file: BaseFile, *, quiet: bool) -> int:
    found = lint_answer(file.answer, values=file.values)
    for field, finding in found:
        if finding.severity == "error" or not quiet:
            mark = {"error": "", "warning": "warning: ", "info": "info: "}[finding.severity]
            print(f"{file.name}: {field}: {mark}{finding.rule}: {finding.message_ja}{finding.hint}")
    for field, _, text in answer_texts(file.answer):
        for allowance in (a for sentence in sentences(text, file.values) for a in sentence.allowances):
            print(f"{file.name}: {field}: allowed: {allowance.rule}: {allowance.reason}")
    return sum(finding.severity == "error" for _, finding in found)


def _print_measures(files: Sequence[BaseFile]) -> None:
    everything: list[Sentence] = []
    per_answer: list[tuple[float, str]] = []
    points = 0
    for file in files:
        parts = [part for _, _, text in answer_texts(file.answer) for part in sentences(text, file.values)]
        own = score(finding for _, finding in lint_answer(file.answer, values=file.values))
        per_answer.append((own / max(1, len(parts)), file.intent_id))
        everything += parts
        points += own
    if not everything:
        return
    found = measure_sentences(everything)
    worst, name = max(per_answer)
    print(
        f"{len(files)} answers, {found.n_sentences} sentences: mean {found.mean_length:.1f} characters (bar 28), "
        f"95 % up to {found.p95_length:.0f} (bar 45), kanji {found.mean_kanji:.1f} (bar 9), "
        f"hard words {found.mean_hard_words:.2f} (bar 0.5)"
    )
    print(f"score {points / len(everything):.2f} a sentence (bar 0.5), worst answer {name} {worst:.2f} (bar 1.0)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the two commands: `python -m intents.plain_cli lint stolen_bicycle`."""
    parser = argparse.ArgumentParser(prog="python -m intents.plain_cli")
    register(parser.add_subparsers(required=True, metavar="command"))
    arguments = parser.parse_args(argv)
    code: int = arguments.run(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
