"""Blobs: the immutable bytes of versions and renditions, one key each, on disk or at a storage supplier.

Services and workers put, read and delete blobs here; nothing else in the project opens the `blobs` storage. The store
is Django's `storages["blobs"]`, so S3, GCS and Azure are settings only; `DiskStorage` makes writing to disk durable.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.utils.deconstruct import deconstructible

from mediahub.lib.diskspace import StorageFull, is_disk_full, require_free_space
from mediahub.lib.errors import DomainError
from mediahub.lib.spool import SpooledFile

__all__ = [
    "BlobMissing",
    "DiskStorage",
    "StorageFull",
    "StorageUnavailable",
    "blob_exists",
    "blob_key",
    "blob_store",
    "copy_blob",
    "delete_blob",
    "free_space_check",
    "open_blob",
    "put_blob",
    "read_blob",
    "sweep_blobs",
]

log = structlog.get_logger(__name__)

TEMPORARY_PREFIX = ".writing-"
COPY_BYTES = 1024 * 1024
SWEEP_BATCH = 500
_FOLDER = re.compile(r"[0-9a-f]{2}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_BLOB_NAME = re.compile(r"[0-9a-f]{64}-[A-Za-z0-9-]{1,64}\Z")


class BlobMissing(DomainError):
    """A row points at bytes that are not in the store."""

    code = "blob_missing"
    status = 404


class StorageUnavailable(DomainError):
    """The store does not answer, or refuses; trying again is sensible."""

    code = "storage_unavailable"
    status = 503


@deconstructible(path="library.storage.DiskStorage")
class DiskStorage(FileSystemStorage):
    """Files that are there completely or not at all, also after a crash (REL U13).

    A file is written under a temporary name in its own folder, synced, renamed, and its folder synced. Names are made
    by us and unique, so saving never looks for another name.
    """

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: File[Any]) -> str:
        target = Path(self.path(name))
        _make_folders(target.parent, root=Path(self.location))
        temporary = target.parent / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}"
        try:
            self._write(temporary, content)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
        return name

    def copy_file(self, source: str, target: str) -> None:
        """Copy as durably as `save` writes, inside the kernel where it can; some file systems then share the blocks."""
        path = Path(self.path(target))
        _make_folders(path.parent, root=Path(self.location))
        temporary = path.parent / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}"
        try:
            with Path(self.path(source)).open("rb") as old, temporary.open("xb") as new:
                if not _copied_by_kernel(old, new):
                    shutil.copyfileobj(old, new, COPY_BYTES)
                    new.flush()
                os.fsync(new.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)

    def _write(self, temporary: Path, content: File[Any]) -> None:
        with temporary.open("xb", buffering=0) as file:
            content.seek(0)
            while piece := content.read(COPY_BYTES):
                rest = memoryview(piece)
                while rest:
                    rest = rest[file.write(rest) :]
            os.fsync(file.fileno())


def blob_store() -> Storage:
    """The configured store of blobs (`STORAGES["blobs"]`)."""
    return storages["blobs"]


def blob_key(sha256: str, version_id: object) -> str:
    """`<aa>/<bb>/<sha256>-<version id>`: every version owns its bytes, duplicates included (REL U12)."""
    name = f"{sha256}-{version_id}"
    if not _SHA256.match(sha256) or not _BLOB_NAME.match(name):
        raise ValueError(f"no blob key can be made of {name!r}")
    return f"{sha256[:2]}/{sha256[2:4]}/{name}"


def put_blob(key: str, source: SpooledFile | IO[bytes] | bytes) -> None:
    """Store bytes durably under a key; doing it again with the same bytes is harmless.

    A given file object must be seekable and is read from its start. Raises StorageFull, StorageUnavailable.
    """
    if isinstance(source, SpooledFile):
        with source.open() as file:
            put_blob(key, file)
        return
    content = io.BytesIO(source) if isinstance(source, bytes) else source
    with _translated(key):
        blob_store().save(key, File(content, name=key))


def copy_blob(source: str, target: str) -> None:
    """Copy a blob to another key, inside the store where it can do that, else through this process.

    Doing it again is harmless. Raises BlobMissing, StorageFull, StorageUnavailable.
    """
    free_space_check()
    store = blob_store()
    with _translated(source):
        if isinstance(store, DiskStorage):
            store.copy_file(source, target)
        elif type(store).__module__ == "storages.backends.s3":
            _copy_in_s3(store, source, target)
        elif type(store).__module__ == "storages.backends.gcloud":
            _copy_in_gcs(store, source, target)
        else:
            with store.open(source, "rb") as file:
                store.save(target, File(file, name=target))


def open_blob(key: str) -> File[Any]:
    """The blob as a binary file object that the caller closes. Raises BlobMissing, StorageUnavailable."""
    with _translated(key):
        return blob_store().open(key, "rb")


@contextmanager
def blob_at_hand(key: str) -> Iterator[IO[bytes]]:
    """The blob as a file to seek in; a remote store's is fetched first. Raises BlobMissing, StorageUnavailable."""
    with open_blob(key) as opened:
        with _translated(key):
            # The end is known once all of it is here, so that later errors speak of the content and not of the store.
            opened.seek(0, os.SEEK_END)
            opened.seek(0)
        yield opened.file if opened.file is not None else opened


def read_blob(key: str) -> bytes:
    """The blob's bytes. Raises BlobMissing, StorageUnavailable."""
    with _translated(key), blob_store().open(key, "rb") as file:
        content: bytes = file.read()
        return content


def delete_blob(key: str) -> None:
    """Remove a blob; one that is gone already is fine. Raises StorageUnavailable."""
    with _translated(key):
        blob_store().delete(key)


def blob_exists(key: str) -> bool:
    """Whether the store holds the key. Raises StorageUnavailable."""
    with _translated(key):
        return blob_store().exists(key)


def free_space_check() -> None:
    """Raise StorageFull when the blobs' disk is nearly full (REL U14); stores elsewhere have no such limit."""
    store = blob_store()
    if isinstance(store, FileSystemStorage):
        require_free_space(Path(store.location), min_free_bytes=settings.MEDIAHUB_MIN_FREE_BYTES)


def sweep_blobs(known: Callable[[list[str]], set[str]], *, older_than: datetime) -> int:
    """Remove blobs without a row, and what broken writes left behind; returns how many went.

    known: given at most 500 keys, says which of them rows point at. older_than: aware; younger blobs stay, because
    their rows may not be committed yet. Files that do not look like our blobs are never touched.
    """
    removed = 0
    for batch in _batches(_walk(blob_store()), SWEEP_BATCH):
        orphans = set(batch) - known([key for key in batch if not _is_temporary(key)])
        removed += sum(_remove_if_old(key, older_than) for key in sorted(orphans))
    return removed


def _copy_in_s3(store: Any, source: str, target: str) -> None:
    try:
        store.bucket.copy({"Bucket": store.bucket_name, "Key": source}, target)
    except Exception as error:
        # The client's own class is not imported here, because most installations never load that client.
        answer = getattr(error, "response", None)
        if isinstance(answer, dict) and answer.get("Error", {}).get("Code") in ("404", "NoSuchKey", "NotFound"):
            raise FileNotFoundError(source) from error
        raise


def _copy_in_gcs(store: Any, source: str, target: str) -> None:
    blob = store.bucket.get_blob(source)
    if blob is None:
        raise FileNotFoundError(source)
    store.bucket.copy_blob(blob, store.bucket, target)


def _copied_by_kernel(old: IO[bytes], new: IO[bytes]) -> bool:
    """Copy by `copy_file_range`; False, with nothing written, where the system has none between these files."""
    if not hasattr(os, "copy_file_range"):
        return False
    left = os.fstat(old.fileno()).st_size
    try:
        while left:
            done = os.copy_file_range(old.fileno(), new.fileno(), left)
            if not done:
                break
            left -= done
    except OSError:
        # What was written already is written again from the start: both positions are put back.
        old.seek(0)
        new.seek(0)
        new.truncate()
        return False
    return True


def _remove_if_old(key: str, older_than: datetime) -> bool:
    store = blob_store()
    try:
        if store.get_modified_time(key) >= older_than:
            return False
    except FileNotFoundError:
        return False
    store.delete(key)
    return True


def _walk(store: Storage) -> Iterator[str]:
    for first in _folders(store, ""):
        for second in _folders(store, first):
            folder = f"{first}/{second}"
            for name in store.listdir(folder)[1]:
                if _BLOB_NAME.match(name) or _is_temporary(name):
                    yield f"{folder}/{name}"


def _folders(store: Storage, path: str) -> list[str]:
    try:
        return sorted(name for name in store.listdir(path)[0] if _FOLDER.match(name))
    except FileNotFoundError:
        # A store that never took a blob has no folder yet.
        return []


def _is_temporary(key: str) -> bool:
    return key.rpartition("/")[2].startswith(TEMPORARY_PREFIX)


def _batches(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    batch: list[str] = []
    for key in keys:
        batch.append(key)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """Turn what disks and suppliers raise into our three errors; mistakes of ours pass through as they are."""
    try:
        yield
    except (DomainError, SuspiciousOperation, TypeError, ValueError, AttributeError):
        raise
    except FileNotFoundError as error:
        # Anyone may read the sentence, and a key is ours alone.
        log.warning("blob_missing", key=key)
        raise BlobMissing("The file's content is missing from the storage.") from error
    except OSError as error:
        if is_disk_full(error):
            raise StorageFull("The storage is full. Please try again later.") from error
        raise StorageUnavailable("The file storage does not answer.", retry_after_s=5) from error
    except Exception as error:
        # Suppliers' clients share no base class for their errors.
        raise StorageUnavailable("The file storage does not answer.", retry_after_s=5) from error


def _make_folders(folder: Path, *, root: Path) -> None:
    """Make a folder and sync every parent that got a new entry, so that the folder survives a power cut too."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(mode=0o755, exist_ok=True)
        if path != root:
            _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
