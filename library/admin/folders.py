"""Folders of an account with what lies in them; editors make new ones."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse

from library.admin.paging import page_of
from library.adminsite import back_to, page, show
from library.desks import Desk
from library.models import Folder
from library.names import clean_folder_path
from library.services.folders import create_folder
from mediahub.lib import clock
from mediahub.lib.errors import DomainError

PAGE_SIZE = 50


@page("folders/", name="folders", methods=("GET", "HEAD", "POST"))
def folders(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The folders; a POST makes one, with its parents."""
    if request.method == "POST":
        return _make(request, desk)
    rows = (
        Folder.objects.of_account(desk.account)
        .annotate(asset_count=Count("assets"), size=Sum("assets__current_version__size_bytes"))
        .order_by("path")
    )
    context = {"title": "Folders", "nav": "folders", **page_of(request, rows, size=PAGE_SIZE)}
    return show(request, "library/folders.html", context)


def _make(request: HttpRequest, desk: Desk) -> HttpResponse:
    if not desk.can_edit:
        raise PermissionDenied
    try:
        parent, _, name = clean_folder_path(request.POST.get("path", "")).rpartition("/")
        folder = create_folder(account=desk.account, parent_path=parent or "/", name=name, now=clock.now())
        messages.success(request, f"The folder {folder.path} is there.")
    except DomainError as error:
        messages.error(request, error.message)
    return back_to(request, desk, "folders")
