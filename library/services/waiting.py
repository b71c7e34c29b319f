"""Wait a moment for a derived image: a worker usually has it within the time that a client would wait for a page.

Delivery of thumbnails and the metadata of files come here.
"""

from __future__ import annotations

import time

from library.models import Rendition
from library.renditions import NoRendition
from mediahub.lib.errors import NotFound, ServiceUnavailable
from mediahub.lib.waits import place_if_free

WAIT_S = 2.0
POLL_S = 0.05


def wait_for_rendition(rendition: Rendition) -> Rendition:
    """Give the worker up to WAIT_S to finish. Raises ServiceUnavailable (with Retry-After), NoRendition, NotFound."""
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
