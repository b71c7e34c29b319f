"""The process that changes a picture: its limits, that few run at once, and that nothing is left of it (REL U6)."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from PIL import Image

from library.transforming import running
from library.transforming.running import NotTransformed, transformed
from library.transforming.steps import parse_steps
from mediahub.lib.diskspace import StorageFull
from mediahub.lib.errors import ServiceUnavailable
from mediahub.lib.spool import FileTooLarge, Spool, SpooledFile, spool_directory

FORMATS = Path(__file__).parents[2] / "files" / "photos" / "formats"
LOCKS = Path(settings.MEDIAHUB_DATA_DIR) / "locks"
LARGE = FORMATS / "large_12mp.jpg"
pytestmark = pytest.mark.rel("U6")


def spooled(data: bytes | Path) -> SpooledFile:
    spool = Spool(filename="x", max_bytes=1 << 30)
    spool.write(data if isinstance(data, bytes) else data.read_bytes())
    return spool.finish()


@pytest.fixture(autouse=True)
def folder_of_locks():
    """As the first transformation makes it, which may be in another test."""
    LOCKS.mkdir(parents=True, exist_ok=True)


@contextmanager
def not_ignored(number: int) -> Iterator[None]:
    """A child inherits that a signal is ignored, as shells have it for what they start in the background."""
    before = signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(number, before)


def left_in_spool() -> list[str]:
    return sorted(path.name for path in spool_directory().iterdir())


def test_the_result_is_a_spooled_file_of_its_own():
    with spooled(LARGE) as given:
        with transformed(given, parse_steps("w-400")) as result:
            assert Image.open(result.path).size == (400, 300)
            assert result.size == result.path.stat().st_size
            assert result.sha256 != given.sha256
            assert result.head == result.path.read_bytes()[:4096]
        assert given.path.exists()
    assert left_in_spool() == []


def test_too_little_memory_is_a_refusal_and_not_the_end_of_the_server(settings):
    settings.MEDIAHUB_TRANSFORM_MEMORY_BYTES = 300 << 20
    settings.MEDIAHUB_MAX_IMAGE_PIXELS = 100_000_000
    large = Image.new("RGB", (9000, 9000))
    path = spool_directory() / "large.png"
    large.save(path)
    with spooled(path) as given, pytest.raises(NotTransformed) as caught:
        transformed(given, parse_steps("w-100"))
    path.unlink()
    assert caught.value.code == "file_not_processable"
    assert left_in_spool() == []


def test_too_much_work_is_a_refusal(settings):
    settings.MEDIAHUB_TRANSFORM_TIMEOUT_S = 1
    with spooled(LARGE) as given, pytest.raises(NotTransformed) as caught:
        transformed(given, parse_steps("w-9000,bl-100:bl-100:w-8000,bl-100,f-avif"))
    assert caught.value.code == "file_not_processable"
    assert left_in_spool() == []


def test_a_result_beyond_the_upload_limit_is_a_refusal(settings):
    settings.MEDIAHUB_MAX_UPLOAD_BYTES = 20_000
    with spooled(LARGE) as given, pytest.raises((NotTransformed, FileTooLarge)) as caught:
        transformed(given, parse_steps("w-2000"))
    assert caught.value.code == "result_too_large"
    assert left_in_spool() == []


def children() -> list[int]:
    """Processes that change pictures for this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"library.transforming.child" in words and parent == os.getpid():
            found.append(int(folder.name))
    return found


@contextmanager
def at_the_child(act: Callable[[int], object]) -> Iterator[None]:
    """Do something to the next process that changes a picture, as soon as it is there."""
    ended = threading.Event()

    def look():
        while not ended.is_set():
            if found := children():
                act(found[0])
                return
            time.sleep(0.002)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def test_a_process_that_dies_of_the_file_is_a_refusal():
    with (
        spooled(LARGE) as given,
        at_the_child(lambda pid: os.kill(pid, signal.SIGSEGV)),
        pytest.raises(NotTransformed) as caught,
    ):
        transformed(given, parse_steps("f-avif"))
    assert caught.value.code == "corrupt_image"
    assert left_in_spool() == []


def test_a_process_that_the_system_killed_for_want_of_memory_is_a_503():
    with (
        spooled(LARGE) as given,
        at_the_child(lambda pid: os.kill(pid, signal.SIGKILL)),
        pytest.raises(ServiceUnavailable) as caught,
    ):
        transformed(given, parse_steps("f-avif"))
    assert caught.value.retry_after_s == 10


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_process_that_is_ended_with_the_server_does_not_blame_the_picture(number):
    # Service managers and terminals signal every process of a server.
    with (
        not_ignored(number),
        spooled(LARGE) as given,
        at_the_child(lambda pid: os.kill(pid, number)),
        pytest.raises(ServiceUnavailable),
    ):
        transformed(given, parse_steps("f-avif"))
    assert left_in_spool() == []


def test_a_process_that_cannot_begin_does_not_blame_the_picture(settings, tmp_path):
    settings.BASE_DIR = tmp_path  # where there is no package of ours
    with spooled(LARGE) as given, pytest.raises(ServiceUnavailable):
        transformed(given, parse_steps("w-100"))


def test_a_system_that_sets_no_limits_transforms_nothing_and_says_so(settings):
    settings.MEDIAHUB_TRANSFORM_MEMORY_BYTES = 1 << 70  # no system takes that, as macOS takes none
    with spooled(LARGE) as given, pytest.raises(NotTransformed) as caught:
        transformed(given, parse_steps("w-100"))
    assert caught.value.code == "transformation_not_available"
    assert "Leave the transformation out" in caught.value.message


@pytest.mark.rel("F27")
def test_a_full_disk_is_507(monkeypatch):
    # The device that is always full takes the result.
    real = running._temporary
    with Path("/dev/full").open("w+b", buffering=0) as device:
        full = iter([device])
        monkeypatch.setattr(running, "_temporary", lambda: next(full, None) or real())
        with spooled(LARGE) as given, pytest.raises(StorageFull):
            transformed(given, parse_steps("w-100"))
    assert left_in_spool() == []


def test_a_process_that_does_not_get_on_is_ended_and_a_503(settings, monkeypatch):
    settings.MEDIAHUB_TRANSFORM_TIMEOUT_S = 1
    monkeypatch.setattr(running, "START_S", 0)
    with (
        spooled(LARGE) as given,
        at_the_child(lambda pid: os.kill(pid, signal.SIGSTOP)),
        pytest.raises(ServiceUnavailable),
    ):
        transformed(given, parse_steps("f-avif"))
    assert children() == []


def test_the_process_sees_no_secrets_of_the_environment(monkeypatch):
    monkeypatch.setenv("MEDIAHUB_SECRET_KEY", "hush")
    seen = []

    def look(pid: int) -> None:
        time.sleep(0.05)  # until it has become another program
        seen.extend((Path("/proc") / str(pid) / "environ").read_bytes().split(b"\0"))

    with spooled(LARGE) as given, at_the_child(look):
        transformed(given, parse_steps("f-webp")).close()
    assert any(item.startswith(b"PATH=") for item in seen)
    assert not [item for item in seen if item.startswith((b"MEDIAHUB", b"DATABASE", b"AWS", b"CELERY"))]


def test_only_a_few_run_at_once_and_the_rest_wait_their_turn(settings, monkeypatch):
    monkeypatch.setattr(running, "WAIT_FOR_A_PLACE_S", 60)
    settings.MEDIAHUB_TRANSFORM_PROCESSES = 2
    most, ended = [0], threading.Event()

    def watch():
        while not ended.wait(0.02):
            count = len(children())
            most[0] = max(most[0], count)

    watcher = threading.Thread(target=watch)
    watcher.start()
    files = [spooled(FORMATS / "photo.heic") for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(lambda file: transformed(file, parse_steps("w-1000")), files))
    ended.set()
    watcher.join()
    for file in (*files, *results):
        file.close()
    assert most[0] == 2


def test_without_a_free_place_the_answer_is_503_with_retry_after(settings, monkeypatch):
    settings.MEDIAHUB_TRANSFORM_PROCESSES = 1
    monkeypatch.setattr(running, "WAIT_FOR_A_PLACE_S", 0.1)
    with (LOCKS / "transforming-0.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with spooled(LARGE) as given, pytest.raises(ServiceUnavailable) as caught:
            transformed(given, parse_steps("w-100"))
    assert caught.value.retry_after_s == 5


def test_a_place_is_free_again_after_its_holder_was_killed(settings):
    settings.MEDIAHUB_TRANSFORM_PROCESSES = 1
    path = LOCKS / "transforming-0.lock"
    script = (
        f"import fcntl, time; f = open({str(path)!r}, 'w'); fcntl.flock(f, 2); print(1, flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"1\n"
    holder.kill()
    holder.wait()
    with spooled(FORMATS / "photo.tiff") as given:
        transformed(given, parse_steps("w-10")).close()


@pytest.mark.rel("B20")
def test_a_bomb_of_packed_pixels_is_refused_quickly():
    import struct

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = struct.pack(">LLBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(2501) * 20_000, 9)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    assert len(data) < 60_000
    started = time.monotonic()
    with spooled(data) as given, pytest.raises(NotTransformed) as caught:
        transformed(given, parse_steps("w-100"))
    assert caught.value.code == "file_not_processable"
    assert time.monotonic() - started < 5
