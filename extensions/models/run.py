"""One extension on one asset version: what was asked, how far it is, who did it, what it cost and why it failed."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from extensions.querysets import RunQuerySet
from library.models import Account, Asset


class ExtensionRun(models.Model):
    """A run. Transitions, each one conditional UPDATE:

    queued -> running            claimed: lease taken, attempts + 1
    running -> queued            transient error, later `due_at`; or the worker shut down in order
    running -> succeeded|failed  settled under the lease
    queued|running -> cancelled  by a person
    running -> running           the lease ran out and another worker claimed it

    `due_at` is when the run may next be claimed: the end of its wait while queued, the end of the lease while running.
    `file_id` and `version_id` are plain values, so that a deleted asset keeps its runs and its bill. Those of a
    `backfill` give way to the account's others.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        SUCCEEDED = "succeeded", "succeeded"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    ACTIVE = frozenset({State.QUEUED, State.RUNNING})
    TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})

    class Queue(models.TextChoices):
        TAGGING = "tagging", "tagging"
        IMAGES = "images", "images"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="runs")
    asset = models.ForeignKey(Asset, on_delete=models.SET_NULL, null=True, related_name="runs")
    file_id = models.CharField(max_length=24, db_index=True)
    version_id = models.CharField(max_length=24)
    extension = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    queue = models.CharField(max_length=20, choices=Queue)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    woken_at = models.DateTimeField(null=True)
    token = models.UUIDField(null=True)
    node = models.CharField(max_length=200, blank=True)
    process_id = models.PositiveIntegerField(null=True)
    process_started = models.CharField(max_length=40, blank=True)
    provider = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=80, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    ignored_options = models.JSONField(default=list, blank=True)
    answer = models.JSONField(null=True, blank=True)
    answer_blob_key = models.CharField(max_length=120, blank=True)
    result_version_id = models.CharField(max_length=24, blank=True)
    result_is_current = models.BooleanField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    last_error = models.TextField(blank=True, help_text="The latest transient error, while the run is tried again.")
    units = models.PositiveIntegerField(default=0)
    webhook_url = models.CharField(max_length=2048, blank=True)
    announce = models.BooleanField(default=True)
    answer_by = models.DateTimeField(null=True)
    backfill = models.ForeignKey(
        "extensions.Backfill", on_delete=models.SET_NULL, null=True, related_name="runs", db_index=False
    )
    retry_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="retries")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "succeeded", "failed", "cancelled"]),
                name="run_known_state",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"], finished_at=None)
                | Q(state__in=["succeeded", "failed", "cancelled"], finished_at__isnull=False),
                name="run_finished_exactly_when_terminal",
            ),
            models.CheckConstraint(
                condition=Q(state="running", token__isnull=False) | (~Q(state="running") & Q(token=None)),
                name="run_leased_exactly_when_running",
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(error_code=""), name="run_failed_with_a_code"),
            models.CheckConstraint(condition=Q(queue__in=["tagging", "images"]), name="run_known_queue"),
            models.UniqueConstraint(
                fields=["backfill", "file_id", "extension"],
                condition=Q(backfill__isnull=False, retry_of=None),
                name="one_run_per_file_and_backfill",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["queue", "account", "due_at"],
                condition=Q(state__in=["queued", "running"]),
                name="run_due_by_account",
            ),
            models.Index(fields=["queue", "due_at"], condition=Q(state__in=["queued", "running"]), name="run_due"),
            models.Index(fields=["queue", "woken_at"], condition=Q(state__in=["queued", "running"]), name="run_woken"),
            models.Index(fields=["account", "-created_at"], name="run_by_account"),
            models.Index(fields=["account", "finished_at"], condition=Q(state="succeeded"), name="run_succeeded"),
            models.Index(
                fields=["backfill", "state", "finished_at"],
                condition=Q(backfill__isnull=False),
                name="run_by_backfill",
            ),
        ]
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.extension} on {self.file_id}"

    @property
    def is_terminal(self) -> bool:
        return self.state in self.TERMINAL

    @property
    def wire_status(self) -> str:
        """ImageKit's word for the state: `pending`, `success` or `failed`."""
        if self.state == self.State.SUCCEEDED:
            return "success"
        return "failed" if self.is_terminal else "pending"
