"""Webhooks: endpoints for events, deliveries with a frozen payload and their next attempt, one row per attempt."""

import secrets
from dataclasses import dataclass
from typing import ClassVar

from django.db import models
from django.db.models import Q

from extensions.querysets import DeliveryQuerySet, EndpointQuerySet
from library.models import Account
from mediahub.lib import secretbox


def new_endpoint_id() -> str:
    """A fresh id of an endpoint as clients see it."""
    return f"wh_{secrets.token_hex(12)}"


class WebhookEndpoint(models.Model):
    """Where an account's events go (API 5.2). `events` holds the types it is told of.

    `failing_since` is the first failure after the last success; `disabled_reason` says why an endpoint is off that
    nobody switched off: `gone` (it answered 410) or `failing` (nothing but failures for days, REL W21).
    """

    class Off(models.TextChoices):
        GONE = "gone", "answered 410 Gone"
        FAILING = "failing", "failed for days"

    endpoint_id = models.CharField(max_length=40, unique=True, default=new_endpoint_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.CharField(max_length=2048)
    events = models.JSONField(default=list)
    enabled = models.BooleanField(default=True)
    secret_token = models.TextField(editable=False)
    failing_since = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=10, blank=True, choices=Off)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = EndpointQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "url"], name="one_endpoint_per_url"),
            models.CheckConstraint(
                condition=Q(disabled_reason="") | Q(enabled=False, disabled_reason__in=["gone", "failing"]),
                name="endpoint_reason_only_when_off",
            ),
        ]
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return self.url

    @property
    def secret(self) -> str:
        """The signing secret, `whsec_` + base64 of 32 bytes, decrypted."""
        return secretbox.decrypt(self.secret_token)


class RetiredSecret(models.Model):
    """A secret that was replaced and signs beside its successor until `until`; then the sweep erases it (REL W12).

    `endpoint` is None for the account's own secret, which signs calls to a `webhookUrl`.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="retired_webhook_secrets")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, null=True, related_name="retired_secrets")
    secret_token = models.TextField(editable=False)
    until = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"secret of {self.endpoint or self.account} until {self.until:%Y-%m-%d %H:%M}"

    @property
    def secret(self) -> str:
        """The secret, decrypted."""
        return secretbox.decrypt(self.secret_token)


@dataclass(frozen=True)
class ClaimTerms:
    """What the claim of a delivery saw beside its row, so that sending it asks for nothing twice.

    secret_token: of the endpoint, or of the account for a `webhookUrl`. endpoint_is_on: None where there is none.
    """

    secret_token: str
    has_retired_secrets: bool
    endpoint_is_on: bool | None
    endpoint_is_failing: bool
    receiver_is_failing: bool


class WebhookDelivery(models.Model):
    """One payload for one receiver. Transitions, each one conditional UPDATE:

    pending -> sending           claimed: lease taken
    sending -> pending           failed, tried again at `due_at`; or the lease ran out
    sending -> delivered|gone|expired
    pending|sending -> cancelled
    sending -> cancelled         its endpoint was switched off or deleted meanwhile
    expired|delivered|gone|cancelled -> pending   replayed (same id, same body)

    `due_at` is the next attempt while pending and the end of the lease while sending. `body` is what is sent and
    signed, byte for byte, until it is erased (`body_erased_at`). `receiver` is scheme, host and port: deliveries take
    turns by it. `endpoint` is set for events as long as the endpoint exists.
    """

    class State(models.TextChoices):
        PENDING = "pending", "pending"
        SENDING = "sending", "sending"
        DELIVERED = "delivered", "delivered"
        GONE = "gone", "gone"
        EXPIRED = "expired", "expired"
        CANCELLED = "cancelled", "cancelled"

    ACTIVE = frozenset({State.PENDING, State.SENDING})
    TERMINAL = frozenset({State.DELIVERED, State.GONE, State.EXPIRED, State.CANCELLED})

    class Kind(models.TextChoices):
        EXTENSION = "extension", "extension"
        EVENT = "event", "event"

    message_id = models.CharField(max_length=64, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="deliveries")
    kind = models.CharField(max_length=10, choices=Kind)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.SET_NULL, null=True, related_name="deliveries")
    event = models.CharField(max_length=60, help_text="The extension's name, or the event's type.")
    run_id = models.UUIDField(null=True)
    file_id = models.CharField(max_length=24, blank=True)
    url = models.CharField(max_length=2048)
    receiver = models.CharField(max_length=300)
    body = models.BinaryField()
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts_made = models.PositiveSmallIntegerField(default=0)
    first_due_at = models.DateTimeField(help_text="Start of the 24 h within which it is tried.")
    due_at = models.DateTimeField()
    woken_at = models.DateTimeField(null=True)
    token = models.UUIDField(null=True)
    node = models.CharField(max_length=200, blank=True)
    process_id = models.PositiveIntegerField(null=True)
    process_started = models.CharField(max_length=40, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_reason = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    body_erased_at = models.DateTimeField(null=True)

    terms: ClaimTerms | None = None
    """Set by `extensions.webhooks.claim` on the delivery that it hands out."""

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["pending", "sending", "delivered", "gone", "expired", "cancelled"]),
                name="delivery_known_state",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "sending"], finished_at=None)
                | Q(state__in=["delivered", "gone", "expired", "cancelled"], finished_at__isnull=False),
                name="delivery_finished_exactly_when_terminal",
            ),
            models.CheckConstraint(
                condition=Q(state="sending", token__isnull=False) | (~Q(state="sending") & Q(token=None)),
                name="delivery_leased_exactly_when_sending",
            ),
            models.UniqueConstraint(
                fields=["run_id"], condition=Q(kind="extension"), name="one_extension_delivery_per_run"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["receiver", "due_at"],
                condition=Q(state__in=["pending", "sending"]),
                name="delivery_due_by_receiver",
            ),
            models.Index(fields=["due_at"], condition=Q(state__in=["pending", "sending"]), name="delivery_due"),
            models.Index(fields=["woken_at"], condition=Q(state__in=["pending", "sending"]), name="delivery_woken"),
            models.Index(fields=["receiver"], condition=Q(state="sending"), name="delivery_sending"),
            models.Index(fields=["receiver", "first_due_at"], condition=Q(state="pending"), name="delivery_closing"),
            models.Index(fields=["account", "-created_at"], name="delivery_by_account"),
            models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False, body_erased_at=None),
                name="delivery_with_body",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False, body_erased_at__isnull=False),
                name="delivery_without_body",
            ),
        ]
        ordering: ClassVar = ["-created_at"]
        verbose_name_plural = "webhook deliveries"

    def __str__(self) -> str:
        return f"{self.message_id} to {self.receiver}"


class WebhookAttempt(models.Model):
    """One attempt: when, how long, which address, and the answer's status or the reason there was none."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    address = models.CharField(max_length=64, blank=True)
    status = models.PositiveSmallIntegerField(null=True)
    reason = models.CharField(max_length=20, blank=True)
    answer = models.CharField(max_length=1024, blank=True, help_text="First KiB of the answer, as text.")
    location = models.CharField(max_length=2048, blank=True, help_text="Where a redirect pointed; never followed.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delivery", "number"], name="one_attempt_per_number"),
        ]
        ordering: ClassVar = ["number"]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.status or self.reason}"
