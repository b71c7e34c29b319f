"""Receipts of committed uploads: an SDK's repeat of one finds the first one's answer instead of making a second file.

SDKs repeat after 60 s or a 5xx without any idempotency key, saying only that it is a repeat (REL U15, API 1.8).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from library.models import ApiKey, AssetVersion, UploadReceipt

VALID_FOR = timedelta(minutes=5)


def upload_fingerprint(*, parameters: Iterable[tuple[str, list[str]]], content: str) -> str:
    """SHA-256 over the parameters as sent, in any order, and the content: its SHA-256, or the URL it comes from."""
    text = json.dumps([sorted(parameters), content], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def find_receipt(*, api_key_id: int, fingerprint: str, now: datetime) -> UploadReceipt | None:
    """The latest receipt of an equal upload by the same key in the last 5 minutes."""
    since = now - VALID_FOR
    receipts = UploadReceipt.objects.filter(api_key=api_key_id, fingerprint=fingerprint, created_at__gt=since)
    return receipts.order_by("-created_at", "-pk").first()


def version_of(receipt: UploadReceipt) -> AssetVersion | None:
    """The version that the receipt is for, or None if it was deleted since."""
    versions = AssetVersion.objects.select_related("embedded")
    return versions.filter(version_id=receipt.version_id, asset__file_id=receipt.file_id).first()


def write_receipt(
    *, api_key: ApiKey, fingerprint: str, version: AssetVersion, run_ids: Iterable[Any], now: datetime
) -> UploadReceipt:
    """Write the receipt, in the transaction of the upload itself."""
    return UploadReceipt.objects.create(
        api_key=api_key,
        fingerprint=fingerprint,
        file_id=version.asset.file_id,
        version_id=version.version_id,
        run_ids=[str(run_id) for run_id in run_ids],
        created_at=now,
    )
