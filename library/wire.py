"""An asset, version or folder as ImageKit's JSON object, to the letter (API 2.3, 3.2). API and webhooks call these.

Assets come with `Asset.objects.with_details()`, so that many cost as few queries as one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.conf import settings

from library.models import Account, AITag, Asset, AssetVersion, BulkJob, Folder

Json = dict[str, Any]

THUMBNAIL = "ik_ml_thumbnail"
"""ImageKit's name of the thumbnail; a key of `library.renditions.SPECS`."""

RESPONSE_FIELDS = (
    "tags",
    "customCoordinates",
    "isPrivateFile",
    "embeddedMetadata",
    "isPublished",
    "customMetadata",
    "metadata",
    "selectedFieldsSchema",
)


@dataclass(frozen=True)
class Labels:
    """The tags of an asset as a File object shows them."""

    tags: list[str] = field(default_factory=list)
    ai_tags: list[Json] = field(default_factory=list)


def file_object(asset: Asset, version: AssetVersion | None = None, *, labels: Labels | None = None) -> Json:
    """The File object of API 3.2: of the current version, or of another one, whose `type` is `file-version`.

    labels: the asset's tags, where a list has read those of all its assets together.
    """
    current = asset.current_version
    version = version or current
    assert version is not None, "an asset is shown once its first version is written"
    is_current = current is not None and version.pk == current.pk
    created, updated = (asset.created_at, asset.updated_at) if is_current else (version.created_at, version.created_at)
    url = _at(version_url(asset, version, is_current=is_current), updated)
    labels = labels or _labels(asset)
    return {
        "fileId": asset.file_id,
        "type": "file" if is_current else "file-version",
        "name": asset.name,
        "filePath": asset.path,
        "tags": labels.tags or None,
        "AITags": labels.ai_tags or None,
        "versionInfo": _version_info(version),
        "isPrivateFile": asset.is_private,
        "isPublished": version.is_published,
        "customCoordinates": asset.custom_coordinates or None,
        "url": url,
        **({"thumbnail": f"{url}&tr=n-{THUMBNAIL}"} if _has_thumbnail(version) else {}),
        "fileType": _file_type(version),
        "mime": version.mime,
        **_sides(version),
        "size": version.size_bytes,
        **({"hasAlpha": version.has_alpha} if version.width else {}),
        "customMetadata": asset.custom_metadata,
        **_embedded(version),
        **({"description": asset.description} if asset.description else {}),
        "createdAt": iso(created),
        "updatedAt": iso(updated),
    }


def upload_object(asset: Asset, version: AssetVersion, fields: Collection[str] = ()) -> Json:
    """The answer to an upload (API 2.3), without `extensionStatus`. fields: members of RESPONSE_FIELDS asked for.

    `metadata` is no matter of rows: the caller adds it after the commit. `selectedFieldsSchema` belongs to path
    policies, which this server does not have, so it is absent.
    """
    labels = _labels(asset)
    optional: Json = {
        "tags": labels.tags or None,
        "customCoordinates": asset.custom_coordinates or None,
        "isPrivateFile": asset.is_private,
        "isPublished": version.is_published,
        "customMetadata": asset.custom_metadata,
        "embeddedMetadata": _embedded(version).get("embeddedMetadata", {}),
    }
    return {
        "fileId": asset.file_id,
        "name": asset.name,
        "size": version.size_bytes,
        "versionInfo": _version_info(version),
        "filePath": asset.path,
        "url": asset_url(asset),
        "fileType": _file_type(version),
        **_sides(version),
        **({"orientation": version.orientation} if version.orientation else {}),
        **({"thumbnailUrl": thumbnail_url(asset)} if _has_thumbnail(version) else {}),
        "AITags": labels.ai_tags or None,
        **({"description": asset.description} if asset.description else {}),
        **{name: value for name, value in optional.items() if name in fields},
    }


def folder_object(folder: Folder) -> Json:
    """The Folder object of API 3.2. Who made a folder is not recorded, so `createdBy` is absent."""
    return {
        "type": "folder",
        "folderId": folder.folder_id,
        "name": folder.name,
        "folderPath": folder.path,
        "customMetadata": {},
        "createdAt": iso(folder.created_at),
        "updatedAt": iso(folder.updated_at),
    }


def job_object(job: BulkJob) -> Json:
    """A bulk job (API 3.8). What is over is `Completed`; `error` is ours and says what went wrong or was left out."""
    return {
        "jobId": job.job_id,
        "type": job.type,
        "status": "Completed" if job.is_terminal else "Pending",
        **({"purgeRequestId": job.purge_request_id} if job.purge_request_id else {}),
        **({"error": _job_error(job)} if job.is_terminal and (job.error_code or job.left_out) else {}),
    }


def iso(moment: datetime) -> str:
    """`2024-03-12T20:58:47.313Z`: UTC, milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, cut off as `iso` does."""
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def url_base(asset: Asset) -> str:
    """Where the account's files are: the delivery host if there is one, else this server, and the account's slug."""
    return account_url(asset.account)


def account_url(account: Account) -> str:
    """Where an account's files are served: its URL endpoint, without a trailing slash."""
    return f"{settings.MEDIAHUB_DELIVERY_URL or settings.MEDIAHUB_PUBLIC_URL + '/media'}/{account.slug}"


def asset_url(asset: Asset) -> str:
    """Where the current version of the file is served; it needs a signature if the file is private."""
    return url_base(asset) + quote(asset.path)


def version_url(asset: Asset, version: AssetVersion, *, is_current: bool) -> str:
    """Where this version is served: the file's own URL while it is current, with its id otherwise."""
    return asset_url(asset) if is_current else f"{asset_url(asset)}?ik-obj-version={version.version_id}"


def thumbnail_url(asset: Asset) -> str:
    """Where the thumbnail of the current version is served."""
    return f"{url_base(asset)}/tr:n-{THUMBNAIL}{quote(asset.path)}"


def _job_error(job: BulkJob) -> Json:
    return {"code": job.error_code, "message": job.error_message, "files": job.left_out}


def _at(url: str, moment: datetime) -> str:
    """The URL with the time of the last change in it, so that caches see a change."""
    return f"{url}{'&' if '?' in url else '?'}updatedAt={milliseconds(moment)}"


def ai_tag_object(name: str, confidence: Decimal, source: str) -> Json:
    """A machine tag of a File object."""
    return {"name": name, "confidence": float(confidence), "source": source}


def _labels(asset: Asset) -> Labels:
    """Machine tags that somebody rejected are not shown."""
    visible = [tag for tag in asset.ai_tags.all() if tag.state in AITag.VISIBLE]
    return Labels(
        [tag.name for tag in asset.tags.all()],
        [ai_tag_object(tag.name, tag.confidence, tag.source) for tag in visible],
    )


def _version_info(version: AssetVersion) -> Json:
    return {"id": version.version_id, "name": f"Version {version.number}"}


def _file_type(version: AssetVersion) -> str:
    return "image" if version.mime.startswith("image/") else "non-image"


def _has_thumbnail(version: AssetVersion) -> bool:
    return version.is_image and version.width is not None and not version.problem


def _embedded(version: AssetVersion) -> Json:
    """What the bytes say of themselves, where the query has brought it along: no list asks for each of its versions."""
    cached = version._state.fields_cache
    if "embedded" not in cached:
        return {}
    return {"embeddedMetadata": cached["embedded"].data if cached["embedded"] else {}}


def _sides(version: AssetVersion) -> Json:
    return {"height": version.height, "width": version.width} if version.width else {}
