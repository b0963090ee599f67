"""The やさしい日本語 lint: examples both ways, controls that must fail, and what must not make a text look easier."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.plain import Finding, lint, lint_answer, measure, score
from intents.plain_text import sentences
from intents.wordlevels import rows

EXAMPLES = rows("lint_examples.tsv")
DIRECTIVE = Path(__file__).parents[2].parent / "shared" / "directive.txt"
OFFICIAL = (
    "届出を怠った場合には、罰則が適用されることがある。",
    "本制度に関するお問い合わせにつきましては、下記担当課までご連絡いただきますようお願い申し上げます。",
    "被害に遭われた方におかれましては、速やかに最寄りの警察署又は交番に届け出るべきである。",
    "令和8年度における申請受付期間は、4月1日〜6月30日とする。",
    "当該施設の利用に際しては、身分証明書等の提示が求められる。",
    "外国人犯罪組織対策推進本部が設置されました。",
    "手続きを経て許可を受けない限り就労は認められない。",
    "防犯カメラの設置及び運用に係る指針を踏まえ、適切な管理に努めること。",
    "関係機関との緊密な連携を図り、未然防止に向けた取組を講じる。",
    "窓口の混雑状況により、お待ちいただくことがございます。",
)
PLAIN = (
    "財布を なくした ときは、交番に 行って ください。",
    "すぐに 警察に 電話して ください。",
    "パスポートか 在留カードを 持って きて ください。",
    "ビザの ことは、入管〈ビザの ことを する 役所〉に 聞いて ください。",
    "わからない ときは、「わかりません」と 言って ください。",
    "午後5時15分までに 来て ください。",
    "1週間に 28時間まで 働く ことが できます。",
    "カードを いつも 持って いなければ なりません。",
    "地図を 見て、高い ところに 逃げて ください。",
    "お父さんと お母さんに 知らせて ください。",
    "お金を 送らないで ください。",
)


def rules(text: str, **options: object) -> set[str]:
    return {finding.rule for finding in lint(text, **options)}  # type: ignore[arg-type]


def errors(text: str) -> list[Finding]:
    return [finding for finding in lint(text) if finding.severity == "error"]


@pytest.mark.parametrize(("rule", "severity", "bad", "good"), EXAMPLES, ids=[row[0] + row[2][:6] for row in EXAMPLES])
def test_a_bad_example_fires_its_rule_and_the_good_one_is_clean(rule: str, severity: str, bad: str, good: str) -> None:
    assert rule[:3] in rules(bad)
    assert rule[:3] not in rules(good)
    assert errors(good) == []


def test_all_thirty_five_examples_are_there() -> None:
    assert len(EXAMPLES) == 35


@pytest.mark.parametrize("text", OFFICIAL)
def test_official_japanese_has_an_error(text: str) -> None:
    assert errors(text)


@pytest.mark.parametrize("text", PLAIN)
def test_plain_japanese_has_no_error(text: str) -> None:
    assert errors(text) == []


def test_almost_every_sentence_of_the_directive_has_an_error() -> None:
    if not DIRECTIVE.exists():
        pytest.skip(f"{DIRECTIVE} is not there: the directive is not part of the project")
    found = sentences(DIRECTIVE.read_text(encoding="utf-8"))
    assert len(found) > 40
    assert sum(bool(errors(sentence.text)) for sentence in found) >= 0.95 * len(found)


def test_a_lint_that_passes_everything_would_fail_the_controls() -> None:
    assert score(f for text in OFFICIAL for f in lint(text)) > 3 * len(OFFICIAL)
    assert score(f for text in PLAIN for f in lint(text)) <= 0.5 * len(PLAIN)


def test_only_body_text_must_end_politely() -> None:
    text = "自転車を とられた とき"
    assert "E06" in rules(text)
    for kind in ("heading", "list", "button"):
        assert "E06" not in rules(text, kind=kind)
    assert "E06" in rules(text, kind="list", full_sentences=True)


def test_a_quoted_sentence_does_not_end_the_one_around_it() -> None:
    assert len(sentences("「火事です。助けて！」と 言って ください。次に 逃げます。")) == 2


def test_a_placeholder_is_measured_with_its_value() -> None:
    text = "{limit}までに 来て ください。"
    assert "E08" in rules(text, values={"limit": "17:00"})
    assert errors(text) == []


def test_a_value_may_bring_its_own_readings() -> None:
    values = {"fee": "5,000{円|えん}"}
    assert measure(["{fee}です。"], values=values).mean_length == len("5,000円です。")


def test_readings_and_glosses_are_not_measured() -> None:
    bare, dressed = "入管に聞いてください。", "{入管|にゅうかん}〈ビザの役所〉に 聞（き）いて ください。"
    assert [s.text for s in sentences(dressed)] == [bare]


def test_a_bracket_that_is_not_a_reading_is_measured() -> None:
    assert sentences("聞いて（警察署）ください。")[0].text == "聞いて（警察署）ください。"


def test_a_gloss_is_checked_too_and_found_in_its_place() -> None:
    text = "受け子〈被害者に関する書類等を受領する者〉は 犯罪です。"
    found = [f for f in lint(text) if f.rule == "E04"]
    assert found
    assert all(text[slice(*f.span)] in text[text.index("〈") : text.index("〉")] for f in found)


def test_an_allowed_word_is_not_hard() -> None:
    text = "不審者の特徴を把握し、迅速に通報してください。"
    assert "E02" in rules(text)
    assert "E02" not in rules(text, allow=("不審", "不審者", "特徴", "把握", "迅速", "通報"))


def test_an_allowance_with_a_reason_passes_one_rule_in_one_sentence() -> None:
    text = "出入国在留管理庁長官官房です。"
    assert "E03" in rules(text)
    assert "E03" not in rules("<!-- lint: allow E03 official name -->" + text)
    assert "E03" not in rules(text + "<!-- lint: allow E03 official name -->")
    assert "E03" in rules("<!-- lint: allow E03 official name -->はい、そうです。" + text)


def test_an_allowance_without_a_reason_is_an_error_and_passes_nothing() -> None:
    assert {"E00", "E03"} <= rules("出入国在留管理庁長官官房です。<!-- lint: allow E03 -->")


def test_a_span_points_at_the_words_in_the_authors_text() -> None:
    text = "事故に 関する 手続きは、{place}で します。また 令和8年に なります。"
    spans = {f.rule: text[slice(*f.span)] for f in lint(text, values={"place": "警察署"})}
    assert spans["E04"] == "に 関する"
    assert spans["E08"] == "令和8年"


def test_messages_quote_what_was_found_and_leave_no_braces() -> None:
    for _, _, bad, _ in EXAMPLES:
        for finding in lint(bad):
            assert finding.message_ja
            assert not re.search(r"[{}]", finding.message_ja + finding.hint)


def test_onomatopoeia_vague_words_and_bare_abbreviations_are_pointed_out() -> None:
    assert "W20" in rules("頭が ずきずき します。")
    assert "W20" in rules("ふくろは 結構です。")
    assert "W20" in rules("GPSを 見て ください。")
    assert "W20" not in rules("GPS〈場所が わかる 機械〉を 見て ください。")
    assert "W20" not in rules("ときどき 見て ください。")


def test_more_than_two_items_want_a_list() -> None:
    assert "W22" in rules("パスポート、写真、お金と カードを 持って きて ください。")
    assert "W22" not in rules("パスポートと 写真を 持って きて ください。")


def test_the_first_use_of_a_term_in_an_answer_wants_a_gloss() -> None:
    without = {"title": "入管", "now": "入管に 聞いて ください。", "steps": ["入管に 行きます。"]}
    within = {**without, "now": "入管〈ビザの 役所〉に 聞いて ください。"}
    assert [field for field, f in lint_answer(without) if f.rule == "E19"] == ["now"]
    assert [field for field, f in lint_answer(within) if f.rule == "E19"] == []


def test_a_step_must_be_a_full_sentence_and_a_title_need_not() -> None:
    found = lint_answer({"title": "とられた とき", "now": "行きます。", "steps": ["警察に 行く"]})
    assert [(field, f.rule) for field, f in found if f.severity == "error"] == [("steps[1]", "E06")]


def test_a_long_answer_is_pointed_out() -> None:
    assert "W21" in {f.rule for _, f in lint_answer({"title": "", "now": "行きます。" * 9})}
    assert "W21" not in {f.rule for _, f in lint_answer({"title": "", "now": "行きます。" * 8})}


def test_structural_findings_do_not_weigh_in_the_score() -> None:
    assert score(lint("GPSを 見て ください。")) == 0
    assert score(lint("受付は13:00までです。")) == 2


def test_the_measure_of_nothing_is_nothing() -> None:
    assert measure(["", "。。", "\n\n"]).n_sentences == 0


TEXTS = st.sampled_from([row[2] for row in EXAMPLES] + [row[3] for row in EXAMPLES] + list(OFFICIAL) + list(PLAIN))
BLANKS = st.sampled_from([" ", "\u3000", "\n", "\n\n", "\t", "\u200b"])


def shape(text: str) -> list[tuple[str, str]]:
    return sorted((f.rule, f.message_ja) for f in lint(text))


@given(TEXTS, st.data())
def test_white_space_and_blank_lines_anywhere_change_nothing(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    padded = text[:at] + data.draw(BLANKS) + text[at:]
    assert shape(padded) == shape(text)
    assert measure([padded]) == measure([text])


@given(TEXTS, st.sampled_from("。、"), st.integers(1, 4))
def test_doubling_a_mark_changes_nothing(text: str, mark: str, times: int) -> None:
    assert shape(text.replace(mark, mark * (times + 1))) == shape(text)


@given(TEXTS, st.sampled_from(["。", "。。", "、、", "！", "\n。\n"]), st.booleans())
def test_marks_without_words_neither_hide_an_error_nor_count_as_sentences(text: str, marks: str, first: bool) -> None:
    padded = marks + text if first else text + marks
    assert len(errors(padded)) >= len(errors(text))
    assert measure([padded]).n_sentences == measure([text]).n_sentences


@given(TEXTS, TEXTS)
def test_every_sentence_keeps_its_errors_beside_another(one: str, other: str) -> None:
    joined = one.rstrip("。") + "。" + other
    assert len(errors(joined)) >= len(errors(one)) + len(errors(other))
