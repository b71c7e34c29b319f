"""Keeps the host of MEDIAHUB_DELIVERY_URL to files alone: no admin, no API, no cookies (REL S1)."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from library.delivery.responses import on_delivery_host


class DeliveryHostMiddleware:
    """On the delivery host only the files' URLs exist (`library.delivery.host_urls`), and no cookie leaves it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not on_delivery_host(request):
            return self.get_response(request)
        request.urlconf = "library.delivery.host_urls"  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.cookies.clear()
        return response
