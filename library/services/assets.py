"""Assets: an upload becomes one or a new version of one, details change, one is deleted. API and admin call these.

Bytes are stored before (`library.services.blobs`) and removed after these transactions, never inside them (REL J6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import IntegrityError, transaction
from django.db.models import Prefetch, prefetch_related_objects

from library.models import Account, AITag, Asset, AssetVersion, Folder
from library.names import with_random_suffix
from library.services.blobs import StoredBlob, discard
from library.services.embedded import write_embedded
from library.services.folders import ensure_folder
from library.services.metadata import fields_of, merge_metadata, metadata_of_upload
from library.services.tags import remove_ai_tags, replace_tags
from library.services.versions import add_version, blob_keys_of, lock_asset, write_first_version
from library.signals import asset_deleting, asset_updated, asset_uploaded
from mediahub.lib.errors import DomainError, ServiceUnavailable
from mediahub.lib.retry import repeat_on_conflict

NAME_TRIES = 5


class FileExists(DomainError):
    """There is a file of that name, and the client asked not to overwrite it."""

    code = "file_exists"


@dataclass(frozen=True, kw_only=True)
class UploadFields:
    """What a client says about a file it uploads (API 2.1); names are cleaned by `library.names`.

    tags, custom_metadata, is_private, description: None when the request had none. An overwritten file then keeps its
    description and stays as private as it was; its tags and metadata follow their `overwrite_...`.
    """

    file_name: str
    folder: str = "/"
    use_unique_file_name: bool = True
    overwrite_file: bool = True
    overwrite_ai_tags: bool = True
    overwrite_tags: bool = True
    overwrite_custom_metadata: bool = True
    tags: tuple[str, ...] | None = None
    is_private: bool | None = None
    is_published: bool = True
    custom_coordinates: str = ""
    custom_metadata: Mapping[str, Any] | None = None
    description: str | None = None


@dataclass(frozen=True, kw_only=True)
class AssetChanges:
    """Changes to an asset's details (API 3.5); None leaves a member as it is, an empty value clears it.

    remove_ai_tags: names, or "all". publish_versions: apply `is_published` to all versions, not the current one only.
    custom_metadata: merged key by key, a None inside unsets that key. must_carry_required: see `merge_metadata`.
    """

    remove_ai_tags: tuple[str, ...] | Literal["all"] | None = None
    tags: tuple[str, ...] | None = None
    custom_coordinates: str | None = None
    custom_metadata: Mapping[str, Any] | None = None
    must_carry_required: bool = True
    description: str | None = None
    is_published: bool | None = None
    publish_versions: bool = False


@transaction.atomic
def upload_asset(*, account: Account, blob: StoredBlob, fields: UploadFields, now: datetime) -> AssetVersion:
    """Write a stored blob as a new asset, or as the new current version of the asset that has the name.

    Returns the version with `asset`, `asset.folder` and `asset.account` set. Raises FileExists when overwriting is not
    wanted, VersionLimitExceeded when the asset is full, BadMetadata.
    """
    folder = ensure_folder(account=account, path=fields.folder, now=now)
    asset, is_new = _asset_for(account, folder, blob, fields, now)
    asset.account, asset.folder = account, folder
    if is_new:
        version = write_first_version(asset=asset, blob=blob, now=now, is_published=fields.is_published)
    else:
        version = add_version(
            asset=asset, blob=blob, origin=AssetVersion.Origin.UPLOAD, now=now, is_published=fields.is_published
        )
    version.asset = asset
    if blob.embedded:
        write_embedded({version: blob.embedded})
    asset_uploaded.send(sender=Asset, asset=asset, version=version)
    return version


@repeat_on_conflict
@transaction.atomic
def update_asset(*, asset: Asset, changes: AssetChanges, now: datetime) -> None:
    """Apply changes to an asset's details, machine tags first. Raises NotFound if it is gone, BadMetadata."""
    lock_asset(asset)
    if changes.remove_ai_tags is not None:
        remove_ai_tags(asset=asset, names=None if changes.remove_ai_tags == "all" else changes.remove_ai_tags)
    if changes.tags is not None:
        replace_tags(asset=asset, names=changes.tags)
    if changes.custom_coordinates is not None:
        asset.custom_coordinates = changes.custom_coordinates
    if changes.custom_metadata is not None:
        asset.custom_metadata = merge_metadata(
            fields=fields_of(asset.account),
            current=asset.custom_metadata,
            changes=changes.custom_metadata,
            must_carry_required=changes.must_carry_required,
        )
    if changes.description is not None:
        asset.description = changes.description
    if changes.is_published is not None:
        versions = asset.versions.all()
        if not changes.publish_versions and asset.current_version is not None:
            versions = versions.filter(pk=asset.current_version.pk)
        versions.update(is_published=changes.is_published)
    asset.updated_at = now
    asset.save()
    asset_updated.send(sender=Asset, asset=asset)


@repeat_on_conflict
@transaction.atomic
def delete_asset(*, asset: Asset) -> None:
    """Delete an asset with all versions: rows now, bytes after commit. Runs and their bill stay."""
    lock_asset(asset)
    asset_deleting.send(sender=Asset, asset=asset)
    keys = blob_keys_of(asset)
    # The versions go with the asset, so nothing may point at one of them any more. By queries, because deleting an
    # instance forgets its key, which a repeat of the transaction needs.
    row = Asset.objects.filter(pk=asset.pk)
    row.update(current_version=None)
    row.delete()
    transaction.on_commit(lambda: discard(*keys), robust=True)


def _asset_for(
    account: Account, folder: Folder, blob: StoredBlob, fields: UploadFields, now: datetime
) -> tuple[Asset, bool]:
    """The asset to get the version, and whether it is new; else it is the one of that name, locked and overwritten.

    Others may take the name, or delete the asset that has it, at any moment: the constraint on the path decides, and
    the loser looks again.
    """
    for _ in range(NAME_TRIES):
        if fields.use_unique_file_name:
            name = with_random_suffix(fields.file_name)
        else:
            name = fields.file_name
            there = Asset.objects.of_account(account).filter(folder=folder, name=name)
            asset = there.select_for_update(no_key=True).first()
            if asset is not None:
                _require_overwriting(fields)
                _overwrite_details(asset, fields)
                return asset, False
        try:
            with transaction.atomic():
                return _insert(account, folder, blob, fields, name=name, now=now), True
        except IntegrityError:
            continue
    raise ServiceUnavailable("The file's name is contended at present. Try again.", retry_after_s=1)


def _insert(
    account: Account, folder: Folder, blob: StoredBlob, fields: UploadFields, *, name: str, now: datetime
) -> Asset:
    asset = Asset.objects.create(
        # The id of a file's first version is the file's own (API 2.3).
        file_id=blob.version_id,
        account=account,
        folder=folder,
        name=name,
        is_private=bool(fields.is_private),
        custom_coordinates=fields.custom_coordinates,
        custom_metadata=_new_metadata(account, fields) or {},
        description=fields.description or "",
        created_at=now,
        updated_at=now,
    )
    if fields.tags:
        replace_tags(asset=asset, names=fields.tags)
    # The answer shows machine tags, and a file that is a moment old has none: known without a query.
    prefetch_related_objects([asset], Prefetch("ai_tags", queryset=AITag.objects.none()))
    return asset


def _new_metadata(account: Account, fields: UploadFields) -> dict[str, Any] | None:
    """The values of the request, checked; None when it had none."""
    if fields.custom_metadata is None:
        return None
    return metadata_of_upload(account=account, values=fields.custom_metadata)


def _require_overwriting(fields: UploadFields) -> None:
    if not fields.overwrite_file:
        raise FileExists(
            f"A file with the name {fields.file_name} exists already, and overwriteFile is false.",
            field="overwriteFile",
        )


def _overwrite_details(asset: Asset, fields: UploadFields) -> None:
    """The details of an overwritten file follow the request and its `overwrite...` switches (API 2.1, 2.7)."""
    if fields.overwrite_ai_tags:
        remove_ai_tags(asset=asset, names=None)
    if fields.tags is not None:
        replace_tags(asset=asset, names=fields.tags)
    elif fields.overwrite_tags:
        replace_tags(asset=asset, names=())
    metadata = _new_metadata(asset.account, fields)
    if metadata is not None or fields.overwrite_custom_metadata:
        asset.custom_metadata = metadata or {}
    if fields.description is not None:
        asset.description = fields.description
    if fields.is_private is not None:
        asset.is_private = fields.is_private
    asset.custom_coordinates = fields.custom_coordinates
    asset.save(update_fields=["custom_metadata", "description", "is_private", "custom_coordinates"])
