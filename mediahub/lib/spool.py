"""Incoming bytes on their way to the blob store: written to a temporary file while they are counted and hashed.

The multipart parser and the download of `file` URLs write through `Spool`; services read the `SpooledFile` it yields.
Memory use does not grow with the file (REL U1), and a spool that is given up leaves no file behind.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from django.conf import settings

from mediahub.lib.diskspace import StorageFull, is_disk_full
from mediahub.lib.errors import DomainError

HEAD_BYTES = 4096
PREFIX = "spool-"


class FileTooLarge(DomainError):
    """The file is larger than the plan allows; 400 on the wire, as API 2.8 has it."""

    code = "file_too_large"


@dataclass(frozen=True)
class SpooledFile:
    """A received file, waiting in a temporary file until `close`.

    path: where it is. size: bytes. sha256: lower-case hex. filename: the client's name for it, "" when it gave none.
    head: its first 4096 bytes, enough to tell its type.
    """

    path: Path
    size: int
    sha256: str
    filename: str
    head: bytes

    def open(self) -> BinaryIO:
        """The bytes from the start, as a new file object that the caller closes."""
        return self.path.open("rb")

    def close(self) -> None:
        """Remove the temporary file; may be called again."""
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> SpooledFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Spool:
    """A file being received. `write` pieces, then `finish`; `discard` (or leaving a `with` unfinished) removes it.

    max_bytes: more than that raises FileTooLarge. A full disk raises StorageFull. Either way the file is gone.
    """

    def __init__(self, *, filename: str = "", max_bytes: int, directory: Path | None = None) -> None:
        self.size = 0
        self._filename = filename
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self._head = b""
        directory = directory or spool_directory()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            handle, path = tempfile.mkstemp(prefix=PREFIX, dir=directory)
        except OSError as error:
            raise _translated(error) from error
        self._path = Path(path)
        # Unbuffered: the pieces are large already, and nothing is left to flush when the disk is full.
        self._file = os.fdopen(handle, "wb", buffering=0)

    def write(self, piece: bytes | memoryview) -> None:
        """Append bytes. Raises FileTooLarge, StorageFull."""
        self.size += len(piece)
        if self.size > self._max_bytes:
            self.discard()
            raise FileTooLarge(f"The file is larger than the {self._max_bytes} bytes that are allowed.", field="file")
        if len(self._head) < HEAD_BYTES:
            self._head += bytes(piece[: HEAD_BYTES - len(self._head)])
        self._hash.update(piece)
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self.discard()
            raise _translated(error) from error

    def finish(self) -> SpooledFile:
        """Close the file and say what was received; from here on it is the caller's to close."""
        self._file.close()
        return SpooledFile(self._path, self.size, self._hash.hexdigest(), self._filename, self._head)

    def discard(self) -> None:
        """Give the file up and remove it; may be called again."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def spool_directory() -> Path:
    """Where spool files go: FILE_UPLOAD_TEMP_DIR if set, else `tmp` in the data directory (same disk as the blobs)."""
    return Path(settings.FILE_UPLOAD_TEMP_DIR or Path(settings.MEDIAHUB_DATA_DIR) / "tmp")


def sweep_spool(*, older_than_s: float = 24 * 3600, directory: Path | None = None) -> int:
    """Remove spool files that a killed process left behind; returns how many. Ages are by file times, in seconds."""
    removed = 0
    for path in (directory or spool_directory()).glob(f"{PREFIX}*"):
        try:
            old = path.stat().st_mtime < time.time() - older_than_s
        except FileNotFoundError:
            continue
        if old:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _translated(error: OSError) -> Exception:
    return StorageFull("The storage is full. Please try again later.") if is_disk_full(error) else error
