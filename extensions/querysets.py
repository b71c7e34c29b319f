"""Reads of runs and deliveries: what is open, what is due, whose it is."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F

from mediahub.lib.literals import literals

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    from extensions.models import ExtensionRun, WebhookDelivery, WebhookEndpoint  # noqa: F401 - named in the generic bases
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

    def held_by(self, *, token: object) -> Self:
        """The run whose lease this token is."""
        return self.filter(state="running", token=token)


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

    def due(self, now: datetime) -> Self:
        """Open deliveries that may be claimed: waiting past their time, or sending past their lease."""
        return self.open().filter(due_at__lte=now).order_by(F("due_at"))


class EndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def of_account(self, account: "Account") -> Self:
        """Endpoints of one account."""
        return self.filter(account=account)
