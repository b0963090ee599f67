"""Cut a text into the pieces of the sentence encoder's vocabulary, as its engine does; for tuning only.

SentencePiece unigram: of all ways to cut a text, the one whose pieces are the likeliest together.
"""

from __future__ import annotations

from intents.encoder_file import EncoderFile

_SPACE = "\u2581"
_UNKNOWN_PENALTY = 10.0
PREFIX = "query: "


class Tokenizer:
    """Text → numbers of pieces."""

    def __init__(self, file: EncoderFile) -> None:
        self._normal = file.normal
        self._unk, self._bos, self._eos = file.unk, file.bos, file.eos
        scores = file.scores
        self._pieces = {
            piece.decode("utf-8", "replace"): (number, scores[number])
            for piece, number in file.pieces.items() if number != file.unk
        }
        self._longest = max(map(len, self._pieces))
        self._unknown = min(scores) - _UNKNOWN_PENALTY

    def ids(self, text: str, limit: int = 128) -> list[int]:
        """Return the numbers of a text with the query prefix, begin and end marks around it.

        limit: the most numbers that come back; what is longer is cut.
        """
        normal = "".join(self._normal.get(ord(char), char) for char in PREFIX + text)
        while "  " in normal:
            normal = normal.replace("  ", " ")
        body = normal.replace(" ", _SPACE)
        if not body.startswith(_SPACE):
            body = _SPACE + body
        return [self._bos, *self._cut(body)[: limit - 2], self._eos]

    def _cut(self, body: str) -> list[int]:
        n = len(body)
        best: list[float] = [0.0] + [-1e30] * n
        came: list[tuple[int, int]] = [(0, self._unk)] * (n + 1)
        pieces, longest = self._pieces, self._longest
        for start in range(n):
            here = best[start]
            for end in range(start + 1, min(n, start + longest) + 1):
                found = pieces.get(body[start:end])
                if found is not None and here + found[1] > best[end]:
                    best[end], came[end] = here + found[1], (start, found[0])
            if here + self._unknown > best[start + 1]:
                best[start + 1], came[start + 1] = here + self._unknown, (start, self._unk)
        out: list[int] = []
        at = n
        while at > 0:
            at, number = came[at]
            out.append(number)
        return out[::-1]
