"""Pictures and leaflets of notices against the strict local server: captions, one upload, kills, withdrawal."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession
from telegram import Bot

from bot import followups, notice_files, notices, trials
from bot.answers import Screens
from bot.deployment import load_deployment
from bot.errors import WrongState
from bot.i18n import ROOT
from bot.notice_channels import Channels
from bot.outbox import Outbox
from bot.outgoing import Outgoing, StoredFile
from bot.simulator.faults import Fault
from bot.simulator.files import sample_png
from bot.simulator.server import SimulatorServer
from bot.telegram.limiter import Limiter
from bot.telegram.sender import Sender
from bot.telegram.uploads import LEASE, Uploads
from bot.worker import NoticeRenderer
from storage import deliveries, links
from storage import notice_files as rows
from storage.database import Database
from storage.models import Delivery, Notice, NoticeFile, NoticeStatus, Role, Staff, Urgency
from storage.sealing import Sealer
from tests.conftest import Clock
from tests.factories import make_chat, make_notice, make_staff
from tests.telegram.test_channels import VI, screens

__all__ = ["screens"]
PICTURE = sample_png(64, 32)
OTHER_PICTURE = sample_png(32, 64)
LEAFLET = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
LONG = "長いお知らせです。" * 150
FIRST = 600
TWO_DAYS_S = 48 * 3600


class Office:
    """A worker, residents, and a notice with files that two people brought to its schedule."""

    def __init__(
        self, database: Database, sealer: Sealer, bot: Bot, clock: Clock, simulator: SimulatorServer, screens: Screens
    ) -> None:
        self.database, self.sealer, self.clock, self.state, self.bot = database, sealer, clock, simulator.state, bot
        self.screens = screens
        self.state.add_group(VI, "Tiếng Việt", kind="channel")
        self.channels = Channels({"vi": VI}, screens.catalogue.locales, sealer)
        self.outbox = self.new_outbox("one")

    def new_outbox(self, process_id: str) -> Outbox:
        """The outbox of a process that has just started: it remembers no upload."""
        sender = Sender(self.bot, Limiter(rate=1000), uploads=Uploads(self.database, clock=self.clock))
        renderer = NoticeRenderer(self.database, self.screens, clock=self.clock, bot_name=sender.bot_name)
        return Outbox(self.database, self.sealer, sender.send, renderer, render_post=renderer.post,
                      process_id=process_id, clock=self.clock, jitter=lambda: 0.5)

    async def notice(
        self, files: dict[str, bytes], *, n_residents: int = 1, body: str = "お知らせです。", **values: Any
    ) -> int:
        """Write, approve and schedule a notice. files: language → content, each with the alt text `alt <language>`."""
        async with self.database.transaction() as session:
            for number in range(FIRST, FIRST + n_residents):
                self.state.add_resident("R", "vi", id=number, started=True)
                await make_chat(session, sealer=self.sealer, address=number, subscribed=True)
            writer = await make_staff(session, role=Role.PUBLISHER)
            approver = await make_staff(session, role=Role.APPROVER)
            values = {"texts": {"ja-simple": body, "vi": body}} | values
            notice = await make_notice(session, author=writer, send_at=self.clock(), **values)
            for tag, content in files.items():
                language = tag.partition(" ")[0]
                await notice_files.add(session, notice, writer, language, content, f"alt {language}", now=self.clock())
            await notices.submit(session, notice, writer, now=self.clock())
            await notices.approve(session, notice, approver, notice.revision, now=self.clock(),
                                  seen=await notices.fingerprint_of(session, notice))
            notice.status = NoticeStatus.SCHEDULED
            return notice.id

    async def work(self) -> None:
        """Tick and send everything that is due."""
        self.clock.advance(seconds=3)
        await notices.tick(self.database, now=self.clock(), channels=self.channels)
        await self.outbox.deliver_all()
        await notices.tick(self.database, now=self.clock(), channels=self.channels)

    async def states(self, notice_id: int) -> dict[str, int]:
        """State → how many residents."""
        async with self.database.reading() as session:
            return await deliveries.count_by_status(session, notice_id)

    def said(self, resident: int = FIRST) -> list[dict[str, Any]]:
        """What the bot wrote to a resident."""
        return self.state.from_bot(resident)

    def uploads(self) -> int:
        """How often a file went up."""
        return sum(str(call.params.get("photo", call.params.get("document", ""))).startswith("<file ")
                   for call in self.state.calls if call.status == 200)


@pytest.fixture
def office(
    database: Database, sealer: Sealer, bot: Bot, clock: Clock, simulator: SimulatorServer, screens: Screens
) -> Office:
    return Office(database, sealer, bot, clock, simulator, screens)


async def test_a_short_text_stands_under_the_picture_which_is_uploaded_once(office: Office) -> None:
    notice_id = await office.notice({"vi": PICTURE}, n_residents=25)
    await office.work()
    assert await office.states(notice_id) == {"sent": 25}
    for number in range(FIRST, FIRST + 25):
        [message] = office.said(number)
        assert "お知らせです。" in message["caption"]
        assert "🖼 alt vi" in message["caption"]
        assert any(entity["type"] == "bold" for entity in message["caption_entities"])
        assert message["reply_markup"]["inline_keyboard"]
    assert office.uploads() == 1
    assert len({office.said(number)[0]["photo"][0]["file_id"] for number in range(FIRST, FIRST + 25)}) == 1
    office.outbox = office.new_outbox("after a restart")
    office.clock.advance(days=1)
    async with office.database.transaction() as session:
        again = await followups.repeat(session, await notices.get(session, notice_id), await office_writer(session),
                                       now=office.clock())
        again.status, again.send_at = NoticeStatus.SCHEDULED, office.clock()
    await office.work()
    assert office.uploads() == 1, "neither a restart nor a repetition uploads it again"
    assert [len(office.said(number)) for number in (FIRST, FIRST + 24)] == [1, 1]


async def office_writer(session: AsyncSession) -> Staff:
    return await make_staff(session, role=Role.PUBLISHER)


async def test_a_long_text_comes_as_a_message_after_its_files(office: Office) -> None:
    notice_id = await office.notice({"vi": PICTURE, "vi leaflet": LEAFLET}, body=LONG)
    await office.work()
    picture, leaflet, words = office.said()
    assert "caption" not in picture | leaflet
    assert "photo" in picture
    assert leaflet["document"]["file_name"] == "leaflet-vi.pdf"
    assert leaflet["document"]["mime_type"] == "application/pdf"
    assert words["text"].startswith("📢 vi")
    assert await office.states(notice_id) == {"sent": 1}


async def test_a_picture_goes_before_the_leaflet_that_carries_the_words(office: Office) -> None:
    await office.notice({"vi": PICTURE, "vi leaflet": LEAFLET})
    await office.work()
    picture, leaflet = office.said()
    assert "caption" not in picture
    assert "お知らせです。" in leaflet["caption"]


@pytest.mark.parametrize(("files", "sides", "has_alt"), [
    ({"ja-simple": PICTURE}, (64, 32), False),
    ({"ja-simple": PICTURE, "vi": OTHER_PICTURE}, (32, 64), True),
    ({"th": PICTURE}, None, False),
])
async def test_a_language_without_a_file_gets_that_of_the_base(
    office: Office, files: dict[str, bytes], sides: tuple[int, int] | None, has_alt: bool
) -> None:
    await office.notice(files)
    await office.work()
    [message] = office.said()
    photo = message.get("photo", [None])[0]
    assert (photo and (photo["width"], photo["height"])) == sides
    assert ("🖼" in message.get("caption", message.get("text"))) is has_alt, "words in another language say nothing"


async def test_what_is_tried_again_after_its_picture_sends_the_picture_once(office: Office) -> None:
    notice_id = await office.notice({"vi": PICTURE}, body=LONG)
    office.state.faults.add(Fault(method="sendMessage", code=502, times=2))
    await office.work()
    assert await office.states(notice_id) == {"queued": 1}
    assert [list(message)[-1] for message in office.said()] == ["photo"]
    for _ in range(3):
        office.clock.advance(minutes=5)
        await office.work()
    assert await office.states(notice_id) == {"sent": 1}
    picture, words = office.said()
    assert ("photo" in picture, "text" in words) == (True, True)


async def test_a_kill_during_the_upload_lets_another_process_upload_after_a_while(office: Office) -> None:
    notice_id = await office.notice({"vi": PICTURE})
    async with office.database.transaction() as session:
        [file] = await rows.files_of(session, notice_id)
        assert await rows.begin_upload(session, file.id, now=office.clock(), until=office.clock() + LEASE)
    await office.work()
    assert await office.states(notice_id) == {"queued": 1}, "somebody uploads it at this moment"
    office.clock.advance(seconds=LEASE.total_seconds() + 1)
    await office.work()
    assert await office.states(notice_id) == {"sent": 1}
    assert office.uploads() == 1


async def test_an_upload_that_fails_is_done_by_the_next_resident(office: Office) -> None:
    notice_id = await office.notice({"vi": PICTURE}, n_residents=3)
    office.state.chats[FIRST].status = "blocked"
    await office.work()
    assert await office.states(notice_id) == {"failed": 1, "sent": 2}
    assert office.uploads() == 1


async def test_a_file_that_telegram_does_not_know_any_more_is_uploaded_anew(office: Office) -> None:
    notice_id = await office.notice({"vi": PICTURE}, n_residents=20)
    async with office.database.transaction() as session:
        await session.execute(update(NoticeFile).values(telegram_file_id="of another bot"))
    await office.work()
    assert await office.states(notice_id) == {"sent": 20}
    assert office.uploads() == 1


async def test_a_withdrawal_takes_files_and_words_back(office: Office) -> None:
    notice_id = await office.notice({"vi": PICTURE, "vi leaflet": LEAFLET}, body=LONG)
    await office.work()
    assert len(office.said()) == 3
    async with office.database.transaction() as session:
        await followups.withdraw(session, await notices.get(session, notice_id), await office_writer(session),
                                 now=office.clock())
    await office.work()
    assert office.said() == []


async def test_where_files_are_too_old_to_be_removed_a_sentence_says_so(office: Office) -> None:
    notice_id = await office.notice({"vi": PICTURE, "vi leaflet": LEAFLET})
    await office.work()
    office.state.clock.advance(TWO_DAYS_S + 1)
    async with office.database.transaction() as session:
        withdrawal = await followups.withdraw(session, await notices.get(session, notice_id),
                                              await office_writer(session), now=office.clock())
    await office.work()
    sentence = office.screens.words("vi")("This notice was withdrawn. Please do not follow it.")
    assert [message["caption"] for message in office.said()] == [sentence, sentence]
    async with office.database.reading() as session:
        assert await deliveries.count_ways(session, withdrawal) == {deliveries.REPLACED: 1}


async def test_a_picture_whose_words_never_came_is_taken_back_too(office: Office) -> None:
    notice_id = await office.notice({"vi": PICTURE}, body=LONG, n_residents=2)
    office.state.faults.add(Fault(method="sendMessage", code=400, times=1))
    await office.work()
    assert await office.states(notice_id) == {"sent": 1, "failed": 1}
    async with office.database.transaction() as session:
        await followups.withdraw(session, await notices.get(session, notice_id), await office_writer(session),
                                 now=office.clock())
    await office.work()
    assert office.said(FIRST) == office.said(FIRST + 1) == []


async def test_a_channel_gets_the_files_and_loses_them_with_the_withdrawal(office: Office) -> None:
    notice_id = await office.notice({"ja-simple": PICTURE}, body=LONG, urgency=Urgency.URGENT)
    await office.work()
    assert ["photo" in message for message in office.state.transcript(VI)] == [True, False]
    assert office.uploads() == 1
    async with office.database.transaction() as session:
        await followups.withdraw(session, await notices.get(session, notice_id), await office_writer(session),
                                 now=office.clock())
    await office.work()
    assert office.state.transcript(VI) == []


@pytest.mark.parametrize("changed", ["alt", "content", "removed", "text"])
async def test_what_is_not_what_was_approved_waits_for_a_person(office: Office, changed: str) -> None:
    notice_id = await office.notice({"vi": PICTURE})
    async with office.database.transaction() as session:
        if changed == "removed":
            await session.execute(delete(NoticeFile))
        elif changed == "text":
            await session.execute(update(Notice).values(missing="skip"))
        else:
            values = {"alt": "x"} if changed == "alt" else {
                "content": OTHER_PICTURE, "sha256": hashlib.sha256(OTHER_PICTURE).hexdigest()}
            await session.execute(update(NoticeFile).values(**values))
    await office.work()
    assert office.said() == []
    async with office.database.reading() as session:
        notice = await notices.get(session, notice_id)
        assert (notice.status, notice.stopped_for) == (NoticeStatus.APPROVED, {"reason": "changed"})


async def test_a_content_that_is_not_that_of_the_hash_is_not_sent(office: Office) -> None:
    notice_id = await office.notice({"vi": PICTURE})
    async with office.database.transaction() as session:
        await session.execute(update(NoticeFile).values(content=OTHER_PICTURE))
    await office.work()
    assert await office.states(notice_id) == {"failed": 1}
    assert office.said() == []


async def test_an_approval_of_other_files_than_were_seen_is_refused(office: Office) -> None:
    async with office.database.transaction() as session:
        writer, approver = await office_writer(session), await make_staff(session, role=Role.APPROVER)
        notice = await make_notice(session, author=writer)
        seen = await notices.fingerprint_of(session, notice)
        await notice_files.add(session, notice, writer, "vi", PICTURE, "alt", now=office.clock())
        notice.status = NoticeStatus.REVIEW
        with pytest.raises(WrongState, match="changed while you were reading"):
            await notices.approve(session, notice, approver, notice.revision, now=office.clock(), seen=seen)


async def test_a_test_message_brings_the_files(office: Office) -> None:
    notice_id = await office.notice({"vi": PICTURE, "vi leaflet": LEAFLET}, body=LONG)
    deployment = load_deployment(ROOT / "bot/deployments/demo.yaml")
    office.state.add_resident("Staff", "ja", id=99, started=True)
    async with office.database.transaction() as session:
        person = await office_writer(session)
        chat = await make_chat(session, sealer=office.sealer, address=99)
        code = await links.new_code(session, person.id, expires_at=office.clock() + timedelta(hours=1))
        await trials.link_chat(session, chat, code, now=office.clock())
        await trials.send_test(session, await notices.get(session, notice_id), person, "vi", "own",
                               screens=office.screens, deployment=deployment, sealer=office.sealer, now=office.clock())
    await office.outbox.deliver_all()
    mark, picture, leaflet, words = office.said(99)
    assert mark["text"] == trials.MARK
    assert ("photo" in picture, "document" in leaflet, "text" in words) == (True, True, True)


async def test_files_go_with_their_notice(office: Office) -> None:
    notice_id = await office.notice({"vi": PICTURE})
    async with office.database.transaction() as session:
        await session.execute(delete(Delivery))
        await session.execute(delete(Notice).where(Notice.id == notice_id))
    async with office.database.reading() as session:
        assert await rows.files_of(session, notice_id) == []


def test_a_message_with_files_survives_the_outbox_as_json() -> None:
    file = StoredFile(3, True, "picture-vi.png", "image/png")
    whole = Outgoing(text="words", file=file, before=(Outgoing(text="", file=file, is_silent=True),),
                     about_part_ids=(4, 5))
    assert Outgoing.from_json(whole.to_json()) == whole


async def test_an_upload_that_cannot_be_recorded_is_not_sent_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise OSError("the database is away")

    notice_id = await office.notice({"vi": PICTURE}, n_residents=2)
    with monkeypatch.context() as patched:
        patched.setattr(rows, "end_upload", away)
        await office.work()
    for _ in range(3):
        await office.work()
    assert await office.states(notice_id) == {"sent": 2}
    assert [len(office.said(FIRST + n)) for n in range(2)] == [1, 1]
