"""Workers of folder jobs that die by SIGKILL in mid-job: another goes on, nothing is lost, nothing is done twice."""

import json
import urllib.request  # noqa: TID251 - tests are clients

import pytest

from library.models import Asset, AssetVersion, BulkJob
from tests.e2e.conftest import Scene
from tests.library.stored import assert_tree_is_whole
from tests.runtime import basic, wait_until

FILES = 45  # three steps of a copy


def ask(scene: Scene, path: str, body: dict[str, str]) -> str:
    """Post to the API; returns the job's id."""
    request = urllib.request.Request(  # noqa: TID251
        f"{scene.runtime.url}/v1/bulkJobs/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": basic(scene.tenant.private_key)},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: TID251
        return json.loads(answer.read())["jobId"]


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        ("copyFolder", "job.claimed"),
        ("copyFolder", "job.copied"),
        ("copyFolder", "job.stepping"),
        ("copyFolder", "job.stepped"),
        ("moveFolder", "job.stepping"),
        ("moveFolder", "job.stepped"),
    ],
)
@pytest.mark.rel("J16", "J7")
def test_job_is_taken_over_and_does_everything_once_after_its_worker_died(scene: Scene, kind: str, point: str):
    folder = f"/{kind}-{point.replace('.', '-')}"
    for number in range(FILES):
        scene.runtime.upload(
            f"text {number}".encode(),
            private_key=scene.tenant.private_key,
            fileName=f"{number}.txt",
            folder=f"{folder}/a",
            useUniqueFileName="false",
        )
    if kind == "moveFolder":  # into a folder that is there, so that files go one by one
        scene.runtime.upload(
            b"there",
            private_key=scene.tenant.private_key,
            fileName="0.txt",
            folder=f"{folder}/to/a",
            useUniqueFileName="false",
        )
    scene.runtime.crash_at(point)
    job_id = ask(scene, kind, {"sourceFolderPath": f"{folder}/a", "destinationPath": f"{folder}/to"})
    scene.assert_died_at(point)
    job = wait_until(
        BulkJob.objects.filter(job_id=job_id, state__in=["completed", "failed"]).first,
        within_s=30,
        what="the end of the job",
    )

    assert job.state == "completed", job.error_message
    made = Asset.objects.filter(folder__path=f"{folder}/to/a")
    assert made.count() == FILES
    assert Asset.objects.filter(folder__path=f"{folder}/a").count() == (FILES if kind == "copyFolder" else 0)
    versions = AssetVersion.objects.filter(asset__in=made).count()
    assert versions == FILES + (kind == "moveFolder")
    assert job.objects_done == job.objects_total == FILES + 1
    assert_tree_is_whole(job.account)
