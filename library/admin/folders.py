"""Folders of an account with what lies in them, and jobs on them; editors make, rename, move, copy and delete them."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from library.admin.paging import page_of
from library.adminsite import back_to, page, show
from library.desks import Desk, Role
from library.identifiers import is_object_id
from library.models import Account, Asset, BulkJob, Folder
from library.names import clean_folder_path
from library.services.folders import create_folder
from library.services.jobs.requests import request_copy, request_delete, request_move, request_rename
from library.services.jobs.working import work_now
from mediahub.lib import clock
from mediahub.lib.errors import DomainError

PAGE_SIZE = 50
JOBS_SHOWN = 8


@page("folders/", name="folders", methods=("GET", "HEAD", "POST"))
def folders(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The folders and the latest jobs; a POST makes a folder, with its parents."""
    if request.method == "POST":
        return _make(request, desk)
    rows = (
        Folder.objects.of_account(desk.account)
        .annotate(asset_count=Count("assets"), size=Sum("assets__current_version__size_bytes"))
        .order_by("path")
    )
    context = {"title": "Folders", "nav": "folders", **_jobs(desk), **page_of(request, rows, size=PAGE_SIZE)}
    return show(request, "library/folders.html", context)


@page("folder-jobs/", name="folder-jobs")
def jobs(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The latest jobs alone; they ask again for themselves while one is open."""
    return render(request, "library/folders.html#jobs", {"desk": desk, **_jobs(desk)})


def _account_of_folder(*, folder_id: str, **_: Any) -> Account | None:
    return Account.objects.filter(folders__folder_id=folder_id).first() if is_object_id(folder_id) else None


@page("folders/<str:folder_id>/", name="folder", account_of=_account_of_folder)
def folder(request: HttpRequest, desk: Desk, folder_id: str) -> HttpResponse:
    """One folder: what is in it, and what can be done with it."""
    row = _folder_at(desk, folder_id)
    inside = Asset.objects.of_account(desk.account).in_tree(row.path)
    context = {
        "title": row.path,
        "nav": "folders",
        "trail": [{"title": "Folders", "url": reverse("admin:folders")}],
        "folder": row,
        "children": row.children.order_by("path")[:PAGE_SIZE],
        "folder_count": Folder.objects.of_account(desk.account).in_tree(row.path).count() - 1,
        **inside.aggregate(asset_count=Count("pk"), size=Sum("current_version__size_bytes")),
    }
    return show(request, "library/folder.html", context)


@page(
    "folders/<str:folder_id>/rename/",
    name="folder-rename",
    role=Role.EDITOR,
    methods=("POST",),
    account_of=_account_of_folder,
)
def rename(request: HttpRequest, desk: Desk, folder_id: str) -> HttpResponse:
    """Ask for a folder to be renamed."""

    def ask(row: Folder) -> BulkJob:
        name = request.POST.get("name", "")
        return request_rename(
            account=desk.account, path=row.path, name=name, purge_cache=False, actor=desk.actor, now=clock.now()
        )

    return _ask(request, desk, folder_id, ask)


@page(
    "folders/<str:folder_id>/move/",
    name="folder-move",
    role=Role.EDITOR,
    methods=("POST",),
    account_of=_account_of_folder,
)
def move(request: HttpRequest, desk: Desk, folder_id: str) -> HttpResponse:
    """Ask for a folder to be moved into another, or copied there."""

    def ask(row: Folder) -> BulkJob:
        to = request.POST.get("destination", "")
        if request.POST.get("act") != "copy":
            return request_move(
                account=desk.account, source=row.path, destination=to, actor=desk.actor, now=clock.now()
            )
        return request_copy(
            account=desk.account,
            source=row.path,
            destination=to,
            include_versions=bool(request.POST.get("versions")),
            actor=desk.actor,
            now=clock.now(),
        )

    return _ask(request, desk, folder_id, ask)


@page(
    "folders/<str:folder_id>/delete/",
    name="folder-delete",
    role=Role.EDITOR,
    methods=("POST",),
    account_of=_account_of_folder,
)
def delete(request: HttpRequest, desk: Desk, folder_id: str) -> HttpResponse:
    """Delete a folder with all that is in it; what takes longer goes on in the background."""

    def ask(row: Folder) -> BulkJob:
        job = request_delete(account=desk.account, path=row.path, actor=desk.actor, now=clock.now())
        work_now(job)
        return job

    return _ask(request, desk, folder_id, ask)


def _ask(request: HttpRequest, desk: Desk, folder_id: str, ask: Callable[[Folder], BulkJob]) -> HttpResponse:
    """Ask for a job and show the list of jobs; show the folder again if it is refused."""
    try:
        job = ask(_folder_at(desk, folder_id))
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("admin:folder", folder_id=folder_id)
    messages.success(request, f"Asked for: {job.get_type_display()} {job.source_path}.")
    return back_to(request, desk, "folders")


def _folder_at(desk: Desk, folder_id: str) -> Folder:
    row = Folder.objects.of_account(desk.account).filter(folder_id=folder_id).first()
    if row is None:
        raise Http404("No such folder.")
    return row


def _jobs(desk: Desk) -> dict[str, Any]:
    rows = list(BulkJob.objects.filter(account=desk.account).order_by("-created_at", "-pk")[:JOBS_SHOWN])
    return {"jobs": rows, "is_working": any(not job.is_terminal for job in rows)}


def _make(request: HttpRequest, desk: Desk) -> HttpResponse:
    if not desk.can_edit:
        raise PermissionDenied
    try:
        parent, _, name = clean_folder_path(request.POST.get("path", "")).rpartition("/")
        made = create_folder(account=desk.account, parent_path=parent or "/", name=name, now=clock.now())
        messages.success(request, f"The folder {made.path} is there.")
    except DomainError as error:
        messages.error(request, error.message)
    return back_to(request, desk, "folders")
