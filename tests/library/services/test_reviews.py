"""Reviews at the same moment: what one person has decided, another one's filter does not take back."""

import threading
import time

import pytest
from django.db import connections, transaction

from library.models import AITag, AuditEntry
from library.services import reviews
from library.services.accounts import create_account
from mediahub.lib.clock import now
from tests import factories


def test_a_tag_that_is_rejected_meanwhile_is_not_accepted_by_a_filter(committed_db):
    account = create_account(slug="acme").account
    asset = factories.AssetFactory(account=account)
    crab, sand = (factories.AITagFactory(asset=asset, name=name) for name in ("Crab", "Sand"))
    is_decided = threading.Event()

    def reject():
        try:
            with transaction.atomic():
                reviews.review_tags(account=account, ids=[crab.pk], state=AITag.State.REJECTED)
                is_decided.set()
                time.sleep(0.5)  # the other one chooses its tags and waits for the file
        finally:
            connections.close_all()

    thread = threading.Thread(target=reject)
    thread.start()
    is_decided.wait(10)
    chosen = AITag.objects.filter(state=AITag.State.SUGGESTED)
    done, left = reviews.review_matching(
        account=account, tags=chosen, state=AITag.State.ACCEPTED, chosen="all", actor="t"
    )
    thread.join()

    assert ([one.tag.pk for one in done], left) == ([sand.pk], 0)
    crab.refresh_from_db()
    assert crab.state == AITag.State.REJECTED


def test_what_was_reviewed_before_a_fault_is_in_the_audit(committed_db):
    account = create_account(slug="acme").account
    asset = factories.AssetFactory(account=account)
    AITag.objects.bulk_create(
        AITag(asset=asset, name=f"t{number}", confidence=50, source="x", provider="y", created_at=now())
        for number in range(reviews._IN_ONE_TRANSACTION + 1)
    )
    looks = 0

    def fails_at_the_second(execute, sql, params, many, context):
        nonlocal looks
        looks += "ORDER BY" in sql and "LIMIT" in sql and "library_aitag" in sql
        if looks > 1:
            raise RuntimeError("the process ends")
        return execute(sql, params, many, context)

    chosen = AITag.objects.all()
    with connections["default"].execute_wrapper(fails_at_the_second), pytest.raises(RuntimeError):
        reviews.review_matching(account=account, tags=chosen, state=AITag.State.REJECTED, chosen="all", actor="t")

    assert looks == 2
    entry = AuditEntry.objects.get(action="ai_tags.rejected")
    assert entry.detail == {"tags": reviews._IN_ONE_TRANSACTION, "assets": 1}
    assert AITag.objects.filter(state=AITag.State.REJECTED).count() == reviews._IN_ONE_TRANSACTION
