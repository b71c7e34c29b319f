"""Webhook deliveries: the list, one with its body and attempts (never changed here, REL A8), and sending again."""

import json
from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from extensions.admin.lookups import account_of_delivery, delivery_at
from extensions.catalog import CATALOG
from extensions.models import ExtensionRun, WebhookDelivery, WebhookEndpoint
from extensions.webhooks.events import EMITTED
from extensions.webhooks.publish import receiver_of
from extensions.webhooks.services import Chosen, can_replay, chosen_deliveries, replay, replay_many
from library.admin.paging import page_of
from library.adminsite import back_to, page, show
from library.desks import Desk, Role
from mediahub.lib import clock
from mediahub.lib.errors import DomainError
from mediahub.lib.http import BadUrl, Policy, check_url

PAGE_SIZE = 30


@page("webhooks/", name="webhooks")
def webhooks(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Deliveries, newest first, by state, receiver, event and time; what can be sent again of one receiver."""
    mine = WebhookDelivery.objects.of_account(desk.account)
    counts = dict(mine.order_by().values_list("state").annotate(Count("pk")))
    state, event = request.GET.get("state", ""), request.GET.get("event", "").strip()[:60]
    receiver, since = _receiver(request.GET), clock.read_moment(request.GET.get("since", ""))
    rows = mine.defer("body").order_by("-pk")
    if state in WebhookDelivery.State.values:
        rows = rows.filter(state=state)
    if receiver:
        rows = rows.filter(receiver=receiver)
    if event:
        rows = rows.filter(event=event)
    if since:
        rows = rows.filter(created_at__gte=since)
    narrowed = {"receiver": receiver, "event": event, "since": _shown(since)}
    context = {
        "title": "Webhooks",
        "nav": "webhooks",
        "state": state,
        **narrowed,
        "narrowed": urlencode({name: value for name, value in narrowed.items() if value}),
        "known_events": [*CATALOG, *EMITTED],
        "states": [(value, label, counts.get(value, 0)) for value, label in WebhookDelivery.State.choices],
        "total": sum(counts.values()),
        "switched_off": WebhookEndpoint.objects.of_account(desk.account).exclude(disabled_reason=""),
        "replayable": _replayable(desk, receiver, since) if receiver and desk.can_manage else 0,
        **page_of(request, rows, size=PAGE_SIZE),
    }
    return show(request, "extensions/webhooks.html", context)


@page("webhooks/replay/", name="webhooks-replay", role=Role.OWNER, methods=("POST",))
def send_all_again(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Send what a receiver missed, or all of it, again."""
    receiver, since = _receiver(request.POST), clock.read_moment(request.POST.get("since", ""))
    if not receiver:
        messages.error(request, "Name the receiver whose deliveries are to be sent again.")
        return back_to(request, desk, "webhooks")
    only_failed = request.POST.get("only_failed") == "1"
    chosen = Chosen(account=desk.account, receiver=receiver, since=since, only_failed=only_failed)
    done = replay_many(chosen=chosen, actor=desk.actor)
    more = " There are more: manage.py replay_webhooks sends any number." if done.after else ""
    messages.success(request, f"{done.count} webhooks will be sent again.{more}")
    return back_to(request, desk, "webhooks")


@page("webhooks/<int:pk>/", name="webhook", account_of=account_of_delivery)
def webhook(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """One delivery: where to, the frozen body, and every attempt."""
    delivery = delivery_at(desk, pk)
    context = {
        "title": f"Webhook of {delivery.event}",
        "nav": "webhooks",
        "trail": [{"title": "Webhooks", "url": reverse("admin:webhooks")}],
        "delivery": delivery,
        "body": _readable(bytes(delivery.body)),
        "attempts": delivery.attempts.all(),
        "run": ExtensionRun.objects.of_account(desk.account).filter(pk=delivery.run_id).first()
        if delivery.run_id
        else None,
        "can_replay": desk.can_manage and can_replay(delivery),
    }
    return show(request, "extensions/webhook.html", context)


@page(
    "webhooks/<int:pk>/replay/",
    name="webhook-replay",
    role=Role.OWNER,
    methods=("POST",),
    account_of=account_of_delivery,
)
def send_again(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Send a finished delivery once more, with the same id and body."""
    try:
        replay(delivery=delivery_at(desk, pk), actor=desk.actor)
        messages.success(request, "The webhook will be sent again.")
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("admin:webhook", pk=pk)


def _replayable(desk: Desk, receiver: str, since: datetime | None) -> int:
    chosen = Chosen(account=desk.account, receiver=receiver, since=since)
    return chosen_deliveries(chosen, now=clock.now()).count()


def _receiver(given: QueryDict) -> str:
    """Scheme, host and port of what was typed; nothing where it is no URL."""
    text = given.get("receiver", "").strip()
    try:
        check_url(text, policy=Policy(operator_address=True))
    except BadUrl:
        return ""
    return receiver_of(text)


def _shown(moment: datetime | None) -> str:
    """As an input for a date and time has it."""
    return moment.strftime("%Y-%m-%dT%H:%M") if moment else ""


def _readable(body: bytes) -> str:
    """The body indented for reading; as it is when it is no JSON."""
    text = body.decode(errors="replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
