"""Whose turn it is in a queue, and which workers are alive."""

from typing import ClassVar

from django.db import models


class Turn(models.Model):
    """When a key was last served in a queue; the one served longest ago is next (REL J14, W14).

    `key` is the account's primary key for runs, scheme + host + port for webhooks. `failures` counts failures in a
    row, `paused_until` is when the key may be served again after them.
    """

    queue = models.CharField(max_length=20)
    key = models.CharField(max_length=300)
    served_at = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)
    paused_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["queue", "key"], name="one_turn_per_queue_and_key")]
        indexes: ClassVar = [models.Index(fields=["queue", "served_at"], name="turn_longest_ago")]

    def __str__(self) -> str:
        return f"{self.key} in {self.queue}"


class WorkerHeartbeat(models.Model):
    """A worker process that serves a queue and was seen lately. Synchronous-first waits only for living workers."""

    node = models.CharField(max_length=200)
    process_id = models.PositiveIntegerField()
    process_started = models.CharField(max_length=40)
    queue = models.CharField(max_length=20)
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["node", "process_id", "process_started", "queue"], name="one_heartbeat_per_process_and_queue"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["queue", "seen_at"], name="heartbeat_by_queue")]

    def __str__(self) -> str:
        return f"{self.node}:{self.process_id} on {self.queue}"
