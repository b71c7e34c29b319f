"""Background work of the library: renditions, bulk jobs, and the sweep of bytes that no row points at.

Celery discovers `renditions_work` and `jobs_work`; the sweep process calls `sweep_renditions` and `sweep_jobs` on every
pass and the others now and then.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from celery import shared_task
from django.conf import settings

from library import storage
from library.models import AssetVersion, Rendition, UploadReceipt
from library.renditions import QUEUE, claim_rendition, make_rendition, wake_due_renditions
from library.services.jobs import leases
from library.services.jobs.working import work_on
from library.services.purges import forget_purges
from library.services.receipts import VALID_FOR
from library.services.spent_tokens import forget_tokens
from library.services.under_way import sweep_leases
from mediahub.lib.clock import now as clock_now
from mediahub.lib.draining import draining
from mediahub.lib.wakeup import task_name

SOFT_LIMIT_S = 60
HARD_LIMIT_S = 75
STRETCH_S = 3.0
"""So long a bulk job is worked on before another account's gets its turn."""
LONGEST_TASK_S = 30.0


@shared_task(name=task_name(QUEUE), soft_time_limit=SOFT_LIMIT_S, time_limit=HARD_LIMIT_S)
def renditions_work() -> None:
    """There is work in the queue: make the rendition that is due longest, if any is."""
    claim = None if draining() else claim_rendition(now=clock_now())
    if claim:
        make_rendition(claim)


Stretch = Callable[[float, Callable[[], bool]], bool]
"""Does one stretch of due work of some kind: for about so many seconds, or until told to stop. False: none is due."""

_other_work: dict[str, Stretch] = {}


def also_work_on(name: str, stretch: Stretch) -> None:
    """Have the workers of the queue `jobs` do another app's work as well, in turns with bulk jobs."""
    _other_work[name] = stretch


@shared_task(name=task_name(leases.QUEUE))
def jobs_work() -> None:
    """There is work in the queue: work on bulk jobs and on what else is registered until none is due, a stretch each,
    for half a minute in all.

    In a pool that other queues share, jobs take no more threads than they have by themselves: those who work already
    go on until nothing is due.
    """
    if not _places().acquire(blocking=False):
        return
    try:
        end = time.monotonic() + LONGEST_TASK_S
        while not draining() and time.monotonic() < end and _each_kind_in_turn():
            pass
    finally:
        _places().release()


def _each_kind_in_turn() -> bool:
    """A stretch of each kind of work that has some due; False if none has."""
    claim = leases.claim_job(now=clock_now())
    if claim:
        work_on(claim, stretch_s=STRETCH_S, stopping=draining)
    others = [stretch(STRETCH_S, draining) for stretch in _other_work.values() if not draining()]
    return claim is not None or any(others)


@functools.cache
def _places() -> threading.BoundedSemaphore:
    """This process's threads for bulk jobs."""
    return threading.BoundedSemaphore(settings.MEDIAHUB_JOB_THREADS)


def sweep_renditions() -> int:
    """Publish wake-ups for renditions that are due; returns how many."""
    return wake_due_renditions(now=clock_now())


def sweep_jobs() -> dict[str, int]:
    """Free leases of dead processes of this node and wake workers for due bulk jobs; returns counts by name."""
    now = clock_now()
    return {"freed_jobs": leases.free_dead_leases(now=now), "woken_jobs": leases.wake_due_jobs(now=now)}


def sweep_ended_jobs() -> int:
    """Forget bulk jobs and purge requests of long ago; returns how many."""
    now = clock_now()
    return leases.forget_jobs(now=now) + forget_purges(now=now)


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
    """Forget receipts of uploads that can no longer be repeated, and leases of dead ones; returns how many."""
    now = clock_now()
    return UploadReceipt.objects.filter(created_at__lt=now - 2 * VALID_FOR).delete()[0] + sweep_leases(now=now)


def sweep_tokens() -> int:
    """Forget tokens of client-side uploads that have expired; returns how many."""
    return forget_tokens(now=clock_now())


def known_blob_keys(keys: list[str]) -> set[str]:
    """Those of the keys that a version or a rendition points at."""
    versions = AssetVersion.objects.filter(blob_key__in=keys).values_list("blob_key", flat=True)
    renditions = Rendition.objects.filter(blob_key__in=keys).values_list("blob_key", flat=True)
    return {*versions, *renditions}
