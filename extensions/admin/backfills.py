"""Backfills: the list with progress, a new one with its estimate first, and one with its failures and its buttons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from extensions.admin.lookups import account_of_backfill, backfill_at
from extensions.backfills import services
from extensions.backfills.choosing import estimate_backfill
from extensions.backfills.wire import outcomes
from extensions.catalog import CATALOG, Block
from extensions.filters import clean_filter
from extensions.forms import blocks_from, choices_with, saved_choices
from extensions.models import Backfill, ExtensionRun
from extensions.units.services import balance
from library.admin.paging import page_of
from library.adminsite import page, show, wants_part
from library.desks import Desk, Role
from library.models import Folder
from mediahub.lib import clock
from mediahub.lib.errors import DomainError

PAGE_SIZE = 20
FAILURES_SHOWN = 30
MOST_FOLDERS = 500
FILTERS = ("path", "fileType", "tags", "searchQuery")
ACTS: dict[str, Callable[..., Backfill]] = {
    "pause": services.pause_backfill,
    "cancel": services.cancel_backfill,
    "retry": services.retry_failed,
}
SAID = {
    "resume": "It goes on.",
    "pause": "It is paused; runs that were asked for go on.",
    "cancel": "It is cancelled.",
    "retry": "Its failed runs are tried again.",
}
_NOT_REPEATED = frozenset({"csrfmiddlewaretoken", "account", "act"})


@page("backfills/", name="backfills")
def backfills(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The list, newest first; htmx gets the rows alone while one is going on."""
    context: dict[str, Any] = page_of(request, Backfill.objects.of_account(desk.account), size=PAGE_SIZE)
    rows = list(context["page"].object_list)
    found = outcomes(rows)
    context |= {
        "desk": desk,
        "rows": [(row, found[row.pk]) for row in rows],
        "is_working": any(row.state in Backfill.ACTIVE for row in rows),
    }
    if wants_part(request):
        return render(request, "extensions/backfills.html#result", context)
    return show(request, "extensions/backfills.html", context | {"title": "Backfills", "nav": "backfills"})


@page("backfills/new/", name="backfill-new", role=Role.EDITOR, methods=("GET", "HEAD", "POST"))
def new(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The form; posted, its estimate with a button to start, which starts it. The cost is always seen first."""
    if request.method != "POST":
        return _form(request, desk)
    try:
        blocks, given, limit = _posted(request, desk)
        skip_done = bool(request.POST.get("skip_done"))
        if request.POST.get("act") == "start":
            made = services.start_backfill(
                account=desk.account,
                given=given,
                blocks=blocks,
                skip_done=skip_done,
                unit_limit=limit,
                webhook_url="",
                actor=desk.actor,
                now=clock.now(),
            )
            messages.success(request, f"The backfill of {made.files_found} files has started.")
            return redirect("admin:backfill", backfill_id=made.backfill_id)
        found = estimate_backfill(
            account=desk.account, given=given, blocks=blocks, skip_done=skip_done, now=clock.now()
        )
    except DomainError as error:
        return _form(request, desk, complaint=error.message)
    return _form(request, desk, estimate=found, limit=limit)


@page("backfills/<str:backfill_id>/", name="backfill", account_of=account_of_backfill)
def backfill(request: HttpRequest, desk: Desk, backfill_id: str) -> HttpResponse:
    """One backfill; its changing part alone for htmx."""
    row = backfill_at(desk, backfill_id)
    failed = ExtensionRun.objects.filter(backfill=row, state="failed").latest_tries()
    context = {
        "desk": desk,
        "row": row,
        "outcome": outcomes([row])[row.pk],
        "skipped": sorted(row.skipped.items()),
        "is_working": row.state in Backfill.ACTIVE,
        "reasons": failed.order_by().values_list("error_code").annotate(count=Count("pk")).order_by("-count"),
        "failures": failed.select_related("asset").order_by("-finished_at")[:FAILURES_SHOWN],
        "can_retry": row.state in (Backfill.State.RUNNING, Backfill.State.COMPLETED),
    }
    if wants_part(request):
        return render(request, "extensions/backfill.html#result", context)
    context |= {
        "title": "Backfill",
        "nav": "backfills",
        "trail": [{"title": "Backfills", "url": reverse("admin:backfills")}],
    }
    return show(request, "extensions/backfill.html", context)


@page(
    "backfills/<str:backfill_id>/act/",
    name="backfill-act",
    role=Role.EDITOR,
    methods=("POST",),
    account_of=account_of_backfill,
)
def act(request: HttpRequest, desk: Desk, backfill_id: str) -> HttpResponse:
    """Pause, resume (with another limit of units), cancel, or try failed runs again."""
    row, verb = backfill_at(desk, backfill_id), request.POST.get("act", "")
    try:
        if verb == "resume":
            services.resume_backfill(backfill=row, actor=desk.actor, changes={"unit_limit": _limit(request)})
        elif verb in ACTS:
            ACTS[verb](backfill=row, actor=desk.actor)
        else:
            raise DomainError("Choose what to do with the backfill.")
        messages.success(request, SAID[verb])
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("admin:backfill", backfill_id=backfill_id)


def _posted(request: HttpRequest, desk: Desk) -> tuple[list[Block], dict[str, str], int | None]:
    """Blocks, filter and limit of the form. Raises DomainError."""
    blocks = blocks_from(request.POST, desk.account)
    if not blocks:
        raise DomainError("Tick at least one extension.")
    given = clean_filter({name: text for name in FILTERS if (text := request.POST.get(name, "").strip())})
    limit = _limit(request)
    services.check_limit(limit)
    return blocks, given, limit


def _limit(request: HttpRequest) -> int | None:
    text = request.POST.get("unit_limit", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise DomainError("The limit must be a whole number of units, or empty for none.", field="unit_limit")
    return int(text)


def _form(request: HttpRequest, desk: Desk, *, complaint: str = "", **more: Any) -> HttpResponse:
    posted = request.POST
    is_first = request.method != "POST"
    folders = Folder.objects.of_account(desk.account).order_by("path").values_list("path", flat=True)
    context = {
        "title": "New backfill",
        "nav": "backfills",
        "trail": [{"title": "Backfills", "url": reverse("admin:backfills")}],
        "complaint": complaint,
        "choices": choices_with(posted),
        "saved_choices": saved_choices(desk.account),
        "ticked": {name for name in CATALOG if posted.get(name)} | set(posted.getlist("saved")),
        "posted": {name: posted.get(name, "") for name in (*FILTERS, "unit_limit")},
        "skip_done": is_first or bool(posted.get("skip_done")),
        "hidden": [(name, text) for name, texts in posted.lists() for text in texts if name not in _NOT_REPEATED],
        "folders": folders[:MOST_FOLDERS],
        "balance": balance(desk.account, now=clock.now()),
        **more,
    }
    return show(request, "extensions/backfill_new.html", context, status=400 if complaint else 200)
