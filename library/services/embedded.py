"""What a version's own bytes say about it (EXIF, IPTC, XMP): kept as it is shown, with what is searched apart.

Whoever reads the metadata of a file calls `record_embedded` once per version; the search finds it from then on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from library.metadata_schema import read_date
from library.models import AssetVersion, EmbeddedKeyword, EmbeddedMetadata

MOST_KEYWORDS = 500
LONGEST_KEYWORD = 500


@transaction.atomic
def record_embedded(*, version: AssetVersion, data: Mapping[str, Any]) -> EmbeddedMetadata:
    """Keep the flat embedded metadata of a version (API 3.9) in place of what was kept before.

    data: JSON values by name. `DateTimeOriginal` (ISO 8601), `GPSLatitude` with `GPSLongitude` (degrees) and `Keywords`
    (texts) become searchable; what has another form is kept, but not found. The asset sorts by the date from then on.
    """
    latitude, longitude = _degrees(data.get("GPSLatitude"), 90), _degrees(data.get("GPSLongitude"), 180)
    if latitude is None or longitude is None:
        latitude = longitude = None
    metadata, _ = EmbeddedMetadata.objects.update_or_create(
        version=version,
        defaults={
            "data": dict(data),
            "taken_at": read_date(data.get("DateTimeOriginal")),
            "latitude": latitude,
            "longitude": longitude,
        },
    )
    metadata.keywords.all().delete()
    names = _keywords(data.get("Keywords"))
    if names:
        EmbeddedKeyword.objects.bulk_create(EmbeddedKeyword(metadata=metadata, name=name) for name in names)
    return metadata


def _degrees(value: Any, most: float) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number and abs(value) <= most else None


def _keywords(value: Any) -> list[str]:
    words = value if isinstance(value, list) else [value]
    texts = [word.strip() for word in words if isinstance(word, str)]
    return list(dict.fromkeys(text for text in texts if text and len(text) <= LONGEST_KEYWORD))[:MOST_KEYWORDS]
