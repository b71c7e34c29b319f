"""What the extensions do when the library announces something: events for the account's endpoints (API 5.2).

`ExtensionsConfig.ready` connects them. Signals come inside the transaction of the change, so an event exists exactly
if its change does.
"""

from __future__ import annotations

from typing import Any

from extensions.webhooks import subscriptions
from extensions.webhooks.publish import publish_event
from library import wire
from library.models import Account, Asset, AssetVersion, Folder
from library.signals import (
    asset_deleting,
    asset_updated,
    asset_uploaded,
    folder_created,
    folder_deleted,
    folder_updated,
    version_added,
    version_deleted,
)


def connect() -> None:
    """Listen to everything that endpoints may ask for; connecting again changes nothing."""
    for signal, listener in (
        (asset_uploaded, tell_of_version),
        (version_added, tell_of_version),
        (asset_updated, tell_of_update),
        (asset_deleting, tell_of_deletion),
        (version_deleted, tell_of_deleted_version),
        (folder_created, tell_of_folder),
        (folder_updated, tell_of_changed_folder),
        (folder_deleted, tell_of_deleted_folder),
    ):
        signal.connect(listener, dispatch_uid=f"extensions.{listener.__name__}")


def tell_of_version(*, asset: Asset, version: AssetVersion, **_: Any) -> None:
    """A first version is a new file. A later one is a new version, and where it became current the file changed."""
    if version.number == 1:
        _tell_of_file("file.created", asset)
        return
    _tell_of_file("file-version.created", asset, version)
    if asset.current_version_id == version.pk:
        _tell_of_file("file.updated", asset)


def tell_of_update(*, asset: Asset, **_: Any) -> None:
    """Details, tags or the current version of a file changed."""
    _tell_of_file("file.updated", asset)


def tell_of_deletion(*, asset: Asset, **_: Any) -> None:
    """A file goes, and with it its versions: the current one is the file, each other one has an event of its own."""
    publish_event(
        account_id=asset.account_id,
        event="file.deleted",
        data=lambda: {"fileId": asset.file_id},
        file_id=asset.file_id,
    )
    for version_id in _other_versions(asset):
        tell_of_deleted_version(asset=asset, version_id=version_id)


def tell_of_deleted_version(*, asset: Asset, version_id: str, **_: Any) -> None:
    """A version that was not current is gone."""
    publish_event(
        account_id=asset.account_id,
        event="file-version.deleted",
        data=lambda: {"fileId": asset.file_id, "versionId": version_id},
        file_id=asset.file_id,
    )


def tell_of_folder(*, folder: Folder, **_: Any) -> None:
    """A folder was made, asked for or implied."""
    _tell_of_folder("folder.created", folder)


def tell_of_changed_folder(*, folder: Folder, **_: Any) -> None:
    """A folder has another name or path."""
    _tell_of_folder("folder.updated", folder)


def tell_of_deleted_folder(*, account: Account, folder_id: str, **_: Any) -> None:
    """A folder is gone."""
    publish_event(account_id=account.pk, event="folder.deleted", data=lambda: {"folderId": folder_id})


def _tell_of_file(event: str, asset: Asset, version: AssetVersion | None = None) -> None:
    publish_event(
        account_id=asset.account_id,
        event=event,
        data=lambda: _file_object(asset, version),
        file_id=asset.file_id,
    )


def _file_object(asset: Asset, version: AssetVersion | None) -> wire.Json | None:
    """The File object at this moment of the transaction; None if the asset went meanwhile."""
    fresh = Asset.objects.with_details().filter(pk=asset.pk).first()
    return wire.file_object(fresh, version) if fresh is not None and fresh.current_version is not None else None


def _tell_of_folder(event: str, folder: Folder) -> None:
    publish_event(account_id=folder.account_id, event=event, data=lambda: wire.folder_object(folder))


def _other_versions(asset: Asset) -> list[str]:
    """Ids of the versions that are not current, if an endpoint asks for their deletions."""
    if not subscriptions.of(asset.account_id, "file-version.deleted"):
        return []
    others = asset.versions.exclude(pk=asset.current_version_id or 0).order_by("number")
    return list(others.values_list("version_id", flat=True))
