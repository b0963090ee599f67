"""build(settings): the one place where parts are created and joined, and the run of each role."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import uvicorn
from starlette.applications import Starlette

from bot import conversation, notices
from bot.answers import Screens
from bot.classifier import RemoteClassifier
from bot.config import Settings, split_address
from bot.console.app import ConsoleParts, create_app
from bot.conversation import Parts
from bot.deployment import Deployment, load_deployment, write_rows
from bot.errors import SettingsError
from bot.i18n import ROOT, load_strings
from bot.keys import use_key_of_database
from bot.notice_rules import NoticeLimits
from bot.outbox import NOTICES_IN_FLIGHT, Outbox
from bot.staff_group import StaffGroup
from bot.telegram.commands import announce_commands
from bot.telegram.fetcher import Fetcher
from bot.telegram.handlers import Handler
from bot.telegram.limiter import Limiter
from bot.telegram.receiver import Polling, Webhook
from bot.telegram.sender import Sender, create_bot
from bot.telegram.uploads import Uploads
from bot.translation.machine import machine_of
from bot.worker import Clockwork, NoticeRenderer, new_process_id
from intents.cards import load_cards
from intents.catalogue import load_catalogue
from intents.understand import Understander
from storage import deliveries, migrate
from storage.database import Database

log = logging.getLogger(__name__)

Stop = Callable[[], Awaitable[None]]

ROLES = ("bot", "worker", "console")
END_S = 20.0  # how long a part has to come to its end
PAID_IN_FLIGHT = 100  # above the free rate, more requests must be on their way at once


def utc_now() -> datetime:
    """Return the present moment, aware and UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class App:
    """Everything that was built, not yet running."""

    settings: Settings
    database: Database
    deployment: Deployment
    parts: Parts


def build(settings: Settings) -> App:
    """Create the parts. Reads the content and the deployment file; opens no connection.

    Raises SettingsError, DeploymentError, or the content's own error when the base answers are broken. A broken
    translation is left out, and its residents get the fallback.
    """
    catalogue = load_catalogue(ROOT, strict=False)
    path = settings.deployment if settings.deployment.is_absolute() else ROOT / settings.deployment
    deployment = load_deployment(path, catalogue)
    for problem in catalogue.problems:
        log.warning("content left out: %s", problem)
    screens = Screens(
        catalogue=catalogue.with_local_contacts(deployment.local_contacts), cards=load_cards(ROOT),
        strings=load_strings(ROOT), unchecked=deployment.unchecked,
    )
    understander = Understander.load(ROOT, encoder=settings.encoder)
    sealer = settings.sealer()
    return App(
        settings=settings, database=Database(settings.database_url.get_secret_value()), deployment=deployment,
        parts=Parts(
            screens=screens, understander=understander, deployment=deployment, sealer=sealer,
            classifier=_classifier(settings, screens),
        ),
    )


def _classifier(settings: Settings, screens: Screens) -> RemoteClassifier | None:
    """Return the second reader that the settings name, which chooses among the intents that have an answer."""
    if settings.classifier_url is None:
        return None
    titles = {
        intent.id: translation.text.title
        for intent in screens.catalogue
        if intent.base is not None and (translation := screens.catalogue.translations.get(("en", intent.id)))
    }
    key = settings.classifier_key.get_secret_value() if settings.classifier_key else ""
    return RemoteClassifier(
        settings.classifier_url, settings.classifier_model or "", titles, key=key, timeout_s=settings.classifier_timeout
    )


def notice_limits(app: App) -> NoticeLimits:
    """Return what sending notices is held to."""
    return NoticeLimits.of(
        app.deployment, app.parts.screens.offered_tags, telegram_rate=app.settings.telegram_rate
    )


async def prepare_database(app: App) -> None:
    """Bring the tables up to date and make sections and stations those of the deployment.

    Raises SettingsError when the folder of a SQLite file cannot be made.
    """
    try:
        app.database.make_folder()
    except OSError as error:
        raise SettingsError([f"KOBAN_DATABASE_URL: its folder cannot be made ({error.strerror})"]) from error
    await migrate.upgrade(app.database)
    async with app.database.transaction() as session:
        await write_rows(session, app.deployment)
        await use_key_of_database(session, app.parts.sealer)


async def run(app: App, roles: Sequence[str], stop: asyncio.Event) -> None:
    """Run roles in one loop until `stop` is set, then finish what is under way.

    roles: some of ROLES. The database is asked for as long as it is away at start, unless it is wrong for good.
    """
    await _until_prepared(app, stop)
    if stop.is_set():
        return
    async with contextlib.AsyncExitStack() as stack:
        if "bot" in roles or "worker" in roles:
            await stack.enter_async_context(_messaging(app, roles))
        if "console" in roles:
            await stack.enter_async_context(_serving(console(app), app.settings.console_listen))
        log.info("koban is running: %s", ", ".join(roles))
        await stop.wait()
        log.info("koban is stopping")
    await app.database.close()


async def _until_prepared(app: App, stop: asyncio.Event) -> None:
    delay = 0.5
    while not stop.is_set():
        try:
            await prepare_database(app)
        except (OSError, ConnectionError) as error:
            log.error("the database does not answer (%s); trying again in %.0f s", type(error).__name__, delay)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), delay)
            delay = min(delay * 2, 30)
        else:
            return


def console(app: App) -> Starlette:
    """Return the staff console as an ASGI application."""
    return create_app(ConsoleParts(
        database=app.database, sealer=app.parts.sealer, strings=app.parts.screens.strings, deployment=app.deployment,
        screens=app.parts.screens, settings=app.settings, clock=utc_now, machine=machine_of(app.settings),
    ))


@contextlib.asynccontextmanager
async def _messaging(app: App, roles: Sequence[str]) -> AsyncIterator[None]:
    """The outbox and its clock; with the role `bot` also the receiver and the handler."""
    settings, parts = app.settings, app.parts
    if settings.telegram_token is None:
        raise SettingsError(["KOBAN_TELEGRAM_TOKEN is missing: BotFather gives one; or try `koban demo`"])
    process_id = new_process_id()
    async with create_bot(settings) as bot:
        rules = app.deployment.notice
        limiter = Limiter(rate=_share_of_rate(settings.telegram_rate, roles), notice_rate=rules.rate)
        sender = Sender(bot, limiter, uploads=Uploads(app.database, clock=utc_now))
        renderer = NoticeRenderer(app.database, parts.screens, clock=utc_now, bot_name=sender.bot_name)
        outbox = Outbox(
            app.database, parts.sealer, sender.send, renderer, process_id=process_id, clock=utc_now,
            takes_notices="worker" in roles, words=parts.screens.words, render_post=renderer.post,
            notices_in_flight=PAID_IN_FLIGHT if settings.telegram_rate > 30 else NOTICES_IN_FLIGHT,
            is_quiet=rules.quiet.is_quiet if rules.quiet else lambda _at: False,
            stop_notice=lambda notice_id, trouble: notices.stop_for_errors(
                app.database, notice_id, now=utc_now(), **asdict(trouble)
            ),
        )
        clockwork = Clockwork(
            app.database, outbox, screens=parts.screens, deployment=app.deployment, sealer=parts.sealer,
            process_id=process_id,
            role=deliveries.EVERYTHING_IN_ONE if set(roles) == set(ROLES) else "+".join(roles),
            runs_notices="worker" in roles, ledger=settings.ledger, clock=utc_now,
            staff_group=None if app.deployment.staff_group is None else StaffGroup(
                app.database, sender.send, address=app.deployment.staff_group, url=settings.console_url, clock=utc_now
            ),
            share_notices=limiter.share_notices,
        )
        await clockwork.start()
        sending = asyncio.create_task(outbox.run(), name="outbox")
        tasks = [sending]
        ends: list[list[tuple[Stop, asyncio.Task[None]]]] = [[(outbox.stop, sending)]]
        if "bot" in roles:
            handler = Handler(
                app.database, parts, outbox, sender, process_id=process_id, clock=utc_now,
                respond=conversation.respond, understand=conversation.understand,
                respond_without_database=conversation.respond_without_database,
            )
            receiver_type = Webhook if settings.telegram_mode == "webhook" else Polling
            receiver = receiver_type(
                bot, app.database, parts, sender, handler, settings=settings, clock=utc_now,
                stays_in=(*rules.channels.values(), *filter(None, [app.deployment.staff_group])),
            )
            fetcher = Fetcher(bot, app.database, parts.sealer, words=parts.screens.words, clock=utc_now)
            fetching = asyncio.create_task(fetcher.run(), name="fetcher")
            handling = asyncio.create_task(handler.run(), name="handler")
            receiving = asyncio.create_task(receiver.run(), name="receiver")
            tasks += [fetching, handling, receiving,
                      asyncio.create_task(announce_commands(bot, parts.screens), name="commands")]
            ends[:0] = [[(receiver.stop, receiving)], [(handler.stop, handling), (fetcher.stop, fetching)]]
        for task in tasks:
            task.add_done_callback(_report)
        try:
            yield
        finally:
            # In this order: nothing new is fetched, what was fetched is handled, what was queued is sent.
            await end_in_turn(ends)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            clockwork.stop()


async def end_in_turn(ends: Sequence[Sequence[tuple[Stop, asyncio.Task[None]]]]) -> None:
    """Stop parts group after group: the next only once the one before has ended, since it takes what that hands on."""
    for group in ends:
        for stop, _task in group:
            await stop()
        running = [task for _stop, task in group]
        _done, late = await asyncio.wait(running, timeout=END_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _share_of_rate(rate: int, roles: Sequence[str]) -> int:
    """Return this process's part of the rate: limiters of several processes know nothing of each other.

    The bot alone keeps a third for answers; the worker alone has the rest for notices and replies. Several workers
    share the rate of notices by their heartbeats.
    """
    if "bot" in roles and "worker" in roles:
        return rate
    return max(1, rate // 3) if "bot" in roles else max(1, rate - rate // 3)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.critical("%s ended with an error", task.get_name(), exc_info=error)


@contextlib.asynccontextmanager
async def _serving(application: Starlette, listen: str) -> AsyncIterator[None]:
    host, port = split_address(listen)
    server = uvicorn.Server(uvicorn.Config(
        application, host=host, port=port, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=3, proxy_headers=False,
    ))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # `koban` has its own
    task = asyncio.create_task(server._serve(), name="console")
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has a flag, not an event
            await asyncio.sleep(0.02)
        if task.done():
            await task
            raise SettingsError([f"the console cannot listen on {listen}: is another process using it?"])
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(name, stop.set)
    return stop
