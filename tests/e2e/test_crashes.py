"""Processes that die by SIGKILL at the worst places: results are applied once, units charged once (REL F1 to F8)."""

import pytest

from library.models import Asset, UploadReceipt
from tests.e2e.conftest import Scene, ledger_differences
from tests.runtime import wait_until


@pytest.mark.parametrize(
    ("point", "calls"),
    [
        pytest.param("run.claimed", 1, marks=pytest.mark.rel("F1", "J16")),
        pytest.param("provider.before", 1, marks=pytest.mark.rel("F2")),
        pytest.param("run.answered", 2, marks=pytest.mark.rel("F3")),
        pytest.param("run.kept", 1, marks=pytest.mark.rel("F4", "J9")),
        pytest.param("run.settling", 1, marks=pytest.mark.rel("F5", "J8")),
    ],
)
def test_run_is_taken_over_and_applied_once_after_its_worker_died(scene: Scene, point: str, calls: int):
    scene.runtime.crash_at(point)
    run = scene.finished(scene.upload())
    scene.assert_died_at(point)
    assert run.attempts == 2
    assert scene.runtime.calls(run.pk) == calls
    scene.delivered(run)
    scene.assert_exact(run)


@pytest.mark.rel("F6")
def test_webhook_goes_out_although_the_worker_died_before_it_could_wake_anyone(scene: Scene):
    scene.runtime.crash_at("run.settled")
    run = scene.finished(scene.upload())
    scene.assert_died_at("run.settled")
    scene.delivered(run, within_s=60)
    assert run.attempts == 1
    scene.assert_exact(run)


@pytest.mark.rel("F7")
def test_delivery_goes_out_once_after_its_worker_died_before_sending(scene: Scene):
    scene.runtime.crash_at("delivery.claimed")
    run = scene.finished(scene.upload())
    delivery = scene.delivered(run, within_s=60)
    scene.assert_died_at("delivery.claimed")
    assert len(scene.posts(delivery)) == 1
    scene.assert_exact(run)


@pytest.mark.rel("F8", "W1")
def test_delivery_is_repeated_with_the_same_id_and_bytes_after_its_worker_died_before_writing_it_down(scene: Scene):
    scene.runtime.crash_at("delivery.sent")
    run = scene.finished(scene.upload())
    delivery = scene.delivered(run, within_s=60)
    scene.assert_died_at("delivery.sent")
    assert scene.posts(delivery) == [bytes(delivery.body)] * 2
    scene.assert_exact(run)


@pytest.mark.rel("F10")
def test_upload_leaves_no_row_when_the_web_process_died_before_the_commit(scene: Scene):
    assets = Asset.objects.count()
    scene.runtime.crash_at("upload.after_blob")
    with pytest.raises(OSError):
        scene.upload()
    scene.assert_died_at("upload.after_blob")
    assert Asset.objects.count() == assets
    assert ledger_differences() == []
    wait_until(scene.runtime.answers, within_s=30, what="the web process")


@pytest.mark.rel("F11", "U15")
def test_upload_survives_the_web_process_and_a_repeat_gets_the_same_file(scene: Scene):
    name = {"fileName": "survivor.png", "useUniqueFileName": "false"}
    scene.runtime.crash_at("upload.after_commit")
    with pytest.raises(OSError):
        scene.upload(**name)
    scene.assert_died_at("upload.after_commit")
    assert UploadReceipt.objects.exists()
    wait_until(scene.runtime.answers, within_s=30, what="the web process")
    answer = scene.upload(**name, headers={"x-stainless-retry-count": "1"})
    assert list(Asset.objects.filter(name="survivor.png").values_list("file_id", flat=True)) == [answer["fileId"]]
    run = scene.finished(answer)
    scene.assert_exact(run)
