"""What arrives as a path: serving under one, such as `https://example.com/hub`, and slashes within an id.

`mediahub.settings` reads the prefix from MEDIAHUB_PUBLIC_URL and hands it to Django as FORCE_SCRIPT_NAME, so that
links, redirects and static files carry it; the middleware takes it off what arrives. A proxy may pass it on or not.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from library.delivery.responses import on_delivery_host
from mediahub.lib.api import API_PREFIXES, error_response


class PathMiddleware:
    """Take the prefix off a request's path, once and if it is there; do not route an id with a slash in it.

    Runs before whatever else looks at paths. Those of the delivery host begin with what its own URL says.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        prefix = settings.FORCE_SCRIPT_NAME or ""
        if prefix and f"{request.path_info}/".startswith(f"{prefix}/") and not on_delivery_host(request):
            request.path_info = request.path_info.removeprefix(prefix) or "/"
            # Django has put the prefix before a path that already had it.
            request.path = request.path.removeprefix(prefix)
        if _has_encoded_slash(request) and request.path_info.startswith(API_PREFIXES) and not on_delivery_host(request):
            return error_response("The requested path does not exist.", status=404)
        return self.get_response(request)


def _has_encoded_slash(request: HttpRequest) -> bool:
    """Whether a segment of the path as it was sent holds a slash.

    WSGI decodes paths before they are routed, so that an id `a/versions/b`, which SDKs send as one segment, would name
    another resource. None of our ids has a slash.
    """
    raw = request.META.get("REQUEST_URI") or request.META.get("RAW_URI") or ""
    return "%2f" in raw.partition("?")[0].lower()
