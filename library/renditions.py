"""Renditions: images derived from a version, made once for each specification by workers of the queue `renditions`.

Delivery and services ask with `request_rendition`; the task claims one row, draws and settles, all of it guarded by a
lease like the runs' (REL J4, J7). What can be asked for is the finite table SPECS (REL S7).
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from library.images import THUMBNAIL_MIMES, Format, thumbnail
from library.models import AssetVersion, Rendition
from library.storage import BlobMissing, StorageFull, StorageUnavailable, blob_key, delete_blob, put_blob, read_blob
from mediahub.lib.clock import now as clock_now
from mediahub.lib.errors import DomainError, NotFound
from mediahub.lib.imaging import NOT_PROCESSABLE, ImageError, limits_from_settings
from mediahub.lib.literals import literals
from mediahub.lib.waking import wake_due, wake_new

QUEUE = "renditions"
LEASE = timedelta(seconds=90)
"""Longer than the task's hard time limit, so that a lease only runs out under a worker that is gone."""
MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class Spec:
    """A derived image: the box it fits into, in pixels, and its format."""

    width: int
    height: int
    fmt: Format


SPECS = {
    "ik_ml_thumbnail": Spec(480, 480, "WEBP"),
    "preview": Spec(1600, 1600, "WEBP"),
}
ALIASES = {"media_library_thumbnail": "ik_ml_thumbnail"}
THUMBNAIL = "ik_ml_thumbnail"


class NoRendition(DomainError):
    """The version has no image that could be derived from, or the specification is unknown."""

    code = "no_rendition"
    status = 404


@dataclass(frozen=True)
class Claim:
    """A rendition whose lease this worker holds."""

    rendition: Rendition
    token: uuid.UUID


def can_be_rendered(version: AssetVersion) -> bool:
    """Whether a version is an image within the limits; only those have thumbnails."""
    return version.is_image and version.width is not None and not version.problem


def request_rendition(*, version: AssetVersion, spec: str) -> Rendition:
    """Return the rendition of a version, asking for it if it is not there; call it as often as you like.

    spec: a key of SPECS or ALIASES. A new row wakes a worker after commit. Raises NoRendition, NotFound.
    """
    spec = ALIASES.get(spec, spec)
    if spec not in SPECS:
        raise NoRendition("No such named transformation.")
    if not can_be_rendered(version):
        raise NoRendition("The file has no thumbnail.")
    found = Rendition.objects.filter(version=version, spec=spec).first()
    if found:
        return found
    try:
        with transaction.atomic():
            return ask_for_rendition(version=version, spec=spec, now=clock_now())
    except IntegrityError as error:
        # Another request was quicker, or the version was deleted after the caller had read it.
        found = Rendition.objects.filter(version=version, spec=spec).first()
        if found is None:
            raise NotFound("The requested file does not exist.") from error
        return found


def ask_for_rendition(*, version: AssetVersion, spec: str, now: datetime) -> Rendition:
    """Write the rendition of a version that has none of this kind, a new version for one, and wake a worker."""
    rendition = Rendition(version=version, spec=spec, due_at=now, created_at=now)
    wake_new(QUEUE, [rendition], _open(), now=now)
    rendition.save()
    return rendition


def claim_rendition(*, now: datetime) -> Claim | None:
    """Take the rendition that is due longest: one conditional UPDATE sets state, attempts, token and lease.

    A row whose workers died MAX_ATTEMPTS times is ended instead, so it cannot go round for ever.
    """
    for rendition in _due(now).order_by("due_at", "pk")[:5]:
        mine = Rendition.objects.filter(
            pk=rendition.pk, state=rendition.state, token=rendition.token, due_at=rendition.due_at
        )
        if rendition.attempts >= MAX_ATTEMPTS:
            mine.update(state=Rendition.State.FAILED, token=None, error_code="worker_lost")
            continue
        token = uuid.uuid4()
        won = mine.update(
            state=Rendition.State.RUNNING, token=token, attempts=F("attempts") + 1, due_at=now + LEASE, woken_at=None
        )
        if won == 1:
            return Claim(Rendition.objects.select_related("version").get(pk=rendition.pk), token)
    return None


def make_rendition(claim: Claim) -> bool:
    """Draw, store and settle a claimed rendition; returns whether this worker's work counted.

    A damaged image ends it `failed`; a store that does not answer puts it back with a growing wait.
    """
    version, spec = claim.rendition.version, SPECS[claim.rendition.spec]
    try:
        original = read_blob(version.blob_key)
        image = thumbnail(original, spec.width, spec.height, spec.fmt, limits=limits_from_settings())
        digest = hashlib.sha256(image).hexdigest()
        key = blob_key(digest, claim.token.hex)
        put_blob(key, image)
    except ImageError as error:
        return _settle(claim, state=Rendition.State.FAILED, error_code=error.code)
    except MemoryError:
        return _settle(claim, state=Rendition.State.FAILED, error_code=NOT_PROCESSABLE)
    except BlobMissing as error:
        return _settle(claim, state=Rendition.State.FAILED, error_code=error.code)
    except (StorageFull, StorageUnavailable) as error:
        return _put_back(claim, error_code=error.code)
    kept = _settle(
        claim,
        state=Rendition.State.READY,
        blob_key=key,
        sha256=digest,
        size_bytes=len(image),
        mime=THUMBNAIL_MIMES[spec.fmt],
        error_code="",
    )
    if not kept:
        delete_blob(key)
    return kept


def wake_due_renditions(*, now: datetime) -> int:
    """Publish wake-ups for what is due, for the sweep (REL J12). Returns how many."""
    return wake_due(QUEUE, _due(now).order_by("due_at", "pk"), _open(), now=now)


def _due(now: datetime) -> QuerySet[Rendition]:
    return _open().filter(due_at__lte=now)


def _open() -> QuerySet[Rendition]:
    """Renditions that are not over, written as the partial index has it, so that it serves."""
    return Rendition.objects.filter(state__in=literals("queued", "running"))


def _settle(claim: Claim, **values: object) -> bool:
    """End the rendition if the lease is still ours: the row count tells."""
    mine = Rendition.objects.filter(pk=claim.rendition.pk, token=claim.token, state=Rendition.State.RUNNING)
    return mine.update(token=None, **values) == 1


def _put_back(claim: Claim, *, error_code: str) -> bool:
    """Wait for the store: half the rendition's age, 5 s to 10 min. Not its fault, so the attempt does not count."""
    now = clock_now()
    age = now - claim.rendition.created_at
    wait = min(max(age / 2, timedelta(seconds=5)), timedelta(minutes=10))
    return _settle(
        claim,
        state=Rendition.State.QUEUED,
        attempts=claim.rendition.attempts - 1,
        error_code=error_code,
        due_at=now + wait,
        woken_at=None,
    )
