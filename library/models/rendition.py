"""Renditions: images derived from a version, once for each specification, by the queue `renditions`."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from library.models.asset import AssetVersion


class Rendition(models.Model):
    """A derived image: queued -> running -> ready | failed, and running -> queued when its worker is lost.

    `due_at` is when it may be claimed: the end of a wait while queued, the end of the lease while running.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        READY = "ready", "ready"
        FAILED = "failed", "failed"

    OPEN = frozenset({State.QUEUED, State.RUNNING})

    version = models.ForeignKey(AssetVersion, on_delete=models.CASCADE, related_name="renditions")
    spec = models.CharField(max_length=60)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    due_at = models.DateTimeField()
    token = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    woken_at = models.DateTimeField(null=True)
    blob_key = models.CharField(max_length=120, blank=True)
    mime = models.CharField(max_length=100, blank=True)
    size_bytes = models.PositiveBigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "spec"], name="one_rendition_per_version_and_spec"),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "ready", "failed"]), name="rendition_known_state"
            ),
            models.CheckConstraint(condition=~Q(state="ready") | ~Q(blob_key=""), name="rendition_ready_has_blob"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(state__in=["queued", "running"]), name="rendition_due"),
        ]

    def __str__(self) -> str:
        return f"{self.spec} of {self.version_id}"
