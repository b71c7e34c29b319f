"""Workers of a backfill that die by SIGKILL: another goes on, each file has one run, uploads are served first."""

import json
import time
import urllib.request  # noqa: TID251 - tests are clients
from typing import Any

import pytest
from django.db.models import Count

from extensions.models import Backfill, ExtensionRun
from library.models import Asset
from tests.e2e.conftest import Scene, ledger_differences
from tests.runtime import basic, wait_until
from tests.uploading import picture

FILES = 25  # three steps


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Few at a time, so that feeding and working take turns."""
    return {"MEDIAHUB_BACKFILL_WAITING": "15"}


def post(scene: Scene, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(  # noqa: TID251
        f"{scene.runtime.url}{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": basic(scene.tenant.private_key)},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: TID251
        return json.loads(answer.read())


def fill(scene: Scene, folder: str) -> None:
    for number in range(FILES):
        scene.runtime.upload(
            picture(), private_key=scene.tenant.private_key, fileName=f"{number}.png", folder=folder,
            useUniqueFileName="false",
        )  # fmt: skip


def start(scene: Scene, folder: str, extension: str = "aws-auto-tagging") -> str:
    block = {"name": extension, "minConfidence": 10, "maxTags": 5}
    if extension == "remove-bg":
        block = {"name": extension}
    answer = post(scene, "/api/backfills", {"extensions": [block], "filter": {"path": folder}})
    return str(answer["id"])


def ended(backfill_id: str, *, within_s: float = 60) -> Backfill:
    states = [state for state in Backfill.State.values if state not in ("pending", "running")]
    return wait_until(
        Backfill.objects.filter(backfill_id=backfill_id, state__in=states).first,
        within_s=within_s,
        what="the end of the backfill",
    )


def assert_each_file_once(backfill: Backfill) -> None:
    assert backfill.state == "completed", (backfill.state, backfill.error_message)
    runs = ExtensionRun.objects.filter(backfill=backfill)
    assert runs.filter(state="succeeded").count() == runs.count() == FILES == backfill.files_seen
    counts = set(runs.order_by().values_list("file_id").annotate(n=Count("pk")).values_list("n", flat=True))
    assert counts == {1}
    assert ledger_differences() == []


@pytest.mark.rel("J16", "J7")
@pytest.mark.parametrize("point", ["backfill.claimed", "backfill.stepping", "backfill.stepped"])
def test_each_file_has_one_run_though_the_worker_died(scene: Scene, point: str):
    folder = f"/{point.replace('.', '-')}"
    fill(scene, folder)
    scene.runtime.crash_at(point)
    backfill_id = start(scene, folder)
    scene.assert_died_at(point)

    assert_each_file_once(ended(backfill_id))


@pytest.mark.rel("J16")
def test_each_file_has_one_run_though_workers_are_killed_again_and_again(scene: Scene):
    fill(scene, "/killed")
    scene.runtime.plan(delay_s=0.2)
    backfill_id = start(scene, "/killed", "remove-bg")
    for child in ("webhooks", "images", "webhooks", "sweep"):  # the jobs are worked on by the worker of webhooks
        time.sleep(0.4)
        scene.runtime.restarted(child, scene.runtime.kill(child))
    scene.runtime.plan()

    backfill = ended(backfill_id, within_s=120)
    assert_each_file_once(backfill)
    versions = Asset.objects.filter(folder__path="/killed").annotate(n=Count("versions")).values_list("n", flat=True)
    assert set(versions) == {2}


@pytest.mark.rel("J14")
def test_an_upload_does_not_wait_for_a_backfill(scene: Scene):
    fill(scene, "/busy")
    scene.runtime.plan(delay_s=0.4)
    backfill_id = start(scene, "/busy", "remove-bg")
    mine = ExtensionRun.objects.filter(backfill__backfill_id=backfill_id)
    wait_until(lambda: mine.filter(state="queued").count() >= 8, within_s=30, what="a queue of the backfill's runs")

    run = scene.finished(scene.upload("remove-bg"), within_s=20)

    scene.runtime.plan()
    overtaken = mine.filter(created_at__lt=run.created_at).exclude(started_at__lt=run.started_at)
    assert overtaken.count() >= 5
    assert_each_file_once(ended(backfill_id))
