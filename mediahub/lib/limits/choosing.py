"""Which store counts now: the shared one, or this process's own where there is none or it does not answer.

A limiter that is down must not take the API down, and must not open it either: each process goes on counting by
itself, asks the shared store again every few seconds, and says so in the log once at the beginning and at the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import structlog
from django.conf import settings
from redis import RedisError

from mediahub.lib.limits.counting import LocalStore, Store
from mediahub.lib.limits.shared import SharedStore, is_shareable

log = structlog.get_logger(__name__)

ASK_AGAIN_AFTER_S = 5.0
T = TypeVar("T")

_lock = threading.Lock()
_local = LocalStore()
_away_until: float | None = None


def ask(step: Callable[[Store], T]) -> T:
    """Do one step in the shared store, or in this process's own if there is none or it fails."""
    url = settings.MEDIAHUB_LIMITS_URL
    if not is_shareable(url) or not _may_ask():
        return step(_local)
    try:
        result = step(_shared(url))
    except (RedisError, OSError, ValueError) as error:  # ValueError: a URL that redis-py does not read
        _note_absence(error)
        return step(_local)
    if _away_until is not None:
        _note_return()
    return result


def forget() -> None:
    """Start with empty counters in this process and ask the shared store at once. For tests."""
    global _local, _away_until
    _local, _away_until = LocalStore(), None


@lru_cache(maxsize=4)
def _shared(url: str) -> SharedStore:
    return SharedStore(url)


def _may_ask() -> bool:
    """Whether the shared store may be there. Of many threads one finds out again; the others need not wait with it."""
    global _away_until
    if _away_until is None:
        return True
    with _lock:
        if _away_until is not None and time.monotonic() < _away_until:
            return False
        if _away_until is not None:
            _away_until = time.monotonic() + ASK_AGAIN_AFTER_S
        return True


def _note_absence(error: Exception) -> None:
    global _away_until
    with _lock:
        is_new = _away_until is None
        _away_until = time.monotonic() + ASK_AGAIN_AFTER_S
    if is_new:
        log.warning("limits_counted_per_process", error=repr(error))


def _note_return() -> None:
    global _away_until
    with _lock:
        was_away, _away_until = _away_until is not None, None
    if was_away:
        log.info("limits_shared_again")
