"""The five workers: which pool, how many at a time and which time limits each queue has (REL J5, J15).

`manage.py up` and `manage.py worker` start them here.
"""

import sys

from django.conf import settings

from extensions.backfills import leases as backfills
from extensions.providers.registry import warm_up
from extensions.runs import claim as runs
from extensions.runs import heartbeats
from extensions.webhooks import claim as deliveries
from library.services.jobs import leases as jobs
from mediahub.celery import app
from mediahub.lib import clock
from mediahub.lib.parents import yield_to_others
from mediahub.lib.worker import WorkerPlan, forget_event_loop, make_worker, run_worker

QUEUES = ("tagging", "images", "renditions", "jobs", "webhooks")
_IN_THREADS = frozenset({"jobs", "webhooks"})
"""Queues whose work is waiting for a database, a store or a receiver; it keeps its own time and needs little memory."""


def serve_queues(*queues: str) -> None:
    """Work on these queues until SIGTERM. Several queues in one worker share one pool with the widest limits."""
    if not app_is_prepared():
        prepare_app()
    run_worker(app, plan_for(*queues))


def prepare_app() -> None:
    """Import the tasks and settle Celery's configuration. `up` does this once, before it forks.

    A worker is made and dropped: it imports and touches most of what a real one needs.
    """
    app.loader.import_default_modules()
    app.finalize()
    make_worker(app, plan_for(*QUEUES))
    forget_event_loop()


def app_is_prepared() -> bool:
    """Whether that was done in this process or before it was forked."""
    return bool(getattr(app, "finalized", False)) and "extensions.tasks" in sys.modules


def plan_for(*queues: str) -> WorkerPlan:
    """The plan of a worker for these queues, from the settings."""
    soft_s, hard_s = _limits_s(*queues)

    def beat() -> None:
        for queue in queues:
            heartbeats.beat(queue)

    def stopped() -> None:
        for queue in queues:
            heartbeats.stop(queue)

    def child_started() -> None:
        if set(queues) == {"renditions"}:
            yield_to_others(19)  # thumbnails can wait for those who wait for an answer
        if settings.MEDIAHUB_WARM_UP:
            for queue in queues:
                warm_up(queue)

    return WorkerPlan(
        queues=queues,
        # Models in threads would know no time limit, and running out of memory would end every delivery in flight.
        pool="threads" if set(queues) <= _IN_THREADS else "prefork",
        concurrency=max(_concurrency(queue) for queue in queues),
        soft_s=soft_s,
        hard_s=hard_s,
        memory_bytes=settings.MEDIAHUB_WORKER_MEMORY_BYTES,
        grace_s=settings.MEDIAHUB_SHUTDOWN_S,
        beat=beat,
        stopped=stopped,
        release=release_dead_leases,
        child_started=child_started,
    )


def release_dead_leases() -> None:
    """Free what killed pool children held, at once, instead of at the next sweep."""
    now = clock.now()
    runs.free_dead_leases(now=now)
    deliveries.free_dead_leases(now=now)
    jobs.free_dead_leases(now=now)
    backfills.free_dead_leases(now=now)


def _concurrency(queue: str) -> int:
    count: int = {
        "tagging": settings.MEDIAHUB_TAGGING_PROCESSES,
        "images": settings.MEDIAHUB_IMAGES_PROCESSES,
        "renditions": settings.MEDIAHUB_RENDITIONS_PROCESSES,
        "jobs": settings.MEDIAHUB_JOB_THREADS,
        "webhooks": settings.MEDIAHUB_WEBHOOK_THREADS,
    }[queue]
    return count


def _limits_s(*queues: str) -> tuple[float | None, float | None]:
    """Soft and hard time limit: beyond the longest of the providers' own time-outs, within the leases."""
    if set(queues) <= _IN_THREADS:
        return None, None  # the threads pool ignores limits; what runs in it keeps its own deadline (REL 13.5)
    if "images" in queues:
        return settings.MEDIAHUB_IMAGES_TIMEOUT_S + 30, settings.MEDIAHUB_IMAGES_TIMEOUT_S + 60
    return settings.MEDIAHUB_TAGGING_TIMEOUT_S + 15, settings.MEDIAHUB_TAGGING_TIMEOUT_S + 30
