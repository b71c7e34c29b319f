"""Saved extensions: the list, and one form to make or change one, by the fields of its extension or as JSON.

Members see what there is, because it explains runs. Editors make, change and delete: whoever may run an extension with
any parameters may also store them, and nothing is spent by storing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from extensions.admin.lookups import account_of_saved, saved_at
from extensions.catalog import CATALOG
from extensions.forms import FIELDS, config_from, field_texts
from extensions.models import SavedExtension
from extensions.saved.services import (
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    MOST_SAVED,
    BadConfig,
    create_saved,
    delete_saved,
    update_saved,
)
from library.adminsite import back_to, page, show
from library.desks import Desk, Role
from mediahub.lib import clock
from mediahub.lib.errors import DomainError


@page("saved-extensions/", name="saved")
def saved(request: HttpRequest, desk: Desk) -> HttpResponse:
    """All of the account's, by name; at most a hundred, so there is one page."""
    rows = SavedExtension.objects.of_account(desk.account)
    context = {
        "title": "Saved extensions",
        "nav": "saved",
        "rows": [(row, CATALOG.get(row.extension)) for row in rows],
        "catalog": CATALOG.values(),
        "most": MOST_SAVED,
    }
    return show(request, "extensions/saved.html", context)


@page("saved-extensions/new/", name="saved-new", role=Role.EDITOR, methods=("GET", "HEAD", "POST"))
def new(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The empty form for the extension that the link names; a POST stores it."""
    if request.method == "POST":
        try:
            config = config_from(request.POST)
            made = create_saved(
                account=desk.account,
                name=request.POST.get("name", "").strip(),
                description=request.POST.get("description", "").strip(),
                config=config,
                actor=desk.actor,
                now=clock.now(),
            )
        except DomainError as error:
            return _form(request, posted=request.POST, error=error)
        messages.success(request, f"{made.name} is saved.")
        return back_to(request, desk, "saved")
    extension = request.GET.get("extension", "")
    if extension not in CATALOG:
        raise Http404("No such extension.")
    texts = field_texts({"name": extension, **_example(extension)}) or {}
    return _form(request, posted={"extension": extension, **texts}, as_json="json" in request.GET)


@page(
    "saved-extensions/<str:saved_id>/",
    name="saved-edit",
    role=Role.EDITOR,
    methods=("GET", "HEAD", "POST"),
    account_of=account_of_saved,
)
def edit(request: HttpRequest, desk: Desk, saved_id: str) -> HttpResponse:
    """The form filled in; a POST changes it. Runs that were asked for already are not touched."""
    row = saved_at(desk, saved_id)
    if request.method == "POST":
        try:
            changes = {name: request.POST.get(name, "").strip() for name in ("name", "description")}
            config = config_from(request.POST)
            update_saved(saved=row, changes={**changes, "config": config}, actor=desk.actor, now=clock.now())
        except DomainError as error:
            return _form(request, posted=request.POST, row=row, error=error)
        messages.success(request, f"{changes['name']} is saved.")
        return back_to(request, desk, "saved")
    posted = {"name": row.name, "description": row.description, "extension": row.extension}
    texts = field_texts(row.config)
    if texts is None or "json" in request.GET:
        return _form(request, posted={**posted, "config": _as_text(row.config)}, row=row, as_json=True)
    return _form(request, posted={**posted, **texts}, row=row)


@page(
    "saved-extensions/<str:saved_id>/delete/",
    name="saved-delete",
    role=Role.EDITOR,
    methods=("POST",),
    account_of=account_of_saved,
)
def delete(request: HttpRequest, desk: Desk, saved_id: str) -> HttpResponse:
    """Delete it."""
    row = saved_at(desk, saved_id)
    delete_saved(saved=row, actor=desk.actor)
    messages.success(request, f"{row.name} is deleted.")
    return back_to(request, desk, "saved")


def _form(
    request: HttpRequest,
    *,
    posted: Mapping[str, Any],
    row: SavedExtension | None = None,
    error: DomainError | None = None,
    as_json: bool = False,
) -> HttpResponse:
    """The form with what was given; after an error with the sentence about it, and a 400."""
    extension = CATALOG.get(str(posted.get("extension", "")))
    if extension is None and "config" not in posted:
        raise Http404("No such extension.")
    as_json = as_json or "config" in posted
    fields = FIELDS.get(extension.name, ()) if extension else ()
    name = extension.name if extension else ""
    context = {
        "title": row.name if row else "New saved extension",
        "nav": "saved",
        "trail": [{"title": "Saved extensions", "url": reverse("admin:saved")}],
        "row": row,
        "extension": extension,
        "as_json": as_json,
        "config": posted.get("config", _as_text({"name": name, **_example(name)})),
        "fields": [(field, f"{name}-{field.key}", posted.get(f"{name}-{field.key}", "")) for field in fields],
        "posted": posted,
        "complaint": _complaint(error),
        "most": {"name": LONGEST_NAME, "description": LONGEST_DESCRIPTION},
    }
    return show(request, "extensions/saved_edit.html", context, status=400 if error else 200)


def _complaint(error: DomainError | None) -> str:
    if isinstance(error, BadConfig) and isinstance(error.errors, dict):
        return " ".join(f"{place}: {sentence}" for place, sentence in error.errors.items())
    return error.message if error else ""


def _example(name: str) -> dict[str, Any]:
    """Parameters to begin with."""
    if name.endswith("-auto-tagging"):
        return {"minConfidence": 50, "maxTags": 10}
    if name == "ai-tasks":
        task = {"type": "select_tags", "instruction": "Name what you can see.", "vocabulary": ["cup", "plate", "bowl"]}
        return {"tasks": [{**task, "max_selections": 3}]}
    return {}


def _as_text(config: Mapping[str, Any]) -> str:
    return json.dumps(config, indent=2, ensure_ascii=False)
