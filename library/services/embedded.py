"""What a version's own bytes say about it (EXIF, IPTC, XMP): kept as it is shown, with what is searched apart.

An upload writes it for its new version (`write_embedded`), copies take it along (`embedded_of`); the search finds it
from then on. `record_embedded` replaces what a version has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
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
    EmbeddedMetadata.objects.filter(version=version).delete()
    return write_embedded({version: data})[0]


@transaction.atomic(savepoint=False)
def write_embedded(found: Mapping[AssetVersion, Mapping[str, Any]]) -> list[EmbeddedMetadata]:
    """Write the metadata of versions that have none yet, in two statements at most. `data` is as in `record_embedded`.

    Each version has its row at hand afterwards, as `embedded`.
    """
    rows = EmbeddedMetadata.objects.bulk_create([_row(version, data) for version, data in found.items()])
    EmbeddedKeyword.objects.bulk_create(
        EmbeddedKeyword(metadata=row, name=name) for row in rows for name in _keywords(row.data.get("Keywords"))
    )
    return rows


def embedded_of(versions: Iterable[AssetVersion]) -> dict[str, dict[str, Any]]:
    """The metadata of those versions that have any, by version id: one query."""
    rows = EmbeddedMetadata.objects.filter(version__in=[version.pk for version in versions])
    return dict(rows.values_list("version__version_id", "data"))


def _row(version: AssetVersion, data: Mapping[str, Any]) -> EmbeddedMetadata:
    latitude, longitude = _degrees(data.get("GPSLatitude"), 90), _degrees(data.get("GPSLongitude"), 180)
    if latitude is None or longitude is None:
        latitude = longitude = None
    return EmbeddedMetadata(
        version=version,
        data=dict(data),
        taken_at=read_date(data.get("DateTimeOriginal")),
        latitude=latitude,
        longitude=longitude,
    )


def _degrees(value: Any, most: float) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number and abs(value) <= most else None


def _keywords(value: Any) -> list[str]:
    words = value if isinstance(value, list) else [value]
    texts = [word.strip() for word in words if isinstance(word, str)]
    return list(dict.fromkeys(text for text in texts if text and len(text) <= LONGEST_KEYWORD))[:MOST_KEYWORDS]
