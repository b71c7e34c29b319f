"""The page of one asset: picture, details, tags of people and machines, versions, runs, webhook calls.

Its changing parts are partials of one template; `live` sends them together, so an open run shows its end without a
reload. What the page does goes through the services of `library` and `extensions.runs`.
"""

import hashlib
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from extensions.admin.lookups import account_of_asset, asset_at
from extensions.forms import blocks_from, choices, saved_choices
from extensions.models import ExtensionRun, WebhookDelivery
from extensions.runs.services import request_runs
from extensions.units.services import balance
from library import wire
from library.adminsite import page, show, wants_part
from library.api.serializers import check_description
from library.desks import Desk, Role
from library.forms import as_posted, value_inputs, values_from
from library.models import AITag, Asset
from library.names import clean_tags
from library.services.assets import AssetChanges, delete_asset, update_asset
from library.services.metadata import BadMetadata, Fields, fields_of
from library.services.reviews import review_ai_tag
from library.services.versions import lock_asset, restore_version
from mediahub.lib import clock
from mediahub.lib.errors import DomainError

MOST_RUNS = 20


@page("files/<str:file_id>/", name="file", account_of=account_of_asset)
def file(request: HttpRequest, desk: Desk, file_id: str) -> HttpResponse:
    """The whole page."""
    return _show(request, desk, asset_at(desk, file_id))


def _show(request: HttpRequest, desk: Desk, asset: Asset, *, status: int = 200, **more: Any) -> HttpResponse:
    context = _live_context(desk, asset) | {
        "title": asset.name,
        "nav": "files",
        "trail": [{"title": "Library", "url": reverse("admin:files")}],
        "choices": choices(),
        "saved_choices": saved_choices(desk.account),
        "balance": balance(desk.account, now=clock.now()),
        "public_url": "" if asset.is_private else wire.asset_url(asset),
        "tag_text": ", ".join(tag.name for tag in asset.tags.all()),
        **_metadata_context(asset),
    }
    return show(request, "extensions/asset.html", context | more, status=status)


@page("files/<str:file_id>/live/", name="file-live", account_of=account_of_asset)
def live(request: HttpRequest, desk: Desk, file_id: str) -> HttpResponse:
    """The changing parts; 204 while nothing has changed since the mark that the page was drawn with."""
    context = _live_context(desk, asset_at(desk, file_id))
    if request.GET.get("seen") == context["mark"]:
        return HttpResponse(status=204)
    return render(request, "extensions/asset_live.html", context)


@page(
    "files/<str:file_id>/details/",
    name="file-details",
    role=Role.EDITOR,
    methods=("POST",),
    account_of=account_of_asset,
)
def details(request: HttpRequest, desk: Desk, file_id: str) -> HttpResponse:
    """Save human tags and description."""

    def save(asset: Asset) -> str:
        changes = AssetChanges(
            tags=clean_tags(request.POST.get("tags", "").split(",")),
            description=check_description(request.POST.get("description", "")),
        )
        update_asset(asset=asset, changes=changes, now=clock.now())
        return "Details saved."

    return _act(request, desk, file_id, save)


@page(
    "files/<str:file_id>/metadata/",
    name="file-metadata",
    role=Role.EDITOR,
    methods=("POST",),
    account_of=account_of_asset,
)
def metadata(request: HttpRequest, desk: Desk, file_id: str) -> HttpResponse:
    """Save what was changed of the custom metadata; what cannot be saved is shown again, as it was typed."""
    fields, asset = fields_of(desk.account), asset_at(desk, file_id)
    changes = values_from(request.POST, fields.values(), asset.custom_metadata)
    complaint = ""
    try:
        update_asset(asset=asset, changes=AssetChanges(custom_metadata=changes), now=clock.now())
    except BadMetadata as error:
        complaint = _complaint(error, fields)
    if complaint and not wants_part(request):
        messages.error(request, complaint)
        asset = asset_at(desk, file_id)
        inputs = as_posted(value_inputs(fields.values(), asset.custom_metadata), request.POST)
        return _show(request, desk, asset, status=400, inputs=inputs)

    def say(_: Asset) -> str:
        if complaint:
            raise DomainError(complaint)
        return "Custom metadata saved."

    return _act(request, desk, file_id, say)


@page(
    "files/<str:file_id>/ai-tags/<int:pk>/",
    name="file-ai-tag",
    role=Role.EDITOR,
    methods=("POST",),
    account_of=account_of_asset,
)
def ai_tag(request: HttpRequest, desk: Desk, file_id: str, pk: int) -> HttpResponse:
    """Accept or reject a machine tag, or take that back."""

    def review(asset: Asset) -> str:
        tag = asset.ai_tags.filter(pk=pk).first()
        state = request.POST.get("state", "")
        if tag is None:
            raise Http404("No such tag.")
        if state not in AITag.State.values:
            raise DomainError("Choose accepted, rejected or suggested.")
        review_ai_tag(ai_tag=tag, state=AITag.State(state))
        return f"{tag.name} is {state}."

    return _act(request, desk, file_id, review)


@page(
    "files/<str:file_id>/versions/<str:version_id>/restore/",
    name="file-restore",
    role=Role.EDITOR,
    methods=("POST",),
    account_of=account_of_asset,
)
def restore(request: HttpRequest, desk: Desk, file_id: str, version_id: str) -> HttpResponse:
    """Make an older version the current one."""

    def point(asset: Asset) -> str:
        version = asset.versions.filter(version_id=version_id).first()
        if version is None:
            raise Http404("No such version.")
        restore_version(asset=asset, version=version, now=clock.now())
        return f"Version {version.number} is current again."

    return _act(request, desk, file_id, point)


@page(
    "files/<str:file_id>/extensions/",
    name="file-extensions",
    role=Role.EDITOR,
    methods=("POST",),
    account_of=account_of_asset,
)
def extensions(request: HttpRequest, desk: Desk, file_id: str) -> HttpResponse:
    """Request the ticked extensions on the current version, units held, all or none."""

    @transaction.atomic
    def ask(asset: Asset) -> str:
        blocks = blocks_from(request.POST, desk.account)
        if not blocks:
            raise DomainError("Tick at least one extension.")
        lock_asset(asset)
        if asset.current_version is None:
            raise DomainError("The asset has no version yet.")
        runs = request_runs(asset=asset, version=asset.current_version, blocks=blocks, webhook_url="", now=clock.now())
        return f"{len(runs)} run{'' if len(runs) == 1 else 's'} requested."

    return _act(request, desk, file_id, ask)


@page(
    "files/<str:file_id>/delete/", name="file-delete", role=Role.EDITOR, methods=("POST",), account_of=account_of_asset
)
def delete(request: HttpRequest, desk: Desk, file_id: str) -> HttpResponse:
    """Delete the asset with all its versions."""
    asset = asset_at(desk, file_id)
    delete_asset(asset=asset)
    messages.success(request, f"{asset.name} is deleted.")
    return redirect("admin:files")


def _metadata_context(asset: Asset) -> dict[str, Any]:
    """The inputs of the account's fields, and the values of fields that are deleted."""
    fields, values = fields_of(asset.account), asset.custom_metadata
    return {
        "inputs": value_inputs(fields.values(), values),
        "shown_fields": ",".join(field.field_id for field in fields.values()),
        "metadata_facts": [
            (fields[name].label if name in fields else name, value, name in fields) for name, value in values.items()
        ],
    }


def _complaint(error: BadMetadata, fields: Fields) -> str:
    faults = error.errors if isinstance(error.errors, dict) else {}
    return " ".join(f"{fields[name].label if name in fields else name} {fault}." for name, fault in faults.items())


def _act(request: HttpRequest, desk: Desk, file_id: str, act: Any) -> HttpResponse:
    """Do something to the asset, then show its changing parts to htmx, or the page again."""
    asset = asset_at(desk, file_id)
    try:
        said, level = act(asset), messages.SUCCESS
    except DomainError as error:
        said, level = error.message, messages.ERROR
    if wants_part(request):
        context = _live_context(desk, asset_at(desk, file_id))
        return render(
            request, "extensions/asset_live.html", context | {"said": said, "is_error": level == messages.ERROR}
        )
    messages.add_message(request, level, said)
    return redirect("admin:file", file_id=file_id)


def _live_context(desk: Desk, asset: Asset) -> dict[str, Any]:
    runs = list(asset.runs.order_by("-created_at")[:MOST_RUNS])
    deliveries = WebhookDelivery.objects.of_account(desk.account).filter(file_id=asset.file_id)[:MOST_RUNS]
    tags = list(asset.ai_tags.all())
    context = {
        "desk": desk,
        "asset": asset,
        "page_url": reverse("admin:file", kwargs={"file_id": asset.file_id}),
        "version": asset.current_version,
        "embedded": _embedded_rows(asset),
        "runs": runs,
        "is_open": any(not run.is_terminal for run in runs),
        "deliveries": list(deliveries),
        "versions": list(asset.versions.all()),
        "ai_tags": [tag for tag in tags if tag.state in AITag.VISIBLE],
        "rejected_tags": [tag for tag in tags if tag.state not in AITag.VISIBLE],
        "summary": _summary(runs),
    }
    return context | {"mark": _mark(context)}


def _embedded_rows(asset: Asset) -> list[tuple[str, str]]:
    """What the current version's bytes say of themselves, by name; lists as one text."""
    embedded = getattr(asset.current_version, "embedded", None)
    data = embedded.data if embedded is not None else {}
    return [(name, ", ".join(value) if isinstance(value, list) else str(value)) for name, value in data.items()]


def _summary(runs: list[ExtensionRun]) -> str:
    """The newest state of each extension in a sentence, for the live region."""
    newest: dict[str, str] = {}
    for run in runs:
        newest.setdefault(run.extension, run.get_state_display())
    return ", ".join(f"{name}: {state}" for name, state in newest.items())


def _mark(context: dict[str, Any]) -> str:
    """Short and equal as long as the changing parts are."""
    seen = [
        [(str(run.pk), run.state, run.attempts, run.last_error) for run in context["runs"]],
        [(item.pk, item.state, item.attempts_made) for item in context["deliveries"]],
        [(tag.pk, tag.state) for tag in (*context["ai_tags"], *context["rejected_tags"])],
        context["version"].pk if context["version"] else None,
    ]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
