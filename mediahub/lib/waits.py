"""How many requests of a web process may wait for something at once, so that the others still find a thread (REL J18).

Whoever waits for a slow part within a request, other than for extensions, takes a place first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from mediahub.lib.errors import ServiceUnavailable

_lock = threading.Lock()
_waiting = 0


@contextmanager
def a_place_to_wait() -> Iterator[None]:
    """Count this request as waiting. Raises ServiceUnavailable when half of the web threads wait already."""
    global _waiting
    with _lock:
        if _waiting >= max(1, settings.MEDIAHUB_WEB_THREADS // 2):
            raise ServiceUnavailable("The server is too busy at present. Try again.", retry_after_s=2)
        _waiting += 1
    try:
        yield
    finally:
        with _lock:
            _waiting -= 1
