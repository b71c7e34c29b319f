"""Health pages for process supervisors and load balancers (REL A9): `live` needs nothing, `ready` asks every part."""

import hmac
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from celery import current_app
from django.conf import settings
from django.db import connection
from django.db.models import Max
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from extensions.models import ExtensionRun, Turn, WebhookDelivery
from library.storage import BlobMissing, delete_blob, free_space_check, put_blob, read_blob
from mediahub.lib import clock

log = structlog.get_logger(__name__)

OLDEST_DUE = timedelta(minutes=2)
"""Work that has been due for longer says that no sweep or no worker runs (REL F21)."""

KEEP_S = 3.0
PROBE = "health/probe"
"""One key for ever, so that a process killed in the middle leaves nothing that the next one does not take away."""
_kept: list[tuple[float, dict[str, str | None]]] = []
_one_at_a_time = threading.Lock()


@csrf_exempt
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


@csrf_exempt
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 if database, blob store and broker answer and no work has been due for long, else 503.

    Which part failed is told only to who sends `Authorization: Bearer <MEDIAHUB_HEALTH_TOKEN>`.
    """
    found = _found()
    is_well = not any(found.values())
    body: dict[str, Any] = {"status": "ok" if is_well else "failing"}
    if _may_see_details(request):
        body["checks"] = {name: problem or "ok" for name, problem in found.items()}
    return JsonResponse(body, status=200 if is_well else 503)


def forget() -> None:
    """Ask every part at the next call, however short ago the last one was."""
    _kept.clear()


def _found() -> dict[str, str | None]:
    """What is wrong with each part, at most KEEP_S old: anyone may ask, and asking costs a write and a connection."""
    with _one_at_a_time:
        if not _kept or time.monotonic() - _kept[0][0] >= KEEP_S:
            _kept[:] = [(time.monotonic(), {name: _problem(name, check) for name, check in CHECKS.items()})]
        return _kept[0][1]


def _problem(name: str, check: Callable[[], str | None]) -> str | None:
    """What is wrong with one part; a part that raises is wrong by that."""
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - every way of failing means "not ready", and the log says which
        log.warning("health_check_failed", check=name, error=repr(error))
        return f"{type(error).__name__}: {error}"


def _database() -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return None


def _blob_store() -> str | None:
    try:
        return _probe()
    except BlobMissing:
        # All processes share the key, so another one may have removed it between our two steps.
        return _probe()


def _probe() -> str | None:
    put_blob(PROBE, b"probe")
    try:
        return None if read_blob(PROBE) == b"probe" else "the probe came back altered"
    finally:
        delete_blob(PROBE)


def _free_space() -> str | None:
    free_space_check()
    return None


def _broker() -> str | None:
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=1)
    return None


def _oldest_due() -> str | None:
    """Work that is due although nobody in its queue was served for as long: a backlog alone is no fault."""
    now = clock.now()
    failing = Turn.objects.filter(queue="webhooks", failures__gt=0).values("key")
    deliveries = WebhookDelivery.objects.due(now).exclude(receiver__in=failing)
    queues = {name: ExtensionRun.objects.due(now).filter(queue=name) for name in ExtensionRun.Queue.values}
    for queue, rows in {**queues, "webhooks": deliveries}.items():
        oldest = rows.order_by("due_at").values_list("due_at", flat=True).first()
        if oldest is None or now - oldest <= OLDEST_DUE:
            continue
        served = Turn.objects.filter(queue=queue).aggregate(latest=Max("served_at"))["latest"]
        if served is None or now - served > OLDEST_DUE:
            return f"work in the queue {queue} has been due since {oldest:%Y-%m-%d %H:%M:%S} UTC and nobody does any"
    return None


CHECKS: dict[str, Callable[[], str | None]] = {
    "database": _database,
    "blobStore": _blob_store,
    "freeSpace": _free_space,
    "broker": _broker,
    "oldestDueWork": _oldest_due,
}


def _may_see_details(request: HttpRequest) -> bool:
    token = settings.MEDIAHUB_HEALTH_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())
