"""Each rule of the lint at its limit: what just passes, what just fails, and everyday words that only look alike."""

import pytest

from intents.plain import lint, severity


def fires(rule: str, text: str) -> bool:
    return rule in {finding.rule for finding in lint(text)}


@pytest.mark.parametrize(("n", "rule"), [(45, ""), (46, "W01"), (60, "W01"), (61, "E01")])
def test_length_has_two_limits(n: int, rule: str) -> None:
    text = "あ" * (n - 3) + "です。"
    assert [f.rule for f in lint(text) if f.rule in ("E01", "W01")] == ([rule] if rule else [])


@pytest.mark.parametrize(("words", "rule"), [(1, ""), (2, "W02"), (3, "W02"), (4, "E02")])
def test_hard_words_have_two_limits(words: int, rule: str) -> None:
    text = "と".join(["概念", "措置", "疎明", "遡及"][:words]) + "です。"
    assert [f.rule for f in lint(text) if f.rule in ("E02", "W02")] == ([rule] if rule else [])


def test_domain_terms_are_not_hard_and_easy_words_in_old_spelling_are_easy() -> None:
    assert not fires("W02", "在留資格と 詐欺と 逮捕です。")
    assert not fires("W02", "終わる ときに 決まります。落とした ものを 片付けます。")


@pytest.mark.parametrize(
    ("text", "rule"), [("安全運転学校です。", "W03"), ("東京安全運転学校です。", "E03"), ("労働基準監督署です。", "")]
)
def test_runs_of_kanji_have_two_limits_and_a_domain_term_is_exempt(text: str, rule: str) -> None:
    assert [f.rule for f in lint(text) if f.rule in ("E03", "W03")] == ([rule] if rule else [])


@pytest.mark.parametrize(
    "text",
    [
        "会場において行います。",
        "規則に基づき行います。",
        "人に対して言います。",
        "それに関する話です。",
        "変更に伴います。",
        "届けに際して聞きます。",
        "国に応じて違います。",
        "審査を経て決まります。",
        "父及び母です。",
        "父又は母です。",
        "行くべきです。",
        "歩きつつ話します。",
        "言わざるを得ません。",
        "学生のみです。",
        "書類等です。",
        "帰る際に言います。",
        "その旨を言います。",
        "家ごとに違います。",
        "終わり次第行きます。",
        "日本以外です。",
        "ただし、だめです。",
        "なお、無料です。",
        "会社による説明です。",
        "会社によって違います。",
        "雨の場合には休みです。",
        "安全を図ります。",
        "防止に努めます。",
        "対策を講じます。",
        "意見を踏まえます。",
        "提出が求められます。",
        "休むこととなります。",
    ],
)
def test_office_words_are_errors(text: str) -> None:
    assert fires("E04", text)


@pytest.mark.parametrize(
    "text",
    [
        "警察によると、犯人は男です。",
        "ところによって雨です。",
        "または電話してください。",
        "けがについて話してください。",
        "お金のために働きます。",
        "雨の場合は休みです。",
        "ただしい道です。",
        "できごとに気をつけてください。",
        "薬をのみます。",
        "国際電話です。",
        "みんな平等です。",
        "中等部です。",
        "机の上においてください。",
        "地図を見ます。",
        "ご飯をつつみます。",
        "人によります。",
        "みなさん、来てください。",
    ],
)
def test_everyday_words_that_look_like_office_words_pass(text: str) -> None:
    assert not fires("E04", text)


@pytest.mark.parametrize(
    "text",
    [
        "お待ちください。",
        "ご連絡ください。",
        "お越しください。",
        "ご覧ください。",
        "教えていただきます。",
        "対応いたします。",
        "調べております。",
        "会場でございます。",
        "何をなさいますか。",
        "お名前を伺います。",
        "お調べします。",
        "お待ちになります。",
        "教えてくださいます。",
        "いらっしゃいます。",
    ],
)
def test_keigo_is_an_error(text: str) -> None:
    assert fires("E05", text)


@pytest.mark.parametrize(
    "text",
    [
        "待ってください。",
        "お金をください。",
        "お父さんに話してください。",
        "ご家族に言います。",
        "行かないでください。",
        "ここにおきます。",
        "お願いします。",
        "人がいます。",
        "ご飯です。",
        "それをください。",
    ],
)
def test_plain_politeness_passes(text: str) -> None:
    assert not fires("E05", text)


@pytest.mark.parametrize("text", ["行くこと。", "犯罪だ。", "禁止。", "電話しろ。", "行ってね。"])
def test_a_sentence_must_end_politely(text: str) -> None:
    assert fires("E06", text)


@pytest.mark.parametrize(
    "text",
    [
        "行きますか？",
        "雨でしょう。",
        "行きましょう。",
        "来ませんでした。",
        "「はい」です。",
        "行きます（無料）。",
        "来てください！",
    ],
)
def test_questions_brackets_and_guesses_end_politely(text: str) -> None:
    assert not fires("E06", text)


@pytest.mark.parametrize(
    "text",
    [
        "できないわけではありません。",
        "カードがないとできません。",
        "18歳でなければ働けません。",
        "一人しかいません。",
        "行かざるを得ません。",
    ],
)
def test_double_negation_is_an_error(text: str) -> None:
    assert fires("E07", text)


@pytest.mark.parametrize(
    "text",
    [
        "払わなければなりません。",
        "行かなくてはいけません。",
        "しかし、行きません。",
        "わからないときは、聞いてください。",
        "行かないと言いました。",
    ],
)
def test_duty_and_single_negation_pass(text: str) -> None:
    assert not fires("E07", text)


@pytest.mark.parametrize(
    "text", ["令和8年です。", "平成元年です。", "4/1です。", "9:30です。", "１７時です。", "2026/4/1です。"]
)
def test_eras_slashes_and_the_long_clock_are_errors(text: str) -> None:
    assert fires("E08", text)


@pytest.mark.parametrize("text", ["2026年4月1日です。", "午後5時です。", "24時間です。", "平和です。", "#9110です。"])
def test_plain_dates_and_times_pass(text: str) -> None:
    assert not fires("E08", text)


@pytest.mark.parametrize("mark", ["〜", "～", "~"])
def test_a_range_mark_is_an_error_in_every_form(mark: str) -> None:
    assert fires("E09", f"9時{mark}10時です。")


@pytest.mark.parametrize(("n", "rule"), [(5, ""), (6, "W12"), (7, "W12"), (8, "E12")])
def test_predicates_have_two_limits(n: int, rule: str) -> None:
    text = "、".join(["歩いて", "走って", "食べて", "飲んで", "読んで", "書いて", "泳いで"][: n - 1]) + "、寝ます。"
    assert [f.rule for f in lint(text) if f.rule in ("E12", "W12")] == ([rule] if rule else [])


def test_helping_verbs_are_no_predicates_of_their_own() -> None:
    assert not fires("W12", "食べて います。飲んで みて ください。読んで おきます。書いて しまいました。")


@pytest.mark.parametrize(("n", "rule"), [(15, ""), (16, "W15"), (20, "W15"), (21, "E15")])
def test_kanji_have_two_limits(n: int, rule: str) -> None:
    assert [f.rule for f in lint("山と" * n + "です。") if f.rule in ("E15", "W15")] == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        ("W10", "カードが発行されます。", "財布を盗まれました。"),
        ("W10", "名前が書かれます。", "いやなことをされました。"),
        ("W10", "会議が行われます。", "警察に逮捕されました。"),
        ("W11", "子どもを行かせます。", "警察に知らせます。"),
        ("W13", "国、町、家、名前、年を書きます。", "国、町、家、名前を書きます。"),
        ("W14", "リスクがあります。", "カードがあります。"),
        ("W17", "町に住む人が買った車を借りる人が来ます。", "町に住む人が来ます。"),
    ],
)
def test_a_warning_fires_and_leaves_the_plain_sentence_alone(rule: str, bad: str, good: str) -> None:
    assert fires(rule, bad)
    assert not fires(rule, good)
    assert severity(rule) != "error"
