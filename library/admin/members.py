"""Members of an account and their roles, for owners; and the choice of the account one works for."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from library.adminsite import back_to, page, show
from library.desks import Desk, Role, choose
from library.models import Account, Membership
from library.services.people import remove_member, set_member
from mediahub.lib.errors import DomainError


@page("members/", name="members", role=Role.OWNER, methods=("GET", "HEAD", "POST"))
def members(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The members; a POST gives a user a role."""
    if request.method == "POST":
        username = request.POST.get("username", "")[:150]
        try:
            set_member(account=desk.account, username=username, role=request.POST.get("role", ""), actor=desk.actor)
            messages.success(request, f"The role of {username} is saved.")
        except DomainError as error:
            messages.error(request, error.message)
        return back_to(request, desk, "members")
    rows = Membership.objects.filter(account=desk.account).select_related("user").order_by("user__username")
    context = {"title": "Members", "nav": "members", "members": rows, "roles": Membership.Role.choices}
    return show(request, "library/members.html", context)


def _account_of_member(*, pk: int) -> Account | None:
    return Account.objects.filter(memberships__pk=pk).first()


@page(
    "members/<int:pk>/remove/",
    name="member-remove",
    role=Role.OWNER,
    methods=("POST",),
    account_of=_account_of_member,
)
def remove(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Take a member out of this account."""
    member = Membership.objects.filter(account=desk.account, pk=pk).select_related("user", "account").first()
    if member is None:
        raise Http404("No such member.")
    try:
        remove_member(member=member, actor=desk.actor)
        messages.success(request, f"{member.user.get_username()} is no longer a member.")
    except DomainError as error:
        messages.error(request, error.message)
    return back_to(request, desk, "members")


@page("switch/", name="switch", methods=("POST",), is_named=False)
def switch(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Work for another account of one's own from now on; any other is a 404."""
    account = Account.objects.filter(slug=request.POST.get("account", "")).first()
    if account is None:
        raise Http404("No such account.")
    choose(request, account)
    return redirect("admin:files")
