"""Bulk jobs on folder trees, worked by the queue `jobs`, and requests to purge a cache (API 3.8, 3.9)."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from library.identifiers import new_object_id
from library.models.account import Account


class BulkJob(models.Model):
    """A copy, move, renaming or deletion of a folder tree. Transitions, each one conditional UPDATE:

    queued -> running             claimed: lease taken, attempts + 1
    running -> queued             its stretch is over, the store does not answer, or the worker shut down in order
    running -> completed|failed   all is done, or it cannot go on
    running -> running            the lease ran out and another worker claimed it

    `due_at` is when it may next be claimed, as with runs. `target_path` is where the source's own path ends up, "" for
    a deletion; a tree that overlaps either is locked while the job is open. `cursor` says how far the job is and is
    written in the same transaction as what was done. `left_out` are files that could not be taken along, with reasons.
    """

    class Type(models.TextChoices):
        COPY_FOLDER = "COPY_FOLDER", "copy folder"
        MOVE_FOLDER = "MOVE_FOLDER", "move folder"
        RENAME_FOLDER = "RENAME_FOLDER", "rename folder"
        DELETE_FOLDER = "DELETE_FOLDER", "delete folder"

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        COMPLETED = "completed", "completed"
        FAILED = "failed", "failed"

    ACTIVE = frozenset({State.QUEUED, State.RUNNING})
    TERMINAL = frozenset({State.COMPLETED, State.FAILED})

    job_id = models.CharField(max_length=24, unique=True, default=new_object_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="bulk_jobs")
    type = models.CharField(max_length=20, choices=Type)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    source_path = models.CharField(max_length=4096)
    target_path = models.CharField(max_length=4096, blank=True)
    include_versions = models.BooleanField(default=False)
    actor = models.CharField(max_length=150, blank=True, help_text="Who asked: a user name or a public key.")
    objects_total = models.PositiveIntegerField(default=0)
    objects_done = models.PositiveIntegerField(default=0)
    cursor = models.JSONField(default=dict)
    left_out = models.JSONField(default=list)
    purge_request_id = models.CharField(max_length=24, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    served_at = models.DateTimeField(null=True)
    woken_at = models.DateTimeField(null=True)
    token = models.UUIDField(null=True)
    node = models.CharField(max_length=200, blank=True)
    process_id = models.PositiveIntegerField(null=True)
    process_started = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(type__in=["COPY_FOLDER", "MOVE_FOLDER", "RENAME_FOLDER", "DELETE_FOLDER"]),
                name="bulk_job_known_type",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"], finished_at=None)
                | Q(state__in=["completed", "failed"], finished_at__isnull=False),
                name="bulk_job_finished_exactly_when_terminal",
            ),
            models.CheckConstraint(
                condition=Q(state="running", token__isnull=False) | (~Q(state="running") & Q(token=None)),
                name="bulk_job_leased_exactly_when_running",
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(error_code=""), name="bulk_job_failed_with_code"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(state__in=["queued", "running"]), name="bulk_job_due"),
            models.Index(fields=["account", "-created_at"], name="bulk_job_by_account"),
            models.Index(fields=["account", "-served_at"], name="bulk_job_by_turn"),
        ]
        ordering: ClassVar = [F("created_at").desc()]

    def __str__(self) -> str:
        return f"{self.type} {self.source_path}"

    @property
    def is_terminal(self) -> bool:
        return self.state in self.TERMINAL


class PurgeRequest(models.Model):
    """A wish to drop a file from caches. There is no CDN in front, so it is fulfilled as soon as it is written."""

    request_id = models.CharField(max_length=24, unique=True, default=new_object_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    url = models.CharField(max_length=8192)
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.url
