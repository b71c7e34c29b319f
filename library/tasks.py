"""Background work of the library: renditions, and the sweep of bytes that no row points at.

Celery discovers `renditions_work`; the sweep process calls `sweep_library` once an hour and `wake_due_renditions`
on every pass.
"""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings

from library.models import AssetVersion, Rendition
from library.renditions import QUEUE, claim_rendition, make_rendition
from library.storage import sweep_blobs
from mediahub.lib.clock import now as clock_now
from mediahub.lib.spool import sweep_spool
from mediahub.lib.wakeup import task_name

SOFT_LIMIT_S = 60
HARD_LIMIT_S = 75


@shared_task(name=task_name(QUEUE), soft_time_limit=SOFT_LIMIT_S, time_limit=HARD_LIMIT_S)
def renditions_work() -> None:
    """There is work in the queue: make the rendition that is due longest, if any is."""
    claim = claim_rendition(now=clock_now())
    if claim:
        make_rendition(claim)


def sweep_library() -> dict[str, int]:
    """Remove blobs without a row and forgotten spool files, both past their grace; returns the counts by kind."""
    grace = timedelta(seconds=settings.MEDIAHUB_BLOB_GRACE_S)
    return {
        "blobs": sweep_blobs(known_blob_keys, older_than=clock_now() - grace),
        "spool_files": sweep_spool(older_than_s=settings.MEDIAHUB_BLOB_GRACE_S),
    }


def known_blob_keys(keys: list[str]) -> set[str]:
    """Those of the keys that a version or a rendition points at."""
    versions = AssetVersion.objects.filter(blob_key__in=keys).values_list("blob_key", flat=True)
    renditions = Rendition.objects.filter(blob_key__in=keys).values_list("blob_key", flat=True)
    return {*versions, *renditions}
