"""`koban demo`: the real bot, the console and a phone in the browser, on this machine only, with nothing set up.

The phone talks the real Bot API to the real bot. Everything is on loopback and begins empty at each start.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import socket
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.panel import Panel

from bot import app as application
from bot import demo_events
from bot.config import Settings
from bot.console.accounts import add_staff, login_link_url
from bot.i18n import ROOT
from bot.simulator.models import Config
from bot.simulator.server import SimulatorServer
from storage import staff as staff_rows
from storage.models import Role
from storage.sealing import new_key

LOOPBACK = "127.0.0.1"
DEMO_TOKEN = "110110110:demo-token-for-the-simulator-only-00"  # noqa: S105 - of our own simulator
FIRST_CHANNEL = -1001100000001
LINK_LIFETIME = timedelta(hours=8)
_PEOPLE = (
    ("takahashi", "高橋（推進室）", Role.PROMOTION_OFFICE, None, "reads every consultation, writes notices"),
    ("suzuki", "鈴木（承認者）", Role.APPROVER, None, "approves notices that another person wrote"),
    ("sato", "佐藤（犯罪抑止対策）", Role.OPERATOR, "seian_yokushi", "sees the desk for stolen bicycles only"),
    ("ito", "伊藤（人身安全対策）", Role.OPERATOR, "jinshin", "another desk: accepts transfers, or returns them"),
    ("nguyen", "グエン（通訳官）", Role.INTERPRETER, "sotai_kokusai", "translates what is sent to the interpreters"),
    ("tanaka", "田中（管理者）", Role.ADMINISTRATOR, None, "adds staff"),
)


def settings_for_demo(folder: Path, *, phone_port: int, console_port: int) -> Settings:
    """Return settings that need no environment. folder: is emptied; holds the database of this run."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    return Settings(
        telegram_token=SecretStr(DEMO_TOKEN),
        telegram_api_url=f"http://{LOOPBACK}:{phone_port}",
        database_url=SecretStr(f"sqlite:///{folder / 'koban.db'}"),
        ledger=folder / "ledger.jsonl",
        keys=SecretStr(base64.b64encode(new_key()).decode()),
        console_listen=f"{LOOPBACK}:{console_port}",
        console_url=f"http://{LOOPBACK}:{console_port}",
        log_level="WARNING",
    )


def free_port(wanted: int) -> int:
    """Return the port wanted when it is free, otherwise any free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free on this machine")


async def run(stop: asyncio.Event, *, phone_port: int = 8081, console_port: int = 8080) -> None:
    """Run the demo until `stop` is set. Ports that are taken are replaced by free ones."""
    screen = Console()
    phone_port, console_port = free_port(phone_port), free_port(console_port)
    with screen.status("Reading the answers in every language …"):
        settings = settings_for_demo(ROOT / "var" / "demo", phone_port=phone_port, console_port=console_port)
        app = await asyncio.to_thread(application.build, settings)
        await application.prepare_database(app)
        links = await _add_people(app)
        async with app.database.transaction() as session:
            await demo_events.add(session, app.deployment, now=application.utc_now())
    async with SimulatorServer(Config(tokens=(DEMO_TOKEN,)), port=phone_port) as simulator:
        for number, (tag, channel) in enumerate(app.deployment.notice.channels.items()):
            simulator.state.add_group(FIRST_CHANNEL - number, f"{app.deployment.name(tag)} 📢", kind="channel",
                                      username=str(channel).removeprefix("@"), language=tag)
        task = asyncio.create_task(application.run(app, application.ROLES, stop))
        _tell(screen, settings, links)
        await task


async def _add_people(app: application.App) -> list[tuple[str, str, str]]:
    """Add the demo staff; returns (name, what they are for, link that signs in once)."""
    now = application.utc_now()
    links = []
    async with app.database.transaction() as session:
        for username, name, role, section_id, purpose in _PEOPLE:
            person = await add_staff(
                session, username=username, display_name=name, role=role, section_id=section_id, now=now
            )
            if role == Role.INTERPRETER:
                person.languages = ",".join(tag for tag in app.parts.screens.offered_tags if not tag.startswith("ja"))
            token = await staff_rows.add_login_link(session, person.id, expires_at=now + LINK_LIFETIME)
            links.append((name, purpose, login_link_url(app.settings, token)))
    return links


def _tell(screen: Console, settings: Settings, links: list[tuple[str, str, str]]) -> None:
    screen.print(Panel.fit(
        f"[bold]Phone simulator[/]  {settings.telegram_api_url}/phone\n"
        f"[bold]Staff console[/]    {settings.console_url}   (links that sign in are below)",
        title="Koban demo", subtitle="fictional prefecture, this machine only, Ctrl+C ends it",
    ))
    for name, purpose, link in links:
        screen.print(f"  [bold]{name}[/]  {purpose}\n    {link}", soft_wrap=True, highlight=False)
    screen.print(
        "\nTry this first:\n"
        "  1. On the phone, write [bold]mất xe đạp[/] (a stolen bicycle, in Vietnamese).\n"
        "  2. Tap “talk to staff”, agree, write anything, choose a town.\n"
        "  3. In the console, open the consultation as 高橋, take it, and answer: the phone rings.\n"
        "  4. On the phone, tap the notices button and turn them on. In the console, submit the June notice as 高橋,\n"
        "     approve it as 鈴木, and schedule it for the next minute (between 8:00 and 21:00 in Japan).\n"
        "  5. The calendar of notices holds the year's campaigns and a fictional year of events: send an invitation.\n",
        soft_wrap=True, highlight=False,
    )
