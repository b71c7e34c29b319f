"""Units: what an account may spend in a month, kept as append-only entries from which every balance follows.

Database triggers (migration 0002) are the only writers of `granted`, `held` and `spent`, refuse changes to entries,
and check that a post or void repeats its hold (REL L1, L3, L6). `extensions.units.services` inserts the entries.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from extensions.querysets import EntryQuerySet
from library.models import Account


class UnitLedger(models.Model):
    """An account's units for one plan period. `overage` is what may be spent beyond the grant."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="ledgers")
    period_start = models.DateField(help_text="First day of the UTC calendar month.")
    granted = models.BigIntegerField(default=0, editable=False)
    held = models.BigIntegerField(default=0, editable=False)
    spent = models.BigIntegerField(default=0, editable=False)
    overage = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "period_start"], name="one_ledger_per_period"),
            models.CheckConstraint(condition=Q(granted__gte=0), name="ledger_granted_not_negative"),
            models.CheckConstraint(condition=Q(held__gte=0), name="ledger_held_not_negative"),
            models.CheckConstraint(condition=Q(spent__gte=0), name="ledger_spent_not_negative"),
            models.CheckConstraint(
                condition=Q(granted__gte=F("held") + F("spent") - F("overage")), name="ledger_not_oversold"
            ),
        ]
        ordering: ClassVar = ["-period_start"]

    def __str__(self) -> str:
        return f"{self.account} {self.period_start:%Y-%m}"

    @property
    def available(self) -> int:
        """Units that can still be held, overage included."""
        return self.allowed - self.used

    @property
    def allowed(self) -> int:
        """Everything that this month may cost: the grants and the overage."""
        return self.granted + self.overage

    @property
    def used(self) -> int:
        """Units spent, and those held for open runs."""
        return self.held + self.spent


class UnitEntry(models.Model):
    """One line of a ledger; never changed or deleted. The direction is in the kind, amounts are always above zero."""

    class Kind(models.TextChoices):
        GRANT = "grant", "grant"
        HOLD = "hold", "hold"
        POST = "post", "post"
        VOID = "void", "void"
        ADJUST_UP = "adjust_up", "adjust up"
        ADJUST_DOWN = "adjust_down", "adjust down"

    ledger = models.ForeignKey(UnitLedger, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=12, choices=Kind)
    amount = models.PositiveBigIntegerField()
    run_id = models.UUIDField(null=True)
    extension = models.CharField(max_length=40, blank=True)
    price = models.PositiveIntegerField(null=True, help_text="Units per run when the hold was placed.")
    file_id = models.CharField(max_length=24, blank=True)
    actor = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    objects = EntryQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="entry_amount_above_zero"),
            models.CheckConstraint(
                condition=Q(kind__in=["grant", "hold", "post", "void", "adjust_up", "adjust_down"]),
                name="entry_known_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["hold", "post", "void"], run_id__isnull=False)
                | Q(kind__in=["grant", "adjust_up", "adjust_down"], run_id=None),
                name="entry_names_a_run_exactly_when_it_is_for_one",
            ),
            models.UniqueConstraint(fields=["run_id"], condition=Q(kind="hold"), name="one_hold_per_run"),
            models.UniqueConstraint(
                fields=["run_id"], condition=Q(kind__in=["post", "void"]), name="one_post_or_void_per_run"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["ledger", "id"], name="entry_by_ledger"),
            models.Index(fields=["ledger", "created_at"], condition=Q(kind="post"), name="entry_posted"),
        ]
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "unit entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"
