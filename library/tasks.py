"""Background work of the library: renditions, and the sweep of bytes that no row points at.

Celery discovers `renditions_work`; the sweep process calls `sweep_renditions` on every pass and `sweep_blobs` now and
then.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from celery import shared_task
from django.conf import settings

from library import storage
from library.models import AssetVersion, Rendition, UploadReceipt
from library.renditions import QUEUE, claim_rendition, make_rendition, wake_due_renditions
from library.services.receipts import VALID_FOR
from mediahub.lib.clock import now as clock_now
from mediahub.lib.draining import draining
from mediahub.lib.wakeup import task_name

SOFT_LIMIT_S = 60
HARD_LIMIT_S = 75


@shared_task(name=task_name(QUEUE), soft_time_limit=SOFT_LIMIT_S, time_limit=HARD_LIMIT_S)
def renditions_work() -> None:
    """There is work in the queue: make the rendition that is due longest, if any is."""
    claim = None if draining() else claim_rendition(now=clock_now())
    if claim:
        make_rendition(claim)


def sweep_renditions() -> int:
    """Publish wake-ups for renditions that are due; returns how many."""
    return wake_due_renditions(now=clock_now())


def sweep_blobs(also_known: Callable[[list[str]], set[str]] | None = None) -> int:
    """Remove blobs that no row points at and that are past their grace; returns how many.

    also_known: says which of the given keys rows of other apps point at.
    """
    grace = timedelta(seconds=settings.MEDIAHUB_BLOB_GRACE_S)

    def known(keys: list[str]) -> set[str]:
        # The others first: a run that settles in between has made its blob a version's by the second look.
        others = also_known(keys) if also_known else set()
        return others | known_blob_keys(keys)

    return storage.sweep_blobs(known, older_than=clock_now() - grace)


def sweep_receipts() -> int:
    """Forget receipts of uploads that can no longer be repeated; returns how many."""
    return UploadReceipt.objects.filter(created_at__lt=clock_now() - 2 * VALID_FOR).delete()[0]


def known_blob_keys(keys: list[str]) -> set[str]:
    """Those of the keys that a version or a rendition points at."""
    versions = AssetVersion.objects.filter(blob_key__in=keys).values_list("blob_key", flat=True)
    renditions = Rendition.objects.filter(blob_key__in=keys).values_list("blob_key", flat=True)
    return {*versions, *renditions}
