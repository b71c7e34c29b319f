"""Uploads that are being answered and not committed yet, so that an SDK's repeat waits for the first one (REL U15).

Within a process they are known from memory, at no cost. A thread writes a lease for those that take longer than a
moment, and renews it, so that other processes see them and a lease of a dead process runs out; a normal upload costs no
statement. A repeat that finds neither a receipt nor an equal upload under way is carried out, and is under way itself.

A process may stand still for longer than its lease, or not come to write it, and be taken for dead. Whoever may have
been overtaken so looks for the other's receipt in its own transaction, under the lock of the lease's row, which brings
the two into an order.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.db import Error, IntegrityError, connection, connections, transaction
from django.db.models import QuerySet

from library.models import ApiKey, UploadReceipt, UploadUnderWay
from library.services.receipts import find_receipt
from mediahub.lib.clock import now as clock_now
from mediahub.lib.errors import ServiceUnavailable
from mediahub.lib.waits import a_place_to_wait

log = structlog.get_logger(__name__)

NOTED_AFTER_S = 1.0
"""Longer than an upload takes under full load: else those that wait for the database would give it more to do."""
SETTLED_AFTER_S = 2.0
"""So long a repeat looks for an upload that another process has yet to note. SDKs repeat after 0.4 s or later."""
LEASE = timedelta(seconds=15)
RENEWED_EVERY_S = 4.0
WAIT_AT_MOST_S = 45.0
"""SDKs give up after 60 s."""
_LOOK_EVERY_S = 0.1
_IDLE_S = 1.0


@dataclass(eq=False)
class _Upload:
    """One upload of this process. next_at: when the watch writes or renews its lease; None: never.

    is_noted: its lease was there when we last looked. is_lost: that was another's, or gone, later. is_second: another
    one, equal to it and at work, had a lease already; a client may mean to upload a file twice.
    """

    key_id: int
    fingerprint: str
    next_at: float | None
    is_repeat: bool
    token: uuid.UUID = field(default_factory=uuid.uuid4)
    began: float = field(default_factory=time.monotonic)
    is_noted: bool = False
    is_lost: bool = False
    is_second: bool = False


@dataclass(frozen=True)
class UnderWay:
    """An upload that may begin. receipt: that of an equal one, whose answer it gets instead."""

    receipt: UploadReceipt | None
    _upload: _Upload

    def overtaken_by(self) -> UploadReceipt | None:
        """The receipt of the equal upload that was committed in place of this one; call it inside the transaction.

        Costs no statement for a first upload that took less than a moment.
        """
        upload = self._upload
        is_quick = time.monotonic() - upload.began < NOTED_AFTER_S
        if not upload.is_repeat and (is_quick or upload.is_second or upload.next_at is None):
            return None
        tokens = list(_leases(upload).select_for_update().values_list("token", flat=True))
        if not upload.is_repeat and tokens == [upload.token] and not upload.is_lost:
            return None
        now = clock_now()
        receipt = find_receipt(api_key_id=upload.key_id, fingerprint=upload.fingerprint, now=now)
        began = now - timedelta(seconds=time.monotonic() - upload.began)
        return receipt if receipt is not None and (upload.is_repeat or receipt.created_at > began) else None


_lock = threading.Lock()
_uploads: set[_Upload] = set()
_watch: threading.Thread | None = None


@contextmanager
def first_upload(*, api_key: ApiKey, fingerprint: str) -> Iterator[UnderWay]:
    """Let repeats of this upload know that it is under way, until the block ends with its commit or its failure."""
    upload = _new_upload(api_key, fingerprint, is_repeat=False)
    _enter(upload)
    try:
        yield UnderWay(None, upload)
    finally:
        _leave(upload)


@contextmanager
def repeated_upload(*, api_key: ApiKey, fingerprint: str) -> Iterator[UnderWay]:
    """The same with the receipt of an equal upload, after waiting for one that is under way; without: this one is it.

    Holds no transaction while it waits. Raises ServiceUnavailable when the other is not over in time, or when too many
    requests wait.
    """
    upload = _new_upload(api_key, fingerprint, is_repeat=True)
    receipt = find_receipt(api_key_id=api_key.pk, fingerprint=fingerprint, now=clock_now())
    if receipt is None:
        with a_place_to_wait("equal upload"):
            receipt = _receipt_or_lease(upload)
    if receipt is not None:
        yield UnderWay(receipt, upload)
        return
    _enter(upload)
    try:
        yield UnderWay(None, upload)
    finally:
        _leave(upload)


def sweep_leases(*, now: datetime) -> int:
    """Remove leases that dead processes left and nobody asked for again; returns how many."""
    return UploadUnderWay.objects.filter(due_at__lt=now - LEASE).delete()[0]


def _new_upload(api_key: ApiKey, fingerprint: str, *, is_repeat: bool) -> _Upload:
    # Inside an outer transaction not even the key may be there for others, so there is nothing to be noted.
    next_at = None if connection.in_atomic_block else time.monotonic() + NOTED_AFTER_S
    return _Upload(api_key.pk, fingerprint, next_at, is_repeat)


def _receipt_or_lease(upload: _Upload) -> UploadReceipt | None:
    """Wait until there is a receipt, or until the lease is ours and there still is none."""
    began, pause = time.monotonic(), 0.02
    while (waited := time.monotonic() - began) < WAIT_AT_MOST_S:
        now = clock_now()
        is_open = _is_under_way(upload, now)
        if not is_open and waited >= SETTLED_AFTER_S:
            upload.is_noted = _take_lease(upload, now)
        # Looked for last: whoever was over when we looked has left a receipt by now, or has failed.
        receipt = find_receipt(api_key_id=upload.key_id, fingerprint=upload.fingerprint, now=now)
        if receipt is not None:
            _remove_lease(upload)
            return receipt
        if upload.is_noted:
            return None
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
    raise ServiceUnavailable("An equal upload is still being worked on. Try again.", retry_after_s=5)


def _is_under_way(upload: _Upload, now: datetime) -> bool:
    with _lock:
        here = any((one.key_id, one.fingerprint) == (upload.key_id, upload.fingerprint) for one in _uploads)
    return here or _leases(upload).filter(due_at__gt=now).exists()


def _take_lease(upload: _Upload, now: datetime) -> bool:
    """Write the lease, or take over one that ran out; returns whether it is ours. The constraint decides."""
    values = {"token": upload.token, "due_at": now + LEASE}
    if _leases(upload).filter(due_at__lte=now).update(**values) == 1:
        return True
    try:
        with transaction.atomic():
            UploadUnderWay.objects.create(api_key_id=upload.key_id, fingerprint=upload.fingerprint, **values)
    except IntegrityError:
        return False
    return True


def _remove_lease(upload: _Upload) -> None:
    """Remove our lease, if there is one. It may come after a commit, so that nothing that goes wrong is an error."""
    if not upload.is_noted:
        return
    try:
        _leases(upload).filter(token=upload.token).delete()
    except Error as error:
        log.warning("upload_lease_left_to_run_out", error=repr(error))


def _leases(upload: _Upload) -> QuerySet[UploadUnderWay]:
    return UploadUnderWay.objects.filter(api_key_id=upload.key_id, fingerprint=upload.fingerprint)


# The watch: one thread of a process, there while uploads are.


def _enter(upload: _Upload) -> None:
    global _watch
    with _lock:
        _uploads.add(upload)
        if upload.next_at is not None and (_watch is None or not _watch.is_alive()):
            _watch = threading.Thread(target=_watch_uploads, name="uploads-under-way", daemon=True)
            try:
                _watch.start()
            except RuntimeError as error:  # no thread to be had: other processes do not see it, and the next one tries
                log.warning("uploads_not_watched", error=repr(error))
                _watch = None


def _leave(upload: _Upload) -> None:
    with _lock:
        _uploads.discard(upload)
    _remove_lease(upload)


def _watch_uploads() -> None:
    global _watch
    idle_since = time.monotonic()
    try:
        while True:
            time.sleep(_LOOK_EVERY_S)
            moment = time.monotonic()
            with _lock:
                due = [upload for upload in _uploads if upload.next_at is not None and upload.next_at <= moment]
                is_idle = not _uploads
                idle_since = idle_since if is_idle else moment
                if moment - idle_since > _IDLE_S:
                    _watch = None
                    return
            for upload in due:
                upload.next_at = moment + RENEWED_EVERY_S
                _note(upload)
            if is_idle:
                connections.close_all()
    finally:
        connections.close_all()


def _note(upload: _Upload) -> None:
    """Write or renew the lease of an upload, which goes on whether that works or not."""
    try:
        now = clock_now()
        mine = _leases(upload).filter(token=upload.token)
        was_ours = upload.is_noted
        is_still_ours = was_ours and mine.update(due_at=now + LEASE) == 1
        is_ours = is_still_ours or _take_lease(upload, now)
        with _lock:
            upload.is_lost = upload.is_lost or (was_ours and not is_still_ours)
            upload.is_second = not is_ours and not upload.is_lost
            upload.is_noted = is_ours
            is_over = upload not in _uploads
        if is_over:
            _remove_lease(upload)
    except Exception as error:  # noqa: BLE001 - the watch goes on, whatever it is
        log.warning("upload_not_noted", error=repr(error))
        upload.next_at = time.monotonic() + NOTED_AFTER_S  # before a repeat that looks for it has given up
        connection.close()
