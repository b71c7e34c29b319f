"""Providers: for each extension who would do it now, who would follow, and why those who cannot, cannot."""

from datetime import datetime

from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse

from extensions.forms import choices
from extensions.models import ExtensionRun, WorkerHeartbeat
from library.adminsite import page, show
from library.desks import Desk
from mediahub.lib import clock

FRESH_S = 15


@page("providers/", name="providers")
def providers(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Extensions with their chains, and the workers that were seen lately."""
    context = {"title": "Providers", "nav": "providers", "choices": choices(), "queues": _queues()}
    return show(request, "extensions/providers.html", context)


def _queues() -> list[dict[str, object]]:
    """Each queue with the number of workers seen in the last 15 s and when the latest was seen."""
    now = clock.now()
    rows = {
        item["queue"]: item
        for item in WorkerHeartbeat.objects.values("queue").annotate(workers=Count("pk"), seen_at=Max("seen_at"))
    }
    names = [*ExtensionRun.Queue.values, "webhooks", "renditions", "jobs"]
    found = [rows.get(name, {"queue": name, "workers": 0, "seen_at": None}) for name in names]
    return [item | {"is_alive": _is_fresh(item["seen_at"], now)} for item in found]


def _is_fresh(seen_at: datetime | None, now: datetime) -> bool:
    return seen_at is not None and (now - seen_at).total_seconds() < FRESH_S
