"""Files with real bytes for tests of the services, and what a library holds as paths."""

from library.models import Account, Asset, Folder
from library.services.assets import UploadFields, upload_asset
from library.services.blobs import store_bytes
from library.storage import read_blob
from mediahub.lib.clock import now


def put(account: Account, path: str, data: bytes = b"text", **fields) -> Asset:
    """Upload bytes to a path, as a new file or as a new version of the one there."""
    folder, _, name = path.rpartition("/")
    version = upload_asset(
        account=account,
        blob=store_bytes(data=data, name=name),
        fields=UploadFields(file_name=name, folder=folder or "/", use_unique_file_name=False, **fields),
        now=now(),
    )
    return version.asset


def paths(account: Account) -> list[str]:
    """All files of an account by path."""
    return sorted(asset.path for asset in Asset.objects.filter(account=account).select_related("folder"))


def folders(account: Account) -> list[str]:
    """All folders of an account, the root apart."""
    return sorted(Folder.objects.filter(account=account, depth__gt=0).values_list("path", flat=True))


def contents(asset: Asset) -> list[bytes]:
    """The bytes of a file's versions, oldest first."""
    return [read_blob(version.blob_key) for version in asset.versions.order_by("number")]


def at(account: Account, path: str) -> Asset:
    """The file at a path."""
    folder, _, name = path.rpartition("/")
    return Asset.objects.select_related("folder", "account", "current_version").get(
        account=account, folder__path=folder or "/", name=name
    )


def assert_tree_is_whole(account: Account) -> None:
    """Every folder's path, name and depth agree with its parent's."""
    for folder in Folder.objects.filter(account=account).select_related("parent"):
        if folder.parent is None:
            assert (folder.path, folder.depth) == ("/", 0)
        else:
            assert folder.path == f"{folder.parent.path.rstrip('/')}/{folder.name}"
            assert folder.depth == folder.parent.depth + 1
