"""Move, rename and copy one file (API 3.6). The API, the admin and the folder jobs come here.

A moved file keeps its id and its versions. If the name is taken where a file goes, its versions are appended to the
history of the file there, which keeps its own id, human tags, description and metadata. It takes the AI tags and the
coordinates of the file that came, because those speak of the picture that is now current, and it is private if either
of the two was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from library.models import AITag, Asset, AssetVersion, BulkJob, Folder, Rendition
from library.models.asset import MAX_VERSIONS
from library.names import clean_file_name, clean_folder_path
from library.services.blobs import discard
from library.services.copies import VersionCopy, copied_blobs
from library.services.embedded import embedded_of, write_embedded
from library.services.folders import ensure_folder, refuse_locked
from library.services.tags import replace_tags
from library.services.versions import NO_FILE, VersionLimitExceeded, lock_asset
from library.signals import asset_deleting, asset_updated, version_added
from mediahub.lib.errors import Conflict, DomainError, NotFound, ServiceUnavailable
from mediahub.lib.retry import repeat_on_conflict

NAME_TRIES = 5


class SamePlace(DomainError):
    """The file is where it is to go, or has the name that it is to get."""

    code = "same_place"


@repeat_on_conflict
@transaction.atomic
def move_asset(*, asset: Asset, folder_path: str, now: datetime) -> Asset:
    """Move a file with all versions into a folder, made if it is missing; returns the file that is there now.

    folder_path: as a client spells it. Raises SamePlace, BadName, VersionLimitExceeded, FolderLocked, NotFound.
    """
    folder = _destination(asset, folder_path, now=now)
    lock_asset(asset)
    _require_elsewhere(asset, folder.path)
    return put_into(asset=asset, folder=folder, now=now)


def copy_asset(*, asset: Asset, folder_path: str, include_versions: bool, now: datetime) -> Asset:
    """Copy a file into a folder, made if it is missing; returns the copy, or the file that its versions went to.

    include_versions: all versions, else the current one. Bytes are copied before the transaction (REL J6). Raises
    SamePlace, BadName, VersionLimitExceeded, FolderLocked, NotFound, StorageFull, StorageUnavailable.
    """
    _require_elsewhere(asset, clean_folder_path(folder_path, field="destinationPath"))
    with copied_blobs(versions_to_copy(asset, include_versions=include_versions)) as (copies, written):
        return _write_copy(asset, folder_path, copies, now, written=written)


@repeat_on_conflict
@transaction.atomic
def rename_asset(*, asset: Asset, name: str, now: datetime) -> None:
    """Give a file another name in its folder. Raises BadName, SamePlace, Conflict if the name is taken, NotFound."""
    name = clean_file_name(name, field="newFileName")
    lock_asset(asset)
    if asset.name == name:
        raise SamePlace("The file has that name already.", field="newFileName", reason="SAME_OLD_AND_NEW_NAME")
    asset.name, asset.updated_at = name, now
    try:
        with transaction.atomic():
            asset.save(update_fields=["name", "updated_at"])
    except IntegrityError as error:
        raise Conflict(
            f"A file with the name {name} exists already in this folder.",
            field="newFileName",
            reason="FILE_ALREADY_EXISTS",
        ) from error
    asset_updated.send(sender=Asset, asset=asset)


def put_into(*, asset: Asset, folder: Folder, now: datetime) -> Asset:
    """Put a file into a folder that `ensure_folder` gave, in this transaction; returns the file that is there now.

    Raises VersionLimitExceeded if the file there could not take all versions; then nothing has changed.
    """
    for _ in range(NAME_TRIES):
        there = _lock_with_namesake(asset, folder)
        if there is not None:
            return _append(asset, there, now=now)
        asset.folder, asset.updated_at = folder, now
        try:
            with transaction.atomic():
                asset.save(update_fields=["folder", "updated_at"])
        except IntegrityError:
            continue  # Somebody took the name after we had looked.
        asset_updated.send(sender=Asset, asset=asset)
        return asset
    raise ServiceUnavailable("The file's name is contended at present. Try again.", retry_after_s=1)


def versions_to_copy(asset: Asset, *, include_versions: bool) -> list[AssetVersion]:
    """The current version, or all of them, oldest first."""
    versions = asset.versions.order_by("number")
    return list(versions if include_versions else versions.filter(pk=asset.current_version_id or 0))


def write_copy(*, asset: Asset, folder: Folder, copies: Sequence[VersionCopy], now: datetime) -> Asset:
    """Write copied blobs as a new file in a folder that `ensure_folder` gave, or as versions of the file of that name.

    asset: the original, locked. The copy made last of the current version becomes current. Raises VersionLimitExceeded.
    """
    for _ in range(NAME_TRIES):
        there = Asset.objects.filter(account=asset.account_id, folder=folder, name=asset.name)
        found = there.select_for_update(no_key=True).first()
        if found is not None:
            _require_room(found, len(copies))
            _take_over(asset, found)
            AITag.objects.bulk_create(_ai_tag_copies(asset, found))
            _add_copies(found, copies, current=_current_of(asset, copies), now=now)
            return found
        try:
            with transaction.atomic():
                made = _new_like(asset, folder, file_id=copies[0].version_id, now=now)
        except IntegrityError:
            continue  # Somebody took the name after we had looked.
        _add_copies(made, copies, current=_current_of(asset, copies), now=now)
        return made
    raise ServiceUnavailable("The file's name is contended at present. Try again.", retry_after_s=1)


@repeat_on_conflict
@transaction.atomic
def _write_copy(
    asset: Asset, folder_path: str, copies: Sequence[VersionCopy], now: datetime, *, written: list[bool]
) -> Asset:
    folder = _destination(asset, folder_path, now=now)
    lock_asset(asset)
    made = write_copy(asset=asset, folder=folder, copies=copies, now=now)
    written.append(True)
    return made


def _destination(asset: Asset, folder_path: str, *, now: datetime) -> Folder:
    """The folder to go to. Not into a tree that is being deleted: what came would go with it."""
    path = clean_folder_path(folder_path, field="destinationPath")
    refuse_locked(asset.account, path, only=[BulkJob.Type.DELETE_FOLDER])
    return ensure_folder(account=asset.account, path=path, now=now)


def _require_elsewhere(asset: Asset, path: str) -> None:
    if Folder.objects.filter(pk=asset.folder_id, path=path).exists():
        raise SamePlace(
            "The file is in that folder already.", field="destinationPath", reason="SAME_SOURCE_AND_DESTINATION"
        )


def _lock_with_namesake(asset: Asset, folder: Folder) -> Asset | None:
    """Lock the file and the one of its name in the folder, in the order of keys; returns the latter, or None."""
    namesake = Asset.objects.filter(account=asset.account_id, folder=folder, name=asset.name).exclude(pk=asset.pk)
    keys = [asset.pk, *namesake.values_list("pk", flat=True)]
    rows = {row.pk: row for row in Asset.objects.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True)}
    if asset.pk not in rows:
        raise NotFound(NO_FILE)
    return next((row for key, row in rows.items() if key != asset.pk and _is_at(row, folder, asset.name)), None)


def _is_at(asset: Asset, folder: Folder, name: str) -> bool:
    return asset.folder_id == folder.pk and asset.name == name


def _append(source: Asset, target: Asset, *, now: datetime) -> Asset:
    """Give the source's versions to the target and delete the source. The rows are written again, for a version's asset
    is immutable; the bytes and the versions' ids stay, so nothing is copied."""
    versions = list(source.versions.order_by("number"))
    _require_room(target, len(versions))
    _take_over(source, target)
    source.ai_tags.update(asset=target)
    asset_deleting.send(sender=Asset, asset=source)
    derived = Rendition.objects.filter(version__in=versions).exclude(blob_key="").values_list("blob_key", flat=True)
    keys, current_id, embedded = list(derived), source.current_version_id, embedded_of(versions)
    row = Asset.objects.filter(pk=source.pk)
    row.update(current_version=None)
    row.delete()
    current = next(version.version_id for version in versions if version.pk == current_id)
    for version in versions:
        version.pk = None
        version._state.adding = True
    _add_versions(target, versions, current=current, embedded=embedded, now=now)
    transaction.on_commit(lambda: discard(*keys), robust=True)
    return target


def _require_room(target: Asset, count: int) -> None:
    if target.versions.count() + count > MAX_VERSIONS:
        raise VersionLimitExceeded(
            f"A file may have {MAX_VERSIONS} versions, and {target.name} would have more. Delete some of them first.",
            reason="VERSION_LIMIT_EXCEEDED",
        )


def _take_over(source: Asset, target: Asset) -> None:
    """What the file that takes the versions in takes over beside them; fails closed about privacy."""
    target.ai_tags.all().delete()
    target.custom_coordinates = source.custom_coordinates
    target.is_private = target.is_private or source.is_private
    target.save(update_fields=["custom_coordinates", "is_private"])


def _add_copies(asset: Asset, copies: Sequence[VersionCopy], *, current: str, now: datetime) -> None:
    """Insert copies, which say of themselves what their originals say."""
    found = embedded_of(copy.original for copy in copies)
    embedded = {copy.version_id: found[old] for copy in copies if (old := copy.original.version_id) in found}
    _add_versions(asset, [copy.row(now) for copy in copies], current=current, embedded=embedded, now=now)


def _add_versions(
    asset: Asset, rows: list[AssetVersion], *, current: str, embedded: Mapping[str, dict[str, Any]], now: datetime
) -> None:
    """Insert versions after those that are there and point the asset at the one with the id `current`.

    embedded: the flat metadata (API 3.9) of those that have any, by version id.
    """
    last = asset.versions.aggregate(last=Max("number"))["last"] or 0
    for number, row in enumerate(rows, start=last + 1):
        row.asset, row.number = asset, number
    AssetVersion.objects.bulk_create(rows)
    if embedded:
        write_embedded({row: embedded[row.version_id] for row in rows if row.version_id in embedded})
    asset.current_version = next(row for row in rows if row.version_id == current)
    asset.updated_at = now
    asset.save(update_fields=["current_version", "updated_at"])
    for row in rows:
        version_added.send(sender=Asset, asset=asset, version=row)


def _current_of(asset: Asset, copies: Sequence[VersionCopy]) -> str:
    """Id of the copy of the current version; of the last one if another became current while bytes were copied."""
    return next(
        (copy.version_id for copy in copies if copy.original.pk == asset.current_version_id), copies[-1].version_id
    )


def _new_like(asset: Asset, folder: Folder, *, file_id: str, now: datetime) -> Asset:
    """A new file with the details of another, human tags and machine tags included."""
    made = Asset.objects.create(
        file_id=file_id,
        account_id=asset.account_id,
        folder=folder,
        name=asset.name,
        is_private=asset.is_private,
        custom_coordinates=asset.custom_coordinates,
        custom_metadata=asset.custom_metadata,
        description=asset.description,
        created_at=now,
        updated_at=now,
    )
    replace_tags(asset=made, names=list(asset.tags.values_list("name", flat=True)))
    AITag.objects.bulk_create(_ai_tag_copies(asset, made))
    return made


def _ai_tag_copies(asset: Asset, target: Asset) -> list[AITag]:
    """Rows for the target: rejected ones too, so that they do not come back there either."""
    rows = list(asset.ai_tags.all())
    for row in rows:
        row.pk, row.asset = None, target
        row._state.adding = True
    return rows
