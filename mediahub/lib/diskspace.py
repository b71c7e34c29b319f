"""What a full disk is and how much is free: the spool, the blob store and the health check ask here (REL U14)."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from mediahub.lib.errors import DomainError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StorageFull(DomainError):
    """There is no room for more bytes; reading and deleting go on."""

    code = "storage_full"
    status = 507


def is_disk_full(error: OSError) -> bool:
    """Whether a write failed for want of room: disk, quota or file-size limit."""
    return error.errno in _FULL


def free_bytes(path: Path) -> int:
    """Bytes that an ordinary user may still write on the disk of `path` (or of its nearest existing parent)."""
    facts = _statvfs(path)
    return facts.f_bavail * facts.f_frsize


def require_free_space(path: Path, *, min_free_bytes: int, min_free_percent: int = 2) -> None:
    """Raise StorageFull when less than max(min_free_bytes, min_free_percent of the disk) is free."""
    facts = _statvfs(path)
    reserve = max(min_free_bytes, facts.f_blocks * facts.f_frsize * min_free_percent // 100)
    if facts.f_bavail * facts.f_frsize < reserve:
        raise StorageFull("The storage is full. Please try again later.")


def _statvfs(path: Path) -> os.statvfs_result:
    while not path.exists() and path != path.parent:
        path = path.parent
    return os.statvfs(path)
