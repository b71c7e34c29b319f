"""From received bytes to a stored blob with its facts, ready for a version's row. Uploads and results come here.

Nothing here touches the database, so it runs outside any transaction; a blob whose row is never written is removed by
`discard`, or after a day by the sweep (REL U12).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import structlog
from django.conf import settings

from library.identifiers import new_object_id
from library.images import ImageFacts, examine, sniff
from library.storage import StorageUnavailable, blob_key, delete_blob, put_blob
from mediahub.lib.imaging import limits_from_settings
from mediahub.lib.spool import HEAD_BYTES

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StoredBlob:
    """Bytes in the store that no row points at yet. `version_id` is the id that its version is going to have.

    `embedded` is what the bytes say about themselves (API 3.9), {} for nothing.
    """

    version_id: str
    blob_key: str
    sha256: str
    size_bytes: int
    mime: str
    facts: ImageFacts
    embedded: dict[str, Any] = field(default_factory=dict)


def store_file(*, path_or_file: Path | IO[bytes], name: str, sha256: str, size_bytes: int) -> StoredBlob:
    """Tell a file's type from its content, read its facts and store it.

    path_or_file: a path or a seekable file. name: decides among text types only (REL U3). sha256, size_bytes: of the
    content, counted while it was received. Raises StorageFull, StorageUnavailable.
    """
    if isinstance(path_or_file, Path):
        with path_or_file.open("rb") as file:
            return store_file(path_or_file=file, name=name, sha256=sha256, size_bytes=size_bytes)
    path_or_file.seek(0)
    mime = sniff(path_or_file.read(HEAD_BYTES), name)
    facts, embedded = examine(path_or_file, mime, limits_from_settings())
    if settings.MEDIAHUB_STRIP_GPS:
        # Blanked in the bytes already, but for places that cannot be blanked, such as packed XMP.
        embedded = {name: value for name, value in embedded.items() if not name.startswith("GPS")}
    version_id = new_object_id()
    key = blob_key(sha256, version_id)
    put_blob(key, path_or_file)
    return StoredBlob(version_id, key, sha256, size_bytes, mime, facts, embedded)


def store_bytes(*, data: bytes, name: str) -> StoredBlob:
    """Store bytes that are in memory already, a provider's picture for one. Raises as `store_file` does."""
    digest = hashlib.sha256(data).hexdigest()
    return store_file(path_or_file=io.BytesIO(data), name=name, sha256=digest, size_bytes=len(data))


@contextmanager
def discarded_unless_written(blob: StoredBlob) -> Iterator[Callable[[], None]]:
    """Remove the blob if the block fails before its row was written.

    Gives a function that the block's transaction calls as its last act: from there on the commit may have happened
    even if it seems to have failed, and a row must never point at nothing, so the rest is left to the sweep.
    """
    written: list[bool] = []
    try:
        yield lambda: written.append(True)
    except BaseException:
        if not written:
            discard(blob.blob_key)
        raise


def discard(*keys: str) -> None:
    """Remove blobs that no row points at any more; those that the store does not remove now are left to the sweep."""
    for key in keys:
        try:
            delete_blob(key)
        except StorageUnavailable as error:
            log.warning("blob_left_to_the_sweep", key=key, error=repr(error))
            return
