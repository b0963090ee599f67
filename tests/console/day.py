"""A day in the office: consultations, transfers, merges, notices and an event in every state that a page shows."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot import attachments, merges, priority, transfers
from bot.console.app import ConsoleParts
from bot.incoming import Incoming, Kind
from bot.simulator.files import sample_png
from storage import presence, tickets
from storage.models import (
    Author,
    Chat,
    Delivery,
    DeliveryStatus,
    Event,
    FileKind,
    Lane,
    Notice,
    NoticeFile,
    NoticeKind,
    NoticeStatus,
    Recovery,
    Role,
    Staff,
    Ticket,
    TicketStatus,
    Urgency,
)
from tests.conftest import Clock
from tests.console.site import Site
from tests.factories import make_chat, make_notice, make_staff, make_ticket

A_PDF = b"%PDF-1.7\ntrailer\n<<>>\n%%EOF\n"
STORY = "Xe đạp của tôi bị mất ở ga Hoshimi tối qua. Tôi đã khóa xe. Tôi phải làm gì?"


async def a_day(site: Site, holder: Staff) -> dict[str, int]:
    """A filled office: consultations in several languages and states, notices in several states."""
    parts, clock = site.parts, site.clock
    ids = {}
    async with parts.database.transaction() as session:
        person = await session.get(Staff, holder.id)
        colleague = await make_staff(session, name="佐々木 良子")
        newest = await make_staff(session, name="中村 健", password_hash="$argon2id$x")
        newest.totp_sealed, newest.totp_last_step = b"x", 1
        session.add_all([
            Recovery(staff_id=newest.id, reason="both", asked_by_id=colleague.id, asked_at=clock()),
            Recovery(staff_id=colleague.id, reason="misuse", asked_by_id=holder.id, asked_at=clock()),
        ])
        people = [
            ("vi", "stolen_bicycle", STORY, 0, 1, None, "99201"),
            ("pt-BR", "stalking", "Ele me segue.", 130, 2, person, "99204"),
            ("ne", "unpaid_wages", "तलब पाएको छैन।", 50, 20, colleague, "99205"),
            ("my", "selling_account", "ဘဏ်စာအုပ်", 0, 70, None, None),
            ("ja-simple", "lost_property", "かばんを 電車に わすれました。", 0, 30, None, "99201"),
        ]
        for locale, topic, body, priority, hours, who, place in people:
            chat = await make_chat(session, sealer=parts.sealer, locale=locale, municipality=place)
            ticket = await make_ticket(
                session, sealer=parts.sealer, chat=chat, topic=topic, body=body, priority=priority, claimed_by=who,
                now=clock() - timedelta(hours=hours), station="hoshimi" if place else None,
            )
            ticket.is_sensitive = priority == 130
            ids[locale] = ticket.id
        row = await session.get(Ticket, ids["pt-BR"])
        assert row is not None
        await tickets.revise(session, row, 1, "Ele me segue todos os dias.", ring=parts.sealer, now=clock())
        reply = await tickets.add_message(session, row, Author.STAFF, "Você está em um lugar seguro agora?",
                                          ring=parts.sealer, now=clock(), staff_id=holder.id, locale="pt-BR")
        session.add(Delivery(chat_id=row.chat_id, lane=Lane.ANSWER, message_id=reply.id, status=DeliveryStatus.SENT,
                             not_before=clock(), created_at=clock()))
        chat = await session.get(Chat, row.chat_id)
        assert chat is not None
        chat.safe_contact, chat.safe_hours, chat.safe_days = True, 0b111 << 12, "work"
        for content in (sample_png(), b"MZ a program"):
            picture = await tickets.add_message(session, row, Author.RESIDENT, "", ring=parts.sealer, now=clock(),
                                                locale="pt-BR")
            added = await attachments.add(session, row, picture, Incoming(1, 1, Kind.PHOTO, 3, file_id="F"),
                                          sealer=parts.sealer, now=clock())
            await attachments.keep(session, added.id, content, sealer=parts.sealer, now=clock())
        later = await tickets.add_message(session, row, Author.STAFF, "Podemos falar amanhã?", ring=parts.sealer,
                                          now=clock(), staff_id=holder.id, locale="pt-BR")
        session.add(Delivery(chat_id=row.chat_id, lane=Lane.ANSWER, message_id=later.id, status=DeliveryStatus.QUEUED,
                             not_before=clock() + timedelta(hours=2), created_at=clock()))
        await tickets.add_message(session, row, Author.NOTE, "人身安全対策課と情報共有済み。", ring=parts.sealer,
                                  now=clock(), staff_id=holder.id)
        await tickets.add_message(session, row, Author.RESIDENT, "Sim, na casa da minha amiga.", ring=parts.sealer,
                                  now=clock(), locale="pt-BR", telegram_message_id=9)
        await around(session, parts, person, colleague, clock(), ids)
        author = await make_staff(session, role=Role.PROMOTION_OFFICE, section=None, name="高橋")
        texts = {"ja-simple": "6月は 外国人の 仕事を 考える 月です。\nパスポートは 自分で 持って ください。",
                 "vi": "Tháng 6 là tháng suy nghĩ về việc làm của người nước ngoài.",
                 "ur": "جون غیر ملکیوں کے کام کا مہینہ ہے۔"}
        for status in ("draft", "review", "approved", "scheduled", "sending", "done"):
            notice = await make_notice(session, author=author, status=status, texts=texts,  # type: ignore[arg-type]
                                       send_at=clock() + timedelta(days=9), expires_at=clock() + timedelta(days=30))
            notice.name = f"外国人労働者問題啓発月間（{status}）"
            if status in ("draft", "review"):
                notice.urgency = Urgency.URGENT
                for tag, content in (("ja-simple", sample_png()), ("ja-simple", A_PDF), ("vi", sample_png(200, 320))):
                    session.add(a_file(notice, tag, content, clock()))
            ids[status] = notice.id
        for number in range(9):
            await make_chat(session, sealer=parts.sealer, locale="vi" if number < 6 else "th", subscribed=True)
        sending = await session.get(Notice, ids["sending"])
        assert sending is not None
        sending.expanded_at = clock()
        for status, n in (("sent", 14), ("failed", 2), ("unknown", 1), ("queued", 9)):
            for _ in range(n):
                chat = await make_chat(session, sealer=parts.sealer)
                session.add(Delivery(chat_id=chat.id, lane=Lane.NOTICE, notice_id=sending.id, status=status,
                                     not_before=clock(), created_at=clock()))
        for tag, status in (("vi", "sent"), ("en", "failed"), ("ja-simple", "queued")):
            chat = await make_chat(session, sealer=parts.sealer)
            session.add(Delivery(chat_id=chat.id, lane=Lane.NOTICE, notice_id=sending.id, status=status, channel=tag,
                                 error="Need administrator rights in the channel chat",
                                 not_before=clock(), created_at=clock()))
        ids |= await with_event(session, clock, author)
    return ids


def a_file(notice: Notice, tag: str, content: bytes, now: datetime) -> NoticeFile:
    is_picture = content != A_PDF
    return NoticeFile(
        notice_id=notice.id, tag=tag, kind=FileKind.PICTURE if is_picture else FileKind.LEAFLET,
        mime="image/png" if is_picture else "application/pdf", n_bytes=len(content), sha256="0" * 64, content=content,
        alt="旅券を 自分で 持つ 人の 絵" if is_picture else "仕事の 約束の チラシ", added_at=now,
    )


async def around(
    session: AsyncSession, parts: ConsoleParts, person: Staff | None, colleague: Staff, now: datetime,
    ids: dict[str, int],
) -> None:
    """What passes between desks and chats: a transfer to us, one of ours that waits, a merge, a late one, a reader."""
    assert person is not None
    sender = await make_staff(session, section="jinshin", name="伊藤 美咲")
    chat = await make_chat(session, sealer=parts.sealer, locale="th")
    sent = await make_ticket(session, sealer=parts.sealer, chat=chat, section="jinshin", claimed_by=sender,
                             topic="stalking", priority=130, body="เขาตามฉันทุกวัน", now=now - timedelta(hours=1))
    note = "自転車の被害もあるため、御課で対応をお願いします。"
    await transfers.ask(session, sent, sender, transfers.Target(section_id="seian_yokushi"), note, now=now,
                        sealer=parts.sealer)
    ids["received"] = sent.id
    chat = await make_chat(session, sealer=parts.sealer, locale="en", municipality="99204")
    old = await make_ticket(session, sealer=parts.sealer, chat=chat, topic="unpaid_wages", status=TicketStatus.CLOSED,
                            body="My boss keeps my passport.", now=now - timedelta(days=20))
    older = await make_ticket(session, sealer=parts.sealer, chat=chat, topic="unpaid_wages",
                              status=TicketStatus.CLOSED, body="No pay for May.", now=now - timedelta(days=40))
    ours = await make_ticket(session, sealer=parts.sealer, chat=chat, topic="unpaid_wages", claimed_by=person,
                             body="He still keeps it.", now=now - timedelta(days=4))
    ours.final_due_at = now + timedelta(days=9)
    ours.escalated_at, ours.priority = now, priority.LATE
    await merges.merge(session, old, ours, person, "同じ雇用主についての相談", sealer=parts.sealer, now=now)
    assert older.merged_into_id is None
    await transfers.ask(session, ours, person, transfers.Target(section_id="jinshin"), "旅券の取上げ。", now=now,
                        sealer=parts.sealer)
    await transfers.send_back(session, ours, sender, "生活環境課の担当と思われます。", sealer=parts.sealer, now=now)
    await transfers.ask(session, ours, person, transfers.Target(section_id="jinshin"), "本人が希望。", now=now,
                        sealer=parts.sealer)
    await presence.beat(session, "other", ticket_id=ours.id, staff_id=colleague.id, now=now)
    ids["moving"], ids["merged"] = ours.id, old.id


async def with_event(session: AsyncSession, clock: Clock, author: Staff) -> dict[str, int]:
    """An event whose invitations are out, and a notice that was stopped and wants to go out at night."""
    invitation = await make_notice(session, author=author, status=NoticeStatus.DONE, kind=NoticeKind.EVENT,
                                   send_at=clock(), urgency=Urgency.URGENT)
    invitation.name, invitation.expanded_at = "防犯教室へのご案内", clock()
    session.add(Event(
        notice_id=invitation.id, place="みずほの県星見市見本町一丁目 公民館", latitude=33.6, longitude=143.5, seats=20,
        starts_at=clock() + timedelta(days=9), ends_at=clock() + timedelta(days=9, hours=2), languages=["vi", "ne"],
    ))
    stopped = await make_notice(session, author=author, status=NoticeStatus.SCHEDULED,
                                send_at=clock() + timedelta(hours=12))
    stopped.name = "停止したお知らせ"
    stopped.stopped_for = {"reason": "errors", "n_errors": 21, "n": 60, "error": "502"}
    stopped.quiet_asked_by_id, stopped.quiet_reason = author.id, "津波のおそれがあるため"
    return {"event": invitation.id, "stopped": stopped.id}
