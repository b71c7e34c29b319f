"""Browsers in which somebody has logged in before, told by a signed cookie of their own (REL A6).

The log-in counts failures in such a browser by themselves, so that nobody who fails in a person's name, or behind the
same address, can keep that person out. The cookie opens nothing: it only says whose failures are whose.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from mediahub.lib.limits.failures import name_hash

COOKIE = "known_device"
KEPT_S = 180 * 24 * 3600


def known_device(request: HttpRequest, username: str) -> str:
    """The mark of this browser if that person has logged in here before, else ""."""
    mark: str = request.get_signed_cookie(COOKIE, default="", salt=COOKIE, max_age=KEPT_S) or ""
    return mark if mark.partition(":")[0] == name_hash(username) else ""


def remember_device(response: HttpResponse, username: str) -> None:
    """Mark this browser as one in which that person has logged in."""
    response.set_signed_cookie(
        COOKIE,
        f"{name_hash(username)}:{secrets.token_hex(8)}",
        salt=COOKIE,
        max_age=KEPT_S,
        path=reverse("admin:index"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
