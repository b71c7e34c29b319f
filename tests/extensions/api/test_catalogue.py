"""`/api/extensions`: what can be asked for, for how much, and who would do it."""

from datetime import timedelta

import pytest

from extensions.catalog import CATALOG, parse_blocks
from library.models import ApiKey
from mediahub.lib import clock
from tests import factories
from tests.extensions.scenes import FAKE_CHAINS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fake_chains(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)


def catalogue(api):
    answer = api.get("/api/extensions")
    assert answer.status_code == 200
    return answer.json()


def one(api, name):
    return next(item for item in catalogue(api)["extensions"] if item["name"] == name)


def test_every_extension_is_told_with_price_mode_and_provider(api):
    assert [item["name"] for item in catalogue(api)["extensions"]] == list(CATALOG)
    found = one(api, "remove-bg")
    assert (found["units"], found["mode"], found["makesVersion"], found["available"]) == (
        130,
        "asynchronous",
        True,
        True,
    )
    assert one(api, "local-auto-tagging")["mode"] == "synchronous-first"
    [provider] = found["providers"]
    assert (provider["slug"], provider["available"], provider["reason"], provider["pausedUntil"]) == (
        "fake",
        True,
        None,
        None,
    )
    assert catalogue(api)["unitsAvailable"] == 10_000


def test_parameters_are_a_json_schema_that_agrees_with_the_checks(api):
    schema = one(api, "google-auto-tagging")["parameters"]
    assert schema["required"] == ["minConfidence", "maxTags"]
    assert schema["properties"]["maxTags"] == {"title": "Most tags", "type": "integer", "minimum": 0, "maximum": 30}
    for item in catalogue(api)["extensions"]:
        if item["name"] != "ai-tasks":
            example = {name: _example(prop) for name, prop in item["parameters"]["properties"].items()}
            assert parse_blocks([{"name": item["name"], **example}], both_spellings=False)


def _example(prop):
    return {"object": {}, "number": prop.get("maximum"), "integer": prop.get("maximum")}[prop["type"]]


def test_an_extension_that_nobody_can_do_says_why(api, settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = {**FAKE_CHAINS, "remove-bg": ["remove.bg", "nobody"]}
    found = one(api, "remove-bg")
    assert found["available"] is False
    assert all(provider["reason"] for provider in found["providers"])


def test_a_provider_that_failed_lately_is_told_without_what_it_said(api):
    until = clock.now() + timedelta(minutes=5)
    factories.ProviderStateFactory(
        slug="fake", breaker="open", cause="unavailable", until=until, reason="card of Mr Smith refused"
    )
    assert one(api, "remove-bg")["providers"][0]["pausedUntil"]
    assert "Smith" not in api.get("/api/extensions").content.decode()


def test_ones_own_saved_extensions_are_told(api, new_account):
    factories.SavedExtensionFactory(name="Theirs")
    mine = factories.SavedExtensionFactory(account=new_account.account, name="Mine")
    assert catalogue(api)["saved"] == [
        {"name": "saved-extension", "id": mine.saved_id, "title": "Mine", "extension": "local-auto-tagging", "units": 0}
    ]


@pytest.mark.rel("A3")
def test_a_key_without_the_right_is_refused(api):
    ApiKey.objects.update(is_restricted=True, rights={"media": "read"})
    assert api.get("/api/extensions/").status_code == 200
    ApiKey.objects.update(rights={"account": "write"})
    assert api.get("/api/extensions").status_code == 403


def test_without_a_key_nothing_is_told(db):
    from rest_framework.test import APIClient

    assert APIClient().get("/api/extensions").status_code == 401
