"""All that exists on the delivery host: files, under the path of MEDIAHUB_DELIVERY_URL if it has one.

Its error pages are plain JSON, because the site's own link to pages that do not exist here.
"""

from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLResolver, include, path

from mediahub.lib.api import error_response

_PREFIX = urlsplit(settings.MEDIAHUB_DELIVERY_URL).path.strip("/")

urlpatterns: list[URLResolver] = [path(f"{_PREFIX}/" if _PREFIX else "", include("library.delivery.urls"))]


def _error(request: HttpRequest, exception: Exception | None = None, *, status: int, message: str) -> HttpResponseBase:
    return error_response(message, status=status)


handler400 = partial(_error, status=400, message="The request is malformed.")
handler403 = partial(_error, status=403, message="This request is not allowed.")
handler404 = partial(_error, status=404, message="The requested path does not exist.")
handler500 = partial(_error, status=500, message="The server could not answer this request.")
