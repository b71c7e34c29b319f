"""Celery's side of runs: a wake-up comes in, one due run is done. The sweep publishes what is due."""

import os
from datetime import datetime

import structlog
from celery import shared_task

from extensions.models import ExtensionRun
from extensions.runs.claim import free_dead_leases
from extensions.runs.pipeline import work
from mediahub.lib import clock
from mediahub.lib.draining import draining
from mediahub.lib.wakeup import task_name
from mediahub.lib.waking import wake_due

log = structlog.get_logger(__name__)

Queue = ExtensionRun.Queue


@shared_task(name=task_name(Queue.TAGGING), ignore_result=True)
def execute_tagging_run() -> None:
    """Do one due run of the queue `tagging`."""
    _work_and_survive_memory(Queue.TAGGING)


@shared_task(name=task_name(Queue.IMAGES), ignore_result=True)
def execute_images_run() -> None:
    """Do one due run of the queue `images`."""
    _work_and_survive_memory(Queue.IMAGES)


def _work_and_survive_memory(queue: str) -> None:
    """A process that ran out of memory is ended, because what it has allocated does not come back; the pool replaces
    it, and the run is tried again in another (REL F44)."""
    if draining():
        return
    try:
        work(queue)
    except MemoryError:
        log.exception("process_ended_for_want_of_memory", queue=queue)
        os._exit(os.EX_OSERR)


def sweep_due_runs(now: datetime | None = None) -> dict[str, int]:
    """Free leases of dead processes of this node and wake workers for due runs; return counts by name."""
    now = now or clock.now()
    counts = {"freed_runs": free_dead_leases(now=now)}
    for queue in Queue.values:
        of_queue = ExtensionRun.objects.open().filter(queue=queue)
        due = ExtensionRun.objects.due(now).filter(queue=queue).order_by("due_at")
        counts[f"woken_{queue}"] = wake_due(queue, due, of_queue, now=now)
    return counts
