"""What owners do with endpoints for events, and what happens to one that fails: make, change, switch off, delete.

The API, the admin and webhook delivery call these. An endpoint that is off or gone sends nothing: what waited for it
is cancelled, visibly, and can be sent again once the endpoint is on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from extensions import turns
from extensions.models import WebhookDelivery, WebhookEndpoint
from extensions.webhooks import subscriptions
from extensions.webhooks.events import EVENT_TYPES
from extensions.webhooks.publish import QUEUE, publish_test, receiver_of
from extensions.webhooks.signing import new_secret
from library.models import Account, Membership
from library.services.accounts import audit
from mediahub.lib import clock, secretbox
from mediahub.lib.errors import DomainError, NotFound
from mediahub.lib.http import BadUrl, check_url, policy_from_settings
from mediahub.lib.mail import send_notice
from mediahub.lib.retry import repeat_on_conflict

log = structlog.get_logger(__name__)

MOST_ENDPOINTS = 3
MOST_URL_BYTES = 2048
NO_ENDPOINT = "There is no webhook of that id."

Off = WebhookEndpoint.Off


class BadEndpoint(DomainError):
    """A member of an endpoint is missing, malformed or taken; `field` names it."""

    code = "invalid_parameter"


class TooManyEndpoints(DomainError):
    """The account has as many endpoints as it may have."""

    code = "webhook_limit_exceeded"


@dataclass(frozen=True, kw_only=True)
class EndpointChanges:
    """Changes to an endpoint; None leaves a member as it is. `events` replaces the whole list."""

    url: str | None = None
    events: tuple[str, ...] | None = None
    enabled: bool | None = None


@transaction.atomic
def create_endpoint(
    *, account: Account, url: str, events: Sequence[str], enabled: bool = True, actor: str
) -> WebhookEndpoint:
    """Make an endpoint with a secret of its own. Raises BadEndpoint, TooManyEndpoints."""
    _lock(account)
    kept = list(WebhookEndpoint.objects.of_account(account))
    if len(kept) >= MOST_ENDPOINTS:
        raise TooManyEndpoints(f"An account may have {MOST_ENDPOINTS} webhooks. Delete one first.")
    now = clock.now()
    endpoint = WebhookEndpoint(
        account=account,
        url=_checked_url(url, others=kept),
        events=_checked_events(events),
        enabled=enabled,
        secret_token=secretbox.encrypt(new_secret()),
        created_at=now,
        updated_at=now,
    )
    endpoint.save(force_insert=True)
    _joined(endpoint, now)
    _note(endpoint, actor, "webhook.endpoint-created", events=endpoint.events, enabled=enabled)
    return endpoint


@repeat_on_conflict
@transaction.atomic
def update_endpoint(*, endpoint: WebhookEndpoint, changes: EndpointChanges, actor: str) -> WebhookEndpoint:
    """Change an endpoint. What waits for it goes to the new address. Raises BadEndpoint, NotFound."""
    endpoint = _locked(endpoint)
    now = clock.now()
    if changes.url is not None and changes.url != endpoint.url:
        others = WebhookEndpoint.objects.filter(account_id=endpoint.account_id).exclude(pk=endpoint.pk)
        endpoint.url = _checked_url(changes.url, others=list(others))
        waiting = endpoint.deliveries.filter(state=WebhookDelivery.State.PENDING)
        waiting.update(url=endpoint.url, receiver=receiver_of(endpoint.url))
        endpoint.failing_since = None
        _joined(endpoint, now)
    if changes.events is not None:
        endpoint.events = _checked_events(changes.events)
    if changes.enabled is not None and changes.enabled != endpoint.enabled:
        endpoint.enabled = changes.enabled
        endpoint.disabled_reason, endpoint.failing_since = "", None
        if not endpoint.enabled:
            _cancel_waiting(endpoint, now)
    endpoint.updated_at = now
    endpoint.save()
    subscriptions.forget(endpoint.account_id)
    _note(endpoint, actor, "webhook.endpoint-changed", events=endpoint.events, enabled=endpoint.enabled)
    return endpoint


@repeat_on_conflict
@transaction.atomic
def delete_endpoint(*, endpoint: WebhookEndpoint, actor: str) -> None:
    """Delete an endpoint and its secret; its deliveries stay in the log. Raises NotFound."""
    endpoint = _locked(endpoint)
    _cancel_waiting(endpoint, clock.now())
    _note(endpoint, actor, "webhook.endpoint-deleted")
    subscriptions.forget(endpoint.account_id)
    endpoint.delete()


@transaction.atomic
def send_test(*, endpoint: WebhookEndpoint, actor: str) -> WebhookDelivery:
    """Send something harmless to an endpoint, on or off, as a delivery like any other. Raises NotFound."""
    endpoint = _locked(endpoint)
    delivery = publish_test(endpoint=endpoint, now=clock.now())
    _note(endpoint, actor, "webhook.tested", delivery=delivery.message_id)
    return delivery


@repeat_on_conflict
@transaction.atomic
def switch_off(*, endpoint_id: int, reason: WebhookEndpoint.Off, now: datetime) -> bool:
    """Switch off an endpoint that is gone or fails for days, and tell its owners; False if it was off already.

    Called by webhook delivery after the attempt is written (REL W7, W21).
    """
    on = WebhookEndpoint.objects.filter(pk=endpoint_id, enabled=True)
    if not on.update(enabled=False, disabled_reason=reason, updated_at=now):
        return False
    endpoint = WebhookEndpoint.objects.select_related("account").get(pk=endpoint_id)
    subscriptions.forget(endpoint.account_id)
    cancelled = _cancel_waiting(endpoint, now)
    _note(endpoint, "system", "webhook.endpoint-switched-off", reason=reason.value, cancelled=cancelled)
    log.error("webhook_endpoint_switched_off", endpoint=endpoint.endpoint_id, reason=reason.value)
    send_notice(
        f"MediaHub: a webhook of {endpoint.account} was switched off",
        f"The webhook to {endpoint.url} of the account {endpoint.account} {reason.label} and was switched off.\n"
        "Repair the receiver, then turn the webhook on again on the Webhooks page. What was missed can be sent again "
        "there.\n",
        owner_addresses(endpoint.account),
    )
    return True


def owner_addresses(account: Account) -> list[str]:
    """E-mail addresses of the account's owners."""
    owners = Membership.objects.filter(account=account, role=Membership.Role.OWNER, user__is_active=True)
    return [address for address in owners.values_list("user__email", flat=True) if address]


def _checked_url(url: str, *, others: Sequence[WebhookEndpoint]) -> str:
    try:
        check_url(url, policy=policy_from_settings())
    except BadUrl as error:
        raise BadEndpoint(f"endpoint: {error}", field="endpoint") from error
    if len(url.encode()) > MOST_URL_BYTES:
        raise BadEndpoint(f"endpoint may have {MOST_URL_BYTES} bytes.", field="endpoint")
    if any(other.url == url for other in others):
        raise BadEndpoint("endpoint is taken: another webhook of this account has it.", field="endpoint")
    return url


def _checked_events(events: Sequence[str]) -> list[str]:
    """The types, each once, in the order of our list."""
    unknown = next((event for event in events if event not in EVENT_TYPES), None)
    if unknown is not None:
        raise BadEndpoint(f"events holds an unknown type: {unknown[:60]!r}.", field="events")
    if not events:
        raise BadEndpoint("events must name at least one type of event.", field="events")
    return [event for event in EVENT_TYPES if event in events]


def _cancel_waiting(endpoint: WebhookEndpoint, now: datetime) -> int:
    waiting = endpoint.deliveries.filter(state=WebhookDelivery.State.PENDING)
    return waiting.update(state=WebhookDelivery.State.CANCELLED, finished_at=now, last_reason="switched_off")


def _joined(endpoint: WebhookEndpoint, now: datetime) -> None:
    """Give the receiver its place in the queue, so that no later rollback can leave a delivery without one."""
    turns.join_queue(QUEUE, [receiver_of(endpoint.url)], now=now)
    subscriptions.forget(endpoint.account_id)


def _lock(account: Account) -> None:
    """Changes to an account's endpoints and secrets go one after the other, so that limits hold."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)


def _locked(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    _lock(endpoint.account)
    found = WebhookEndpoint.objects.select_related("account").select_for_update(of=("self",)).filter(pk=endpoint.pk)
    fresh = found.first()
    if fresh is None:
        raise NotFound(NO_ENDPOINT)
    return fresh


def _note(endpoint: WebhookEndpoint, actor: str, action: str, **detail: object) -> None:
    detail |= {"endpoint": endpoint.endpoint_id}
    audit(account=endpoint.account, actor=actor, action=action, target=endpoint.url, detail=detail)
