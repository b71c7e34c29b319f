"""Clients of suppliers' libraries: one for a process, made when the first run asks for it.

The connections and threads behind a client do not survive a fork (REL 13.7, 13.13), so a client is never made at
import, and a process that finds its parent's makes its own.
"""

import os
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Setup = TypeVar("Setup", bound=Hashable)
Client = TypeVar("Client")


class PerProcess(Generic[Setup, Client]):
    """Holds the client of one set-up (address, credentials). Safe to use from several threads."""

    def __init__(self, make: Callable[[Setup], Client]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._held: tuple[int, Setup, Client] | None = None

    def get(self, setup: Setup) -> Client:
        """This process's client; made anew after a fork, and when the set-up has changed. Raises what `make` raises."""
        with self._lock:
            if self._held is None or self._held[:2] != (os.getpid(), setup):
                self._held = (os.getpid(), setup, self._make(setup))
            return self._held[2]

    def forget(self) -> None:
        """Have the next call make a new client. Calls under way keep the old one, so it is not closed here."""
        with self._lock:
            self._held = None
