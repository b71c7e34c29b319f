"""The library as a grid of cards: search by words or an expression, one folder and what lies below it, pages; open runs
show up live. What is found is what `GET /v1/files` finds for the same expression."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from extensions.admin.cards import open_ids, with_card_facts
from library.admin.paging import page_of
from library.adminsite import page, show, wants_part
from library.api.listing import files_matching
from library.api.serializers import ListQuery
from library.desks import Desk
from library.models import Asset, Folder
from library.names import MAX_PATH_BYTES
from library.search import plain
from library.search.errors import SearchError
from library.search.nodes import And, Clause, Expr

PAGE_SIZE = 24
MOST_FOLDERS = 500
SHOWN_CHARACTERS = 60
"""Of an expression, before and after the place where it is wrong."""
ORDERS = {
    "newest": ("-created_at", "-pk"),
    "oldest": ("created_at", "pk"),
    "name": ("name", "pk"),
    "largest": ("-size_bytes", "-pk"),
}


@page("files/", name="files")
def files(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The grid; htmx gets the result alone."""
    order = request.GET.get("order", "")
    found, complaint = _found(request, desk)
    rows = with_card_facts(found).order_by(*ORDERS.get(order, ORDERS["newest"]))
    context = page_of(request, rows, size=PAGE_SIZE)
    context |= {
        "open_ids": open_ids(context["page"].object_list),
        "q": request.GET.get("q", ""),
        "folder": request.GET.get("folder", ""),
        "complaint": complaint,
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


def _found(request: HttpRequest, desk: Desk) -> "tuple[QuerySet[Asset], dict[str, Any] | None]":
    """The files asked for; or none, and what is wrong with the expression, with the text around the place."""
    text = request.GET.get("q", "")
    folder = request.GET.get("folder", "").rstrip("/")[:MAX_PATH_BYTES]
    try:
        asked: list[Expr] = [expr for expr in (plain.read(text),) if expr is not None]
        if folder:
            asked.append(Clause("path", ":", (folder,)))
        query = ListQuery(search=And(tuple(asked)) if asked else None)
        return files_matching(desk.account, query), None
    except SearchError as error:
        at = error.position - 1
        before, after = plain.normal(text)[:at], plain.normal(text)[at:]
        complaint = {"error": error, "before": before[-SHOWN_CHARACTERS:], "after": after[:SHOWN_CHARACTERS]}
        return Asset.objects.none(), complaint
