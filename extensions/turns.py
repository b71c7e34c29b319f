"""Turns: in each queue the key that was served longest ago is served next (REL J14, W14).

Runs take turns by account, deliveries by receiver. A turn row is made with the first work for a key and is kept.
"""

from collections.abc import Iterable
from datetime import datetime

from extensions.models import Turn


def join_queue(queue: str, keys: Iterable[str], *, now: datetime) -> None:
    """Give keys their place in a queue; those that have one keep it."""
    Turn.objects.bulk_create([Turn(queue=queue, key=key, served_at=now) for key in keys], ignore_conflicts=True)


def mark_served(queue: str, key: str, *, now: datetime) -> None:
    """Send a key to the end of its queue."""
    Turn.objects.filter(queue=queue, key=key).update(served_at=now)
