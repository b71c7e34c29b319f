"""Tags of people and tags of machines. Uploads, updates and runs change them here only; people do in `reviews`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from library.models import AITag, Asset, Tag
from library.signals import asset_updated


@transaction.atomic
def replace_tags(*, asset: Asset, names: Iterable[str]) -> None:
    """Give the asset exactly these human tags, cleaned by `library.names.clean_tags`, in this order."""
    asset.tags.all().delete()
    Tag.objects.bulk_create(Tag(asset=asset, name=name) for name in names)


def remove_ai_tags(*, asset: Asset, names: Iterable[str] | None) -> int:
    """Delete machine tags in every state, by name from every source, or all of them for None. Returns how many."""
    tags = asset.ai_tags.all() if names is None else asset.ai_tags.filter(name__in=list(names))
    return tags.delete()[0]


def replace_suggested(
    *,
    asset: Asset,
    source: str,
    provider: str,
    model: str,
    run_id: UUID | None,
    found: Iterable[tuple[str, Decimal]],
    now: datetime,
) -> list[AITag]:
    """Put what a tagger found in place of what the same source had suggested before.

    Names that a person accepted or rejected for this source stay as they are. found: names with their confidence in
    per cent; of a repeated name the surest counts. Returns the rows written.

    The caller's transaction holds the asset's lock (`lock_asset`): two runs of one tagger would otherwise both find
    nothing to replace, and write the same names.
    """
    asset.ai_tags.filter(source=source, state=AITag.State.SUGGESTED).delete()
    decided = set(asset.ai_tags.filter(source=source).values_list("name", flat=True))
    surest: dict[str, Decimal] = {}
    for name, confidence in found:
        if name not in decided:
            surest[name] = max(confidence, surest.get(name, confidence))
    written = AITag.objects.bulk_create(
        AITag(
            asset=asset,
            name=name,
            confidence=confidence,
            source=source,
            provider=provider,
            model=model,
            run_id=run_id,
            created_at=now,
        )
        for name, confidence in surest.items()
    )
    asset_updated.send(sender=Asset, asset=asset)
    return written
