"""How providers are doing, shared by all processes: the circuit breaker's rows, and what happened to them when."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class ProviderState(models.Model):
    """The breaker of one provider. Without a row it is closed. Transitions, each under the row's lock:

    closed -> open            failures in a row reached the limit, or the supplier named a wait (`Retry-After`)
    any -> open               the supplier refuses everybody: bad key, no credits (cause `unavailable`)
    open -> half_open         `until` has passed: one run is let through to see, `until` is the end of its lease
    half_open -> half_open    that run was never heard of again: another one is let through
    half_open -> closed       it was answered
    half_open -> open         it failed; the wait doubles
    any -> closed             reset by a person

    `failures` counts transient errors in a row, `openings` how often in a row the breaker opened. `next_call_at`
    belongs to the rate limit: when a call might start if calls came evenly (`extensions.providers.limits`).
    """

    class Breaker(models.TextChoices):
        CLOSED = "closed", "closed"
        OPEN = "open", "open"
        HALF_OPEN = "half_open", "half-open"

    class Cause(models.TextChoices):
        NONE = "", "none"
        FAILURES = "failures", "failures in a row"
        ASKED_TO_WAIT = "asked_to_wait", "the supplier asked to wait"
        UNAVAILABLE = "unavailable", "the supplier refuses us"

    slug = models.CharField(max_length=40, unique=True)
    breaker = models.CharField(max_length=10, choices=Breaker, default=Breaker.CLOSED)
    cause = models.CharField(max_length=20, choices=Cause, default=Cause.NONE, blank=True)
    until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    openings = models.PositiveIntegerField(default=0)
    code = models.CharField(max_length=60, blank=True)
    reason = models.TextField(blank=True)
    failed_at = models.DateTimeField(null=True)
    alerted_at = models.DateTimeField(null=True)
    next_call_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(breaker="closed", until=None, cause="")
                | (Q(breaker__in=["open", "half_open"], until__isnull=False) & ~Q(cause="")),
                name="provider_state_known_breaker",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug}: {self.breaker}"

    @property
    def is_unavailable(self) -> bool:
        """Whether the supplier refuses everybody, so that waiting for it makes no sense for a run."""
        return self.cause == self.Cause.UNAVAILABLE


class ProviderNotice(models.Model):
    """Something that an operator should know about a provider; never changed. The latest 200 of a provider are kept."""

    class Kind(models.TextChoices):
        OPENED = "opened", "not asked for a while"
        UNAVAILABLE = "unavailable", "refuses everybody"
        CLOSED = "closed", "answers again"
        RESET = "reset", "reset by a person"

    slug = models.CharField(max_length=40)
    kind = models.CharField(max_length=20, choices=Kind)
    code = models.CharField(max_length=60, blank=True)
    message = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["slug", "-created_at"], name="provider_notice_by_slug")]
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.slug} {self.kind}"
