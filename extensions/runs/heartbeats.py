"""Which workers live: each writes a row every five seconds while it consumes its queue.

Synchronous-first requests ask `alive` before they wait (REL J18). The worker's main process beats; the sweep prunes.
"""

from datetime import datetime, timedelta

from extensions.models import WorkerHeartbeat
from mediahub.lib import clock
from mediahub.lib.processes import me

FRESH_S = 15
KEEP_S = 600


def beat(queue: str) -> None:
    """Say that the calling process serves a queue now."""
    node, process_id, started = me()
    WorkerHeartbeat.objects.update_or_create(
        node=node, process_id=process_id, process_started=started, queue=queue, defaults={"seen_at": clock.now()}
    )


def stop(queue: str) -> None:
    """Say that the calling process serves a queue no more."""
    node, process_id, started = me()
    WorkerHeartbeat.objects.filter(node=node, process_id=process_id, process_started=started, queue=queue).delete()


def alive(queue: str, now: datetime) -> bool:
    """Whether some worker of the queue was seen within the last 15 s."""
    return WorkerHeartbeat.objects.filter(queue=queue, seen_at__gte=now - timedelta(seconds=FRESH_S)).exists()


def prune(now: datetime) -> int:
    """Remove the rows of workers that were not seen for ten minutes; returns how many."""
    return WorkerHeartbeat.objects.filter(seen_at__lt=now - timedelta(seconds=KEEP_S)).delete()[0]
