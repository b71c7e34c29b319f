"""Webhook deliveries: the list, one with its body and attempts (never changed here, REL A8), and sending again."""

import json

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from extensions.admin.lookups import account_of_delivery, delivery_at
from extensions.models import ExtensionRun, WebhookDelivery
from extensions.webhooks.services import replay
from library.admin.paging import page_of
from library.adminsite import page, show
from library.desks import Desk, Role
from mediahub.lib.errors import DomainError

PAGE_SIZE = 30


@page("webhooks/", name="webhooks")
def webhooks(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Deliveries, newest first, by state."""
    mine = WebhookDelivery.objects.of_account(desk.account)
    counts = dict(mine.order_by().values_list("state").annotate(Count("pk")))
    state = request.GET.get("state", "")
    rows = mine.defer("body").order_by("-created_at", "-pk")
    if state in WebhookDelivery.State.values:
        rows = rows.filter(state=state)
    context = {
        "title": "Webhooks",
        "nav": "webhooks",
        "state": state,
        "states": [(value, label, counts.get(value, 0)) for value, label in WebhookDelivery.State.choices],
        "total": sum(counts.values()),
        **page_of(request, rows, size=PAGE_SIZE),
    }
    return show(request, "extensions/webhooks.html", context)


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
        "can_replay": desk.can_manage and delivery.state in {"delivered", "gone", "expired"},
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


def _readable(body: bytes) -> str:
    """The body indented for reading; as it is when it is no JSON."""
    text = body.decode(errors="replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
