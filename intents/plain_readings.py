"""How numbers are read aloud in Japanese, alone and with a counter: 14日 じゅうよっか, 3階 さんがい.

`data/plain/counters.tsv` is the table that these rules must reproduce.
"""

import re
from dataclasses import dataclass

_DIGITS = ("", "いち", "に", "さん", "よん", "ご", "ろく", "なな", "はち", "きゅう")
_HUNDREDS = {3: "さんびゃく", 6: "ろっぴゃく", 8: "はっぴゃく"}
_THOUSANDS = {3: "さんぜん", 8: "はっせん"}
_DAYS = {
    1: "いちにち", 2: "ふつか", 3: "みっか", 4: "よっか", 5: "いつか", 6: "むいか", 7: "なのか", 8: "ようか",
    9: "ここのか", 10: "とおか", 14: "じゅうよっか", 20: "はつか", 24: "にじゅうよっか",
}  # fmt: skip
_THINGS = ("", "ひとつ", "ふたつ", "みっつ", "よっつ", "いつつ", "むっつ", "ななつ", "やっつ", "ここのつ")
_SHORT = {1: "いっ", 6: "ろっ", 8: "はっ", 10: "じゅっ", 100: "ひゃっ"}


@dataclass(frozen=True)
class _Counter:
    """How a counter changes the number before it.

    reading: of the counter alone.
    short: the last digits (1, 6, 8, 10, 100) that end in a small っ before it.
    p: the last digits after which h becomes p; b: after which it becomes b (or k becomes g).
    last: dict of last digit → its reading here, as 4 → よ.
    """

    reading: str
    short: tuple[int, ...] = ()
    p: tuple[int, ...] = ()
    b: tuple[int, ...] = ()
    last: tuple[tuple[int, str], ...] = ()


_K, _ST = (1, 6, 8, 10, 100), (1, 8, 10)
_COUNTERS: dict[str, _Counter] = {
    "月": _Counter("がつ", last=((4, "し"), (7, "しち"), (9, "く"))),
    "時": _Counter("じ", last=((4, "よ"), (7, "しち"), (9, "く"))),
    "分": _Counter("ふん", _K, p=(1, 3, 4, 6, 8, 10, 100)),
    "秒": _Counter("びょう"),
    "人": _Counter("にん", last=((4, "よ"),)),
    "名": _Counter("めい"),
    "歳": _Counter("さい", _ST),
    "回": _Counter("かい", _K),
    "階": _Counter("かい", _K, b=(3,)),
    "年": _Counter("ねん", last=((4, "よ"),)),
    "本": _Counter("ほん", _K, p=(1, 6, 8, 10, 100), b=(3,)),
    "件": _Counter("けん", _K),
    "台": _Counter("だい"),
    "枚": _Counter("まい"),
    "円": _Counter("えん", last=((4, "よ"),)),
    "番": _Counter("ばん"),
    "号": _Counter("ごう"),
    "度": _Counter("ど"),
    "倍": _Counter("ばい"),
    "部": _Counter("ぶ"),
    "問": _Counter("もん"),
    "課": _Counter("か", _K),
    "条": _Counter("じょう"),
    "点": _Counter("てん", _ST),
    "通": _Counter("つう", _ST),
    "冊": _Counter("さつ", _ST),
    "社": _Counter("しゃ", _ST),
    "週": _Counter("しゅう", _ST),
    "級": _Counter("きゅう", _K),
    "個": _Counter("こ", _K),
    "軒": _Counter("けん", _K, b=(3,)),
    "杯": _Counter("はい", _K, p=(1, 6, 8, 10, 100), b=(3,)),
    "匹": _Counter("ひき", _K, p=(1, 6, 8, 10, 100), b=(3,)),
    "種類": _Counter("しゅるい", _ST),
    "か月": _Counter("かげつ", _K),
    "か国": _Counter("かこく", _K),
    "か所": _Counter("かしょ", _K),
    "言語": _Counter("げんご"),
    "丁目": _Counter("ちょうめ", _ST),
}
_SAME_AS = {"才": "歳", "ヶ月": "か月", "ヵ月": "か月", "カ月": "か月", "箇月": "か月", "ヶ国": "か国", "ヶ所": "か所"}
_TAILS = {"以内": "いない", "間": "かん", "目": "め", "語": "ご", "生": "せい"}
_MULTIPLES = {"万": 10_000, "億": 100_000_000, "千": 1_000, "百": 100}
_HARD_SOUND = dict(zip("はひふへほ", "ぱぴぷぺぽ", strict=True))
_SOFT_SOUND = dict(zip("はひふへほかきくけこ", "ばびぶべぼがぎぐげご", strict=True))

_UNIT = "|".join(sorted({"日", "つ", *_COUNTERS, *_SAME_AS}, key=len, reverse=True))
NUMBER = re.compile(
    rf"(?<![\d.,\-#*A-Za-z/])(?P<number>[1-9]\d{{0,2}}(?:,\d{{3}})+|[1-9]\d*|0)(?:\.(?P<decimals>\d+))?"
    rf"(?P<multiple>[万億千百])?(?P<unit>{_UNIT})(?P<tails>(?:{'|'.join(_TAILS)})*)(?!-|の\d|(?<=番)号)"
)


def number(n: int) -> str:
    """A whole number below a trillion, read aloud: 12000 → いちまんにせん."""
    if n == 0:
        return "れい"
    parts = []
    for size, name in ((100_000_000, "おく"), (10_000, "まん"), (1, "")):
        group, n = divmod(n, size)
        if group:
            parts.append(_below_10000(group, alone=not name) + name)
    return "".join(parts)


def _below_10000(n: int, *, alone: bool) -> str:
    thousands, hundreds, tens, ones = n // 1000, n // 100 % 10, n // 10 % 10, n % 10
    text = ""
    if thousands:
        text += _THOUSANDS.get(thousands, (_DIGITS[thousands] if thousands > 1 else "" if alone else "いっ") + "せん")
    if hundreds:
        text += _HUNDREDS.get(hundreds, (_DIGITS[hundreds] if hundreds > 1 else "") + "ひゃく")
    if tens:
        text += (_DIGITS[tens] if tens > 1 else "") + "じゅう"
    return text + _DIGITS[ones]


def counted(found: re.Match[str], *, after_month: bool = False) -> str | None:
    """The reading of what NUMBER has matched, or None where number and counter do not go together (13月, 0つ).

    after_month: whether a month stands right before it, so that 1日 is ついたち.
    """
    n = int(found["number"].replace(",", "")) * _MULTIPLES.get(found["multiple"] or "", 1)
    unit, tails, decimals = _SAME_AS.get(found["unit"], found["unit"]), found["tails"], found["decimals"]
    if n >= 10**12:
        return None
    tail = "".join(_TAILS[t] for t in re.findall("|".join(_TAILS), tails))
    if decimals:
        head = number(n) + "てん" + "".join(_DIGITS[int(d)] or "れい" for d in decimals)
        return head + _COUNTERS[unit].reading + tail if unit in _COUNTERS else None
    reading = _with_unit(n, unit, tails, after_month=after_month)
    return reading and reading + tail


def _with_unit(n: int, unit: str, tails: str, *, after_month: bool) -> str | None:
    if unit == "日":
        if n == 1 and after_month:
            return "ついたち"
        return _DAYS.get(n) or _irregular(n, ((7, "しち"), (9, "く"))) + "にち"
    if unit == "つ":
        return _THINGS[n] or None if n < len(_THINGS) else None
    if unit == "人" and n in (1, 2):
        return ("ひとり", "ふたり")[n - 1]
    if unit == "歳" and n == 20:
        return "はたち"
    if unit == "月" and not 1 <= n <= 12:
        return None
    return _regular(n, _COUNTERS[unit])


def _irregular(n: int, last: tuple[tuple[int, str], ...]) -> str:
    """The number with another reading of its last digit: 14 → じゅうよ."""
    other = dict(last).get(n % 10)
    return number(n) if other is None or n == 0 else (number(n - n % 10) if n >= 10 else "") + other


def _regular(n: int, counter: _Counter) -> str:
    last = n % 10 or (10 if n % 100 else 100 if n % 1000 else 0)
    head, tail = _irregular(n, counter.last), counter.reading
    if last in counter.short:
        head = head[: -len(number(last))] + _SHORT[last]
    if last in counter.p:
        tail = _HARD_SOUND[tail[0]] + tail[1:]
    elif last in counter.b:
        tail = _SOFT_SOUND[tail[0]] + tail[1:]
    return head + tail
