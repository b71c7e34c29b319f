"""The page of providers: who is not asked at present and why, and the operator's reset."""

import pytest

from extensions.models import ProviderState
from extensions.providers import state
from library.models import AuditEntry
from tests.extensions.scenes import FAKE_CHAINS

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/providers/"


@pytest.fixture(autouse=True)
def fake_chains(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)


def fail(times=5):
    for _ in range(times):
        state.note_failure("fake", code="http_503", message="It said <b>503</b>.", retry_after_s=None)


def test_a_provider_that_fails_is_announced_with_its_reason(client, viewer):
    fail()
    client.force_login(viewer)
    shown = client.get(ADDRESS).content.decode()
    assert "is not asked for a while" in shown
    assert "It said &lt;b&gt;503&lt;/b&gt;." in shown
    assert "not asked for a while</span>" in shown
    assert "Reset" not in shown.partition("<main")[2].replace('class="sr-only">Reset', "")


def test_a_provider_that_is_fine_is_not_announced(client, viewer, settings):
    settings.MEDIAHUB_PROVIDER_CONCURRENCY = {"fake": 4}
    settings.MEDIAHUB_PROVIDER_RATE_PER_MIN = {"fake": 90}
    client.force_login(viewer)
    shown = client.get(ADDRESS).content.decode()
    assert "0 of 4" in shown
    assert "at most 90" in shown
    assert 'class="notice' not in shown


def test_the_operator_resets_a_provider(admin_client, new_account):
    fail()
    response = admin_client.post(f"{ADDRESS}reset/", {"provider": "fake", "account": "acme"})
    assert response.status_code == 302
    assert ProviderState.objects.get().breaker == "closed"
    assert AuditEntry.objects.get(action="provider.reset").target == "fake"


def test_an_owner_does_not_reset_a_provider_of_all(client, owner):
    fail()
    client.force_login(owner)
    assert client.post(f"{ADDRESS}reset/", {"provider": "fake", "account": "acme"}).status_code == 403
    assert ProviderState.objects.get().breaker == "open"


def test_a_provider_that_does_not_exist_is_not_reset(admin_client, new_account):
    assert admin_client.post(f"{ADDRESS}reset/", {"provider": "x", "account": "acme"}).status_code == 404
