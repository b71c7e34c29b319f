"""What can be counted, and the store that counts within one process. `shared` has the one for many processes.

Times are whole microseconds of the store's own clock. Rates are kept by GCRA: one number per key, the moment at which
its allowance would be whole again, so that a burst and a sustained rate need no history and no window has an edge.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

SECOND_US = 1_000_000
FORGET_US = 15 * 60 * SECOND_US
FIRST_WAIT_US = 2 * SECOND_US
MAX_DOUBLINGS = 20


@dataclass(frozen=True)
class Taken:
    """Whether a request fits its rate, and after how many microseconds the next one does."""

    is_allowed: bool
    wait_us: int


@dataclass(frozen=True)
class Subject:
    """What failures are counted for: `free` of them cost nothing, each further one doubles the wait up to `cap_us`."""

    key: str
    free: int
    cap_us: int


@dataclass(frozen=True)
class Counted:
    """After a failure: how long its subjects must wait already (then it was not counted), or each one's count."""

    wait_us: int
    counts: tuple[int, ...] = ()


class Store(Protocol):
    """Each method is one atomic step, however many threads, processes or hosts share the store."""

    def take(self, key: str, *, gap_us: int, burst: int) -> Taken:
        """Take one request from a rate of one per `gap_us` on end and `burst` at once. A refusal takes nothing."""

    def count_failure(self, subjects: Sequence[Subject]) -> Counted:
        """Count a failure for all subjects, or for none if one of them has to wait. Forgotten after FORGET_US."""

    def forgive(self, subjects: Sequence[Subject]) -> None:
        """Take back the failure counted last: the first subject starts afresh, the others lose one and their wait."""


def wait_after(count: int, subject: Subject) -> int:
    """Microseconds to wait after so many failures."""
    if count < subject.free:
        return 0
    return min(subject.cap_us, FIRST_WAIT_US << min(count - subject.free, MAX_DOUBLINGS))


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000


class LocalStore:
    """Counts in this process. Its clock never goes back; what it keeps is bounded, the oldest goes first.

    clock: microseconds, for tests.
    """

    MOST_KEYS = 50_000

    def __init__(self, clock: Callable[[], int] = _monotonic_us) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._whole_at: dict[str, int] = {}
        self._failures: dict[str, tuple[int, int, int]] = {}  # count, moment of the last, wait until

    def take(self, key: str, *, gap_us: int, burst: int) -> Taken:
        with self._lock:
            now, room = self._clock(), gap_us * burst
            whole_at = self._whole_at.get(key, now)
            # More than the room is left only if the rule has changed meanwhile: begin anew.
            after = (whole_at if now < whole_at <= now + room else now) + gap_us
            if after > now + room:
                return Taken(False, after - now - room)
            self._whole_at.pop(key, None)  # put last, so that what is found first is the oldest
            self._whole_at[key] = after
            _drop_oldest(self._whole_at, self.MOST_KEYS)
            return Taken(True, max(0, after + gap_us - now - room))

    def count_failure(self, subjects: Sequence[Subject]) -> Counted:
        with self._lock:
            now = self._clock()
            found = [self._recent(subject.key, now) for subject in subjects]
            waits = [until - now for _, until in found]
            wait = max(wait if wait <= item.cap_us else 0 for wait, item in zip(waits, subjects, strict=True))
            if wait > 0:
                return Counted(wait)
            for subject, (count, _) in zip(subjects, found, strict=True):
                self._failures.pop(subject.key, None)
                self._failures[subject.key] = (count + 1, now, now + wait_after(count + 1, subject))
            _drop_oldest(self._failures, self.MOST_KEYS)
            return Counted(0, tuple(count + 1 for count, _ in found))

    def forgive(self, subjects: Sequence[Subject]) -> None:
        with self._lock:
            first, *others = subjects
            self._failures.pop(first.key, None)
            for subject in others:
                count, at, _ = self._failures.get(subject.key, (0, 0, 0))
                if count > 1:
                    self._failures[subject.key] = (count - 1, at, 0)
                else:
                    self._failures.pop(subject.key, None)

    def _recent(self, key: str, now: int) -> tuple[int, int]:
        """Count and end of the wait; nothing for what is forgotten."""
        count, at, until = self._failures.get(key, (0, now, 0))
        return (count, until) if now - at < FORGET_US else (0, 0)


def _drop_oldest(kept: dict[str, int] | dict[str, tuple[int, int, int]], most: int) -> None:
    while len(kept) > most:
        del kept[next(iter(kept))]
