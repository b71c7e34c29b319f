"""Rename, move and copy the asset of an asset page, through the same services as the API."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from extensions.admin.lookups import account_of_asset, asset_at
from library.adminsite import page
from library.desks import Desk, Role
from library.services.moving import copy_asset, move_asset, rename_asset
from mediahub.lib import clock
from mediahub.lib.errors import DomainError


@page(
    "files/<str:file_id>/rename/", name="file-rename", role=Role.EDITOR, methods=("POST",), account_of=account_of_asset
)
def rename(request: HttpRequest, desk: Desk, file_id: str) -> HttpResponse:
    """Give the asset another name."""
    try:
        rename_asset(asset=asset_at(desk, file_id), name=request.POST.get("name", ""), now=clock.now())
        messages.success(request, "Renamed.")
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("admin:file", file_id=file_id)


@page("files/<str:file_id>/move/", name="file-move", role=Role.EDITOR, methods=("POST",), account_of=account_of_asset)
def move(request: HttpRequest, desk: Desk, file_id: str) -> HttpResponse:
    """Move the asset into a folder, or copy it there; shows the asset that is there afterwards."""
    asset, path = asset_at(desk, file_id), request.POST.get("destination", "")
    try:
        if request.POST.get("act") == "copy":
            with_versions = bool(request.POST.get("versions"))
            found = copy_asset(asset=asset, folder_path=path, include_versions=with_versions, now=clock.now())
            messages.success(request, f"Copied. This is {found}.")
        else:
            found = move_asset(asset=asset, folder_path=path, now=clock.now())
            messages.success(request, f"Moved to {found.folder.path}.")
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("admin:file", file_id=file_id)
    return redirect("admin:file", file_id=found.file_id)
