"""What is kept of finished deliveries, and for how long: bodies first, then rows. The sweep calls this.

Bodies are whole file objects, so they go after MEDIAHUB_WEBHOOK_RETENTION_DAYS; what was sent where, when and with
what outcome stays for MEDIAHUB_WEBHOOK_LOG_DAYS. Deliveries that are still tried are never touched.
"""

from datetime import timedelta

from django.conf import settings

from extensions.models import WebhookAttempt, WebhookDelivery
from extensions.webhooks.rotation import erase_retired
from mediahub.lib import clock

BATCH = 500
MOST_BATCHES = 40
"""For one pass, so that a first clean-up of a large log does not hold up the rest of the tidying."""


def sweep_old_deliveries() -> dict[str, int]:
    """Erase bodies, remove rows and forget retired secrets that are over; return counts by name."""
    return {
        "erased_bodies": erase_bodies(),
        "removed_deliveries": remove_deliveries(),
        "erased_secrets": erase_retired(now=clock.now()),
    }


def erase_bodies() -> int:
    """Erase the bodies of finished deliveries that are old enough, in batches; return how many."""
    now = clock.now()
    before = now - timedelta(days=settings.MEDIAHUB_WEBHOOK_RETENTION_DAYS)
    old = WebhookDelivery.objects.filter(finished_at__isnull=False, finished_at__lt=before, body_erased_at=None)
    erased = 0
    for _ in range(MOST_BATCHES):
        keys = list(old.order_by("finished_at").values_list("pk", flat=True)[:BATCH])
        # Asked again in the UPDATE: one that was sent again in between keeps its body.
        erased += old.filter(pk__in=keys).update(body=b"", body_erased_at=now)
        if len(keys) < BATCH:
            break
    return erased


def remove_deliveries() -> int:
    """Remove finished deliveries that are old enough, with their attempts, in batches; return how many."""
    before = clock.now() - timedelta(days=settings.MEDIAHUB_WEBHOOK_LOG_DAYS)
    finished = WebhookDelivery.objects.filter(finished_at__isnull=False, body_erased_at__isnull=False)
    old = finished.filter(finished_at__lt=before)
    removed = 0
    for _ in range(MOST_BATCHES):
        keys = list(old.order_by("finished_at").values_list("pk", flat=True)[:BATCH])
        WebhookAttempt.objects.filter(delivery__in=keys).delete()
        removed += old.filter(pk__in=keys).delete()[0]
        if len(keys) < BATCH:
            break
    return removed
