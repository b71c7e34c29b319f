"""Custom metadata fields of an account: owners list, make, change and delete them, by the services of the API."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse

from library.adminsite import back_to, page, show
from library.desks import Desk, Role
from library.forms import schema_from, schema_inputs, schema_texts
from library.identifiers import is_object_id
from library.metadata_schema import TYPES
from library.models import Account, CustomMetadataField
from library.services.metadata import (
    LONGEST_DESCRIPTION,
    LONGEST_LABEL,
    LONGEST_NAME,
    MOST_FIELDS,
    create_field,
    delete_field,
    update_field,
)
from mediahub.lib import clock
from mediahub.lib.errors import DomainError


def _account_of_field(*, field_id: str) -> Account | None:
    return Account.objects.filter(metadata_fields__field_id=field_id).first() if is_object_id(field_id) else None


@page("metadata-fields/", name="metadata-fields", role=Role.OWNER)
def fields(request: HttpRequest, desk: Desk) -> HttpResponse:
    """All of the account's that are not deleted, oldest first."""
    rows = CustomMetadataField.objects.of_account(desk.account).present()
    context = {"title": "Metadata fields", "nav": "metadata-fields", "rows": rows, "types": TYPES, "most": MOST_FIELDS}
    return show(request, "library/metadata_fields.html", context)


@page("metadata-fields/new/", name="metadata-field-new", role=Role.OWNER, methods=("GET", "HEAD", "POST"))
def new(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The empty form for the type that the link names; a POST makes the field."""
    kind = (request.POST if request.method == "POST" else request.GET).get("type", "Text")
    if kind not in TYPES:
        raise Http404("No such type.")
    if request.method == "POST":
        try:
            name = request.POST.get("name", "").strip()
            given = _given(request.POST, kind)
            made = create_field(account=desk.account, name=name, **given, actor=desk.actor, now=clock.now())
        except DomainError as error:
            return _form(request, kind=kind, posted=request.POST.dict(), error=error)
        messages.success(request, f"{made.label} is made.")
        return back_to(request, desk, "metadata-fields")
    return _form(request, kind=kind, posted={})


@page(
    "metadata-fields/<str:field_id>/",
    name="metadata-field",
    role=Role.OWNER,
    methods=("GET", "HEAD", "POST"),
    account_of=_account_of_field,
)
def edit(request: HttpRequest, desk: Desk, field_id: str) -> HttpResponse:
    """The form filled in; a POST changes the field. Values that assets have stay as they are."""
    row = _field_at(desk, field_id)
    if request.method == "POST":
        try:
            update_field(field=row, **_given(request.POST, row.type), actor=desk.actor, now=clock.now())
        except DomainError as error:
            return _form(request, kind=row.type, posted=request.POST.dict(), row=row, error=error)
        messages.success(request, f"{row.label} is saved.")
        return back_to(request, desk, "metadata-fields")
    posted = {"label": row.label, "description": row.description, **schema_texts(row.schema)}
    posted["isValueRequired"] = "1" if row.is_required else ""
    return _form(request, kind=row.type, posted=posted, row=row)


@page(
    "metadata-fields/<str:field_id>/delete/",
    name="metadata-field-delete",
    role=Role.OWNER,
    methods=("POST",),
    account_of=_account_of_field,
)
def delete(request: HttpRequest, desk: Desk, field_id: str) -> HttpResponse:
    """Delete it for good."""
    row = _field_at(desk, field_id)
    delete_field(field=row, actor=desk.actor, now=clock.now())
    messages.success(request, f"{row.label} is deleted.")
    return back_to(request, desk, "metadata-fields")


def _field_at(desk: Desk, field_id: str) -> CustomMetadataField:
    row = CustomMetadataField.objects.of_account(desk.account).present().filter(field_id=field_id).first()
    if row is None:
        raise Http404("No such field.")
    return row


def _given(posted: QueryDict, kind: str) -> dict[str, Any]:
    return {
        "label": posted.get("label", "").strip(),
        "description": posted.get("description", "").strip(),
        "schema": schema_from(posted, kind),
    }


def _form(
    request: HttpRequest,
    *,
    kind: str,
    posted: dict[str, str],
    row: CustomMetadataField | None = None,
    error: DomainError | None = None,
) -> HttpResponse:
    """The form with what was given; after an error with the sentence about it, and a 400."""
    context = {
        "title": row.name if row else f"New field: {kind}",
        "nav": "metadata-fields",
        "trail": [{"title": "Metadata fields", "url": reverse("admin:metadata-fields")}],
        "row": row,
        "kind": kind,
        "inputs": [(item, posted.get(item.name, "")) for item in schema_inputs(kind)],
        "posted": posted,
        "complaint": complaint(error),
        "most": {"name": LONGEST_NAME, "label": LONGEST_LABEL, "description": LONGEST_DESCRIPTION},
    }
    return show(request, "library/metadata_field.html", context, status=400 if error else 200)


def complaint(error: DomainError | None) -> str:
    """An error in one line, with what is wrong with which member."""
    if error is None or not isinstance(error.errors, dict):
        return error.message if error else ""
    return " ".join([f"{error.message.rstrip('.')}:", *(f"{name} {fault}." for name, fault in error.errors.items())])
