"""The names of languages: ours, and what clients and people call them."""

TAGS = (
    "ja", "en", "zh-Hans", "zh-Hant", "ko", "vi", "pt-BR", "es", "th", "id", "fil", "km", "my", "mn", "ne",
    "si", "bn", "uk", "ru", "tr", "hi", "ur",
)  # fmt: skip
"""What `detect` can answer. All Japanese, in whatever letters, is `ja`; the conversation answers it in `ja-simple`."""

MORE_TAGS = ("ja-simple", "ja-Hira", "ja-Latn")
_SAME = {
    "pt": "pt-BR", "tl": "fil", "tgl": "fil", "in": "id", "cmn": "zh-Hans", "yue": "zh-Hant", "zh": "zh-Hans",
    "jp": "ja",
}  # fmt: skip
_TRADITIONAL = {"tw", "hk", "mo", "hant"}


def canonical(tag: str | None) -> str | None:
    """Return our tag for a tag that a client or a person wrote, or None where we do not know the language.

    tag: BCP 47, with hyphens or underscores, in any case: `zh-CN`, `pt_br`, `tl`.
    """
    if not tag or len(tag) > 35:
        return None
    parts = tag.strip().replace("_", "-").lower().split("-")
    head, rest = parts[0], set(parts[1:])
    if head in ("zh", "cmn"):
        return "zh-Hant" if rest & _TRADITIONAL and "hans" not in rest else "zh-Hans"
    if head == "ja":
        for more in MORE_TAGS:
            if more.split("-")[1].lower() in rest:
                return more
        return "ja"
    head = _SAME.get(head, head)
    return head if head in TAGS else None
