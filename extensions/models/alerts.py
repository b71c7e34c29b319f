"""Alerts about an account's units: one row per ledger and threshold, and who has put its banner away.

`extensions.units.alerts` writes the rows in the transaction that crosses a threshold; the sweep mails them.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from extensions.models.units import UnitLedger
from extensions.querysets import AlertQuerySet


class UnitAlert(models.Model):
    """A threshold that an account's held and spent units have reached in one month.

    `due_at` is when the sweep may next mail it: the end of a wait or, while `token` is set, of a lease. `sent_to` are
    the addresses that have their mail already, so that a second try leaves them alone.
    """

    ledger = models.ForeignKey(UnitLedger, on_delete=models.PROTECT, related_name="alerts")
    percent = models.PositiveSmallIntegerField()
    used = models.BigIntegerField(help_text="Units held and spent when the threshold was reached.")
    allowed = models.BigIntegerField(help_text="Units granted at that moment, overage included.")
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    token = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    sent_to = models.JSONField(default=list, blank=True)
    last_error = models.CharField(max_length=300, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["ledger", "percent"], name="one_alert_per_threshold"),
            models.CheckConstraint(condition=Q(percent__in=[50, 80, 100]), name="alert_known_threshold"),
        ]
        indexes: ClassVar = [models.Index(fields=["due_at"], condition=Q(sent_at=None), name="alert_due")]
        ordering: ClassVar = ["-percent"]

    def __str__(self) -> str:
        return f"{self.percent} % of {self.ledger}"


class UnitAlertDismissal(models.Model):
    """A person has put the banner of an alert away."""

    alert = models.ForeignKey(UnitAlert, on_delete=models.CASCADE, related_name="dismissals")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alert", "user"], name="one_dismissal_per_alert_and_user")
        ]

    def __str__(self) -> str:
        return f"{self.alert} put away by {self.user}"
