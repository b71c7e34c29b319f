"""Backfills: extensions on the files that a filter of the library chooses, asked for a few at a time."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from extensions.querysets import BackfillQuerySet
from library.identifiers import new_object_id
from library.models import Account


class Backfill(models.Model):
    """A backfill. Transitions, each one conditional UPDATE:

    pending -> running              claimed for the first time
    running -> running              its stretch is over, its runs are waited for, or another worker claimed it
    pending|running -> paused       by a person, or by itself: units, the limit, runs that fail one after the other
    paused -> pending|running       resumed
    pending|running|paused -> cancelled   by a person
    running -> completed|failed     every file was looked at and no run is open, or it cannot go on
    completed -> running            its failed runs are to be tried again: those that ended before `retry_before`

    `blocks` are checked blocks of base extensions, `filter` the cleaned members of a filter. Files are taken in the
    order of their keys, from after `cursor` up to `last_key`, the newest file at the start; `cursor` is written in the
    transaction that asks for the runs. `due_at` is when it is looked at next: the end of the lease while `token` is
    set. `skipped` counts runs that were not asked for, by reason; what became of the others the runs say.
    """

    class State(models.TextChoices):
        PENDING = "pending", "pending"
        RUNNING = "running", "running"
        PAUSED = "paused", "paused"
        CANCELLED = "cancelled", "cancelled"
        COMPLETED = "completed", "completed"
        FAILED = "failed", "failed"

    ACTIVE = frozenset({State.PENDING, State.RUNNING})
    TERMINAL = frozenset({State.CANCELLED, State.COMPLETED, State.FAILED})

    backfill_id = models.CharField(max_length=24, unique=True, default=new_object_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="backfills")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    blocks = models.JSONField()
    filter = models.JSONField(default=dict, blank=True)
    skip_done = models.BooleanField(default=True)
    unit_limit = models.PositiveIntegerField(null=True, blank=True)
    webhook_url = models.CharField(max_length=2048, blank=True)
    actor = models.CharField(max_length=150, blank=True, help_text="Who asked: a user name or a public key.")
    files_found = models.PositiveIntegerField(default=0)
    files_seen = models.PositiveIntegerField(default=0)
    skipped = models.JSONField(default=dict, blank=True)
    cursor = models.BigIntegerField(default=0)
    last_key = models.BigIntegerField(default=0)
    retry_before = models.DateTimeField(null=True)
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
    resumed_at = models.DateTimeField(help_text="The start, or when it was last set going again.")
    finished_at = models.DateTimeField(null=True)

    objects = BackfillQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "paused"], finished_at=None)
                | Q(state__in=["cancelled", "completed", "failed"], finished_at__isnull=False),
                name="backfill_finished_exactly_when_terminal",
            ),
            models.CheckConstraint(condition=Q(state="running") | Q(token=None), name="backfill_leased_only_running"),
            models.CheckConstraint(
                condition=~Q(state__in=["paused", "cancelled", "failed"]) | ~Q(error_code=""),
                name="backfill_stopped_with_a_code",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(state__in=["pending", "running"]), name="backfill_due"),
            models.Index(fields=["account", "-created_at"], name="backfill_by_account"),
            models.Index(fields=["account", "-served_at"], name="backfill_by_turn"),
        ]
        ordering: ClassVar = [F("created_at").desc()]

    def __str__(self) -> str:
        return f"{', '.join(self.extensions)} on {self.files_found} files"

    @property
    def is_terminal(self) -> bool:
        return self.state in self.TERMINAL

    @property
    def extensions(self) -> list[str]:
        """Names of its extensions, in the order asked for."""
        return [str(block["name"]) for block in self.blocks]

    @property
    def percent(self) -> int:
        """How much of it was looked at; files that went or came meanwhile make it inexact."""
        if self.state == self.State.COMPLETED:
            return 100
        return min(99, 100 * self.files_seen // self.files_found) if self.files_found else 0

    @property
    def skipped_in_all(self) -> int:
        """How many runs were not asked for."""
        counts: dict[str, Any] = self.skipped
        return sum(counts.values())
