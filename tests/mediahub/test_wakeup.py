"""Wake-ups: after commit, within a second, never raised, not tried again for a while after a failure (REL J1-J3)."""

import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from django.db import transaction

from library.services.accounts import create_account
from mediahub.lib import wakeup


@pytest.mark.rel("J2")
@pytest.mark.django_db
def test_a_dead_broker_never_fails_the_transaction(django_capture_on_commit_callbacks):
    before = wakeup.failures
    with django_capture_on_commit_callbacks(execute=True) as callbacks, transaction.atomic():
        wakeup.wake("tagging")
        create_account(slug="kept")
    assert len(callbacks) == 1
    assert wakeup.failures == before + 1


@pytest.mark.rel("J2")
@pytest.mark.django_db
def test_nothing_is_published_for_a_transaction_that_was_rolled_back(monkeypatch):
    sent = []
    monkeypatch.setattr(wakeup, "publish", lambda queue, count: sent.append(queue))
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        wakeup.wake("tagging")
        raise ZeroDivisionError
    assert sent == []


@pytest.mark.rel("J3")
def test_after_a_failed_publish_the_process_rests(caplog):
    assert wakeup.publish("tagging") == 0
    before = wakeup.failures
    started = time.monotonic()
    assert wakeup.publish("tagging", count=50) == 0
    assert time.monotonic() - started < 0.2
    assert wakeup.failures == before


PUBLISH_TWICE = """
import time, django
django.setup()
from mediahub.lib import wakeup
for _ in range(2):
    started = time.monotonic()
    sent = wakeup.publish("tagging", count=20)
    print(sent, time.monotonic() - started)
"""


@pytest.mark.rel("J3", "F19")
def test_a_silent_broker_costs_a_web_process_about_a_second_once():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        env = os.environ | {"CELERY_BROKER_URL": url, "MEDIAHUB_PROCESS": "web"}
        run = subprocess.run(
            [sys.executable, "-c", PUBLISH_TWICE], env=env, capture_output=True, text=True, timeout=60, check=True
        )
    (first_sent, first_s), (second_sent, second_s) = (line.split() for line in run.stdout.splitlines())
    assert (first_sent, second_sent) == ("0", "0")
    assert 0.5 < float(first_s) < 5
    assert float(second_s) < 0.2


@pytest.mark.rel("J1")
def test_a_message_says_only_that_a_queue_has_work(monkeypatch):
    sent = []
    monkeypatch.setattr(
        "mediahub.lib.wakeup.current_app.send_task", lambda name, *args, **kwargs: sent.append((name, args, kwargs))
    )
    assert wakeup.publish("images", count=3) == 3
    assert [(name, args) for name, args, _ in sent] == [("work.images", ())] * 3
    assert all("kwargs" not in options and options["queue"] == "images" for _, _, options in sent)


def test_publishing_from_many_threads_counts_its_failures():
    before = wakeup.failures
    threads = [threading.Thread(target=wakeup.publish, args=("tagging",)) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert before < wakeup.failures <= before + 4
