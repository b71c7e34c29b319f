"""Webhook secrets change without a gap: the old one signs beside the new one for a while (REL W12).

The API, the admin and commands rotate; delivery asks for every secret that is valid; the sweep erases what is over.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from extensions.models import RetiredSecret, WebhookDelivery, WebhookEndpoint
from extensions.webhooks.signing import new_secret
from library.models import Account
from library.services.accounts import audit
from mediahub.lib import clock, secretbox

MOST_RETIRED = 2
"""More rotations within the overlap end the oldest secret early: a header must not grow without bound."""


@transaction.atomic
def rotate_secret(*, account: Account, endpoint: WebhookEndpoint | None = None, actor: str) -> str:
    """Give an endpoint, or the account itself for its `webhookUrl` calls, a new secret and return it.

    The old one stays valid for MEDIAHUB_WEBHOOK_SECRET_OVERLAP_S. Raises DoesNotExist if either is gone.
    """
    now, secret = clock.now(), new_secret()
    owner = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    of_endpoint = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk) if endpoint else None
    old = of_endpoint.secret_token if of_endpoint else owner.webhook_secret_token
    if overlap_s := settings.MEDIAHUB_WEBHOOK_SECRET_OVERLAP_S:
        until = now + timedelta(seconds=overlap_s)
        RetiredSecret.objects.create(account=owner, endpoint=of_endpoint, secret_token=old, until=until)
    retired = RetiredSecret.objects.filter(account=owner, endpoint=of_endpoint).order_by("-pk")
    RetiredSecret.objects.filter(pk__in=list(retired.values_list("pk", flat=True)[MOST_RETIRED:])).delete()
    token = secretbox.encrypt(secret)
    if of_endpoint:
        WebhookEndpoint.objects.filter(pk=of_endpoint.pk).update(secret_token=token, updated_at=now)
    else:
        Account.objects.filter(pk=owner.pk).update(webhook_secret_token=token)
    target = of_endpoint.url if of_endpoint else "webhookUrl"
    audit(account=owner, actor=actor, action="webhook.secret-rotated", target=target, detail={"overlap_s": overlap_s})
    return secret


def secrets_for(delivery: WebhookDelivery, *, now: datetime) -> list[str]:
    """Every secret that signs a claimed delivery at this moment, the newest first."""
    assert delivery.terms is not None, "only what was claimed is sent"
    newest = secretbox.decrypt(delivery.terms.secret_token)
    if not delivery.terms.has_retired_secrets:
        return [newest]
    retired = RetiredSecret.objects.filter(account_id=delivery.account_id, until__gt=now)
    return [newest, *(row.secret for row in retired.filter(endpoint_id=delivery.endpoint_id))]


def erase_retired(*, now: datetime) -> int:
    """Forget the secrets whose time is over; return how many."""
    return RetiredSecret.objects.filter(until__lte=now).delete()[0]
