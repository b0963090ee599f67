"""Texts in two languages in every state, for the pages that show them."""

from __future__ import annotations

from datetime import date, timedelta

from bot.console.app import ConsoleParts
from bot.translation import drafts, interpreting
from storage import tickets, translations
from storage.models import Rating, Staff, Ticket, Translation
from tests.factories import make_chat, make_staff, make_ticket

SAYING = (
    "11月30日（月曜）の午後3時に、星見警察署へ来てください。在留カードを持ってきてください。"
    "電話は03-1234-5678です。"
)
WRONG = (
    "Hãy đến sở cảnh sát Hoshimi lúc 13:00 thứ Hai ngày 30 tháng 11. Mang theo thẻ ngoại kiều. "
    "Điện thoại: 03-1234-5678."
)
BACK = "11月30日（月曜）13時に星見警察署に来てください。外国人カードを持参してください。電話：03-1234-5678。"


async def fill(parts: ConsoleParts, holder: Staff, interpreter: Staff) -> dict[str, int]:
    """Make a consultation with readings and drafts in every state; returns ids by name."""
    ring, now, ids = parts.sealer, parts.clock(), {}
    async with parts.database.transaction() as session:
        person, helper = await session.get_one(Staff, holder.id), await session.get_one(Staff, interpreter.id)
        helper.languages = "vi,pt-BR,th,ne"
        colleague = await make_staff(session, name="佐藤 健一")

        async def a_ticket(locale: str, body: str, holder: Staff, topic: str = "stolen_property") -> Ticket:
            chat = await make_chat(session, sealer=ring, locale=locale)
            return await make_ticket(session, sealer=ring, chat=chat, claimed_by=holder, body=body, topic=topic)

        async def by_machine(ticket: Ticket, holder: Staff, foreign: str, back: str | None) -> int:
            row = await drafts.write_by_machine(
                session, ticket, holder, japanese=SAYING, foreign=foreign, back=back, locale=ticket.locale,
                provider="LibreTranslate", sealer=ring, now=now,
            )
            return row.id

        ticket = await a_ticket("vi", "Hôm qua có người lấy ví của tôi ở ga Hoshimi.", person)
        ids["texts"] = ticket.id
        message = (await tickets.messages(session, ticket, ring=ring))[0]
        await drafts.read_by_machine(session, ticket, person, message, "昨日、星見駅で誰かに財布を取られました。",
                                     provider="LibreTranslate", sealer=ring, now=now)
        await interpreting.ask_to_read(session, ticket, person, message, deployment=parts.deployment, sealer=ring,
                                       now=now)
        ids["machine"] = await by_machine(ticket, person, WRONG, BACK)
        row = await interpreting.ask_to_write(session, ticket, person, SAYING, locale="vi", deployment=parts.deployment,
                                              sealer=ring, now=now)
        await interpreting.claim(session, row, helper, now=now)
        ids["claimed"] = row.id
        row = await interpreting.ask_to_write(session, ticket, person, "受付で名前を伝えてください。", locale="vi",
                                              deployment=parts.deployment, sealer=ring, now=now)
        await interpreting.claim(session, row, helper, now=now)
        interpreting.send_back(session, ticket, row, helper, "どの受付ですか。", sealer=ring, now=now)
        ids["returned"] = row.id

        other = await a_ticket("pt-BR", "Ele me espera na porta do trabalho.", colleague, "stalking")
        ids["second"] = other.id
        ids["proposed"] = await by_machine(other, colleague, "Venha à delegacia de Hoshimi na segunda-feira, 30 de "
                                           "novembro, às 15h. Traga o zairyu card. Telefone: 03-1234-5678.", None)
        proposed = await session.get_one(Translation, ids["proposed"])
        view = translations.opened(proposed, other, ring=ring)
        await drafts.propose(session, other, proposed, colleague, view.foreign or "", sealer=ring, now=now)

        for name, who, priority in (("typed", colleague, 50), ("typed-mine", person, 100)):
            other = await a_ticket("vi", "Anh ta đứng trước nhà tôi.", who, "domestic_violence")
            other.priority, other.is_sensitive, ids[f"{name}-ticket"] = priority + 30, True, other.id
            row = await drafts.propose_own(session, other, who, "Bạn có đang ở nơi an toàn không?", locale="vi",
                                           last_seen=1, sealer=ring, now=now - timedelta(minutes=12))
            ids[name] = row.id

        session.add_all(
            Rating(month=month, locale=locale, section_id=ticket.section_id, score=score)
            for month, locale, scores in (
                (date(2026, 4, 1), "vi", (1, 3)), (date(2026, 8, 1), "pt-BR", (3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 1)),
                (date(2026, 9, 1), "vi", (3,) * 24 + (2,) * 7 + (1,) * 9), (date(2026, 10, 1), "ne", (3,) * 12),
            ) for score in scores
        )
        late = await a_ticket("th", "มีคนโทรมาขอเงิน", person)
        ids["late"] = late.id
        row = await interpreting.ask_to_write(
            session, late, person, "お金を送らないでください。交番に相談してください。", locale="th",
            deployment=parts.deployment, sealer=ring, now=now - timedelta(days=3),
        )
        ids["asked"] = row.id
    return ids
