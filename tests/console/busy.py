"""A busy office: what makes pages long and untidy. Forty consultations in scripts of all kinds, and every ending."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.app import ConsoleParts
from storage import tickets
from storage.models import (
    Attachment,
    AttachmentState,
    Author,
    Delivery,
    DeliveryStatus,
    Event,
    Lane,
    Notice,
    NoticeKind,
    NoticePurpose,
    NoticeStatus,
    Role,
    Staff,
    Ticket,
    TicketStatus,
)
from tests.factories import make_chat, make_notice, make_staff, make_ticket

STORIES = {
    "my": "ကျွန်တော် အလုပ်ရှင်က ပတ်စပို့နဲ့ ဘဏ်စာအုပ်ကို သိမ်းထားပြီး လစာလည်း သုံးလလုံး မပေးပါဘူး။ ပြန်တောင်းတိုင်း "
          "ဗီဇာဖျက်မယ်လို့ ခြိမ်းခြောက်ပါတယ်။ ကျွန်တော် ဘယ်သူ့ကို အကူအညီတောင်းရမလဲ။ ကျေးဇူးပြုပြီး မြန်မာလို ပြန်ဖြေပေးပါ။",
    "ne": "मेरो साहुले तीन महिनादेखि तलब दिएको छैन र राहदानी पनि राखेको छ। मागेँ भने भिसा रद्द गरिदिन्छु भनेर "
          "धम्क्याउँछ। म के गरूँ? कृपया नेपालीमा जवाफ दिनुहोस्।",
    "km": "ថៅកែរបស់ខ្ញុំយកលិខិតឆ្លងដែនរបស់ខ្ញុំទុកហើយមិនឲ្យប្រាក់ខែបីខែហើយ។ពេលខ្ញុំសុំវិញគាត់គំរាមថានឹងលុបទិដ្ឋាការ។តើខ្ញុំគួរធ្វើដូចម្តេច?",
    "th": "มีคนโทรมาบอกว่าเป็นตำรวจและให้โอนเงินสองแสนเยนเข้าบัญชีนี้ภายในวันนี้ไม่อย่างนั้นจะถูกจับฉันโอนไปแล้วครึ่งหนึ่ง",
    "si": "මගේ බයිසිකලය දුම්රිය ස්ථානය අසලින් නැති වුණා. මම මොකද කරන්නේ?",
    "ur": "کل رات اسٹیشن کے پاس سے میری سائیکل چوری ہو گئی۔ فون نمبر 090-1234-5678 ہے۔",
    "mn": "Өчигдөр орой Хошими буудлын ойролцоо хэн нэгэн миний цүнхийг булаагаад зугтсан.",
    "zh-Hans": "昨天有人打电话说我的银行账户涉嫌洗钱，让我把钱转到“安全账户”。我已经转了一部分，现在联系不上对方。",
}
TOPICS = (
    "investment_romance_scam", "unpaid_wages", "lost_residence_card", "threats_extortion", "traffic_accident", None,
    "malicious_broker", "neighbour_noise", "domestic_violence", "license_conversion",
)
SECTIONS = ("seian_yokushi", "shonen_center", "soumu_kouan", "sotai_kokusai", "seikan_tokusou")
PLACES = (("99201", "hoshimi"), ("99204", "shioriura"), (None, None), ("99205", "shioriura"))
LONG_TITLE = "外国人労働者の雇用と在留資格に関する相談窓口のご案内ならびに注意喚起について（第3回・改訂版）"
LONG_PLACE = "みずほの県汐里浦市港町三丁目12番地の5 汐里浦市立多文化共生交流センター 2階 第1・第2会議室"
LONG_NAME = "アブドゥル・ラフマン・ビン・イスマイル 国際捜査官"
REPLY = (
    "पहिले आफ्नो काम गरेको समय र पाएको रकम कागजमा लेख्नुहोस्। राहदानी अरूले राख्नु कानुनविपरीत हो। "
    "श्रम मापदण्ड निरीक्षण कार्यालय: 050-5533-1234 (सोमबार–शुक्रबार 8:30–17:15)\nhttps://www.example.jp/foreign-residents/"
    "consultation/very-long-address-that-does-not-break-anywhere/index.html?lang=ne"
)


async def fill(parts: ConsoleParts, holder: Staff) -> dict[str, int]:
    """Fill the queue and end some consultations and notices in every way; returns ids by name."""
    now, ids = parts.clock(), {}
    async with parts.database.transaction() as session:
        person = await session.get_one(Staff, holder.id)
        long_name = await make_staff(session, section=None, station="kumonohara", name=LONG_NAME)
        await make_staff(session, role=Role.INTERPRETER, section="tsuyaku", name="通訳 未設定")
        gone = await make_staff(session, role=Role.APPROVER, section=None, name="退職 次郎")
        gone.disabled_at = now
        locales = list(STORIES)
        for n in range(40):
            locale, topic, (place, station) = locales[n % 8], TOPICS[n % 10], PLACES[n % 4]
            chat = await make_chat(session, sealer=parts.sealer, locale=locale, municipality=place)
            ticket = await make_ticket(
                session, sealer=parts.sealer, chat=chat, topic=topic, body=STORIES[locale],
                section=SECTIONS[n % 5], station=station, priority=(0, 50, 100)[n % 3],
                claimed_by=long_name if n % 4 == 1 else None, now=now - timedelta(hours=n * 3),
                status=TicketStatus.ANSWERED if n % 7 == 3 else TicketStatus.OPEN,
            )
            ticket.is_sensitive = topic == "domestic_violence"
        ids |= await _ended(session, parts, person, long_name, now)
        ids |= await _notices(session, parts, person, now)
    return ids


async def _ended(
    session: AsyncSession, parts: ConsoleParts, person: Staff, colleague: Staff, now: datetime
) -> dict[str, int]:
    """A long talk that a colleague has, one closed, one withdrawn, one that was erased."""
    ids = {}
    for name, locale, who, status in (
        ("held", "ne", colleague, TicketStatus.OPEN), ("talk", "km", person, TicketStatus.ANSWERED),
        ("closed", "my", person, TicketStatus.CLOSED), ("withdrawn", "th", None, TicketStatus.WITHDRAWN),
    ):
        chat = await make_chat(session, sealer=parts.sealer, locale=locale, municipality="99206")
        ticket = await make_ticket(
            session, sealer=parts.sealer, chat=chat, topic="malicious_broker", section="sotai_kokusai",
            station="shioriura", body=STORIES[locale], claimed_by=who, status=status, now=now - timedelta(days=3),
        )
        ids[name] = ticket.id
        if status in (TicketStatus.CLOSED, TicketStatus.WITHDRAWN):
            ticket.closed_at = now - timedelta(hours=5)
            ticket.outcome = "handed_over" if status == TicketStatus.CLOSED else None
        if name == "talk":
            await _long_talk(session, parts, ticket, person, now)
    return ids


async def _long_talk(session: AsyncSession, parts: ConsoleParts, ticket: Ticket, person: Staff, now: datetime) -> None:
    """Replies in every state of delivery, and files in every state."""
    ring, locale = parts.sealer, ticket.locale
    for status in DeliveryStatus:
        await tickets.add_message(session, ticket, Author.RESIDENT, STORIES[locale], ring=ring, now=now, locale=locale)
        said = await tickets.add_message(session, ticket, Author.STAFF, REPLY, ring=ring, now=now, staff_id=person.id,
                                         locale="ne")
        session.add(Delivery(
            chat_id=ticket.chat_id, lane=Lane.ANSWER, message_id=said.id, status=status, not_before=now,
            created_at=now, error="Forbidden: bot was blocked by the user" if status == DeliveryStatus.FAILED else None,
        ))
    await tickets.add_message(session, ticket, Author.SYSTEM, "受付のご案内を送りました。", ring=ring, now=now)
    bare = await tickets.add_message(session, ticket, Author.RESIDENT, "", ring=ring, now=now, locale=locale)
    for number, (state, reason, kind) in enumerate((
        (AttachmentState.WAITING, None, "photo"), (AttachmentState.REFUSED, "too_large", "voice"),
        (AttachmentState.REFUSED, "kind", "document"), (AttachmentState.FAILED, "gone", "document"),
    ), start=1):
        session.add(Attachment(
            ticket_id=ticket.id, message_id=bare.id, number=number, kind=kind, state=state, reason=reason,
            not_before=now, created_at=now,
        ))


async def _notices(session: AsyncSession, parts: ConsoleParts, person: Staff, now: datetime) -> dict[str, int]:
    """Notices that ended or stand still, each with rows in every state, and an event that is a draft."""
    ids = {}
    for status in (NoticeStatus.PAUSED, NoticeStatus.CANCELLED, NoticeStatus.EXPIRED, NoticeStatus.DONE):
        notice = await make_notice(session, author=person, status=status, kind=NoticeKind.SAFETY,
                                   send_at=now - timedelta(days=1), texts={tag: STORIES[tag] for tag in STORIES})
        notice.name = f"{LONG_TITLE}（{status}）"
        notice.expanded_at = now - timedelta(hours=20)
        notice.finished_at = None if status == NoticeStatus.PAUSED else now
        ids[status.value] = notice.id
        for state in DeliveryStatus:
            for _ in range(6):
                chat = await make_chat(session, sealer=parts.sealer, locale="my", municipality="99204")
                session.add(Delivery(chat_id=chat.id, lane=Lane.NOTICE, notice_id=notice.id, status=state,
                                     not_before=now, created_at=now))
    done = await session.get_one(Notice, ids["done"])
    ids["finished"] = done.id
    back = await make_notice(session, author=person, status=NoticeStatus.DONE, send_at=now)
    back.name, back.purpose = "撤回のお知らせ", NoticePurpose.WITHDRAWAL
    back.original_id, back.expanded_at = done.id, now
    ids["withdrawal"] = back.id
    planned = await make_notice(session, author=person, kind=NoticeKind.EVENT, send_at=now + timedelta(days=2))
    planned.name = "親子防犯教室（英語・ベトナム語・ネパール語・ビルマ語・クメール語の通訳あり）"
    session.add(Event(
        notice_id=planned.id, place=LONG_PLACE, latitude=None, longitude=None,
        starts_at=now + timedelta(days=9), ends_at=now + timedelta(days=9, hours=2),
        seats=None, languages=["en", "vi", "ne", "my", "km"],
    ))
    ids["planned"] = planned.id
    return ids


def every_state(ids: dict[str, int]) -> dict[str, str]:
    """Return the pages that show these."""
    return {
        "queue-all": "/queue?folder=all&state=any", "queue-mine": "/queue?folder=mine",
        "queue-nothing": "/queue?folder=incoming&topic=typhoon_flood", "queue-incoming": "/queue?folder=incoming",
        **{f"ticket-{name}": f"/tickets/{ids[name]}" for name in ("held", "talk", "closed", "withdrawn", "merged")},
        "ticket-second": f"/tickets/{ids['second']}",
        **{f"notice-{name}": f"/notices/{ids[name]}" for name in (
            "paused", "cancelled", "expired", "finished", "withdrawal", "planned", "scheduled")},
    }
