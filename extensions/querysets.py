"""Reads of runs, backfills, deliveries, saved extensions, entries, alerts: what is open, what is due, whose it is."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, F, OuterRef

from mediahub.lib.literals import Literal, literals

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    from extensions.models import (  # noqa: F401 - named in the generic bases
        Backfill,
        ExtensionRun,
        SavedExtension,
        UnitAlert,
        UnitEntry,
        WebhookDelivery,
        WebhookEndpoint,
    )
    from library.models import Account


class RunQuerySet(models.QuerySet["ExtensionRun"]):
    def of_account(self, account: "Account") -> Self:
        """Runs of one account."""
        return self.filter(account=account)

    def visible_to(self, user: "AbstractBaseUser | AnonymousUser") -> Self:
        """Runs of the accounts that the user belongs to; a superuser sees all."""
        return self if getattr(user, "is_superuser", False) else self.filter(account__memberships__user_id=user.pk)

    def open(self) -> Self:
        """Runs that are not over. Written as the partial indexes have it, so that they serve."""
        return self.filter(state__in=literals("queued", "running"))

    def due(self, now: datetime) -> Self:
        """Open runs that may be claimed: queued past their wait, or running past their lease."""
        return self.open().filter(due_at__lte=now)

    def working(self, now: datetime) -> Self:
        """Runs that a worker has in hand, as far as their lease tells. By queue, as the partial index has them."""
        return self.open().filter(queue__in=["tagging", "images"], due_at__gt=now, state="running")

    def in_flight(self, provider: str, now: datetime) -> Self:
        """Runs that a provider works on."""
        return self.working(now).filter(provider=provider)

    def held_by(self, *, token: object) -> Self:
        """The run whose lease this token is."""
        return self.filter(state="running", token=token)

    def succeeded_between(self, start: datetime, end: datetime) -> Self:
        """Successful runs that ended from `start` on and before `end`. The partial index has this condition, too."""
        return self.filter(state=Literal("succeeded"), finished_at__gte=start, finished_at__lt=end)

    def latest_tries(self) -> Self:
        """Runs that were not tried again."""
        return self.filter(~Exists(self.model._default_manager.filter(retry_of=OuterRef("pk"))))


class BackfillQuerySet(models.QuerySet["Backfill"]):
    def of_account(self, account: "Account") -> Self:
        """Backfills of one account."""
        return self.filter(account=account)

    def going_on(self) -> Self:
        """Backfills that workers look at. Written as the partial index has it, so that it serves."""
        return self.filter(state__in=literals("pending", "running"))

    def unfinished(self) -> Self:
        """Those and paused ones."""
        return self.filter(state__in=["pending", "running", "paused"])


class SavedExtensionQuerySet(models.QuerySet["SavedExtension"]):
    def of_account(self, account: "Account") -> Self:
        """Saved extensions of one account."""
        return self.filter(account=account)


class DeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def of_account(self, account: "Account") -> Self:
        """Deliveries of one account."""
        return self.filter(account=account)

    def visible_to(self, user: "AbstractBaseUser | AnonymousUser") -> Self:
        """Deliveries of the accounts that the user belongs to; a superuser sees all."""
        return self if getattr(user, "is_superuser", False) else self.filter(account__memberships__user_id=user.pk)

    def open(self) -> Self:
        """Deliveries that are not over. Written as the partial indexes have it, so that they serve."""
        return self.filter(state__in=literals("pending", "sending"))

    def with_id(self, text: str) -> "WebhookDelivery | None":
        """The delivery of an id as clients and operators write it, or None; any text may be asked for."""
        is_number = text.isascii() and text.isdigit() and len(text) <= 18
        return self.filter(pk=int(text)).first() if is_number else None

    def due(self, now: datetime) -> Self:
        """Open deliveries that may be claimed: waiting past their time, or sending past their lease."""
        return self.open().filter(due_at__lte=now).order_by(F("due_at"))


class EntryQuerySet(models.QuerySet["UnitEntry"]):
    def of_account(self, account: "Account") -> Self:
        """Entries of all ledgers of one account."""
        return self.filter(ledger__account=account)

    def posted_between(self, start: datetime, end: datetime) -> Self:
        """Units spent from `start` on and before `end`. Written as the partial index has it, so that it serves."""
        return self.filter(kind=Literal("post"), created_at__gte=start, created_at__lt=end)


class AlertQuerySet(models.QuerySet["UnitAlert"]):
    def of_account(self, account: "Account") -> Self:
        """Alerts of all ledgers of one account."""
        return self.filter(ledger__account=account)

    def unsent(self) -> Self:
        """Alerts that nobody was mailed about yet, or not everybody."""
        return self.filter(sent_at=None)


class EndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def of_account(self, account: "Account") -> Self:
        """Endpoints of one account."""
        return self.filter(account=account)
