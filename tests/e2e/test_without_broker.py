"""A web process whose broker is absent or silent: uploads are answered, runs wait as rows (REL F18, F19)."""

import socket
import time
from pathlib import Path

import pytest

from library.services.accounts import NewAccount
from tests.e2e.conftest import Scene
from tests.receivers import Receiver
from tests.runtime import Runtime, wait_until


def web(database_url: str, data_dir: Path, path: Path) -> Runtime:
    runtime = Runtime(database_url=database_url, data_dir=data_dir, CELERY_BROKER_URL=f"redis+socket://{path}")
    runtime.start("web", "--port", str(runtime.port))
    wait_until(runtime.answers, within_s=60, what="the web process")
    return runtime


@pytest.mark.rel("F18", "J2")
def test_upload_is_answered_and_its_run_waits_when_there_is_no_broker(
    module_db: str, tenant: NewAccount, receiver: Receiver, tmp_path: Path
):
    runtime = web(module_db, tmp_path / "data", tmp_path / "nobody.sock")
    try:
        scene = Scene(runtime, tenant, receiver)
        assert scene.run_of(scene.upload()).state == "queued"
    finally:
        runtime.stop()


@pytest.mark.rel("F19", "J3")
def test_silent_broker_slows_one_upload_and_spares_the_next(
    module_db: str, tenant: NewAccount, receiver: Receiver, tmp_path: Path
):
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(50)
        runtime = web(module_db, tmp_path / "data", path)
        try:
            scene = Scene(runtime, tenant, receiver)
            times = []
            for _ in range(3):
                started = time.monotonic()
                assert scene.run_of(scene.upload()).state == "queued"
                times.append(time.monotonic() - started)
            assert max(times) < 8
            assert min(times) < 1
        finally:
            runtime.stop()
