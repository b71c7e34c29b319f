"""Versions of an asset: add one, make an older one current, delete one. Uploads, runs, admin and API call these.

Every change locks the asset's row first, so the limit of 100 holds and two changes never see half of each other.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max

from library.models import Asset, AssetVersion, Rendition
from library.models.asset import MAX_VERSIONS
from library.services.blobs import StoredBlob, discard
from library.signals import asset_updated, version_added, version_deleted
from mediahub.lib.errors import DomainError, NotFound
from mediahub.lib.retry import repeat_on_conflict

NO_FILE = "The requested file does not exist."


class VersionLimitExceeded(DomainError):
    """The asset has as many versions as it may have."""

    code = "version_limit_exceeded"


class CurrentVersion(DomainError):
    """The current version cannot be deleted."""

    code = "current_version"


@transaction.atomic
def add_version(
    *,
    asset: Asset,
    blob: StoredBlob,
    origin: AssetVersion.Origin,
    is_published: bool,
    now: datetime,
    run_id: UUID | None = None,
    make_current: bool = True,
) -> AssetVersion:
    """Write a version for a stored blob, under a lock on the asset.

    is_published: without a default, because a draft must not become public by an oversight. make_current: also point
    the asset at it. Sends `version_added` unless it came from an upload, which announces
    itself. Raises VersionLimitExceeded at the 101st, NotFound if the asset is gone.
    """
    lock_asset(asset)
    held = asset.versions.aggregate(count=Count("pk"), last=Max("number"))
    if held["count"] >= MAX_VERSIONS:
        raise VersionLimitExceeded(f"A file may have {MAX_VERSIONS} versions.", reason="VERSION_LIMIT_EXCEEDED")
    version = _write(
        asset, blob, number=(held["last"] or 0) + 1, origin=origin, run_id=run_id, is_published=is_published, now=now
    )
    if make_current:
        _point_at(asset, version, now=now)
    if origin != AssetVersion.Origin.UPLOAD:
        version_added.send(sender=Asset, asset=asset, version=version)
    return version


def write_first_version(*, asset: Asset, blob: StoredBlob, now: datetime, is_published: bool = True) -> AssetVersion:
    """Write the first version of an asset that this transaction has inserted: nobody else can see it, so no lock."""
    version = _write(
        asset, blob, number=1, origin=AssetVersion.Origin.UPLOAD, run_id=None, is_published=is_published, now=now
    )
    _point_at(asset, version, now=now)
    return version


@repeat_on_conflict
@transaction.atomic
def restore_version(*, asset: Asset, version: AssetVersion, now: datetime) -> None:
    """Make an existing version current again; it makes no row. Raises NotFound if asset or version is gone."""
    lock_asset(asset)
    if not asset.versions.filter(pk=version.pk).exists():
        raise NotFound(NO_FILE)
    _point_at(asset, version, now=now)
    asset_updated.send(sender=Asset, asset=asset)


@repeat_on_conflict
@transaction.atomic
def delete_version(*, asset: Asset, version: AssetVersion) -> None:
    """Delete a version that is not current: its row now, its bytes after commit. Raises CurrentVersion."""
    lock_asset(asset)
    if asset.current_version_id == version.pk:
        raise CurrentVersion("You cannot delete current version of a file.")
    keys = blob_keys_of(asset, version=version)
    # By a query, because deleting an instance forgets its key, which a repeat of the transaction needs.
    AssetVersion.objects.filter(pk=version.pk).delete()
    version_deleted.send(sender=Asset, asset=asset, version_id=version.version_id)
    transaction.on_commit(lambda: discard(*keys), robust=True)


def lock_asset(asset: Asset) -> None:
    """Lock the asset's row until the transaction ends and refresh what may have changed. Raises NotFound."""
    # Without `no_key` the lock would also hold up inserts that merely refer to the row.
    fresh = Asset.objects.select_for_update(no_key=True).filter(pk=asset.pk).first()
    if fresh is None:
        raise NotFound(NO_FILE)
    for field in Asset._meta.concrete_fields:
        setattr(asset, field.attname, getattr(fresh, field.attname))


def blob_keys_of(asset: Asset, *, version: AssetVersion | None = None) -> list[str]:
    """Keys of the bytes of an asset's versions (or of one) and of everything derived from them."""
    versions = asset.versions.all() if version is None else asset.versions.filter(pk=version.pk)
    derived = Rendition.objects.filter(version__in=versions).exclude(blob_key="")
    return [*versions.values_list("blob_key", flat=True), *derived.values_list("blob_key", flat=True)]


def _point_at(asset: Asset, version: AssetVersion, *, now: datetime) -> None:
    asset.current_version = version
    asset.updated_at = now
    asset.save(update_fields=["current_version", "updated_at"])


def _write(
    asset: Asset,
    blob: StoredBlob,
    *,
    number: int,
    origin: AssetVersion.Origin,
    run_id: UUID | None,
    is_published: bool,
    now: datetime,
) -> AssetVersion:
    return AssetVersion.objects.create(
        version_id=blob.version_id,
        asset=asset,
        number=number,
        blob_key=blob.blob_key,
        sha256=blob.sha256,
        size_bytes=blob.size_bytes,
        mime=blob.mime,
        width=blob.facts.width,
        height=blob.facts.height,
        orientation=blob.facts.orientation if blob.facts.width else None,
        has_alpha=blob.facts.has_alpha,
        is_animated=blob.facts.animated,
        problem=blob.facts.problem or "",
        origin=origin,
        run_id=run_id,
        is_published=is_published,
        created_at=now,
    )
