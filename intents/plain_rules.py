"""The rules of the plain-Japanese lint, one function a concern, each on one sentence.

A rule yields `Hit(rule, start, end, found, …)` with offsets in `Sentence.text`; the words for the author stand in
`data/plain/messages.tsv`, the word lists in `rule_words.tsv`, what offices write in `officialese.tsv`. The limits were
calibrated on 276 sentences of published やさしい日本語 and 198 of ordinary official Japanese, and checked on 99 held
out. Predicates and relative clauses are counted by word class, without a parser.
Source: our own calibration of 2026-11-22; what the rules forbid follows the guideline of the Immigration Services
Agency and the Agency for Cultural Affairs for plain Japanese in support of residents (2020).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from intents.plain_text import KANJI, Sentence
from intents.wordlevels import Token, is_content, is_hard, level, rows

Rule = Callable[[Sentence, frozenset[str]], "Iterator[Hit]"]


@dataclass(frozen=True)
class Hit:
    """One place where a sentence breaks a rule.

    start, end: offsets in the measured text. found: what the message quotes. n: the count it names.
    better: what to write instead, where the rule knows.
    """

    rule: str
    start: int
    end: int
    found: str = ""
    n: int = 0
    better: str = ""


@cache
def words(group: str) -> frozenset[str]:
    """One of the word lists of `rule_words.tsv`."""
    return frozenset(next(row[1] for row in rows("rule_words.tsv") if row[0] == group).split())


@cache
def terms() -> tuple[str, ...]:
    """Our domain terms, longest first: hard words that an answer may use, with a gloss."""
    return tuple(sorted((row[0] for row in rows("terms.tsv")), key=len, reverse=True))


@cache
def _term_pattern() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, terms())))


def term_spans(text: str) -> list[tuple[int, int]]:
    """Where domain terms stand in a text, longest match first."""
    return [found.span() for found in _term_pattern().finditer(text)]


def _is_known(token: Token, spans: list[tuple[int, int]], easy: frozenset[str]) -> bool:
    in_term = any(start <= token.start and token.end <= end for start, end in spans)
    return in_term or bool(easy & {token.surface, token.lemma, token.normalized})


def hard_words(sentence: Sentence, easy: frozenset[str]) -> list[Token]:
    """The words a learner at N3 is unlikely to know, without domain terms and what the caller allows."""
    spans = term_spans(sentence.text)
    return [token for token in sentence.tokens if is_hard(token) and not _is_known(token, spans, easy)]


def length(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    n = sentence.n_characters
    if n > 45:
        yield Hit("E01" if n > 60 else "W01", 0, n, n=n)


def vocabulary(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    hard = hard_words(sentence, easy)
    if (n := len(hard)) >= 2:
        found = "、".join(token.surface for token in hard)
        yield Hit("E02" if n >= 4 else "W02", hard[0].start, hard[-1].end, found, n)


def kanji_runs(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    for run in re.finditer(f"[{KANJI}]{{6,}}", sentence.text):
        if run[0] not in terms() and run[0] not in easy:
            yield Hit("E03" if len(run[0]) >= 8 else "W03", *run.span(), run[0], len(run[0]))


def kanji(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    if (n := sentence.n_kanji) > 15:
        yield Hit("E15" if n > 20 else "W15", 0, sentence.n_characters, n=n)


@cache
def _officialese() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), better) for pattern, better in rows("officialese.tsv"))


_LIKE_ETC = re.compile(f"(?<=[{KANJI}])(?<![平同対高上均中初一二三特])等(?![しい級身生])")
# Words that only the tokeniser tells from everyday ones in kana: (dictionary or surface form, class) → better.
_OFFICIAL_TOKENS = {
    ("べし", "助動詞"): "「〜なければ なりません」「〜て ください」",
    ("ざる", "助動詞"): "「〜ない」",
    ("つつ", "助詞"): "「〜ながら」",
    ("のみ", "助詞"): "「だけ」",
    ("際", "名詞"): "「とき」",
    ("旨", "名詞"): "「こと」",
    ("ごと", "接尾辞"): "「〜で それぞれ」",
}


def officialese(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    for pattern, better in _officialese():
        for found in pattern.finditer(sentence.text):
            yield Hit("E04", *found.span(), found[0], better=better)
    for found in _LIKE_ETC.finditer(sentence.text):
        yield Hit("E04", *found.span(), found[0], better="「など」")
    for token in sentence.tokens:
        for form in {token.lemma, token.surface}:
            if instead := _OFFICIAL_TOKENS.get((form, token.pos[0])):
                yield Hit("E04", token.start, token.end, token.surface, better=instead)


def keigo(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    tokens = sentence.tokens
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else None
        after = tokens[i + 1] if i + 1 < len(tokens) else None
        first, last = token, token
        if token.lemma in words("humble") or token.surface in words("respectful_nouns"):
            pass
        elif after and token.surface in ("ご", "御") and token.pos[0] == "接頭辞" and after.pos[2] == "サ変可能":
            last = after
        elif before and token.lemma == "くださる" and (_is_bare_stem(before) or (after and after.lemma == "ます")):
            first = before
        elif after and token.surface == "お" and _goes_on_politely(after, tokens[i + 2 : i + 4]):
            last = after
        else:
            continue
        if sentence.text[first.start : last.end] != "お願い":
            yield Hit("E05", first.start, last.end, sentence.text[first.start : last.end])


def _is_bare_stem(token: Token) -> bool:
    """Whether ください follows without て: お待ちください, ご連絡ください; not 待ってください, お金をください."""
    if token.pos[0] == "動詞":
        return True
    return token.pos[0] == "名詞" and (token.pos[2] == "サ変可能" or token.surface[0] in "おご御")


def _goes_on_politely(stem: Token, after: list[Token]) -> bool:
    """Whether お + verb stem goes on as keigo: お待ちします, お待ちになる, お待ちです; not お金です."""
    lemmas = [token.lemma for token in after]
    if stem.pos[0] == "名詞":
        return lemmas[:1] == ["する"]
    return stem.pos[0] == "動詞" and (lemmas[:1] in (["する"], ["です"]) or lemmas == ["に", "なる"])


_POLITE_END = re.compile(
    r"(?:です|ます|ました|ません|ませんでした|でした|でしょう|ましょう|ください)(?:か|ね|よ|よね)?[。！？!?」』）)]*$"
)
_BRACKETS_AT_END = re.compile(r"[（(][^（）()]*[）)](?=[。！？!?]*$)")


def ending(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    """Only for full sentences: body text, and steps."""
    if not _POLITE_END.search(_BRACKETS_AT_END.sub("", sentence.text)):
        start = max(0, sentence.n_characters - 10)
        yield Hit("E06", start, sentence.n_characters, sentence.text[start:])


_DOUBLE_NEGATION = (
    re.compile(
        r"(?:ない|なかった|ません|ぬ|ず)(?:という)?(?:わけ|こと|もの|の|ん)(?:で|に)?(?:は|も)?"
        r"(?:ありません|ない(?!で)|なかった)"
    ),
    re.compile(r"(?:ない|なく)(?:とは|も|は)(?:かぎりません|限りません|いえません|言えません|ありません)"),
    re.compile(r"ざるを[得え]|ずには(?:い|お)|ないでは(?:い|あ)"),
    re.compile(r"ないと(?!き|こ|い|言|思|聞|書|答|伝|わか)[^。「」]{0,15}?(?<!いけ)(?<!なり)(?:ません|できない|だめ)"),
    re.compile(r"(?:なければ|なくては|なくちゃ)、?(?!なり|なら|いけ|だめ)[^。「」]{0,15}?(?:ません|ない)"),
)
_NEGATIVE = frozenset(("ない", "ぬ", "ず", "ん", "まい"))


def double_negation(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    for pattern in _DOUBLE_NEGATION:
        if found := pattern.search(sentence.text):
            yield Hit("E07", *found.span(), found[0])
            return
    for i, token in enumerate(sentence.tokens):
        if token.surface != "しか" or token.pos[0] != "助詞":
            continue
        for later in sentence.tokens[i + 1 : i + 9]:
            if later.lemma in _NEGATIVE and later.pos[0] in ("助動詞", "形容詞"):
                yield Hit("E07", token.start, later.end, sentence.text[token.start : later.end])
                return


_DATE_TIME = re.compile(
    r"(?:令和|平成|昭和|大正)(?:\d+|元|[一二三四五六七八九十]+)年?"
    r"|(?<![\d/])(?:\d{4}/)?\d{1,2}/\d{1,2}(?![\d/])"
    r"|(?<!\d)\d{1,2}:\d{2}(?!\d)"
    r"|(?<!\d)(?:1[3-9]|2[0-4])時(?!間)"
)
_RANGE = re.compile(r"[〜～~]")


def dates_and_ranges(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    for rule, pattern in (("E08", _DATE_TIME), ("E09", _RANGE)):
        for found in pattern.finditer(sentence.text):
            yield Hit(rule, *found.span(), found[0])


def predicates(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    tokens = sentence.tokens
    n = sum(_is_predicate(token, before) for before, token in pairwise([None, *tokens]) if token)
    if n >= 6:
        yield Hit("E12" if n >= 8 else "W12", 0, sentence.n_characters, n=n)


def _is_predicate(token: Token, before: Token | None) -> bool:
    if token.pos[0] in ("動詞", "形容詞"):
        if token.pos[1] != "非自立可能" or before is None:
            return True
        return before.pos[0] != "動詞" and not (before.surface in ("て", "で") and before.pos[0] == "助詞")
    if token.lemma not in ("だ", "です") or before is None:
        return False
    return before.pos[0] in ("名詞", "代名詞", "形状詞", "接尾辞")


def voice(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    tokens = sentence.tokens
    for i, (verb, token) in enumerate(pairwise(tokens)):
        if token.pos[0] != "助動詞":
            continue
        if token.lemma in ("れる", "られる") and not _is_victim(verb, tokens[max(0, i - 1)]):
            yield Hit("W10", verb.start, token.end, verb.surface + token.surface)
        elif token.lemma in ("せる", "させる") and verb.normalized != "知る":  # 知らせる is a word of its own
            yield Hit("W11", verb.start, token.end, verb.surface + token.surface)


def _is_victim(verb: Token, before: Token) -> bool:
    """Whether the passive says what was done to somebody: 盗まれた, 脅迫された, いやなことをされた."""
    if verb.lemma == "する":
        return before.lemma in words("victim_verbs") or before.surface == "を"
    return bool({verb.lemma, verb.normalized} & words("victim_verbs"))


def commas(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    if (n := sentence.text.count("、")) >= 4:
        yield Hit("W13", 0, sentence.n_characters, n=n)


def katakana(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    spans = term_spans(sentence.text)
    for token in sentence.tokens:
        if not re.fullmatch(r"[ァ-ヺー]{2,}", token.surface) or not is_content(token):
            continue
        if level(token) < 3 and not _is_known(token, spans, easy):
            yield Hit("W14", token.start, token.end, token.surface)


def relative_clauses(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    n = sum(_modifies(before, noun) for before, noun in pairwise(sentence.tokens))
    if n >= 3:
        yield Hit("W17", 0, sentence.n_characters, n=n)


def _modifies(before: Token, noun: Token) -> bool:
    if noun.pos[0] != "名詞" or noun.surface in words("formal_nouns"):
        return False
    if not before.pos[5].startswith(("連体形", "終止形")):
        return False
    helps = before.pos[0] == "助動詞" and before.lemma in ("た", "だ", "ない", "たい", "れる", "られる")
    return (helps and before.surface != "な") or before.pos[0] in ("動詞", "形容詞")


_ONOMATOPOEIA = re.compile(r"([ぁ-ん]{2})\1|([ァ-ヺー]{2})\2")
_VAGUE = re.compile(r"(?:結構|けっこう|大丈夫|だいじょうぶ)です(?!か)")
_ABBREVIATION = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2,6}(?![A-Za-z])")


def unclear_words(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    adverbs = {token.start for token in sentence.tokens if token.pos[0] == "副詞"}
    for found in _ONOMATOPOEIA.finditer(sentence.text):
        if found[0] not in words("not_onomatopoeia") and found.start() in adverbs:
            yield Hit("W20", *found.span(), found[0])
    for found in _VAGUE.finditer(sentence.text):
        yield Hit("W20", *found.span(), found[0])
    for found in _ABBREVIATION.finditer(sentence.text):
        if found[0] not in words("known_abbreviations") | easy and not sentence.is_glossed(found.end()):
            yield Hit("W20", *found.span(), found[0])


_ITEM = rf"[おご]?[{KANJI}ァ-ヺーA-Za-z]+(?:の[{KANJI}ァ-ヺー]+)?"
_LISTING = re.compile(rf"{_ITEM}(?:(?:[、・]|と|や|か|とか){_ITEM}){{2,}}")


def listing(sentence: Sentence, easy: frozenset[str]) -> Iterator[Hit]:
    for found in _LISTING.finditer(sentence.text):
        yield Hit("W22", *found.span(), found[0])


RULES: tuple[Rule, ...] = (
    length,
    vocabulary,
    kanji_runs,
    officialese,
    keigo,
    ending,
    double_negation,
    dates_and_ranges,
    predicates,
    voice,
    commas,
    katakana,
    kanji,
    relative_clauses,
    unclear_words,
    listing,
)
