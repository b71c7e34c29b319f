"""The health pages: who may know what, and what makes `ready` fail (REL A9, F21)."""

from datetime import timedelta

import pytest

from extensions.api import health
from extensions.models import ExtensionRun
from mediahub.lib import clock
from tests.extensions.scenes import ask_for, make_asset

pytestmark = pytest.mark.django_db
TOKEN = "the token of this test"


@pytest.fixture
def details(client, settings):
    settings.MEDIAHUB_HEALTH_TOKEN = TOKEN
    return lambda: client.get("/api/health/ready", headers={"authorization": f"Bearer {TOKEN}"}).json()["checks"]


@pytest.fixture
def broker_is_up(monkeypatch):
    monkeypatch.setitem(health.CHECKS, "broker", lambda: None)


def test_live_needs_nothing(client):
    assert client.get("/api/health/live").json() == {"status": "ok"}


def test_ready_is_200_when_every_part_answers(client, broker_is_up):
    answer = client.get("/api/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_is_503_without_a_broker_and_tells_a_stranger_nothing_more(client):
    answer = client.get("/api/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "failing"})


def test_details_need_the_token(client, settings, details, broker_is_up):
    assert set(details().values()) == {"ok"}
    assert "checks" not in client.get("/api/health/ready", headers={"authorization": "Bearer wrong"}).json()
    settings.MEDIAHUB_HEALTH_TOKEN = ""
    assert "checks" not in client.get("/api/health/ready", headers={"authorization": "Bearer "}).json()


def test_work_that_nobody_does_makes_it_fail(new_account, details, broker_is_up):
    ask_for(make_asset(new_account.account), "local-auto-tagging")
    assert details()["oldestDueWork"] == "ok"
    ExtensionRun.objects.update(due_at=clock.now() - timedelta(minutes=3))
    assert "a run has been due since" in details()["oldestDueWork"]


@pytest.mark.rel("U14")
def test_a_full_disk_makes_it_fail(settings, details, broker_is_up):
    settings.MEDIAHUB_MIN_FREE_BYTES = 1 << 60
    assert details()["freeSpace"] != "ok"


def test_a_blob_store_that_cannot_be_written_makes_it_fail(details, broker_is_up, blobs_in_tmp_path):
    blobs_in_tmp_path.write_text("a file where the folder should be")
    assert details()["blobStore"] != "ok"


def test_the_broker_check_names_what_is_wrong(details):
    assert "Error" in details()["broker"]
