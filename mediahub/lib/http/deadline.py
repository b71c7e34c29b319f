"""One clock for one call, kept from outside: when it strikes, the connection is shut, whoever is reading from it.

Time-outs of sockets and HTTP libraries hold for a single read, so a peer that sends a byte now and then could keep a
thread for ever (REL O6, trap 10). One watchdog thread per process serves every call.
"""

import heapq
import itertools
import os
import socket
import threading
import time


class Deadline:
    """The end of one call, counted from its start.

    `attach` gives it the connection to shut; `move` brings the end forward or back; `close` must be called at the
    end (use `with`). Once it has struck, nothing that was read counts (trap 11).
    """

    def __init__(self, seconds: float) -> None:
        self.started_at = time.monotonic()
        self.ends_at = self.started_at + seconds
        self.has_struck = False
        self._lock = threading.Lock()
        self._guarded: socket.socket | None = None
        self.is_closed = False
        _watchdog.watch(self)

    def __enter__(self) -> "Deadline":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def remaining_s(self) -> float:
        return max(0.0, self.ends_at - time.monotonic())

    @property
    def is_over(self) -> bool:
        return self.has_struck or time.monotonic() >= self.ends_at

    @property
    def elapsed_ms(self) -> int:
        return round((time.monotonic() - self.started_at) * 1000)

    def move(self, seconds: float) -> None:
        """Let the call end so many seconds after its start."""
        with self._lock:
            self.ends_at = self.started_at + seconds
        _watchdog.watch(self)

    def attach(self, connection: socket.socket) -> None:
        """Guard a connected socket in place of the one before it.

        A duplicate is kept: wrapping a socket in TLS detaches the original, and a number that was closed and given
        out again must never be shut by us.
        """
        guarded = connection.dup()
        with self._lock:
            before, self._guarded = self._guarded, guarded
        if before is not None:
            before.close()

    def strike(self) -> None:
        """Shut the connection. Called by the watchdog."""
        with self._lock:
            if self.is_closed:
                return
            self.has_struck = True
            if self._guarded is not None:
                _shut(self._guarded)

    def close(self) -> None:
        with self._lock:
            self.is_closed = True
            guarded, self._guarded = self._guarded, None
        if guarded is not None:
            guarded.close()


class _Watchdog:
    """A thread that sleeps until the earliest deadline; started on first use, and again in a forked child."""

    def __init__(self) -> None:
        self._wakes = threading.Condition()
        self._heap: list[tuple[float, int, Deadline]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def watch(self, deadline: Deadline) -> None:
        with self._wakes:
            entry = (deadline.ends_at, next(self._numbers), deadline)
            heapq.heappush(self._heap, entry)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif self._heap[0] is entry:
                self._wakes.notify()

    def _run(self) -> None:
        while True:
            for deadline in self._due():
                deadline.strike()

    def _due(self) -> list[Deadline]:
        """Wait for the earliest entry, then take those whose time has come. Ended or moved calls fall out here."""
        with self._wakes:
            if not self._heap:
                self._wakes.wait()
            elif (seconds := self._heap[0][0] - time.monotonic()) > 0:
                self._wakes.wait(seconds)
            due = []
            now = time.monotonic()
            while self._heap and self._heap[0][0] <= now:
                at, _, deadline = heapq.heappop(self._heap)
                if not deadline.is_closed and deadline.ends_at <= at:
                    due.append(deadline)
            return due


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the peer was faster


def _start_anew() -> None:
    global _watchdog
    _watchdog = _Watchdog()


_watchdog = _Watchdog()
os.register_at_fork(after_in_child=_start_anew)
