"""Pages of a list: one count and one slice, and links that keep the other filters."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest


def page_of(request: HttpRequest, rows: QuerySet[Any], *, size: int) -> dict[str, Any]:
    """The context of one page of a list: `page` (Django's Page; `?page=`, forgiving) and `query` without `page`."""
    page: Page[Any] = Paginator(rows, size).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    return {"page": page, "query": query.urlencode()}
