"""The health pages: who may know what, and what makes `ready` fail (REL A9, F21)."""

from datetime import timedelta

import pytest
from django.test import Client

from extensions.api import health
from extensions.models import ExtensionRun, Turn
from library.storage import delete_blob, put_blob
from mediahub.lib import clock
from tests.extensions.scenes import ask_for, make_asset

pytestmark = pytest.mark.django_db
TOKEN = "the token of this test"


@pytest.fixture(autouse=True)
def fresh_answers():
    health.forget()


@pytest.fixture
def details(client, settings):
    settings.MEDIAHUB_HEALTH_TOKEN = TOKEN
    return lambda: client.get("/api/health/ready", headers={"authorization": f"Bearer {TOKEN}"}).json()["checks"]


@pytest.fixture
def broker_is_up(monkeypatch):
    monkeypatch.setitem(health.CHECKS, "broker", lambda: None)


def test_live_needs_nothing(client):
    assert client.get("/api/health/live").json() == {"status": "ok"}


@pytest.mark.parametrize("page", ["live", "ready"])
def test_other_methods_are_405_and_say_which_are_not(page):
    answer = Client(enforce_csrf_checks=True).post(f"/api/health/{page}")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert answer.json()["message"] == "This method is not allowed here."


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
    Turn.objects.update(served_at=clock.now() - timedelta(minutes=3))
    health.forget()
    assert "work in the queue tagging has been due since" in details()["oldestDueWork"]


@pytest.mark.rel("U14")
def test_a_full_disk_makes_it_fail(settings, details, broker_is_up):
    settings.MEDIAHUB_MIN_FREE_BYTES = 1 << 60
    assert details()["freeSpace"] != "ok"


def test_a_blob_store_that_cannot_be_written_makes_it_fail(details, broker_is_up, blobs_in_tmp_path):
    blobs_in_tmp_path.write_text("a file where the folder should be")
    assert details()["blobStore"] != "ok"


def test_the_broker_check_names_what_is_wrong(details):
    assert "Error" in details()["broker"]


@pytest.mark.rel("A9")
def test_many_callers_cost_one_check(client, monkeypatch):
    asked = []
    monkeypatch.setitem(health.CHECKS, "broker", lambda: asked.append(1))
    for _ in range(20):
        assert client.get("/api/health/ready").status_code == 200
    assert len(asked) == 1


@pytest.mark.rel("A9")
def test_an_answer_is_kept_for_seconds_only(client, monkeypatch):
    asked = []
    monkeypatch.setitem(health.CHECKS, "broker", lambda: asked.append(1))
    monkeypatch.setattr(health, "KEEP_S", 0.0)
    for _ in range(2):
        client.get("/api/health/ready")
    assert len(asked) == 2


@pytest.mark.rel("A9")
def test_a_probe_that_a_crash_left_behind_is_used_again(details, broker_is_up, blobs_in_tmp_path):
    put_blob(health.PROBE, b"left behind")
    assert details()["blobStore"] == "ok"
    assert [path for path in blobs_in_tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.rel("A9")
def test_a_probe_that_another_process_removed_is_written_again(monkeypatch, details, broker_is_up):
    put, removed = health.put_blob, []

    def put_and_lose(key, source):
        put(key, source)
        if not removed:
            removed.append(key)
            delete_blob(key)

    monkeypatch.setattr(health, "put_blob", put_and_lose)
    assert details()["blobStore"] == "ok"
    assert removed == [health.PROBE]


def test_a_backlog_that_is_worked_off_is_no_fault(new_account, details, broker_is_up):
    ask_for(make_asset(new_account.account), "local-auto-tagging")
    ExtensionRun.objects.update(due_at=clock.now() - timedelta(minutes=30))
    Turn.objects.update(served_at=clock.now() - timedelta(seconds=3))
    assert details()["oldestDueWork"] == "ok"
