"""Runs: the list with their errors, and one run explained from its rows (REL J20); try again and cancel (REL A8)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from extensions.admin.lookups import account_of_run, run_at
from extensions.catalog import CATALOG
from extensions.models import ExtensionRun, UnitEntry, WebhookDelivery
from extensions.runs.services import cancel_run, retry_run
from library.admin.paging import page_of
from library.adminsite import page, show, wants_part
from library.desks import Desk, Role
from mediahub.lib.errors import DomainError

PAGE_SIZE = 30
LONGEST_WAY_BACK = 2000


@page("runs/", name="runs")
def runs(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The list, newest first, by state and extension; htmx gets the result alone."""
    mine = ExtensionRun.objects.of_account(desk.account)
    counts = dict(mine.order_by().values_list("state").annotate(Count("pk")))
    state, extension = request.GET.get("state", ""), request.GET.get("extension", "")
    rows = mine.select_related("asset__folder", "asset__current_version")
    if state in ExtensionRun.State.values:
        rows = rows.filter(state=state)
    if extension in CATALOG:
        rows = rows.filter(extension=extension)
    context: dict[str, Any] = page_of(request, rows.order_by("-created_at", "pk"), size=PAGE_SIZE)
    context |= {
        "desk": desk,
        "page_url": request.get_full_path(),
        "poll_url": _in_account(request, desk),
        "state": state,
        "extension": extension,
        "states": [(value, label, counts.get(value, 0)) for value, label in ExtensionRun.State.choices],
        "total": sum(counts.values()),
        "is_open": any(not run.is_terminal for run in context["page"].object_list),
    }
    if wants_part(request):
        return render(request, "extensions/runs.html#result", context)
    return show(request, "extensions/runs.html", context | {"title": "Runs", "nav": "runs", "catalog": CATALOG})


@page("runs/<uuid:run_id>/", name="run", account_of=account_of_run)
def run(request: HttpRequest, desk: Desk, run_id: UUID) -> HttpResponse:
    """One run: who claimed it when, which provider answered, why it failed, what it cost."""
    found = run_at(desk, run_id)
    context = {
        "desk": desk,
        "run": found,
        "extension": CATALOG.get(found.extension),
        "entries": UnitEntry.objects.filter(run_id=found.pk).order_by("pk"),
        "deliveries": WebhookDelivery.objects.of_account(desk.account).filter(run_id=found.pk),
        "retries": ExtensionRun.objects.of_account(desk.account).filter(retry_of=found),
        "title": f"Run of {found.extension}",
        "nav": "runs",
        "trail": [{"title": "Runs", "url": reverse("admin:runs")}],
    }
    if wants_part(request):
        return render(request, "extensions/run.html#result", context)
    return show(request, "extensions/run.html", context)


@page("runs/<uuid:run_id>/retry/", name="run-retry", role=Role.EDITOR, methods=("POST",), account_of=account_of_run)
def retry(request: HttpRequest, desk: Desk, run_id: UUID) -> HttpResponse:
    """Ask for the same work again, as a new run at the present price."""
    try:
        again = retry_run(run=run_at(desk, run_id), actor=desk.actor)
        messages.success(request, f"{again.extension} is requested again, for {again.units} units.")
    except DomainError as error:
        messages.error(request, error.message)
    return _back(request, run_id)


@page("runs/<uuid:run_id>/cancel/", name="run-cancel", role=Role.EDITOR, methods=("POST",), account_of=account_of_run)
def cancel(request: HttpRequest, desk: Desk, run_id: UUID) -> HttpResponse:
    """End an open run and give its units back."""
    try:
        ended = cancel_run(run=run_at(desk, run_id), actor=desk.actor)
        messages.success(request, f"{ended.extension} is cancelled.")
    except DomainError as error:
        messages.error(request, error.message)
    return _back(request, run_id)


def _in_account(request: HttpRequest, desk: Desk) -> str:
    """This page's address with the account in it: the session may be switched while the page asks for news."""
    query = request.GET.copy()
    query["account"] = desk.account.slug
    return f"{request.path}?{query.urlencode()}"


def _back(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """To the page that the button stood on, if that is a path of ours."""
    target = request.POST.get("next", "")
    is_path = target.startswith("/") and len(target) <= LONGEST_WAY_BACK
    if is_path and url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        return HttpResponseRedirect(target)
    return redirect("admin:run", run_id=run_id)
