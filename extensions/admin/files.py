"""The library as a grid of cards: search by name, one folder and what lies below it, pages; open runs show up live."""

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from extensions.admin.cards import open_ids, with_card_facts
from library.admin.paging import page_of
from library.adminsite import page, show, wants_part
from library.desks import Desk
from library.models import Asset, Folder
from library.names import MAX_NAME_BYTES, MAX_PATH_BYTES

PAGE_SIZE = 24
MOST_FOLDERS = 500
ORDERS = {
    "newest": ("-created_at", "-pk"),
    "oldest": ("created_at", "pk"),
    "name": ("name", "pk"),
    "largest": ("-current_version__size_bytes", "-pk"),
}


@page("files/", name="files")
def files(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The grid; htmx gets the result alone."""
    order = request.GET.get("order", "")
    rows = with_card_facts(_filtered(request, desk)).order_by(*ORDERS.get(order, ORDERS["newest"]))
    context = page_of(request, rows, size=PAGE_SIZE)
    context |= {
        "open_ids": open_ids(context["page"].object_list),
        "q": request.GET.get("q", ""),
        "folder": request.GET.get("folder", ""),
        "order": order,
        "desk": desk,
    }
    if wants_part(request):
        return render(request, "extensions/files.html#result", context)
    folders = Folder.objects.of_account(desk.account).order_by("path").values_list("path", flat=True)
    context |= {"title": "Library", "nav": "files", "folders": folders[:MOST_FOLDERS], "orders": ORDERS}
    return show(request, "extensions/files.html", context)


@page("news/", name="files-news")
def news(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The feet of the cards that had open runs, to be put in their places; asks again while any is open."""
    ids = request.GET.get("ids", "").split(",")[:PAGE_SIZE]
    assets = list(with_card_facts(Asset.objects.of_account(desk.account).filter(file_id__in=ids)))
    return render(request, "extensions/files.html#news", {"desk": desk, "assets": assets, "open_ids": open_ids(assets)})


def _filtered(request: HttpRequest, desk: Desk) -> "QuerySet[Asset]":
    rows = Asset.objects.of_account(desk.account)
    # Nothing is longer than this, and SQLite refuses to compare with patterns of 50 000 bytes.
    name = request.GET.get("q", "").strip()[:MAX_NAME_BYTES]
    folder = request.GET.get("folder", "").rstrip("/")[:MAX_PATH_BYTES]
    if name:
        rows = rows.filter(name__icontains=name)
    if folder:
        rows = rows.filter(Q(folder__path=folder) | Q(folder__path__startswith=f"{folder}/"))
    return rows
