"""The audit lines of an account, newest first, for its owners. Nothing here can be changed (REL A8)."""

from django.http import HttpRequest, HttpResponse

from library.admin.paging import page_of
from library.adminsite import page, show
from library.desks import Desk, Role
from library.models import AuditEntry

PAGE_SIZE = 50


@page("audit/", name="audit", role=Role.OWNER)
def audit_lines(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Who did what to what."""
    rows = AuditEntry.objects.filter(account=desk.account).order_by("-created_at", "-pk")
    context = {"title": "Audit", "nav": "audit", **page_of(request, rows, size=PAGE_SIZE)}
    return show(request, "library/audit.html", context)
