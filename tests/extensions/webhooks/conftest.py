"""What tests of webhooks share: an open door to loopback, an account with an asset, endpoints for events."""

import pytest

from extensions.models import WebhookDelivery
from extensions.webhooks.endpoints import create_endpoint
from extensions.webhooks.events import EVENT_TYPES
from tests.extensions.scenes import FAKE_CHAINS, make_asset


@pytest.fixture
def open_door(settings):
    """Loopback may be called, and a call takes a second at most."""
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = ("127.0.0.0/8",)
    settings.MEDIAHUB_WEBHOOK_TIMEOUT_S = 1


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account)


@pytest.fixture
def listen(new_account, open_door):
    """Make an endpoint of the account; for every type of event unless some are named."""

    def make(url="https://receiver.example/hook", *, events=EVENT_TYPES, account=None, enabled=True):
        return create_endpoint(
            account=account or new_account.account, url=url, events=events, enabled=enabled, actor="olga"
        )

    return make


@pytest.fixture
def events(db):
    """The types of the events written so far, in order."""

    def written():
        rows = WebhookDelivery.objects.filter(kind="event").order_by("pk")
        return list(rows.values_list("event", flat=True))

    return written
