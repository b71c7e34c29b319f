"""Look-ups of due work use the partial indexes, so that a long history does not slow a queue down (REL K7)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Q

from extensions.models import ExtensionRun, UnitAlert, UnitEntry, WebhookDelivery
from library.renditions import _due
from mediahub.lib import clock
from mediahub.lib.literals import Literal

QUERIES = {
    "due runs of a queue": (
        lambda now: ExtensionRun.objects.due(now).filter(queue="images").order_by("due_at"),
        "run_due",
    ),
    "due runs of an account": (
        lambda now: ExtensionRun.objects.due(now).filter(queue="images", account_id=1).order_by("due_at"),
        "run_due_by_account",
    ),
    "woken runs": (
        lambda now: ExtensionRun.objects.open().filter(queue="images", woken_at__gt=now).order_by(),
        "run_woken",
    ),
    "runs that a provider works on": (lambda now: ExtensionRun.objects.in_flight("fake", now).order_by(), "run_due"),
    "due deliveries": (lambda now: WebhookDelivery.objects.due(now), "delivery_due"),
    "due deliveries of a receiver": (
        lambda now: WebhookDelivery.objects.due(now).filter(receiver="x"),
        "delivery_due_by_receiver",
    ),
    "late deliveries": (
        lambda now: WebhookDelivery.objects.due(now).order_by().filter(first_due_at__lte=now - timedelta(days=1)),
        "delivery_due",
    ),
    "units posted in a time": (
        lambda now: UnitEntry.objects.filter(ledger_id=1).posted_between(now - timedelta(days=1), now).order_by(),
        "entry_posted",
    ),
    "runs that succeeded in a time": (
        lambda now: (
            ExtensionRun.objects.filter(account_id=1).succeeded_between(now - timedelta(days=1), now).order_by()
        ),
        "run_succeeded",
    ),
    "alerts to mail": (lambda now: UnitAlert.objects.unsent().filter(due_at__lte=now).order_by("due_at"), "alert_due"),
    "due renditions": (lambda now: _due(now).order_by("due_at"), "rendition_due"),
}


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans small tables by scanning them")
@pytest.mark.parametrize("name", QUERIES)
def test_the_partial_index_serves(name):
    query, index = QUERIES[name]
    plan = query(clock.now()).explain()
    assert f"USING INDEX {index}" in plan or f"USING COVERING INDEX {index}" in plan, plan


def test_only_plain_words_become_literals():
    with pytest.raises(ValueError, match="may stand in SQL"):
        Literal("x' OR '1'='1")
    assert str(ExtensionRun.objects.filter(Q(state=Literal("queued"))).query).count("'queued'") == 1
