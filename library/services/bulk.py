"""Delete and tag many files at once (API 3.6); an unknown id changes nothing. API and library page call these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from library.models import Account, Asset, Rendition, Tag
from library.names import MAX_TAG_CHARACTERS
from library.services.blobs import discard
from library.services.tags import remove_ai_tags
from library.signals import asset_deleting, asset_updated
from mediahub.lib.errors import NotFound
from mediahub.lib.retry import repeat_on_conflict

MAX_DELETED = 100
MAX_TAGGED = 50


@dataclass(frozen=True)
class BulkResult:
    """done: ids of the files that were changed. failed: id and reason of the others."""

    done: list[str]
    failed: list[tuple[str, str]]


@repeat_on_conflict
@transaction.atomic
def delete_assets(*, account: Account, file_ids: Sequence[str]) -> BulkResult:
    """Delete files with all versions: all of them, or none. Raises NotFound naming the unknown ids."""
    assets = _lock(account, file_ids)
    delete_locked(assets)
    return BulkResult([asset.file_id for asset in assets], [])


@repeat_on_conflict
@transaction.atomic
def add_tags(*, account: Account, file_ids: Sequence[str], tags: Sequence[str], now: datetime) -> BulkResult:
    """Add cleaned human tags, after those that are there. A file whose tags would be too long in all keeps its own.

    Raises NotFound naming the unknown ids; then nothing has changed.
    """

    def add(asset: Asset) -> str:
        there = list(asset.tags.values_list("name", flat=True))
        new = [tag for tag in tags if tag not in there]
        if sum(map(len, (*there, *new))) > MAX_TAG_CHARACTERS:
            return f"The file's tags would have more than {MAX_TAG_CHARACTERS} characters in all."
        Tag.objects.bulk_create(Tag(asset=asset, name=tag) for tag in new)
        return ""

    return _change_each(account, file_ids, add, now)


@repeat_on_conflict
@transaction.atomic
def remove_tags(*, account: Account, file_ids: Sequence[str], tags: Sequence[str], now: datetime) -> BulkResult:
    """Take human tags away; those that a file does not have are fine. Raises NotFound naming the unknown ids."""

    def remove(asset: Asset) -> str:
        asset.tags.filter(name__in=list(tags)).delete()
        return ""

    return _change_each(account, file_ids, remove, now)


@repeat_on_conflict
@transaction.atomic
def remove_ai_tags_of(*, account: Account, file_ids: Sequence[str], names: Sequence[str], now: datetime) -> BulkResult:
    """Delete machine tags by name, whoever found them. Raises NotFound naming the unknown ids."""

    def remove(asset: Asset) -> str:
        remove_ai_tags(asset=asset, names=names)
        return ""

    return _change_each(account, file_ids, remove, now)


def delete_locked(assets: Sequence[Asset]) -> None:
    """Delete locked files with all versions: rows in this transaction, bytes after it. Runs and their bill stay."""
    for asset in assets:
        asset_deleting.send(sender=Asset, asset=asset)
    keys = [asset.pk for asset in assets]
    rows = Asset.objects.filter(pk__in=keys)
    blobs = [
        *rows.filter(versions__isnull=False).values_list("versions__blob_key", flat=True),
        *Rendition.objects.filter(version__asset__in=keys).exclude(blob_key="").values_list("blob_key", flat=True),
    ]
    # Nothing may point at a version any more when the versions go with their assets.
    rows.update(current_version=None)
    rows.delete()
    transaction.on_commit(lambda: discard(*blobs), robust=True)


def _change_each(
    account: Account, file_ids: Sequence[str], change: Callable[[Asset], str], now: datetime
) -> BulkResult:
    """change: does its part and returns "", or changes nothing and returns why."""
    result = BulkResult([], [])
    for asset in _lock(account, file_ids):
        refused = change(asset)
        if refused:
            result.failed.append((asset.file_id, refused))
            continue
        asset.updated_at = now
        asset.save(update_fields=["updated_at"])
        asset_updated.send(sender=Asset, asset=asset)
        result.done.append(asset.file_id)
    return result


def _lock(account: Account, file_ids: Sequence[str]) -> list[Asset]:
    """The account's files with these ids, locked in the order of keys, returned in the order asked for."""
    found = Asset.objects.of_account(account).filter(file_id__in=file_ids).order_by("pk")
    rows = {asset.file_id: asset for asset in found.select_for_update(no_key=True)}
    missing = [file_id for file_id in file_ids if file_id not in rows]
    if missing:
        raise NotFound("The requested file(s) does not exist.", members={"missingFileIds": missing})
    return [rows[file_id] for file_id in file_ids]
