"""From a supplier's labels to tags: the thresholds of a request, and what a label must be (API 6.4, REL F37).

Every tagger uses it; nothing here knows a supplier.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from extensions.providers.base import FoundTag, PermanentProviderError

BAD = "bad_provider_result"
MIN_CONFIDENCE_DEFAULT = 0.0
MAX_TAGS_DEFAULT = 30


@dataclass(frozen=True)
class Thresholds:
    """What a request wants: tags with a confidence of `at_least` per cent, and not more than `at_most` of them."""

    at_least: float
    at_most: int


def thresholds(params: Mapping[str, Any]) -> Thresholds:
    """Read `minConfidence` (default 0) and `maxTags` (default 30). Raises PermanentProviderError `invalid_options`."""
    at_least = _number(params, "minConfidence", MIN_CONFIDENCE_DEFAULT)
    return Thresholds(at_least, int(_number(params, "maxTags", MAX_TAGS_DEFAULT)))


def best_tags(labels: Iterable[tuple[Any, Any]], wanted: Thresholds) -> tuple[FoundTag, ...]:
    """The labels that a request wants, best first, each name once.

    labels: (name, confidence in per cent) as the supplier gave them; the two decimals that are kept are the ones that
    count. One label without a name, or with a confidence that is not a number from 0 to 100, spoils the whole answer:
    PermanentProviderError `bad_provider_result`, so that nothing of it is applied.
    """
    tags = sorted((_tag(name, confidence) for name, confidence in labels), key=lambda tag: -tag.confidence)
    surest: dict[str, FoundTag] = {}
    for tag in tags:
        if tag.confidence >= wanted.at_least:
            surest.setdefault(tag.name, tag)
    return tuple(surest.values())[: wanted.at_most]


def _tag(name: Any, confidence: Any) -> FoundTag:
    if not isinstance(name, str) or not name.strip():
        raise PermanentProviderError(BAD, "The provider answered with a label without a name.")
    is_number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    if not is_number or not math.isfinite(confidence) or not 0 <= round(confidence, 2) <= 100:
        raise PermanentProviderError(BAD, "The provider answered with a confidence outside 0 to 100.")
    return FoundTag(name, confidence)


def _number(params: Mapping[str, Any], key: str, default: float) -> float:
    value = params.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise PermanentProviderError("invalid_options", f"{key} is not a number from 0 upwards.")
    return float(value)
