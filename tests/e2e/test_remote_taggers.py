"""Google and AWS from forked workers: TLS, a service account's own tokens, signed requests, answers in the upload."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from extensions.models import ExtensionRun
from tests.e2e.conftest import ledger_differences
from tests.extensions.providers import key_files
from tests.photos import photo
from tests.receivers import Receiver
from tests.runtime import Runtime, wait_until
from tests.standins.rekognition import RekognitionStandIn
from tests.standins.vision import VisionStandIn

BLOCKS = [{"name": name, "minConfidence": 85, "maxTags": 3} for name in ("google-auto-tagging", "aws-auto-tagging")]
EXPECTED = [
    ("Cup", 99.12, "aws-auto-tagging"),
    ("Coffee Cup", 98.4, "aws-auto-tagging"),
    ("Teacup", 97.31, "google-auto-tagging"),
    ("Tableware", 94.12, "google-auto-tagging"),
    ("Saucer", 90.15, "aws-auto-tagging"),
    ("Saucer", 87.45, "google-auto-tagging"),
]


@pytest.fixture(scope="module")
def vision():
    with VisionStandIn(tls=True, public_key=key_files.rsa_key().public_key()) as server:
        yield server


@pytest.fixture(scope="module")
def aws():
    with RekognitionStandIn() as server:
        yield server


@pytest.fixture(scope="module")
def runtime(module_db, tmp_path_factory, vision, aws):
    folder = tmp_path_factory.mktemp("up")
    (folder / "google.json").write_text(key_files.service_account(key_files.rsa_key()))
    runtime = Runtime(
        database_url=module_db,
        data_dir=folder,
        MEDIAHUB_CHAIN_GOOGLE_AUTO_TAGGING="google-vision",
        MEDIAHUB_CHAIN_AWS_AUTO_TAGGING="aws-rekognition",
        MEDIAHUB_GOOGLE_VISION_ENDPOINT=f"https://localhost:{vision.port}",
        GOOGLE_APPLICATION_CREDENTIALS=str(folder / "google.json"),
        GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=Receiver().ca_file,
        AWS_ENDPOINT_URL_REKOGNITION=aws.url,
        AWS_REGION="eu-west-1",
        AWS_ACCESS_KEY_ID="AKID",
        AWS_SECRET_ACCESS_KEY="of the test",
        MEDIAHUB_TAGGING_PROCESSES="2",
        MEDIAHUB_WARM_UP="true",
        MEDIAHUB_SYNC_DEADLINE_S="40",
    )
    runtime.up()
    yield runtime
    print(runtime.logs())
    runtime.stop()


def upload(runtime, tenant, name):
    fields = {"fileName": f"{name}.jpg", "extensions": json.dumps(BLOCKS)}
    return runtime.upload(photo("teacup.jpg"), private_key=tenant.private_key, **fields)


def found(answer):
    return sorted(
        ((tag["name"], tag["confidence"], tag["source"]) for tag in answer["AITags"]), key=lambda tag: -tag[1]
    )


def test_an_upload_is_answered_with_the_tags_of_both(runtime, tenant, vision, aws):
    answer = upload(runtime, tenant, "teacup")
    assert answer["extensionStatus"] == {"google-auto-tagging": "success", "aws-auto-tagging": "success"}
    assert found(answer) == EXPECTED
    assert vision.tokens[0]["iss"] == "tagger@shop.example"
    assert aws.credentials[0].startswith("AKID/")
    assert ledger_differences() == []


def test_several_uploads_at_once_are_served_by_several_processes(runtime, tenant, vision):
    vision.delay_s = 0.5  # long enough for both processes to be needed
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: upload(runtime, tenant, f"cup-{number}"), range(6)))
    vision.delay_s = 0
    assert [found(answer) for answer in answers] == [EXPECTED] * 6
    assert len(set(ExtensionRun.objects.values_list("process_id", flat=True))) == 2


def loads_grpc(pid):
    return "cygrpc" in (Path("/proc") / str(pid) / "maps").read_text()


def test_grpc_is_loaded_by_forked_workers_only(runtime, tenant):
    upload(runtime, tenant, "last")
    assert not loads_grpc(runtime.pid_of("web"))
    assert not loads_grpc(runtime.pid_of("sweep"))
    assert not loads_grpc(runtime.pid_of("tagging"))
    worker = ExtensionRun.objects.filter(state="succeeded").latest("finished_at").process_id
    assert worker != runtime.pid_of("tagging")
    assert loads_grpc(worker)


def test_a_worker_that_was_started_again_goes_on(runtime, tenant):
    runtime.restarted("tagging", runtime.kill("tagging"))
    answer = upload(runtime, tenant, "again")
    ended = ExtensionRun.objects.filter(file_id=answer["fileId"], state="succeeded")
    wait_until(lambda: ended.count() == 2, within_s=60, what="the end of both runs")
