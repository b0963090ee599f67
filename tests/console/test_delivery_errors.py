"""Staff read in Japanese why a message was not delivered, whoever said so: Telegram, the network or the sender."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.backups import AFTER_RESTORE
from bot.console.delivery_errors import REASONS, delivery_error
from bot.i18n import ROOT, load_strings
from bot.simulator import errors as simulated
from storage.models import ChatState, Delivery, DeliveryStatus, Lane, NoticeStatus, Role, Urgency
from storage.notices import ENDS_OF_NOTICES
from tests.console.conftest import Office, text_of
from tests.factories import make_chat, make_notice

OTHER = "その他の理由"
OUR_OWN = [path for folder in ("bot", "storage") for path in sorted((ROOT / folder).rglob("*.py"))
           if "simulator" not in path.parts]


def said(reason: str) -> str:
    return delivery_error(reason, load_strings()["ja"])


def _words(node: ast.expr) -> str | None:
    """The text of a literal, with something in place of what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "502" for part in node.values)
    return None


def _each(node: ast.expr) -> list[ast.expr]:
    """The values that an expression may have: both of a conditional one."""
    return [*_each(node.body), *_each(node.orelse)] if isinstance(node, ast.IfExp) else [node]


def our_reasons() -> Iterator[str]:
    """Every reason that the code gives by itself."""
    for path in OUR_OWN:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func).rpartition(".")[2]
            raised = name in ("DeliveryError", "NotConnected", "AnswerLost", "NetworkError", "BadRequest")
            given = node.args[:1] if raised and path.name != "reading.py" else []
            wanted = {"cancel_replies": "reason", "Settlement": "error", "values": "error"}.get(name)
            given += [each.value for each in node.keywords if each.arg == wanted]
            yield from filter(None, (_words(each) for one in given for each in _each(one)))


def test_every_reason_of_our_own_has_its_words() -> None:
    reasons = {*our_reasons(), *(reason for _status, reason in ENDS_OF_NOTICES.values()), AFTER_RESTORE,
               "no longer wanted", "no text in this language", "sealed with a key that is not in the ring",
               "the process died while sending"}
    assert len(reasons) > 15
    assert {reason for reason in reasons if OTHER in said(reason)} == set()


@pytest.mark.parametrize(("error", "expected"), [
    (Forbidden(simulated.BLOCKED), "相談者がこのボットをブロックしています。"),
    (Forbidden(simulated.DEACTIVATED), "アカウント"),
    (Forbidden(simulated.NOT_STARTED), "相手がまだボットの利用を始めていません。"),
    (Forbidden(simulated.NOT_IN_CHANNEL), "チャンネル"),
    (Forbidden("Forbidden: bot was kicked from the supergroup chat"), "ボットがグループから外されました。"),
    (BadRequest(simulated.CHAT_NOT_FOUND), "チャット"),
    (BadRequest(simulated.NO_RIGHTS), "ボットがチャンネルの管理者になっていません。"),
    (BadRequest("Bad Request: not enough rights to send photos to the chat"), "画像やファイルを送る権限がありません"),
    (BadRequest("Bad Request: not enough rights to send text messages to the chat"), "投稿権限がありません"),
    (BadRequest("Bad Request: CHAT_WRITE_FORBIDDEN"), "投稿権限がありません"),
    (BadRequest("Bad Request: TOPIC_CLOSED"), "トピック"),
    (BadRequest(simulated.TEXT_TOO_LONG), "文章が長すぎる"),
    (BadRequest(simulated.CAPTION_TOO_LONG), "文章が長すぎる"),
    (BadRequest("Bad Request: IMAGE_PROCESS_FAILED"), "画像の大きさか種類"),
    (BadRequest("Bad Request: PHOTO_INVALID_DIMENSIONS"), "画像の大きさか種類"),
    (BadRequest("Bad Request: wrong file identifier/HTTP URL specified"), "このファイルがもうありません"),
    (BadRequest("Bad Request: can't parse entities: can't find end of the entity"), "書式"),
    (BadRequest(simulated.BUTTON_DATA_INVALID), "ボタン"),
    (BadRequest("Bad Request: message can't be deleted for everyone"), "もう削除できません"),
    (BadRequest("Bad Request: file reference expired"), "このファイルがもうありません"),
])
def test_what_telegram_says_is_said_in_japanese(error: TelegramError, expected: str) -> None:
    shown = said(error.message)
    assert expected in shown
    assert OTHER not in shown


def test_what_nobody_has_met_yet_stands_in_the_words_of_telegram() -> None:
    assert said("Some_new_thing") == f"{OTHER}（Telegramの原文）：Some_new_thing"


def test_a_reason_is_looked_for_in_small_letters() -> None:
    assert [part for part, _words in REASONS if part != part.casefold()] == []


async def test_the_page_of_a_notice_shows_why_a_post_is_missing_in_a_channel(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    async with office.parts.database.transaction() as session:
        notice = await make_notice(session, status=NoticeStatus.DONE, texts={"ja-simple": "…"})
        notice.urgency, notice.expanded_at = Urgency.URGENT, office.parts.clock()
        for number, (tag, error) in enumerate({
            "vi": "Not enough rights to send text messages to the chat", "en": "Some_new_thing",
        }.items()):
            chat = await make_chat(session, address=-100 - number, sealer=office.parts.sealer, locale=tag)
            chat.state = ChatState.CHANNEL
            session.add(Delivery(chat_id=chat.id, lane=Lane.NOTICE, notice_id=notice.id, status=DeliveryStatus.FAILED,
                                 channel=tag, error=error, not_before=office.parts.clock(),
                                 created_at=office.parts.clock()))
    page = text_of((await browser.get(f"/notices/{notice.id}")).text)
    assert "届きませんでした ボットに、ここへの投稿権限がありません。" in page
    assert "その他の理由（Telegramの原文）：Some_new_thing" in page
