"""What the library's cards and upload results say of an asset beside its name: tag count and the state of its runs."""

from collections.abc import Iterable

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from extensions.models import ExtensionRun
from library.models import AITag, Asset


def with_card_facts(assets: "QuerySet[Asset]") -> "QuerySet[Asset]":
    """Adds `ai_tag_count`, `open_runs` and `last_state` (of the newest run) without a query per asset."""
    tags = AITag.objects.filter(asset=OuterRef("pk"), state__in=AITag.VISIBLE).order_by()
    runs = ExtensionRun.objects.filter(asset=OuterRef("pk")).order_by()
    return assets.select_related("folder", "current_version").annotate(
        ai_tag_count=_count(tags),
        open_runs=_count(runs.open()),
        last_state=Subquery(runs.order_by("-created_at").values("state")[:1]),
    )


def open_ids(assets: Iterable[Asset]) -> str:
    """The file ids of cards that have open runs, joined for the address that asks for their news."""
    return ",".join(asset.file_id for asset in assets if asset.open_runs)  # type: ignore[attr-defined]


def _count(rows: "QuerySet[AITag] | QuerySet[ExtensionRun]") -> Coalesce:
    counted = rows.values("asset").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
