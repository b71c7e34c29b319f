"""Slow work happens between transactions: providers, blobs, image facts and webhooks (REL J6)."""

import pytest
from django.db import connection

from extensions.models import WebhookDelivery
from extensions.providers.registry import get_provider
from extensions.runs import asking, keeping, pipeline
from extensions.webhooks import delivery
from library.services import blobs
from library.services.accounts import create_account
from tests import receivers
from tests.conftest import client_for
from tests.extensions.scenes import FAKE_CHAINS
from tests.uploading import picture, upload

BLOCKS = '[{"name":"remove-bg"},{"name":"local-auto-tagging"}]'


@pytest.mark.rel("J6")
def test_no_outside_call_no_image_work_and_no_file_transfer_happens_in_a_transaction(
    committed_db, settings, monkeypatch
):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = ("127.0.0.0/8",)
    seen: dict[str, bool] = {}

    def watched(owner, name):
        real = getattr(owner, name)

        def watch(*args, **kwargs):
            seen[f"{getattr(owner, '__name__', 'provider')}.{name}"] = connection.in_atomic_block
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, watch)

    watched(get_provider("fake"), "run")
    for owner, name in (
        (blobs, "put_blob"),
        (blobs, "examine"),
        (asking, "read_blob"),
        (keeping, "put_blob"),
        (keeping, "inspect"),
        (delivery, "request"),
    ):
        watched(owner, name)

    api = client_for(create_account(slug="brisk", units_per_month=1000).private_key)
    with receivers.Receiver(receivers.answer(200)) as receiver:
        answer = upload(api, picture(), fileName="a.png", extensions=BLOCKS, webhookUrl=receiver.url)
        assert answer.status_code == 200, answer.content
        pipeline.work("images")
        pipeline.work("tagging")
        while delivery.deliver_one() is not None:
            pass
        assert len(receiver.requests) == 2
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert len(seen) == 7
    assert not any(seen.values()), seen
