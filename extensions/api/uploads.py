"""Upload of a file and update of its details: the two requests in which assets and runs are written together.

One request is one transaction: asset, runs and unit holds, or nothing (architecture 4). What comes after the commit
may not fail the answer, because a client would send the file again (REL U15).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import structlog
from django.db import transaction
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extensions.api.incoming import content_id, uploaded_file
from extensions.api.upload_form import UploadForm, parse_upload_form, parse_webhook_url
from extensions.api.upload_steps import ready_file
from extensions.catalog import Block, parse_blocks
from extensions.models import ExtensionRun
from extensions.runs.inline import answer_by, wait_for
from extensions.runs.services import request_runs
from extensions.saved.resolving import resolve_blocks
from library import wire
from library.api import files
from library.api.auth import KeyUser, key_user
from library.api.client_auth import (
    SignatureAuthentication,
    TokenAuthentication,
    UploadAuthentication,
    is_repeat,
    require_fresh_token,
    require_one_credential,
)
from library.api.file_part import UrlSource
from library.api.multipart import SpoolingMultiPartParser
from library.api.serializers import parse_update
from library.models import Account, Asset, AssetVersion, UploadReceipt
from library.services.assets import AssetChanges, update_asset, upload_asset
from library.services.blobs import StoredBlob, discarded_unless_written, store_file
from library.services.file_metadata import describe_uploaded
from library.services.metadata import metadata_of_upload
from library.services.receipts import upload_fingerprint, version_of, write_receipt
from library.services.under_way import UnderWay, first_upload, repeated_upload
from library.services.versions import lock_asset
from library.storage import free_space_check
from mediahub.lib.clock import now as clock_now
from mediahub.lib.crash import crash_point
from mediahub.lib.retry import repeat_on_conflict
from mediahub.lib.spool import SpooledFile

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Committed:
    """What a request has written. `answer` is the answer as of the commit, without any status of runs."""

    runs: list[ExtensionRun]
    answer: wire.Json


class _Overtaken(Exception):
    """While an upload was carried out, an equal one was committed: its repeat, or the one that it repeats."""

    def __init__(self, version: AssetVersion, committed: Committed) -> None:
        super().__init__()
        self.version, self.committed = version, committed


class UploadView(APIView):
    """`POST /api/v1/files/upload`, by a private key or by what the account's back end has signed."""

    authentication_classes: tuple[type[UploadAuthentication], ...] = (SignatureAuthentication,)
    resource_group = "media"
    write_class = "upload"
    parser_classes = (SpoolingMultiPartParser,)

    def post(self, request: Request) -> Response:
        free_space_check()
        source = uploaded_file(request.data)
        try:
            require_one_credential(request)
            form = parse_upload_form(cast(QueryDict, request.data))
            fingerprint = upload_fingerprint(parameters=form.parameters, content=content_id(source))
            return Response(_upload(request, source, form, fingerprint))
        finally:
            source.close()


class UploadV2View(UploadView):
    """`POST /api/v2/files/upload`: the same, with a JSON Web Token in place of the signature."""

    authentication_classes = (TokenAuthentication,)


class FileDetailsView(files.FileDetailsView):
    """`GET` and `PATCH /v1/files/{fileId}/details`."""

    def patch(self, request: Request, file_id: str) -> Response:
        changes = parse_update(request.data)
        blocks = parse_blocks(request.data.get("extensions"), both_spellings=False)
        webhook_url = parse_webhook_url(request.data.get("webhookUrl"))
        account = key_user(request).account
        blocks = resolve_blocks(account, blocks)
        committed = _commit_update(account, file_id, changes, blocks, webhook_url, now=clock_now())
        answer = _with_status(committed, lambda: wire.file_object(files.find_asset(account, file_id)))
        return Response(answer)


def _upload(request: Request, source: SpooledFile | UrlSource, form: UploadForm, fingerprint: str) -> wire.Json:
    """The answer to an upload; a repeat gets the first one's, which it waits for if need be (REL U15)."""
    user = key_user(request)
    noted = repeated_upload if is_repeat(request) else first_upload
    with noted(api_key=user.api_key, fingerprint=fingerprint) as under_way:
        done = _committed_before(under_way.receipt, form) if under_way.receipt else None
        if done is None:
            require_fresh_token(request)
        try:
            version, committed = done or _store(user, source, form, fingerprint, under_way)
        except _Overtaken as error:
            version, committed = error.version, error.committed
    crash_point("upload.after_commit")
    return _with_metadata(_with_status(committed, lambda: _upload_answer(version, form)), version, form)


def _store(
    user: KeyUser, source: SpooledFile | UrlSource, form: UploadForm, fingerprint: str, under_way: UnderWay
) -> tuple[AssetVersion, Committed]:
    """Receive, check, change, store, commit: the order is REL U1's, with no slow work inside the transaction."""
    form = replace(form, blocks=resolve_blocks(user.account, form.blocks))
    if form.fields.custom_metadata is not None:
        # Once more under the transaction, because fields may change meanwhile; here, so that a fault stores no bytes.
        metadata_of_upload(account=user.account, values=form.fields.custom_metadata)
    with ready_file(source, form) as spooled:
        blob = store_file(
            path_or_file=spooled.path,
            name=form.fields.file_name,
            sha256=spooled.sha256,
            size_bytes=spooled.size,
        )
    with discarded_unless_written(blob) as about_to_commit:
        crash_point("upload.after_blob")
        return _commit_upload(user, blob, form, fingerprint, about_to_commit, under_way, now=clock_now())


@repeat_on_conflict
@transaction.atomic
def _commit_upload(
    user: KeyUser,
    blob: StoredBlob,
    form: UploadForm,
    fingerprint: str,
    about_to_commit: Callable[[], None],
    under_way: UnderWay,
    *,
    now: datetime,
) -> tuple[AssetVersion, Committed]:
    if receipt := under_way.overtaken_by():
        _require_not_overtaken(receipt, form)
    version = upload_asset(account=user.account, blob=blob, fields=form.fields, now=now)
    runs = _request_runs(version.asset, version, form.blocks, form.webhook_url, now=now)
    write_receipt(
        api_key=user.api_key, fingerprint=fingerprint, version=version, run_ids=[run.pk for run in runs], now=now
    )
    answer = wire.upload_object(version.asset, version, form.response_fields)
    about_to_commit()
    return version, Committed(runs, answer)


@repeat_on_conflict
@transaction.atomic
def _commit_update(
    account: Account, file_id: str, changes: AssetChanges, blocks: list[Block], webhook_url: str, *, now: datetime
) -> Committed:
    asset = files.find_asset(account, file_id)
    if changes == AssetChanges():
        lock_asset(asset)
    else:
        update_asset(asset=asset, changes=changes, now=now)
    asset = files.find_asset(account, file_id)
    assert asset.current_version is not None
    runs = _request_runs(asset, asset.current_version, blocks, webhook_url, now=now)
    return Committed(runs, wire.file_object(asset))


def _request_runs(
    asset: Asset, version: AssetVersion, blocks: list[Block], webhook_url: str, *, now: datetime
) -> list[ExtensionRun]:
    if not blocks:
        return []
    return request_runs(
        asset=asset, version=version, blocks=blocks, webhook_url=webhook_url, now=now, answer_by=answer_by(now)
    )


def _with_status(committed: Committed, fresh_answer: Callable[[], wire.Json]) -> wire.Json:
    """The answer with `extensionStatus`, after waiting for runs that may end in time; without runs, as committed.

    Everything is committed by now, so nothing that goes wrong here may turn the answer into an error.
    """
    if not committed.runs:
        return committed.answer
    answer, statuses = committed.answer, {run.extension: "pending" for run in committed.runs}
    try:
        statuses = wait_for(committed.runs)
        if set(statuses.values()) != {"pending"}:
            answer = fresh_answer()
    except Exception:
        # Whatever it is: the file is stored and the runs go on.
        log.exception("answer_from_the_commit")
    return answer | {"extensionStatus": statuses}


def _upload_answer(version: AssetVersion, form: UploadForm) -> wire.Json:
    asset = Asset.objects.with_details().get(pk=version.asset_id)
    return wire.upload_object(asset, version, form.response_fields)


def _committed_before(receipt: UploadReceipt, form: UploadForm) -> tuple[AssetVersion, Committed] | None:
    """What the upload of a receipt has written, or None if that was deleted since."""
    version = version_of(receipt)
    if version is None:
        return None
    log.info("upload_repeated", file_id=receipt.file_id)
    return version, Committed(_runs_of(receipt), _upload_answer(version, form))


def _require_not_overtaken(receipt: UploadReceipt, form: UploadForm) -> None:
    done = _committed_before(receipt, form)
    if done:
        raise _Overtaken(*done)


def _with_metadata(answer: wire.Json, version: AssetVersion, form: UploadForm) -> wire.Json:
    """The answer with `metadata`, if it was asked for. The file is committed, so nothing here may become an error."""
    if "metadata" not in form.response_fields:
        return answer
    try:
        return answer | {"metadata": describe_uploaded(version)}
    except Exception:
        log.exception("answer_without_metadata")
        return answer


def _runs_of(receipt: UploadReceipt) -> list[ExtensionRun]:
    found = {str(run.pk): run for run in ExtensionRun.objects.filter(pk__in=receipt.run_ids)}
    return [found[run_id] for run_id in receipt.run_ids if run_id in found]
