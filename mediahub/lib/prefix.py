"""Serving everything under a path, such as `https://example.com/media-hub`: the path of MEDIAHUB_PUBLIC_URL.

`mediahub.settings` reads the prefix and hands it to Django as FORCE_SCRIPT_NAME, so that links, redirects and static
files carry it; the middleware takes it off what arrives. A proxy may pass the prefix on or take it off itself.
"""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

OWN_PATHS = frozenset({"admin", "api", "media", "static", "v1"})
_PREFIX = re.compile(r"(?:/[A-Za-z0-9][A-Za-z0-9._~-]*)+")


def path_prefix(public_url: str) -> str:
    """`/media-hub` for `https://example.com/media-hub`, empty without a path.

    Raises ImproperlyConfigured for a path that could not be told from paths of our own, or that needs quoting.
    """
    path = urlsplit(public_url).path.rstrip("/")
    if not path:
        return ""
    if not _PREFIX.fullmatch(path):
        raise ImproperlyConfigured(
            f"MEDIAHUB_PUBLIC_URL: its path {path!r} may have letters, digits and . _ ~ - between single slashes only."
        )
    if path.split("/")[1].lower() in OWN_PATHS:
        raise ImproperlyConfigured(
            f"MEDIAHUB_PUBLIC_URL: its path must not begin with one of {', '.join(sorted(OWN_PATHS))}; "
            "those are paths of this server. Give the address without /media, /admin or /api."
        )
    return path


class PathPrefixMiddleware:
    """Take the prefix off a request's path, once and if it is there.

    Runs behind the delivery host's middleware: paths of that host begin with what its own URL says.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        prefix = settings.FORCE_SCRIPT_NAME or ""
        if prefix and not hasattr(request, "urlconf") and f"{request.path_info}/".startswith(f"{prefix}/"):
            request.path_info = request.path_info.removeprefix(prefix) or "/"
            # Django has put the prefix before a path that already had it.
            request.path = request.path.removeprefix(prefix)
        return self.get_response(request)
