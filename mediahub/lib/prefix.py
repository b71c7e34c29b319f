"""The path under which everything is served: that of MEDIAHUB_PUBLIC_URL. Pure; `mediahub.settings` calls it."""

import re
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

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
