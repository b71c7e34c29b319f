"""Keeps the host of MEDIAHUB_DELIVERY_URL to files alone: no admin, no API, no cookies (REL S1)."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from library.delivery.responses import on_delivery_host
from mediahub.lib.api import error_response


class DeliveryHostMiddleware:
    """Answer 404 to everything but /media/ on the delivery host, and let no cookie out there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not on_delivery_host(request):
            return self.get_response(request)
        if not request.path.startswith("/media/"):
            return error_response("The requested path does not exist.", status=404)
        response = self.get_response(request)
        response.cookies.clear()
        return response
