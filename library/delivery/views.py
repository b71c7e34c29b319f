"""Files and thumbnails over HTTP: `/media/<account slug>/[tr:n-<name>/]<path>`.

Anyone may ask; what is private needs a signed URL. An original is streamed from the store, a derived image too once a
worker has made it.
"""

from __future__ import annotations

import time

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from library.delivery.headers import safety_headers
from library.delivery.lookup import Found, find
from library.delivery.responses import respond_with_blob
from library.models import Rendition
from library.renditions import NoRendition, request_rendition
from mediahub.lib.api import error_response
from mediahub.lib.errors import DomainError, NotFound, ServiceUnavailable
from mediahub.lib.waits import place_if_free

WAIT_S = 2.0
POLL_S = 0.05


@require_safe
def media(request: HttpRequest, slug: str, path: str) -> HttpResponseBase:
    """Serve the original or derived image that the URL names; errors have the API's body and the safety headers."""
    try:
        found = find(request, slug=slug, path=path)
        return _rendition(request, found) if found.spec else _original(request, found)
    except DomainError as error:
        response = error_response(error.message, status=error.status, retry_after_s=error.retry_after_s)
        response["Cache-Control"] = "no-store"
        for name, value in safety_headers(private=True).items():
            response[name] = value
        return response


def _original(request: HttpRequest, found: Found) -> HttpResponseBase:
    version = found.version
    return respond_with_blob(
        request,
        key=version.blob_key,
        mime=version.mime,
        filename=found.asset.name,
        sha256=version.sha256,
        size=version.size_bytes,
        last_modified=version.created_at,
        private=found.asset.is_private,
        immutable=found.immutable,
        attachment=found.attachment,
    )


def _rendition(request: HttpRequest, found: Found) -> HttpResponseBase:
    rendition = _wait_for(request_rendition(version=found.version, spec=found.spec or ""))
    return respond_with_blob(
        request,
        key=rendition.blob_key,
        mime=rendition.mime,
        filename=f"{found.asset.name.rpartition('.')[0] or found.asset.name}.{rendition.mime.rpartition('/')[2]}",
        sha256=rendition.sha256,
        size=rendition.size_bytes or 0,
        last_modified=rendition.created_at,
        private=found.asset.is_private,
        immutable=found.immutable,
        attachment=found.attachment,
    )


def _wait_for(rendition: Rendition) -> Rendition:
    """Give the worker up to WAIT_S to finish. Raises ServiceUnavailable (with Retry-After), NoRendition."""
    if rendition.state in Rendition.OPEN:
        with place_if_free("thumbnail") as is_free:
            rendition = _poll(rendition) if is_free else rendition
    if rendition.state in Rendition.OPEN:
        raise ServiceUnavailable("The image is being made. Try again.", retry_after_s=2)
    if rendition.state != Rendition.State.READY:
        raise NoRendition("No image can be made of this file.")
    return rendition


def _poll(rendition: Rendition) -> Rendition:
    deadline = time.monotonic() + WAIT_S
    while rendition.state in Rendition.OPEN and time.monotonic() < deadline:
        time.sleep(POLL_S)
        found = Rendition.objects.filter(pk=rendition.pk).first()
        if found is None:
            # The file was deleted meanwhile.
            raise NotFound("The requested file does not exist.")
        rendition = found
    return rendition
