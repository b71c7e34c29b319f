"""Deaths, freezes and losses around a running MediaHub: work goes on and ends exact (REL F9, F12 to F17)."""

import os
import random
import signal
import socket
import threading
import time

import pytest
from celery import Celery

from extensions.models import ExtensionRun
from library.models import Asset, AssetVersion
from mediahub.lib import clock
from mediahub.lib.wakeup import task_name
from tests.e2e.conftest import Scene, ledger_differences
from tests.runtime import basic, multipart, wait_until
from tests.uploading import picture


def over(ids: list[str]) -> bool:
    return not ExtensionRun.objects.open().filter(file_id__in=ids).exists()


def send_wake_ups(scene: Scene, queue: str, count: int) -> None:
    """Publish copies of one wake-up, as a stranger with access to the broker could."""
    app = Celery(set_as_current=False)
    with app.connection_for_write(f"redis+socket://{scene.runtime.broker_socket}") as connection:
        for _ in range(count):
            app.send_task(task_name(queue), queue=queue, ignore_result=True, connection=connection)
    app.close()


@pytest.mark.rel("F9")
def test_web_process_killed_during_the_body_leaves_nothing(scene: Scene):
    before = Asset.objects.count()
    body, content_type = multipart(picture() * 100, {})
    head = (
        f"POST /api/v1/files/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nAuthorization: {basic(scene.tenant.private_key)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", scene.runtime.port)) as line:
        line.sendall(head.encode() + body[: len(body) // 2])
        time.sleep(0.3)
        old = scene.runtime.kill("web")
    scene.runtime.restarted("web", old)
    wait_until(scene.runtime.answers, within_s=30, what="the web process")
    assert Asset.objects.count() == before
    assert list((scene.runtime.data_dir / "tmp").iterdir()) == []
    assert ledger_differences() == []


@pytest.mark.rel("F12", "J18")
def test_run_goes_on_when_the_web_process_dies_while_it_waits_for_it(scene: Scene):
    scene.runtime.plan(delay_s=2)
    known = set(ExtensionRun.objects.values_list("pk", flat=True))
    failed: list[OSError] = []

    def client() -> None:
        try:
            scene.upload("local-auto-tagging")
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=client)
    thread.start()
    run = wait_until(
        lambda: ExtensionRun.objects.exclude(pk__in=known).filter(state="running").first(),
        within_s=20,
        what="the claim",
    )
    old = scene.runtime.kill("web")
    thread.join(30)
    assert failed
    scene.runtime.restarted("web", old)
    wait_until(lambda: ExtensionRun.objects.get(pk=run.pk).is_terminal, within_s=30, what="the end of the run")
    scene.assert_exact(run)


@pytest.mark.rel("F14", "J7", "F39")
def test_worker_frozen_past_its_lease_is_refused_when_it_wakes(scene: Scene):
    scene.runtime.plan(delay_s=1.5)
    answer = scene.upload()
    frozen = wait_until(lambda: (run := scene.run_of(answer)).state == "running" and run, within_s=20, what="the claim")
    # Before the call it would find out by itself that it was overtaken, and not call.
    wait_until(lambda: scene.runtime.calls(frozen.pk), within_s=10, what="the first call")
    os.kill(frozen.process_id, signal.SIGSTOP)
    try:
        # The lease of 270 s is made to run out now.
        ExtensionRun.objects.filter(pk=frozen.pk).update(due_at=clock.now(), woken_at=None)
        run = scene.finished(answer)
        assert run.process_id != frozen.process_id
    finally:
        os.kill(frozen.process_id, signal.SIGCONT)
    assert scene.runtime.calls(run.pk) == 2
    time.sleep(2.5)  # the woken worker finds its provider's answer and tries to settle
    after = scene.run_of(answer)
    assert (after.attempts, after.finished_at) == (2, run.finished_at)
    scene.delivered(run)
    scene.assert_exact(run)


@pytest.mark.rel("F15", "J4")
def test_five_wake_ups_for_one_run_lead_to_one_call(scene: Scene):
    scene.runtime.plan(delay_s=0.5)
    answer = scene.upload()
    send_wake_ups(scene, "images", 5)
    run = scene.finished(answer)
    scene.delivered(run)
    assert scene.runtime.calls(run.pk) == 1
    assert run.attempts == 1
    scene.assert_exact(run)


@pytest.mark.rel("F2", "J5")
def test_worker_killed_while_the_provider_works_costs_one_more_call_and_nothing_else(scene: Scene):
    scene.runtime.plan(delay_s=1.5)
    answer = scene.upload()
    run = wait_until(lambda: (run := scene.run_of(answer)).state == "running" and run, within_s=20, what="the claim")
    wait_until(lambda: scene.runtime.calls(run.pk), within_s=10, what="the call")
    old = scene.runtime.kill("images")
    started = time.monotonic()
    scene.runtime.restarted("images", old)
    run = scene.finished(answer)
    assert time.monotonic() - started < 30
    assert (run.attempts, scene.runtime.calls(run.pk)) == (2, 2)
    scene.delivered(run)
    scene.assert_exact(run)


@pytest.mark.rel("F13")
def test_random_kills_of_workers_leave_every_run_applied_once(scene: Scene):
    choose = random.Random(13)
    scene.runtime.plan(delay_s=0.1)
    ids = [scene.upload()["fileId"] for _ in range(60)]
    for _ in range(8):
        child = choose.choice(["images", "images", "webhooks"])
        scene.runtime.restarted(child, scene.runtime.kill(child))
        time.sleep(choose.uniform(0.2, 0.8))
    wait_until(lambda: over(ids), within_s=120, what="the end of all runs")
    runs = list(ExtensionRun.objects.filter(file_id__in=ids))
    assert [run.error_code for run in runs if run.state != "succeeded"] == []
    assert AssetVersion.objects.filter(asset__file_id__in=ids).count() == 2 * len(ids)
    for run in runs:
        scene.delivered(run, within_s=90)
    assert ledger_differences() == []


@pytest.mark.rel("F16", "F17", "J1")
def test_broker_emptied_and_killed_three_times_loses_nothing(scene: Scene):
    scene.runtime.plan(delay_s=0.2)
    ids = [scene.upload()["fileId"] for _ in range(12)]
    assert scene.runtime.broker_command("FLUSHALL").startswith(b"+OK")
    for _ in range(3):
        scene.runtime.restarted("broker", scene.runtime.kill("broker"))
        wait_until(scene.runtime.broker_answers, within_s=15, what="the broker")
        ids.append(scene.upload()["fileId"])
    wait_until(lambda: over(ids), within_s=120, what="the end of all runs")
    for run in ExtensionRun.objects.filter(file_id__in=ids):
        scene.assert_exact(run)
