"""Webhook deliveries: a frozen payload, when it is tried next, and one row for every attempt."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from extensions.querysets import DeliveryQuerySet
from library.models import Account


class WebhookDelivery(models.Model):
    """One payload for one receiver. Transitions, each one conditional UPDATE:

    pending -> sending           claimed: lease taken
    sending -> pending           failed, tried again at `due_at`; or the lease ran out
    sending -> delivered|gone|expired
    pending|sending -> cancelled
    expired|delivered|gone -> pending   replayed (same id, same body)

    `due_at` is the next attempt while pending and the end of the lease while sending. `body` is what is sent and
    signed, byte for byte. `receiver` is scheme, host and port: deliveries take turns by it.
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
            models.Index(fields=["account", "-created_at"], name="delivery_by_account"),
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
