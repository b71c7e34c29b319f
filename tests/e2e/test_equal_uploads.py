"""Equal uploads on two web processes: a repeat waits for the first one, and outlives its death (REL U15, F11)."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from library.models import Asset, UploadUnderWay
from tests.e2e.conftest import Scene
from tests.runtime import Runtime, alive, free_port, wait_until

PHOTO = (Path(__file__).parents[1] / "files" / "photos" / "formats" / "large_12mp.jpg").read_bytes()
SLOW = {"transformation": json.dumps({"pre": "w-6000,bl-50:f-avif"})}
"""Twenty-seven megapixels, blurred, as AVIF take seconds; a lease comes after one."""
REPEAT = {"x-stainless-retry-count": "1"}


@pytest.fixture(scope="module")
def second_port(runtime: Runtime) -> Iterator[int]:
    """A second web process beside that of `up`."""
    port = free_port()
    process = runtime.start("web", "--port", str(port))
    wait_until(lambda: _listens(port), within_s=60, what="the second web process")
    yield port
    process.terminate()


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def begin(scene: Scene, **options) -> Future:
    """Upload the photo in a thread."""
    found: Future = Future()

    def run():
        try:
            found.set_result(scene.runtime.upload(PHOTO, private_key=scene.tenant.private_key, **options))
        except BaseException as error:
            found.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return found


def drawing_processes() -> list[int]:
    """Processes that change a picture for one of ours."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"library.transforming.child" in words:
            found.append(int(folder.name))
    return found


@pytest.mark.rel("U15")
def test_a_repeat_at_another_process_waits_and_gets_the_first_ones_answer(scene: Scene, second_port: int):
    fields = {"fileName": "two-processes.jpg", **SLOW}
    first = begin(scene, **fields)
    wait_until(UploadUnderWay.objects.exists, within_s=20, what="the lease")
    again = begin(scene, port=second_port, headers=REPEAT, **fields)
    assert again.result(60)["fileId"] == first.result(60)["fileId"]
    assert again.result(60)["versionInfo"] == first.result(60)["versionInfo"]
    assert Asset.objects.filter(name__startswith="two-processes").count() == 1
    assert not UploadUnderWay.objects.exists()


@pytest.mark.rel("U15", "U6")
def test_a_repeat_is_carried_out_after_the_first_ones_process_was_killed(scene: Scene, second_port: int):
    fields = {"fileName": "killed.jpg", **SLOW}
    first = begin(scene, **fields)
    wait_until(UploadUnderWay.objects.exists, within_s=20, what="the lease")
    drawing = drawing_processes()
    web = scene.runtime.pid_of("web")
    os.kill(web, signal.SIGKILL)
    with pytest.raises(OSError):
        first.result(30)
    wait_until(lambda: not any(alive(pid) for pid in drawing), within_s=5, what="the end of the drawing process")
    started = time.monotonic()
    answer = scene.runtime.upload(
        PHOTO, private_key=scene.tenant.private_key, port=second_port, headers=REPEAT, **fields
    )
    assert 2 < time.monotonic() - started < 40
    assert [asset.file_id for asset in Asset.objects.filter(name__startswith="killed")] == [answer["fileId"]]
    assert not UploadUnderWay.objects.exists()
    scene.runtime.restarted("web", web)
