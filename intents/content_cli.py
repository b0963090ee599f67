"""The sub-commands check, rev, coverage, export-po, import-po, add-intent and add-locale."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from intents.catalogue import Catalogue, load_catalogue
from intents.errors import CatalogueError, IntentsError

ROOT = Path(__file__).resolve().parent.parent


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-commands about content."""
    check = subparsers.add_parser("check", help="report everything wrong in the data files, one line each")
    check.add_argument("--only", metavar="INTENT", help="check this intent alone, in all languages")
    check.add_argument("--errors", action="store_true", help="leave the warnings out")
    check.add_argument("--facts", action="store_true", help="list what the police has to confirm before release")
    check.set_defaults(func=run_check)
    rev = subparsers.add_parser("rev", help="print the fingerprint that a translation names as source_rev")
    rev.add_argument("intent", nargs="*", help="intent ids; all when none is given")
    rev.set_defaults(func=run_rev)
    coverage = subparsers.add_parser("coverage", help="show how far each language is")
    coverage.add_argument("--csv", action="store_true", help="one line for each language and topic, for a spreadsheet")
    coverage.set_defaults(func=run_coverage)
    export = subparsers.add_parser("export-po", help="write the answers of a language as a PO file for translators")
    export.set_defaults(func=run_export_po)
    import_ = subparsers.add_parser("import-po", help="take the answers of a translated PO file over as drafts")
    import_.set_defaults(func=run_import_po)
    for command in (export, import_):
        command.add_argument("tag", help="BCP 47 tag")
        command.add_argument("file", type=Path)
    intent = subparsers.add_parser("add-intent", help="write the skeleton of a new intent")
    intent.add_argument("name", metavar="TOPIC/INTENT")
    intent.set_defaults(func=run_add_intent)
    locale = subparsers.add_parser("add-locale", help="write the skeleton of a new language")
    locale.add_argument("tag", help="BCP 47 tag")
    locale.add_argument("name", help="the language's own name for itself")
    locale.set_defaults(func=run_add_locale)
    for command in (check, rev, coverage, export, import_, intent, locale):
        command.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)


def run_check(options: argparse.Namespace) -> int:
    """Print the problems; 1 when one of them is an error."""
    from intents.checks import check_all, facts_to_confirm, open_facts

    if options.only and not list((options.root / "intents/topics").glob(f"*/{options.only}.yaml")):
        print(f"there is no intent `{options.only}` below intents/topics/", file=sys.stderr)
        return 2
    catalogue, problems = check_all(options.root, only=options.only)
    if options.facts:
        if catalogue is None:
            return 1
        shown, left_out = facts_to_confirm(catalogue), open_facts(options.root, catalogue)
        for problem in (*shown, *left_out):
            print(problem)
        print(f"{len(shown)} values and contacts that answers show, and {len(left_out)} statements that they leave "
              "out or word without a figure, wait for the police")
        return 1 if any(problem.severity == "error" for problem in left_out) else 0
    n_errors = sum(problem.severity == "error" for problem in problems)
    for problem in problems:
        if problem.severity == "error" or not options.errors:
            print(problem)
    if catalogue is not None:
        print(f"{len(catalogue.intents)} intents, {len(catalogue.translations)} translations: {n_errors} errors, "
              f"{len(problems) - n_errors} warnings")
    return 1 if n_errors else 0


def run_rev(options: argparse.Namespace) -> int:
    """Print `rev  intent` for each intent, the bare rev for one; 1 when one does not exist or cannot be read."""
    wanted = list(options.intent)
    catalogue = _load(options.root, wanted[0] if len(wanted) == 1 else None)
    for intent_id in wanted or catalogue.intents:
        intent = catalogue.intents.get(intent_id)
        if intent is not None and intent.rev:
            print(intent.rev if len(wanted) == 1 else f"{intent.rev}  {intent_id}")
    missing = [intent_id for intent_id in wanted if intent_id not in catalogue.intents]
    for intent_id in missing:
        print(f"`{intent_id}` does not exist or has errors; run `python -m intents check --only {intent_id}`",
              file=sys.stderr)
    return 1 if missing else 0


def _load(root: Path, only: str | None = None) -> Catalogue:
    try:
        return load_catalogue(root, strict=False, only=only)
    except CatalogueError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None


def run_coverage(options: argparse.Namespace) -> int:
    """Print the table of languages and topics."""
    from intents.coverage import as_csv, coverage, table

    rows = coverage(_load(options.root))
    print(as_csv(rows) if options.csv else table(rows))
    return 0


def run_export_po(options: argparse.Namespace) -> int:
    """Write the PO file; 1 when the language is not there or the file cannot be written."""
    from intents.po import export_po

    try:
        whole = io.BytesIO()  # a mistaken tag must not empty a file that is there
        n_empty = export_po(_load(options.root), options.tag, whole)
        options.file.write_bytes(whole.getvalue())
    except (IntentsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.file}: written; {n_empty} texts wait for their translation")
    return 0


def run_import_po(options: argparse.Namespace) -> int:
    """Write the answers that came back; 1 when some could not be taken, with the reason for each."""
    from intents.po import import_po

    try:
        with options.file.open("rb") as stream:
            done = import_po(_load(options.root), options.root, options.tag, stream)
    except (IntentsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for reason in done.left:
        print(f"left as it was: {reason}", file=sys.stderr)
    print(f"{len(done.written)} answers written as drafts, {len(done.left)} left; now run `python -m intents check`")
    return 1 if done.left else 0


def run_add_intent(options: argparse.Namespace) -> int:
    """Write a new intent; 1 when the name is malformed or taken."""
    from intents.scaffold import add_intent

    try:
        path = add_intent(options.root, options.name)
    except IntentsError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path}: fill it in, then run `python -m intents check --only {path.stem}`")
    return 0


def run_add_locale(options: argparse.Namespace) -> int:
    """Write a new language; 1 when the tag is unknown or taken."""
    from intents.scaffold import add_locale

    try:
        folder = add_locale(options.root, options.tag, options.name)
    except IntentsError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{folder}: begin with danger.yaml, danger_cards.yaml (copy that of locales/en), messages.po and the "
          "urgent intents; `python -m bot.i18n update` fills messages.po with what is to be translated")
    return 0
