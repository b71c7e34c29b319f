"""What people do with deliveries: send one again, call off what is waiting (REL W18, W19)."""

from datetime import timedelta

from django.db import transaction

from extensions.models import WebhookDelivery
from extensions.webhooks.publish import wake_for
from library.models import Account
from library.services.accounts import audit
from mediahub.lib import clock
from mediahub.lib.errors import Conflict

State = WebhookDelivery.State
REPLAYED_WITHIN = timedelta(days=30)


class NotReplayable(Conflict):
    """The delivery is still being tried, was called off, or is older than 30 days."""

    code = "not_replayable"


@transaction.atomic
def replay(*, delivery: WebhookDelivery, actor: str) -> WebhookDelivery:
    """Send a finished delivery once more, with the same id and body, a fresh signature and a fresh window.

    Raises NotReplayable.
    """
    now = clock.now()
    finished = WebhookDelivery.objects.filter(
        pk=delivery.pk,
        state__in=[State.DELIVERED, State.GONE, State.EXPIRED],
        created_at__gt=now - REPLAYED_WITHIN,
    )
    if not finished.update(state=State.PENDING, finished_at=None, first_due_at=now, due_at=now, woken_at=None):
        raise NotReplayable("Only a finished delivery of the last 30 days can be sent again.")
    delivery.refresh_from_db()
    wake_for(delivery, now=now)
    delivery.save(update_fields=["woken_at"])
    audit(account=delivery.account, actor=actor, action="webhook.replayed", target=delivery.message_id, detail={})
    return delivery


def cancel_deliveries(*, account: Account) -> int:
    """Call off everything that waits for an account's receivers, visibly, when the account is closed."""
    now = clock.now()
    waiting = WebhookDelivery.objects.open().filter(account=account)
    return waiting.update(state=State.CANCELLED, finished_at=now, token=None)
