"""The `koban` command."""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import gc
import logging
import os
import sys
from collections.abc import Iterator, Sequence

from bot import database_trouble, records
from bot.errors import DeploymentError, KobanError, SettingsError
from intents.errors import CatalogueError
from storage.database import DatabaseUrlError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 done, 1 failed, 2 wrong call, settings, deployment file or content."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except SettingsError as error:
        return _complain("These settings are wrong:", error.problems)
    except DeploymentError as error:
        return _complain("The deployment file is wrong:", error.problems)
    except CatalogueError as error:
        return _complain("The content is wrong:", [str(problem) for problem in error.problems])
    except DatabaseUrlError:
        return _complain("These settings are wrong:", [
            "KOBAN_DATABASE_URL is not an address of SQLite or PostgreSQL: write sqlite:////srv/koban/koban.db "
            "or postgresql://user:password@host/name"
        ])
    except KobanError as error:
        return _complain("This did not work:", [str(error)], code=1)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        sentence = database_trouble.sentence_of(error)
        if options.is_served or sentence is None:  # what runs for long has a log, where the frames belong
            raise
        return _complain("This did not work:", [sentence], code=1)
    return code


def _complain(heading: str, problems: Sequence[str], *, code: int = 2) -> int:
    print(heading, *(f"  {problem}" for problem in problems), sep="\n", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="koban", description="A Telegram bot of a police for foreign residents, with its staff console.",
        epilog="Settings are read from the environment: the README has the table. Exit codes: 0 done, 1 failed, "
               "2 wrong call, settings, deployment file or content.",
    )
    parser.set_defaults(is_served=False)
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, run: object, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    demo = add("demo", _demo, "run everything on this machine with a phone in the browser; needs no settings")
    demo.add_argument("--phone-port", type=int, default=8081, help="port of the phone (default 8081, or any free one)")
    demo.add_argument("--console-port", type=int, default=8080, help="port of the console (default 8080, or any free "
                                                                     "one)")
    demo.set_defaults(is_served=True)
    for name, roles, text in (
        ("run", ["bot", "worker", "console"], "run bot, worker and console in one process"),
        ("bot", ["bot"], "run the bot alone: receive, decide, answer"),
        ("worker", ["worker"], "run the worker alone: notices, schedule, what is left in the outbox"),
        ("console", ["console"], "run the staff console alone"),
    ):
        add(name, _run, text).set_defaults(is_served=True, roles=roles)
    understand = add("understand", _understand, "read JSON lines on stdin, write what each message means on stdout")
    understand.epilog = ('For example: echo \'{"text": "mất xe đạp"}\' | koban understand. '
                         '"language_code" (of Telegram) and "locale" (chosen by the resident) may be given too.')
    add("doctor", _doctor, "check settings, token, database, content, and say what to do")
    add("migrate", _migrate, "bring the database up to date (run, bot, worker and console do it too)")
    records.add_commands(add)
    add("new-key", _new_key, "print a fresh key for KOBAN_KEYS")
    staff = add("add-staff", _add_staff, "add a member of staff and print the link that signs them in once")
    staff.add_argument("username", help="what they sign in with: letters, digits, dots and hyphens")
    staff.add_argument("--name", required=True, help="the name shown to colleagues")
    staff.add_argument("--role", required=True, help="operator, interpreter, station_chief, promotion_office, "
                                                     "publisher, approver, administrator")
    staff.add_argument("--section", help="id of the section, of the deployment file")
    staff.add_argument("--station", help="id of the station, of the deployment file")
    notice = add("notice", None, "send an approved notice from here").add_subparsers(required=True, metavar="do")
    send = notice.add_parser("send", help="send an approved notice now, under the name of a member of staff")
    send.add_argument("id", type=int, help="number of the notice, as in the address of its page")
    send.add_argument("--as", dest="username", help="user name of who sends it; not needed to watch one under way")
    send.add_argument("--watch", action="store_true", help="show how far it is until it has ended")
    send.set_defaults(run=_send_notice)
    return parser


def _demo(options: argparse.Namespace) -> int:
    from bot import app, demo, logs

    logs.configure("WARNING")
    # On a slow machine a tick is skipped while the one before still runs: that would bury the links.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)

    async def go() -> None:
        await demo.run(app.stop_on_signals(), phone_port=options.phone_port, console_port=options.console_port)

    asyncio.run(go())
    return 0


GARBAGE_EVERY = 10_000  # objects that came and did not go; Python's own 700 is a batch of two messages


@contextlib.contextmanager
def _kept_for_good() -> Iterator[None]:
    """Leave what is made in the block out of the search for garbage.

    Modules, texts and tables stay as long as the process. Looking through them again and again cost half a second of
    the start, and 0.1 s at every thousandth message.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def _run(options: argparse.Namespace) -> int:
    with _kept_for_good():
        from bot import app, logs
        from bot.config import read_settings

        settings = read_settings(os.environ)
        logs.configure(settings.log_level)
        built = app.build(settings)
    gc.set_threshold(GARBAGE_EVERY)

    async def go() -> None:
        await app.run(built, options.roles, app.stop_on_signals())

    asyncio.run(go())
    return 0


def _understand(_options: argparse.Namespace) -> int:
    from bot.i18n import ROOT
    from intents.understand import run_lines

    sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    run_lines(sys.stdin, sys.stdout, ROOT)
    return 0


def _doctor(_options: argparse.Namespace) -> int:
    from bot import doctor

    return asyncio.run(doctor.run(os.environ))


def _migrate(_options: argparse.Namespace) -> int:
    from bot import app
    from bot.config import read_settings

    built = app.build(read_settings(os.environ))

    async def go() -> None:
        try:
            await app.prepare_database(built)
        finally:
            await built.database.close()

    asyncio.run(go())
    print("The database is up to date.")
    return 0


def _new_key(_options: argparse.Namespace) -> int:
    from storage.sealing import new_key

    print(base64.b64encode(new_key()).decode())
    return 0


def _add_staff(options: argparse.Namespace) -> int:
    from bot import app
    from bot.config import read_settings
    from bot.console.accounts import add_staff, login_link_url
    from bot.demo import LINK_LIFETIME
    from storage import staff as staff_rows
    from storage.models import Role

    if options.role not in set(Role):
        return _complain("This did not work:", [f"{options.role} is no role: choose one of {', '.join(Role)}"])
    built = app.build(read_settings(os.environ))
    places = ((options.section, "section", [section.id for section in built.deployment.sections]),
              (options.station, "station", [station.id for station in built.deployment.stations]))
    for chosen, what, known in places:
        if chosen is not None and chosen not in known:
            return _complain("This did not work:", [
                f"{chosen} is no {what} of the deployment file: choose one of {', '.join(known)}"
            ])

    async def go() -> str:
        await app.prepare_database(built)
        now = app.utc_now()
        async with built.database.transaction() as session:
            person = await add_staff(
                session, username=options.username, display_name=options.name, role=Role(options.role),
                section_id=options.section, station_id=options.station, now=now,
            )
            token = await staff_rows.add_login_link(session, person.id, expires_at=now + LINK_LIFETIME)
        await built.database.close()
        return login_link_url(built.settings, token)

    hours = LINK_LIFETIME.total_seconds() / 3600
    print(f"{options.name} signs in once with this link, within {hours:.0f} hours, then sets a password:\n"
          f"{asyncio.run(go())}")
    return 0


def _send_notice(options: argparse.Namespace) -> int:
    from bot import app, notice_terminal
    from bot.config import read_settings

    built = app.build(read_settings(os.environ))

    async def go() -> int:
        try:
            return await notice_terminal.send(
                built.database, options.id, username=options.username, is_watched=options.watch, clock=app.utc_now,
                limits=app.notice_limits(built),
            )
        finally:
            await built.database.close()

    return asyncio.run(go())


if __name__ == "__main__":
    sys.exit(main())
