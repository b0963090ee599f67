"""`python -m intents lint` and `python -m intents furigana`: the two commands of an author of base answers."""

import argparse
import sys
from collections.abc import Mapping, Sequence

from intents.furigana import annotate, furigana
from intents.plain import Finding, answer_texts, finding, lint_answer, measure_sentences, score
from intents.plain_files import BaseFile, UnreadableFile, base_files, with_ruby
from intents.plain_text import Sentence, sentences
from intents.ruby import MarkupError, as_markup, parse_markup, unread
from intents.wordlevels import AuthoringToolsMissing


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-commands; each sets `run`, which takes the parsed arguments and gives the exit code."""
    lint = subparsers.add_parser("lint", help="check that the base answers are やさしい日本語")
    lint.add_argument("intents", nargs="*", metavar="intent", help="intent id or file; all of them when none is named")
    lint.add_argument("-q", "--quiet", action="store_true", help="errors only, no warnings")
    lint.set_defaults(run=run_lint)
    readings = subparsers.add_parser("furigana", help="make the readings of the base answers")
    readings.add_argument("intents", nargs="*", metavar="intent", help="intent id or file; all when none is named")
    readings.add_argument("--write", action="store_true", help="store them as the `ruby` block of each file")
    readings.add_argument("--text", help="show the mark-up of this text and touch no file")
    readings.set_defaults(run=run_furigana)


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
    found = [*lint_answer(file.answer, values=file.values), *unread_parts(file)]
    for field, f in found:
        if f.severity == "error" or not quiet:
            mark = {"error": "", "warning": "warning: ", "info": "info: "}[f.severity]
            print(f"{file.name}: {field}: {mark}{f.rule}: {f.message_ja}{f.hint}")
    for field, _, text in answer_texts(file.answer):
        for allowance in (a for sentence in sentences(text, file.values) for a in sentence.allowances):
            print(f"{file.name}: {field}: allowed: {allowance.rule}: {allowance.reason}")
    return sum(f.severity == "error" for _, f in found)


def unread_parts(file: BaseFile) -> list[tuple[str, Finding]]:
    """Where a reader would meet kanji without a reading (E18): no ruby block, one of an older text, or a gap in it."""
    if not file.ruby or file.ruby_rev != file.rev:
        return [("ruby", finding("E18", (0, 0), file.answer["title"]))]
    found: list[tuple[str, Finding]] = []
    for field, _, markup in answer_texts(file.ruby):
        try:
            bare = unread(parse_markup(markup))
        except MarkupError:
            bare = [markup]
        found += [(f"ruby.{field}", finding("E18", (0, 0), base)) for base in bare]
    return found


def run_furigana(arguments: argparse.Namespace) -> int:
    """Print or write the readings and what a person must look at; 1 when a word has no reading."""
    try:
        if arguments.text is not None:
            return _show("text", arguments.text, {})
        return max([_furigana_file(file, write=arguments.write) for file in base_files(arguments.intents)], default=0)
    except (UnreadableFile, AuthoringToolsMissing, MarkupError) as error:
        print(error, file=sys.stderr)
        return 2


def _furigana_file(file: BaseFile, *, write: bool) -> int:
    codes = [_show(f"{file.name}: {f}", text, file.values, quiet=write) for f, _, text in answer_texts(file.answer)]
    if write and not any(codes):
        text = with_ruby(file, ruby_of(file))
        if text != file.raw:
            file.path.write_bytes(text.encode())
            print(f"{file.name}: written")
    return max(codes, default=0)


def ruby_of(file: BaseFile) -> dict[str, str | list[str]]:
    """The ruby block of a file: the shape of its answer, each text as mark-up."""
    ruby: dict[str, str | list[str]] = {}
    for field, _, text in answer_texts(file.answer):
        markup = as_markup(furigana(text, file.values))
        if field.startswith("steps"):
            steps = ruby.setdefault("steps", [])
            assert isinstance(steps, list)
            steps.append(markup)
        else:
            ruby[field] = markup
    return ruby


def _show(place: str, text: str, values: Mapping[str, str], *, quiet: bool = False) -> int:
    found = annotate(text, values)
    if not quiet:
        print(f"{place}: {as_markup(found.segments)}")
    for problem in found.problems:
        if problem.kind == "oov":
            print(f"{place}: error: 「{problem.surface}」の 読み方が わかりません。{{漢字|かんじ}}と 書いて ください。")
        else:
            print(f"{place}: warning: 「{problem.surface}」は 読み方が 2つ あります。{problem.rule}")
    return int(any(problem.kind == "oov" for problem in found.problems))


def _print_measures(files: Sequence[BaseFile]) -> None:
    everything: list[Sentence] = []
    per_answer: list[tuple[float, str]] = []
    points = 0
    for file in files:
        parts = [part for _, _, text in answer_texts(file.answer) for part in sentences(text, file.values)]
        own = score(f for _, f in lint_answer(file.answer, values=file.values))
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
