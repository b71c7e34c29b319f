"""What the library page does to the assets ticked on it: tags, move, delete, through the same services as the API."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from library.adminsite import back_to, page
from library.desks import Desk, Role
from library.models import Asset
from library.names import clean_folder_path, clean_tags
from library.services.bulk import BulkResult, add_tags, delete_assets, remove_tags
from library.services.moving import move_asset
from mediahub.lib import clock
from mediahub.lib.errors import DomainError

MOST = 50


@page("selection/", name="files-selection", role=Role.EDITOR, methods=("POST",))
def selection(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Act on the ticked assets and show the library again."""
    ids = list(dict.fromkeys(request.POST.getlist("file")))
    try:
        if not ids or len(ids) > MOST:
            raise DomainError(f"Tick 1 to {MOST} assets.")
        result, did = _act(request, desk, ids)
    except DomainError as error:
        messages.error(request, error.message)
        return back_to(request, desk, "files")
    count = len(result.done)
    if count:
        messages.success(request, f"{count} asset{'' if count == 1 else 's'} {did}.")
    for _, reason in result.failed[:3]:
        messages.error(request, reason)
    return back_to(request, desk, "files")


def _act(request: HttpRequest, desk: Desk, ids: list[str]) -> tuple[BulkResult, str]:
    act, account, now = request.POST.get("act"), desk.account, clock.now()
    if act == "delete":
        return delete_assets(account=account, file_ids=ids), "deleted"
    if act == "move":
        return _move(desk, ids, request.POST.get("destination", "")), "moved"
    if act not in ("add-tags", "remove-tags"):
        raise DomainError("Choose what to do with the ticked assets.")
    tags = clean_tags(request.POST.get("tags", "").split(","))
    if not tags:
        raise DomainError("Write at least one tag.", field="tags")
    change = add_tags if act == "add-tags" else remove_tags
    return change(account=account, file_ids=ids, tags=tags, now=now), "tagged" if act == "add-tags" else "untagged"


def _move(desk: Desk, ids: list[str], destination: str) -> BulkResult:
    if not destination.strip():
        raise DomainError("Write the folder to move to.", field="destination")
    path = clean_folder_path(destination, field="destination")
    result = BulkResult([], [])
    for asset in Asset.objects.of_account(desk.account).filter(file_id__in=ids).select_related("account", "folder"):
        try:
            move_asset(asset=asset, folder_path=path, now=clock.now())
            result.done.append(asset.file_id)
        except DomainError as error:
            result.failed.append((asset.file_id, f"{asset.name}: {error.message}"))
    return result
