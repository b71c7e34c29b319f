"""The technical metadata of a stored version (API 3.9): its header is read here, its hash taken from the thumbnail.

The API calls `describe` for a question and `describe_uploaded` for an answer that may not fail any more.
"""

from __future__ import annotations

from typing import Any

import structlog

from library.file_metadata import format_of, perceptual_hash, read_header
from library.models import AssetVersion
from library.renditions import THUMBNAIL, NoRendition, can_be_rendered, request_rendition
from library.services.waiting import wait_for_rendition
from library.storage import blob_at_hand, read_blob
from mediahub.lib.errors import DomainError
from mediahub.lib.imaging import CORRUPT, ImageError, limits_from_settings

log = structlog.get_logger(__name__)


class CorruptFile(DomainError):
    """The file calls itself an image, and no picture can be made of it."""

    code = "corrupt_file"


def describe(version: AssetVersion) -> dict[str, Any]:
    """All that is known of a version, with `asset` at hand; for what is no picture within the limits, format and size.

    A picture's hash needs its thumbnail, which a worker makes; the wait for it is short. Raises CorruptFile,
    ServiceUnavailable (with Retry-After), BlobMissing, StorageUnavailable.
    """
    if version.problem == CORRUPT:
        raise CorruptFile("The file is corrupt: it cannot be read as an image.")
    header = _header(version)
    return header | _hash(version) if can_be_rendered(version) else header


def describe_uploaded(version: AssetVersion) -> dict[str, Any]:
    """As `describe`, for a version that this request has just committed: what cannot be told yet is left out."""
    try:
        return describe(version)
    except DomainError as error:
        log.info("metadata_incomplete", version_id=version.version_id, error=error.code)
    try:
        return _header(version)
    except DomainError:
        return _plain(version)


def _header(version: AssetVersion) -> dict[str, Any]:
    if not can_be_rendered(version):
        return _plain(version)
    try:
        with blob_at_hand(version.blob_key) as file:
            header = read_header(file, limits_from_settings())
    except ImageError as error:
        raise CorruptFile("The file is corrupt: it cannot be read as an image.") from error
    sides = {"height": version.height, "width": version.width}
    return {**sides, **_plain(version), **header, "hasTransparency": version.has_alpha}


def _plain(version: AssetVersion) -> dict[str, Any]:
    return {"size": version.size_bytes, "format": format_of(version.mime, version.asset.name)}


def _hash(version: AssetVersion) -> dict[str, Any]:
    try:
        rendition = wait_for_rendition(request_rendition(version=version, spec=THUMBNAIL))
        return {"pHash": perceptual_hash(read_blob(rendition.blob_key), limits_from_settings())}
    except (NoRendition, ImageError) as error:
        raise CorruptFile("The file is corrupt: its pixels cannot be decoded.") from error
