"""Bytes of versions copied for versions to come: first in the store, rows later (REL U12). For `moving` and jobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from library.identifiers import new_object_id
from library.models import AssetVersion
from library.services.blobs import discard
from library.storage import blob_key, copy_blob


@dataclass(frozen=True)
class VersionCopy:
    """A version's bytes under a key of their own, which no row points at yet. `version_id`: of the version to be."""

    original: AssetVersion
    version_id: str
    blob_key: str

    def row(self, now: datetime) -> AssetVersion:
        """The new version, without asset and number. A copy belongs to no run: that made the original."""
        old = self.original
        return AssetVersion(
            version_id=self.version_id,
            blob_key=self.blob_key,
            sha256=old.sha256,
            size_bytes=old.size_bytes,
            mime=old.mime,
            width=old.width,
            height=old.height,
            orientation=old.orientation,
            has_alpha=old.has_alpha,
            is_animated=old.is_animated,
            problem=old.problem,
            origin=AssetVersion.Origin.COPY,
            is_published=old.is_published,
            created_at=now,
        )


@contextmanager
def copied_blobs(versions: Iterable[AssetVersion]) -> Iterator[tuple[list[VersionCopy], list[bool]]]:
    """Copy the bytes of versions. Gives the copies, and a list that the block's transaction appends to as its last act.

    If the block fails with that list empty, the copies are removed; else the commit may have happened, and what no row
    points at is left to the sweep. Raises BlobMissing, StorageFull, StorageUnavailable.
    """
    copies: list[VersionCopy] = []
    written: list[bool] = []
    try:
        for version in versions:
            copies.append(copy_version(version))
        yield copies, written
    except BaseException:
        if not written:
            discard(*[copy.blob_key for copy in copies])
        raise


def copy_version(version: AssetVersion) -> VersionCopy:
    """Copy one version's bytes to a key of their own. Raises BlobMissing, StorageFull, StorageUnavailable."""
    version_id = new_object_id()
    key = blob_key(version.sha256, version_id)
    copy_blob(version.blob_key, key)
    return VersionCopy(version, version_id, key)
