"""The admin site: who comes in, and the pages that are more than a list of rows.

`page` registers a view of ours under the admin's address with the role it needs; both apps use it. Django's and
unfold's own model pages stay reachable for superusers and staff, under the same log-in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import site as default_site
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite

from library.desks import Desk, Role, WrongAccount, desk_for, is_member, named_desk
from library.known_devices import known_device, remember_device
from library.models import Account
from library.services.people import note_slowed_login
from mediahub.lib.client_address import client_address
from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import require_clean_text
from mediahub.lib.limits.failures import TooManyFailures, begin_attempt

View = Callable[..., HttpResponseBase]
AccountOf = Callable[..., Account | None]


@dataclass(frozen=True)
class Page:
    """A page of ours: its address below the admin's root, its name for `admin:<name>`, and the guarded view.

    cacheable: it sets its own Cache-Control; all others are never stored.
    """

    route: str
    name: str
    view: View
    cacheable: bool


_pages: list[Page] = []


def page(
    route: str,
    *,
    name: str,
    role: Role = Role.VIEWER,
    methods: tuple[str, ...] = ("GET", "HEAD"),
    account_of: AccountOf | None = None,
    is_named: bool = True,
    cacheable: bool = False,
) -> Callable[[View], View]:
    """Register a view that is called with the request and the caller's desk, once the role is settled.

    account_of: finds the account of the object that the address names; the desk is then at that account. Unknown
    objects and those of other accounts are both a 404 (REL A4); too small a role is a 403. Without it the desk is at
    the account that the form or link names as `account`, and a form of another account is a 409. is_named: False for
    a page whose `account` means something else; its desk is at the chosen account.
    """

    def register(view: View) -> View:
        @require_http_methods(methods)
        @wraps(view)
        def guarded(request: HttpRequest, **address: Any) -> HttpResponseBase:
            _require_clean(request, address)
            try:
                desk = _desk_at(request, account_of, is_named, address)
            except WrongAccount:
                return render(request, "409.html", status=409)
            if not desk.may(role):
                raise PermissionDenied
            request.desk = desk  # type: ignore[attr-defined]
            return view(request, desk, **address)

        _pages.append(Page(route, name, guarded, cacheable))
        return guarded

    return register


def _desk_at(request: HttpRequest, account_of: AccountOf | None, is_named: bool, address: dict[str, Any]) -> Desk:
    if account_of is None:
        return named_desk(request) if is_named else desk_for(request)
    account = account_of(**address)
    if account is None:
        raise Http404("No such object.")
    return desk_for(request, account)


def _require_clean(request: HttpRequest, address: dict[str, Any]) -> None:
    """No text of ours holds what databases store differently or not at all (REL B4, B5): 400, or 404 in an address."""
    posted = [text for form in (request.GET, request.POST) for name, texts in form.lists() for text in (name, *texts)]
    try:
        for text in posted:
            require_clean_text(text)
    except DomainError as error:
        raise BadRequest(error.message) from error
    try:
        for part in address.values():
            require_clean_text(str(part))
    except DomainError as error:
        raise Http404("No such object.") from error


def show(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Render a page of ours inside the admin's frame. context: `title` and `nav` (the entry to mark) at least."""
    return render(request, template, default_site.each_context(request) | context, status=status)


def back_to(request: HttpRequest, desk: Desk, name: str) -> HttpResponse:
    """A redirect to a page of the desk's account, named in the address where another account is chosen."""
    address = reverse(f"admin:{name}")
    if desk_for(request).account != desk.account:
        address += "?" + urlencode({"account": desk.account.slug})
    return redirect(address)


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for the changing part of a page; going back in the browser needs the whole one."""
    return bool(request.headers.get("HX-Request")) and not request.headers.get("HX-History-Restore-Request")


class LoginForm(AuthenticationForm):
    """Django's log-in for the admin, open to members who are not staff, and slow for who guesses (REL A6)."""

    wait_s: int | None = None
    """Seconds after which a password will be looked at again; None if this one was."""

    def clean(self) -> dict[str, Any]:
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not username or not password:
            return super().clean()
        assert self.request is not None, "a log-in comes with its request"
        device = known_device(self.request, username)
        try:
            attempt = begin_attempt(self.request, who=username, device=device)
        except TooManyFailures as error:
            self.wait_s = error.retry_after_s
            raise ValidationError(_too_many(self.wait_s), code=error.code) from error
        try:
            cleaned = super().clean()
        except ValidationError:
            if attempt.is_first_beyond:
                note_slowed_login(username=username, address=client_address(self.request.META))
            raise
        attempt.succeeded()
        return cleaned

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        if not user.is_active or not is_member(user):
            raise ValidationError(
                self.error_messages["invalid_login"],
                code="invalid_login",
                params={"username": self.username_field.verbose_name},
            )


class MediaHubAdminSite(UnfoldAdminSite):
    """unfold's site with our pages, our rule of entry, and the library as its front page."""

    login_form = LoginForm
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Members come in, and staff. Asked several times a request, so the answer is kept on it."""
        known: bool | None = getattr(request, "_is_member", None)
        if known is None or getattr(request, "_is_member_of", None) != request.user.pk:
            known = is_member(request.user)
            request._is_member, request._is_member_of = known, request.user.pk  # type: ignore[attr-defined]
        return known

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's log-in; 429 while guesses are slowed, and a mark for the browser once somebody is in."""
        response: HttpResponse = super().login(request, extra_context)
        form = (getattr(response, "context_data", None) or {}).get("form")
        wait_s = getattr(form, "wait_s", None)
        if wait_s is not None:
            response.status_code = 429
            response["Retry-After"] = str(wait_s)
        if request.method == "POST" and request.user.is_authenticated and form is None:
            remember_device(response, request.user.get_username())
        return response

    def get_urls(self) -> list[Any]:
        ours = [path(item.route, self.admin_view(item.view, item.cacheable), name=item.name) for item in _pages]
        return [*ours, *super().get_urls()]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """unfold's context and the desk, for the frame around every page."""
        context = super().each_context(request)
        if self.has_permission(request):
            context["desk"] = getattr(request, "desk", None) or _desk_or_none(request)
        return context

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The library for members; the list of tables for staff who belong to no account."""
        if _desk_or_none(request):
            return redirect("admin:files")
        return super().index(request, extra_context)


def _too_many(wait_s: int | None) -> str:
    return f"Too many log-ins have failed. Wait {wait_s} second{'' if wait_s == 1 else 's'}, then try again."


def _desk_or_none(request: HttpRequest) -> Desk | None:
    try:
        return desk_for(request)
    except Http404:
        return None
