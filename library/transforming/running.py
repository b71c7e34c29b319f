"""Has a picture changed by a process of its own, so that no hostile file reaches the web process (REL U6).

The process has limits of address space, processor time and output, ends with whoever started it, and sees nothing of
the environment's secrets. Only a few run at once on a machine, whichever process asks: a place is a lock on a file,
which the process itself holds, so that a death at any point frees it. The upload calls `transformed`.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO

import structlog
from django.conf import settings

from library.transforming import child, drawing
from library.transforming.drawing import Step
from mediahub.lib.diskspace import StorageFull
from mediahub.lib.errors import DomainError, ServiceUnavailable
from mediahub.lib.imaging import CORRUPT, NOT_PROCESSABLE, UNSUPPORTED, limits_from_settings
from mediahub.lib.spool import Spool, SpooledFile, spool_directory
from mediahub.lib.waits import a_place_to_wait

log = structlog.get_logger(__name__)

WAIT_FOR_A_PLACE_S = 10.0
START_S = 5.0
"""By the clock, for the process to begin on a busy machine."""
_LOOK_EVERY_S = 0.02
_PIECE = 1 << 20
_KEPT_NAMES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "TZ")

NOT_AVAILABLE = "transformation_not_available"
REFUSALS = {
    CORRUPT: "The image is damaged, so it cannot be transformed.",
    NOT_PROCESSABLE: "The image is larger than what this server transforms.",
    UNSUPPORTED: "The file is not an image of a kind that can be transformed (JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF, "
    "BMP).",
    drawing.ANIMATED: "Animated images cannot be transformed.",
    drawing.RESULT_TOO_LARGE: "The result of the transformation would be larger than what this server stores.",
    NOT_AVAILABLE: "This server's system cannot limit what a picture costs, so it transforms none. Leave the "
    "transformation out.",
}
"""By its code: what is said of a picture that cannot be transformed."""
_CODES = {status: code for code, status in child.EXITS.items()} | {
    child.OUT_OF_MEMORY: NOT_PROCESSABLE,
    child.NO_LIMITS: NOT_AVAILABLE,
    -signal.SIGXCPU: NOT_PROCESSABLE,
    **dict.fromkeys((-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT, -signal.SIGFPE, -signal.SIGILL), CORRUPT),
}
"""By exit status, or by the signal that a decoder died of."""


class NotTransformed(DomainError):
    """The picture cannot be transformed; nothing is stored. `code` tells why."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{REFUSALS[code]} Nothing was stored.", code=code, field="transformation")


def transformed(file: SpooledFile, steps: Sequence[Step]) -> SpooledFile:
    """The changed picture as a new spooled file, which the caller closes; the given one stays as it is.

    Raises NotTransformed for what lies in the file, ServiceUnavailable when the machine is too busy, FileTooLarge,
    StorageFull.
    """
    with (
        a_place_to_wait("transformation"),
        _place() as place,
        file.open() as source,
        _temporary() as result,
        _temporary() as errors,
    ):
        _run(source, result, errors, steps, place)
        result.seek(0)
        spool = Spool(filename=file.filename, max_bytes=settings.MEDIAHUB_MAX_UPLOAD_BYTES)
        while piece := result.read(_PIECE):
            spool.write(piece)
        return spool.finish()


def _run(source: IO[bytes], result: IO[bytes], errors: IO[bytes], steps: Sequence[Step], place: int) -> None:
    order = {
        "steps": [asdict(step) for step in steps],
        "limits": asdict(limits_from_settings()),
        "memory_bytes": settings.MEDIAHUB_TRANSFORM_MEMORY_BYTES,
        "cpu_s": settings.MEDIAHUB_TRANSFORM_TIMEOUT_S,
        "result_bytes": settings.MEDIAHUB_MAX_UPLOAD_BYTES,
        "parent": os.getpid(),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", child.__name__, json.dumps(order)],
            cwd=settings.BASE_DIR,
            env={name: os.environ[name] for name in _KEPT_NAMES if name in os.environ},
            stdin=source,
            stdout=result,
            stderr=errors,
            pass_fds=(place,),
            # Processor time is limited inside; on a busy machine that may take longer by the clock.
            timeout=START_S + 2 * settings.MEDIAHUB_TRANSFORM_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ServiceUnavailable(
            "The server is too busy to transform the image at present. Try again.", retry_after_s=10
        ) from error
    if done.returncode:
        raise _failure(done.returncode, errors)


def _failure(status: int, errors: IO[bytes]) -> DomainError:
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - 2000))
    said = errors.read().decode(errors="replace")
    if said or status not in _CODES:
        log.error("transformation_failed", status=status, said=said)
    if status in _CODES:
        return NotTransformed(_CODES[status])
    if status == child.DISK_FULL:
        return StorageFull("The storage is full. Please try again later.")
    # It was ended from outside (for want of memory, or with the server), or never began: not the picture's fault.
    return ServiceUnavailable("The server cannot transform the image at present. Try again.", retry_after_s=10)


@contextmanager
def _place() -> Iterator[int]:
    """A locked file of this machine's few. Raises ServiceUnavailable when none becomes free in time."""
    folder = Path(settings.MEDIAHUB_DATA_DIR) / "locks"
    folder.mkdir(exist_ok=True, mode=0o700)
    end = time.monotonic() + WAIT_FOR_A_PLACE_S
    while True:
        for number in range(settings.MEDIAHUB_TRANSFORM_PROCESSES):
            handle = os.open(folder / f"transforming-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                continue
            try:
                yield handle
            finally:
                os.close(handle)
            return
        if time.monotonic() > end:
            raise ServiceUnavailable(
                "The server transforms as many images as it can at present. Try again.", retry_after_s=5
            )
        time.sleep(_LOOK_EVERY_S)


def _temporary() -> IO[bytes]:
    """A file without a name, which ends with us."""
    return tempfile.TemporaryFile(dir=spool_directory())
