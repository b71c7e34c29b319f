"""The upload page: many files, a folder, extensions to tick, an estimate before and the runs' states after.

Each file goes the API's way: stored outside any transaction, then asset, runs and unit holds in one (REL U1). With
script the page sends one file per request; without, all of them in one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from extensions.admin.lookups import account_of_asset, asset_at
from extensions.catalog import Block
from extensions.forms import blocks_from, choices, saved_choices
from extensions.models import ExtensionRun
from extensions.runs.services import request_runs
from extensions.units.services import balance
from library.adminsite import page, show, wants_part
from library.desks import Desk, Role
from library.models import Account, Asset, Folder
from library.names import clean_file_name, clean_folder_path, clean_tags
from library.services.assets import UploadFields, upload_asset
from library.services.blobs import StoredBlob, discarded_unless_written, store_file
from library.services.receiving import ready_to_store
from library.storage import free_space_check
from mediahub.lib import clock
from mediahub.lib.errors import DomainError
from mediahub.lib.retry import repeat_on_conflict
from mediahub.lib.spool import Spool, SpooledFile

MOST_FOLDERS = 500


@dataclass(frozen=True)
class Result:
    """What became of one file: an asset with its runs, or a sentence about why not."""

    name: str
    asset: Asset | None = None
    runs: tuple[ExtensionRun, ...] = ()
    error: str = ""

    @property
    def open_ids(self) -> str:
        return ",".join(str(run.pk) for run in self.runs)

    @property
    def is_open(self) -> bool:
        return any(not run.is_terminal for run in self.runs)


@page("upload/", name="upload", role=Role.EDITOR, methods=("GET", "HEAD", "POST"))
def upload(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The form; a POST takes the files and shows a result for each."""
    results = _take_all(request, desk.account) if request.method == "POST" else []
    if wants_part(request):
        left = balance(desk.account, now=clock.now()).available
        return render(request, "extensions/upload.html#results", {"results": results, "desk": desk, "left": left})
    folders = Folder.objects.of_account(desk.account).order_by("path").values_list("path", flat=True)
    context = {
        "title": "Upload",
        "nav": "upload",
        "choices": choices(),
        "saved_choices": saved_choices(desk.account),
        "balance": balance(desk.account, now=clock.now()),
        "folders": folders[:MOST_FOLDERS],
        "results": results,
        "posted": request.POST,
        "max_bytes": settings.MEDIAHUB_MAX_UPLOAD_BYTES,
    }
    return show(request, "extensions/upload.html", context)


@page("files/<str:file_id>/result/", name="upload-result", account_of=account_of_asset)
def result(request: HttpRequest, desk: Desk, file_id: str) -> HttpResponse:
    """One file's result again, with the present states of the runs that its upload asked for."""
    asset = asset_at(desk, file_id)
    keys = [UUID(text) for text in request.GET.get("runs", "").split(",")[:20] if _is_uuid(text)]
    runs = tuple(ExtensionRun.objects.of_account(desk.account).filter(pk__in=keys, asset=asset).order_by("extension"))
    context = {"results": [Result(asset.name, asset, runs)], "desk": desk}
    return render(request, "extensions/upload.html#results", context)


def _take_all(request: HttpRequest, account: Account) -> list[Result]:
    files = request.FILES.getlist("files")
    try:
        blocks = blocks_from(request.POST, account)
        folder = clean_folder_path(request.POST.get("new_folder") or request.POST.get("folder") or "/")
        tags = clean_tags(request.POST.get("tags", "").split(",")) or None
    except DomainError as error:
        return [Result(file.name or "", error=error.message) for file in files] or [Result("", error=error.message)]
    if not files:
        return [Result("", error="Choose at least one file.")]
    shared = {"folder": folder, "tags": tags, "is_private": bool(request.POST.get("is_private"))}
    return [_take(account, file, blocks, shared) for file in files]


def _take(account: Account, file: UploadedFile, blocks: list[Block], shared: dict[str, Any]) -> Result:
    name = file.name or ""
    try:
        fields = UploadFields(file_name=clean_file_name(name), use_unique_file_name=True, **shared)
        asset, runs = _store(account, file, fields, blocks)
    except DomainError as error:
        return Result(name, error=error.message)
    return Result(asset.name, asset, tuple(runs))


def _store(
    account: Account, file: UploadedFile, fields: UploadFields, blocks: list[Block]
) -> tuple[Asset, list[ExtensionRun]]:
    """Bytes first, then one transaction for asset, runs and holds. A refusal leaves no row and no bytes."""
    size = file.size or 0
    if size > settings.MEDIAHUB_MAX_UPLOAD_BYTES:
        raise DomainError(f"The file is larger than {settings.MEDIAHUB_MAX_UPLOAD_BYTES // 1_000_000} MB.")
    free_space_check()
    with ready_to_store(_spooled(file)) as spooled:
        blob = store_file(
            path_or_file=spooled.path, name=fields.file_name, sha256=spooled.sha256, size_bytes=spooled.size
        )
    with discarded_unless_written(blob) as about_to_commit:
        return _commit(account, blob, fields, blocks, about_to_commit, now=clock.now())


@repeat_on_conflict
@transaction.atomic
def _commit(
    account: Account,
    blob: StoredBlob,
    fields: UploadFields,
    blocks: list[Block],
    about_to_commit: Callable[[], None],
    *,
    now: datetime,
) -> tuple[Asset, list[ExtensionRun]]:
    version = upload_asset(account=account, blob=blob, fields=fields, now=now)
    runs = request_runs(asset=version.asset, version=version, blocks=blocks, webhook_url="", now=now)
    about_to_commit()
    return version.asset, runs


def _spooled(file: UploadedFile) -> SpooledFile:
    """A copy of a posted file that can be worked on in place; small ones are in memory only."""
    spool = Spool(filename=file.name or "", max_bytes=settings.MEDIAHUB_MAX_UPLOAD_BYTES)
    try:
        for piece in file.chunks():
            spool.write(piece)
    except BaseException:
        spool.discard()
        raise
    return spool.finish()


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
