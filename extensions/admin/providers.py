"""Providers: for each extension who would do it now, who would follow, and why those who cannot, cannot; the state of
each provider's breaker and limits, and its reset by the operator."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Max
from django.http import Http404, HttpRequest, HttpResponse

from extensions.forms import ChainLink, choices
from extensions.models import ExtensionRun, ProviderNotice, ProviderState, WorkerHeartbeat
from extensions.providers import state
from extensions.providers.registry import PROVIDERS
from library.adminsite import back_to, page, show
from library.desks import Desk, Role
from library.services.accounts import audit
from mediahub.lib import clock

FRESH_S = 15
NOTICES_SHOWN = 10


@dataclass(frozen=True)
class ProviderRow:
    """A provider of some chain: its breaker, what it works on and its limits (None: no limit)."""

    link: ChainLink
    state: ProviderState
    in_flight: int
    at_once: int | None
    per_minute: int | None


@page("providers/", name="providers")
def providers(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Extensions with their chains, and the workers that were seen lately."""
    chains = choices()
    rows = _providers({link.slug: link for choice in chains for link in choice.chain if link.slug in PROVIDERS})
    troubled = [row for row in rows if row.state.breaker != ProviderState.Breaker.CLOSED]
    context = {
        "title": "Providers",
        "nav": "providers",
        "choices": chains,
        "providers": rows,
        "troubled": troubled,
        "unasked": {row.link.slug for row in troubled},
        "notices": ProviderNotice.objects.all()[:NOTICES_SHOWN],
        "queues": _queues(),
    }
    return show(request, "extensions/providers.html", context)


@page("providers/reset/", name="provider-reset", role=Role.OWNER, methods=("POST",))
def reset_provider(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Close a provider's breaker, so that the next run asks it. It serves every account, so only the operator may."""
    if not desk.is_superuser:
        raise PermissionDenied
    slug = request.POST.get("provider", "")
    if slug not in PROVIDERS:
        raise Http404("No such provider.")
    with transaction.atomic():
        was_reset = state.reset(slug, actor=desk.actor)
        if was_reset:
            audit(account=desk.account, actor=desk.actor, action="provider.reset", target=slug)
    messages.success(request, f"{slug} is asked again." if was_reset else f"{slug} was fine already.")
    return back_to(request, desk, "providers")


def _providers(links: dict[str, ChainLink]) -> list[ProviderRow]:
    """The providers of all chains, in the order of their first mention."""
    known, in_flight = state.known_states(), _in_flight()
    return [
        ProviderRow(
            link=link,
            state=known.get(slug) or ProviderState(slug=slug),
            in_flight=in_flight.get(slug, 0),
            at_once=settings.MEDIAHUB_PROVIDER_CONCURRENCY.get(slug),
            per_minute=settings.MEDIAHUB_PROVIDER_RATE_PER_MIN.get(slug),
        )
        for slug, link in links.items()
    ]


def _in_flight() -> dict[str, int]:
    working = ExtensionRun.objects.working(clock.now()).exclude(provider="")
    return dict(working.order_by().values_list("provider").annotate(Count("pk")))


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
