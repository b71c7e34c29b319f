"""Lets pages of other sites upload: the CORS headers of the two upload addresses, and of nothing else.

No cookie and no session counts there, so any site may ask unless MEDIAHUB_UPLOAD_ORIGINS names some; what a page may
do is what the account's back end has signed for it. `Authorization` is never allowed: a private key in a page is
everybody's. docs/client-side-uploads.md has the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from rest_framework.request import Request

from mediahub.lib.api import REQUEST_ID_HEADER, error_response

PREFLIGHT_MAX_AGE_S = 7200
_UPLOAD = re.compile(r"/api/v[12]/files/upload/?\Z")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_EXPOSED = f"{REQUEST_ID_HEADER}, Retry-After"
_MOST_HEADERS = 30


class UploadCorsMiddleware:
    """Answers preflights, refuses origins that may not upload, and marks every answer, errors included."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = request.headers.get("Origin", "")
        if not _UPLOAD.match(request.path_info):
            return self.get_response(request)
        response = self._answer(request, origin)
        if origin and _may_upload(request, origin):
            response["Access-Control-Allow-Origin"] = "*" if "*" in settings.MEDIAHUB_UPLOAD_ORIGINS else origin
            response["Access-Control-Expose-Headers"] = _EXPOSED
        if "*" not in settings.MEDIAHUB_UPLOAD_ORIGINS:
            patch_vary_headers(response, ["Origin"])
        return response

    def _answer(self, request: HttpRequest, origin: str) -> HttpResponse:
        if origin and not _may_upload(request, origin):
            return error_response("Pages of this origin may not upload here.", status=403)
        if origin and request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return _preflight(request)
        return self.get_response(request)


def comes_from_a_foreign_page(request: HttpRequest | Request) -> bool:
    """Whether a browser sends this for a page of another site.

    Browsers that remember a private key from a log-in prompt add it to forms of any site; they name that site too.
    """
    origin = request.META.get("HTTP_ORIGIN", "")
    return bool(origin) and not _is_our_own(request, origin)


def _may_upload(request: HttpRequest, origin: str) -> bool:
    allowed = settings.MEDIAHUB_UPLOAD_ORIGINS
    return "*" in allowed or origin.lower() in {item.lower() for item in allowed} or _is_our_own(request, origin)


def _is_our_own(request: HttpRequest | Request, origin: str) -> bool:
    public = urlsplit(settings.MEDIAHUB_PUBLIC_URL)
    try:
        here = f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        return False
    return origin.lower() in {f"{public.scheme}://{public.netloc}".lower(), here.lower()}


def _preflight(request: HttpRequest) -> HttpResponse:
    asked = [name.strip() for name in request.headers.get("Access-Control-Request-Headers", "").split(",")]
    named = [name for name in asked if _HEADER_NAME.match(name) and name.lower() != "authorization"]
    response = HttpResponse(status=204)
    response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    response["Access-Control-Max-Age"] = str(PREFLIGHT_MAX_AGE_S)
    if named:
        response["Access-Control-Allow-Headers"] = ", ".join(named[:_MOST_HEADERS])
    patch_vary_headers(response, ["Access-Control-Request-Headers"])
    return response
