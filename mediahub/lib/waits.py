"""How many requests of a web process may wait for something at once, so that the others still find a thread (REL J18).

Whoever waits for a slow part within a request (a worker, an equal upload, a transformation, a foreign server) takes a
place first. All count together: each kind alone would leave half of the threads, and four kinds none.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from mediahub.lib.errors import ServiceUnavailable

_lock = threading.Lock()
_waiting: Counter[str] = Counter()


@contextmanager
def place_if_free(kind: str) -> Iterator[bool]:
    """Count this request as waiting, and give whether it may: it may not when half of the web threads wait for this
    kind of thing, or three quarters for anything."""
    with _lock:
        is_free = _waiting[kind] < _share(1, 2) and _waiting.total() < _share(3, 4)
        _waiting[kind] += is_free
    try:
        yield is_free
    finally:
        with _lock:
            _waiting[kind] -= is_free


@contextmanager
def a_place_to_wait(kind: str) -> Iterator[None]:
    """Count this request as waiting. Raises ServiceUnavailable when too many wait already."""
    with place_if_free(kind) as is_free:
        if not is_free:
            raise ServiceUnavailable("The server is too busy at present. Try again.", retry_after_s=2)
        yield


def _share(part: int, of: int) -> int:
    return max(1, settings.MEDIAHUB_WEB_THREADS * part // of)
