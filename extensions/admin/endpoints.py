"""Endpoints for events: owners make, change, try, switch and delete them; a new secret is shown once (REL A2, W12)."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from extensions.models import RetiredSecret, WebhookEndpoint
from extensions.webhooks.endpoints import (
    MOST_ENDPOINTS,
    EndpointChanges,
    create_endpoint,
    delete_endpoint,
    send_test,
    update_endpoint,
)
from extensions.webhooks.events import EMITTED, NEVER_EMITTED
from extensions.webhooks.rotation import rotate_secret
from library.adminsite import back_to, page, show
from library.desks import Desk, Role
from library.models import Account
from mediahub.lib import clock
from mediahub.lib.errors import DomainError


def account_of_endpoint(*, endpoint_id: str, **_: object) -> Account | None:
    """The account of an endpoint."""
    return Account.objects.filter(webhook_endpoints__endpoint_id=endpoint_id).first()


@page("webhooks/endpoints/", name="webhook-endpoints", role=Role.OWNER, methods=("GET", "HEAD", "POST"))
def endpoints(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The endpoints; a POST makes one and shows its secret this one time."""
    made: WebhookEndpoint | None = None
    posted: dict[str, object] = {"events": EMITTED}
    error = None
    if request.method == "POST":
        posted = {"url": request.POST.get("url", "").strip(), "events": request.POST.getlist("events")}
        try:
            made = create_endpoint(
                account=desk.account, url=str(posted["url"]), events=request.POST.getlist("events"), actor=desk.actor
            )
            posted = {"events": EMITTED}
        except DomainError as refused:
            error = refused
    rows = list(WebhookEndpoint.objects.of_account(desk.account))
    context = {
        "title": "Webhook endpoints",
        "nav": "webhooks",
        "trail": [{"title": "Webhooks", "url": reverse("admin:webhooks")}],
        "endpoints": rows,
        "has_room": len(rows) < MOST_ENDPOINTS,
        "most": MOST_ENDPOINTS,
        "posted": posted,
        "error": error,
        "emitted": EMITTED,
        "secret": made.secret if made else None,
        "secret_of": made.url if made else None,
        "old_until": _old_until(desk.account, None),
    }
    return show(request, "extensions/webhook_endpoints.html", context, status=400 if error else 200)


@page(
    "webhooks/endpoints/<str:endpoint_id>/",
    name="webhook-endpoint",
    role=Role.OWNER,
    methods=("GET", "HEAD", "POST"),
    account_of=account_of_endpoint,
)
def endpoint(request: HttpRequest, desk: Desk, endpoint_id: str) -> HttpResponse:
    """One endpoint; a POST changes its address, its events, or whether it is on."""
    found = endpoint_at(desk, endpoint_id)
    error = None
    if request.method == "POST":
        # What a client subscribed to that is never sent here has no box to tick, and stays as it is.
        kept = [event for event in found.events if event in NEVER_EMITTED]
        changes = EndpointChanges(
            url=request.POST.get("url", "").strip(),
            events=(*request.POST.getlist("events"), *kept),
            enabled=request.POST.get("enabled") == "1",
        )
        try:
            update_endpoint(endpoint=found, changes=changes, actor=desk.actor)
            messages.success(request, "The endpoint is saved.")
            return redirect("admin:webhook-endpoint", endpoint_id=endpoint_id)
        except DomainError as refused:
            error = refused
            found.url, found.events = changes.url or "", list(changes.events or ())
    return _shown(request, desk, found, error=error)


@page(
    "webhooks/endpoints/<str:endpoint_id>/secret/",
    name="webhook-endpoint-secret",
    role=Role.OWNER,
    methods=("POST",),
    account_of=account_of_endpoint,
)
def new_endpoint_secret(request: HttpRequest, desk: Desk, endpoint_id: str) -> HttpResponse:
    """Give an endpoint a new secret and show it this one time."""
    found = endpoint_at(desk, endpoint_id)
    secret = rotate_secret(account=desk.account, endpoint=found, actor=desk.actor)
    return _shown(request, desk, found, secret=secret)


@page("webhooks/secret/", name="webhook-secret", role=Role.OWNER, methods=("POST",))
def new_account_secret(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Give the account a new secret for its `webhookUrl` calls and show it this one time."""
    context = {
        "title": "New webhook secret",
        "nav": "webhooks",
        "trail": [
            {"title": "Webhooks", "url": reverse("admin:webhooks")},
            {"title": "Endpoints", "url": reverse("admin:webhook-endpoints")},
        ],
        "secret": rotate_secret(account=desk.account, actor=desk.actor),
        "secret_of": "calls to a webhookUrl",
        "old_until": _old_until(desk.account, None),
    }
    return show(request, "extensions/webhook_secret.html", context)


@page(
    "webhooks/endpoints/<str:endpoint_id>/test/",
    name="webhook-endpoint-test",
    role=Role.OWNER,
    methods=("POST",),
    account_of=account_of_endpoint,
)
def test(request: HttpRequest, desk: Desk, endpoint_id: str) -> HttpResponse:
    """Send something harmless to an endpoint and go to the delivery, where its outcome appears."""
    delivery = send_test(endpoint=endpoint_at(desk, endpoint_id), actor=desk.actor)
    messages.success(request, "A test is on its way. Reload this page to see its outcome.")
    return redirect("admin:webhook", pk=delivery.pk)


@page(
    "webhooks/endpoints/<str:endpoint_id>/delete/",
    name="webhook-endpoint-delete",
    role=Role.OWNER,
    methods=("POST",),
    account_of=account_of_endpoint,
)
def delete(request: HttpRequest, desk: Desk, endpoint_id: str) -> HttpResponse:
    """Delete an endpoint; its deliveries stay in the log."""
    delete_endpoint(endpoint=endpoint_at(desk, endpoint_id), actor=desk.actor)
    messages.success(request, "The endpoint is deleted.")
    return back_to(request, desk, "webhook-endpoints")


def endpoint_at(desk: Desk, endpoint_id: str) -> WebhookEndpoint:
    """An endpoint of the desk's account. Raises Http404."""
    rows = WebhookEndpoint.objects.of_account(desk.account).select_related("account")
    found = rows.filter(endpoint_id=endpoint_id).first()
    if found is None:
        raise Http404("No such endpoint.")
    return found


def _shown(
    request: HttpRequest,
    desk: Desk,
    found: WebhookEndpoint,
    *,
    secret: str | None = None,
    error: DomainError | None = None,
) -> HttpResponse:
    context = {
        "title": "Webhook endpoint",
        "nav": "webhooks",
        "trail": [
            {"title": "Webhooks", "url": reverse("admin:webhooks")},
            {"title": "Endpoints", "url": reverse("admin:webhook-endpoints")},
        ],
        "endpoint": found,
        "emitted": EMITTED,
        "secret": secret,
        "secret_of": found.url,
        "error": error,
        "old_until": _old_until(desk.account, found),
        "deliveries": found.deliveries.defer("body").order_by("-pk")[:10],
    }
    return show(request, "extensions/webhook_endpoint.html", context, status=400 if error else 200)


def _old_until(account: Account, found: WebhookEndpoint | None) -> object:
    """Until when an older secret signs, too; None if there is none."""
    retired = RetiredSecret.objects.filter(account=account, endpoint=found, until__gt=clock.now())
    return retired.values_list("until", flat=True).first()
