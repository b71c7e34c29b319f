"""One account's share of the API: every call of a limited view spends one request of its class (API 1.7).

Django REST framework asks `WithinLimits` before it asks for rights, so that refused calls count too. A view says by
`write_class` what its changes count as, if not as `write`; uploads and bulk changes do.
"""

from typing import Any

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from library.api.auth import KeyUser
from mediahub.lib.limits.rates import spend


class WithinLimits(BasePermission):
    """Counts a request for its account, all keys together. Raises TooManyRequests; never says no otherwise."""

    def has_permission(self, request: Request, view: Any) -> bool:
        user: object = request.user
        if isinstance(user, KeyUser):
            spend_for(request, account_id=user.account.pk, rate_class=rate_class(view, request.method))
        return True


def rate_class(view: Any, method: str | None) -> str:
    """`read`, or what changes of this view count as. A question asked by POST (`required_right`) is a read."""
    if method in SAFE_METHODS or getattr(view, "required_right", "") == "read":
        return "read"
    return str(getattr(view, "write_class", "write"))


def spend_for(request: Request, *, account_id: int, rate_class: str) -> None:
    """Spend one request of a class where the settings limit it. Raises TooManyRequests."""
    rate = settings.MEDIAHUB_RATE_LIMITS.get(rate_class)
    if rate is not None:
        spend(request, key=f"{account_id}:{rate_class}", rate=rate)
