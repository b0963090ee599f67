"""Sentence vectors of many texts, in several processes, remembered between runs. Authoring only."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import blake2b
from pathlib import Path

import numpy as np

from intents import encoder
from intents.encoder_top import TOP_FILE, load_top
from intents.matcher import Floats

Progress = Callable[[int], None]

_engine: encoder.Encoder | None = None


def _start_engine(root: Path) -> None:
    global _engine
    _engine = encoder.load(root)


def _encode_chunk(texts: list[str]) -> Floats:
    if _engine is None:
        raise RuntimeError("the sentence encoder does not start on this machine; train on Linux x86-64")
    return encoder.encode_all(_engine, texts)


class VectorCache:
    """Vectors that were computed before with this project's encoder, kept in a file that git ignores.

    root: of the project, whose tuned layers are used where it has some.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        name = encoder.engine_name(load_top(root / TOP_FILE)).replace("/", "-")
        path = self._path = root / ".cache" / f"vectors-{name}.npz"
        self._known: dict[bytes, Floats] = {}
        if path.exists():
            with np.load(path) as packed:
                self._known = {bytes(key): row for key, row in zip(packed["keys"], packed["rows"], strict=True)}

    @staticmethod
    def key(text: str) -> bytes:
        return blake2b(encoder.prepare(text).encode("utf-8", "surrogatepass"), digest_size=12).digest()

    def vectors(self, texts: Sequence[str], *, workers: int = 2, progress: Progress | None = None) -> Floats:
        """Return one row a text, encoding what is not known yet in `workers` processes.

        progress: called with the number of texts done since the last call.
        """
        missing = list({self.key(text): text for text in texts if self.key(text) not in self._known}.values())
        if progress:
            progress(len(texts) - len(missing))
        if missing:
            chunks = [missing[i : i + 64] for i in range(0, len(missing), 64)]
            with ProcessPoolExecutor(workers, initializer=_start_engine, initargs=(self._root,)) as pool:
                for chunk, rows in zip(chunks, pool.map(_encode_chunk, chunks), strict=True):
                    for text, row in zip(chunk, rows, strict=True):
                        self._known[self.key(text)] = row.astype(np.float16)
                    if progress:
                        progress(len(chunk))
            self._save()
        if not texts:
            return np.zeros((0, encoder.DIMENSION), dtype=np.float32)
        return np.stack([self._known[self.key(text)] for text in texts]).astype(np.float32)

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        (self._path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        keys = np.frombuffer(b"".join(self._known), dtype=np.uint8).reshape(-1, 12)
        np.savez(self._path, keys=keys, rows=np.stack(list(self._known.values())))
