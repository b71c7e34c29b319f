"""`/api/runs`: the account's runs for programs (REL A3, A4)."""

from datetime import timedelta

import pytest

from extensions.models import ExtensionRun, UnitEntry
from extensions.runs import pipeline
from extensions.units import audit
from library.models import ApiKey, AuditEntry
from library.services.accounts import create_account
from mediahub.lib import clock
from tests.conftest import client_for
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fake_chains(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account)


@pytest.fixture
def run(asset):
    return ask_for(asset, "remove-bg", webhook_url="https://x.example/h")[0]


def ids(response):
    assert response.status_code == 200, response.content
    return [one["id"] for one in response.json()]


def test_a_run_says_who_did_it_and_what_it_cost(api, asset, run):
    pipeline.work("images")
    body = api.get(f"/api/runs/{run.pk}").json()
    assert body["id"] == str(run.pk)
    assert (body["state"], body["status"], body["provider"], body["model"]) == (
        "succeeded",
        "success",
        "fake",
        "fake-1",
    )
    assert (body["units"], body["unitsCharged"], body["error"], body["nextAttemptAt"]) == (130, 130, None, None)
    assert (body["fileId"], body["resultIsCurrent"]) == (asset.file_id, True)
    assert body["createdAt"].endswith("Z")


def test_runs_are_listed_newest_first_in_pages(api, asset):
    runs = [str(ask_for(asset, "remove-bg")[0].pk) for _ in range(3)]
    for number, pk in enumerate(runs):
        ExtensionRun.objects.filter(pk=pk).update(created_at=clock.now() + timedelta(seconds=number))
    assert ids(api.get("/api/runs")) == runs[::-1]
    assert ids(api.get("/api/runs/?limit=1&skip=1")) == [runs[1]]


def test_runs_are_found_by_state_extension_file_and_time(api, new_account, asset, run):
    other = make_asset(new_account.account)
    [tagging] = ask_for(other, "local-auto-tagging")
    pipeline.work("tagging")
    assert ids(api.get("/api/runs?state=succeeded")) == [str(tagging.pk)]
    assert len(ids(api.get("/api/runs?state=succeeded,queued"))) == 2
    assert ids(api.get("/api/runs?extension=remove-bg")) == [str(run.pk)]
    assert ids(api.get(f"/api/runs?fileId={other.file_id}")) == [str(tagging.pk)]
    assert ids(api.get("/api/runs?since=2099-01-01")) == []
    assert len(ids(api.get("/api/runs?since=2020-01-01T00:00:00+01:00"))) == 2


@pytest.mark.rel("B24")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=done", "state"),
        ("fileId=abc", "fileId"),
        ("since=yesterday", "since"),
        ("since=2026-02-31", "since"),
        ("since=0001-01-01T00:00:00%2B14:00", "since"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=abc", "limit"),
        ("skip=-1", "skip"),
        ("skip=1000000000000", "skip"),
        ("extension=a%00b", "extension"),
    ],
)
def test_a_bad_filter_is_named(api, query, field):
    response = api.get(f"/api/runs?{query}")
    assert response.status_code == 400
    assert response.json()["field"] == field


def test_an_open_run_is_cancelled_and_costs_nothing(api, new_account, run):
    body = api.post(f"/api/runs/{run.pk}/cancel").json()
    assert (body["state"], body["status"], body["error"]["code"], body["unitsCharged"]) == (
        "cancelled",
        "failed",
        "cancelled",
        0,
    )
    assert list(UnitEntry.objects.filter(run_id=run.pk).order_by("id").values_list("kind", flat=True)) == [
        "hold",
        "void",
    ]
    assert AuditEntry.objects.get(action="run.cancelled").actor == f"key {new_account.public_key}"
    again = api.post(f"/api/runs/{run.pk}/cancel/")
    assert (again.status_code, again.json()["code"]) == (409, "run_is_over")
    assert audit.differences() == []


def test_a_retry_is_a_new_run(api, run):
    assert api.post(f"/api/runs/{run.pk}/retry").json()["code"] == "run_is_open"
    api.post(f"/api/runs/{run.pk}/cancel")
    response = api.post(f"/api/runs/{run.pk}/retry")
    assert response.status_code == 201
    body = response.json()
    assert (body["state"], body["retryOf"], body["webhookUrl"]) == ("queued", str(run.pk), "https://x.example/h")
    assert body["id"] != str(run.pk)


def test_a_retry_without_enough_units_is_refused_and_leaves_nothing(api, new_account, run):
    api.post(f"/api/runs/{run.pk}/cancel")
    from extensions.units.services import change_plan

    change_plan(account=new_account.account, actor="test", units_per_month=0, overage_units=0)
    response = api.post(f"/api/runs/{run.pk}/retry")
    assert (response.status_code, response.json()["message"]) == (400, "Extensions quota exceeded.")
    assert ExtensionRun.objects.count() == 1


@pytest.mark.rel("A4", "B26")
@pytest.mark.parametrize("way", ["get:", "post:/cancel", "post:/retry"])
def test_runs_of_others_and_ids_of_nobody_look_the_same(api, run, way):
    stranger = client_for(create_account(slug="elsewhere").private_key)
    method, _, rest = way.partition(":")
    theirs = getattr(stranger, method)(f"/api/runs/{run.pk}{rest}")
    unknown = getattr(stranger, method)(f"/api/runs/00000000-0000-4000-8000-000000000000{rest}")
    malformed = getattr(stranger, method)(f"/api/runs/nothing{rest}")
    assert theirs.status_code == unknown.status_code == malformed.status_code == 404
    assert theirs.json() == unknown.json() == malformed.json()
    assert ExtensionRun.objects.get().state == "queued"
    assert stranger.get("/api/runs").json() == []


@pytest.mark.rel("A3")
def test_a_key_that_may_only_read_reads(api, run):
    ApiKey.objects.update(is_restricted=True, rights={"media": "read"})
    assert api.get("/api/runs").status_code == 200
    assert api.post(f"/api/runs/{run.pk}/cancel").status_code == 403
    assert api.post(f"/api/runs/{run.pk}/retry").status_code == 403
    ApiKey.objects.update(rights={})
    assert api.get("/api/runs").status_code == 403
    assert api.get(f"/api/runs/{run.pk}").status_code == 403


def test_a_list_of_many_costs_as_few_queries_as_one(api, asset, django_assert_num_queries):
    for _ in range(5):
        ask_for(asset, "remove-bg")
    with django_assert_num_queries(2):
        api.get("/api/runs")


def test_without_a_key_nothing_is_told(run):
    from rest_framework.test import APIClient

    assert APIClient().get("/api/runs").status_code == 401
