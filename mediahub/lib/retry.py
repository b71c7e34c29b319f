"""Repeats a transaction that the database chose as the victim of a deadlock or serialization failure (REL F25).

Wrapped around functions that are one transaction and nothing else; what they did is rolled back before each repeat.
"""

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import structlog
from django.db import OperationalError, connection

log = structlog.get_logger(__name__)

REPEATS = 3
LONGEST_WAIT_S = 0.2
_VICTIM = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected

P = ParamSpec("P")
T = TypeVar("T")


def repeat_on_conflict(function: Callable[P, T]) -> Callable[P, T]:
    """Call the function again, up to 3 times, when the database gave its transaction up for another one's sake.

    Inside an outer transaction it is called once: only the outermost can be repeated. Other errors pass through.
    """

    @functools.wraps(function)
    def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
        for repeat in range(REPEATS):
            try:
                return function(*args, **kwargs)
            except OperationalError as error:
                if connection.in_atomic_block or not is_conflict(error):
                    raise
                log.warning("transaction_repeated", function=function.__qualname__, repeat=repeat + 1)
                time.sleep(random.uniform(0, LONGEST_WAIT_S))  # noqa: S311 - spreads the rivals, no secret
        return function(*args, **kwargs)

    return repeated


def is_conflict(error: OperationalError) -> bool:
    """Whether PostgreSQL says that the same transaction may succeed when it is tried again."""
    return getattr(error.__cause__, "sqlstate", None) in _VICTIM
