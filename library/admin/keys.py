"""API keys of an account: owners make and disable them. The private part is shown once, in the answer that made it."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict

from library.adminsite import back_to, page, show
from library.desks import Desk, Role
from library.models import Account, ApiKey
from library.services.accounts import BadRights, NewKey, TooManyKeys, audit, create_api_key
from library.services.people import disable_api_key
from mediahub.lib import clock


@page("keys/", name="keys", role=Role.OWNER, methods=("GET", "HEAD", "POST"))
def keys(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The keys; a POST makes one and shows its private part this one time (REL A2)."""
    made = None
    if request.method == "POST":
        label = request.POST.get("label", "").strip()[:80]
        try:
            made = _make(desk, label, _rights(request.POST))
        except (TooManyKeys, BadRights) as error:
            messages.error(request, error.message)
            return back_to(request, desk, "keys")
    rows = ApiKey.objects.filter(account=desk.account).order_by("disabled_at", "-created_at")
    choices = {"groups": ApiKey.Group.choices, "rights": ApiKey.Rights.choices}
    context = {"title": "API keys", "nav": "keys", "keys": rows, "made": made, "now": clock.now(), **choices}
    return show(request, "library/keys.html", context)


@transaction.atomic
def _make(desk: Desk, label: str, rights: dict[str, str] | None) -> NewKey:
    made = create_api_key(account=desk.account, label=label, rights=rights)
    detail = {"rights": made.api_key.rights} if rights is not None else {}
    audit(account=desk.account, actor=desk.actor, action="key.created", target=made.public_key, detail=detail)
    return made


def _rights(posted: QueryDict) -> dict[str, str] | None:
    """The rights that were chosen; None for a key that may do everything, which the form asks for by name.

    Raises BadRights without a choice: a form that lost it must not make the strongest key.
    """
    if posted.get("scope") == "standard":
        return None
    if posted.get("scope") != "restricted":
        raise BadRights("Choose whether the key may do everything, or only what is chosen here.", field="scope")
    return {group: posted.get(f"right-{group}", ApiKey.Rights.NONE) for group in ApiKey.Group.values}


def _account_of_key(*, pk: int) -> Account | None:
    return Account.objects.filter(api_keys__pk=pk).first()


@page("keys/<int:pk>/disable/", name="key-disable", role=Role.OWNER, methods=("POST",), account_of=_account_of_key)
def disable(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Close a key of this account."""
    api_key = ApiKey.objects.filter(account=desk.account, pk=pk).first()
    if api_key is None:
        raise Http404("No such key.")
    disable_api_key(api_key=api_key, actor=desk.actor, now=clock.now())
    messages.success(request, f"The key {api_key.label or api_key.public_key} is disabled.")
    return back_to(request, desk, "keys")
