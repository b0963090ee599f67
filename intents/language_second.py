"""A second opinion on a doubtful language, from langdetect with a fixed seed."""

import threading
from functools import lru_cache
from typing import Any

GROUPS: tuple[tuple[str, ...], ...] = (("en", "vi", "pt", "es", "id", "tl", "tr"), ("ru", "uk"), ("ne", "hi"))
"""Languages that langdetect knows and that share their letters; only those of the guess's own group are asked about."""
_lock = threading.Lock()


@lru_cache(maxsize=1)
def _factory() -> Any:
    from langdetect import DetectorFactory, detector_factory

    DetectorFactory.seed = 0  # without it two runs disagree on one short message in twenty
    detector_factory.init_factory()
    return detector_factory._factory


def disagrees(text: str, code: str) -> bool:
    """Return whether langdetect is nearly certain of another language of the same letters.

    text: cleaned. code: ISO 639 code of the first opinion (`pt`, `tl`).
    """
    from langdetect import LangDetectException

    group = next((group for group in GROUPS if code in group), None)
    if group is None:
        return False
    with _lock:
        detector = _factory().create()
        detector.set_prior_map(dict.fromkeys(group, 1.0 / len(group)))
        detector.append(text)
        try:
            best = detector.get_probabilities()
        except LangDetectException:
            return False
    return bool(best) and best[0].lang != code and best[0].prob > 0.9
