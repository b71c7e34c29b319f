"""Process trees as the system sees them: who belongs to them, their memory (PSS) and their processor time.

PSS shares the pages that several processes map among them, so that a sum over a tree counts each page once.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """The process and everything that descends from it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (parent := _parent(int(folder.name))):
            children.setdefault(parent, []).append(int(folder.name))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def pss_mb(*roots: int) -> float:
    """Megabytes (10^6 bytes) of PSS of whole process trees."""
    return sum(_pss_kb(process) for root in roots for process in tree(root)) * 1024 / 1e6


def cpu_s(root: int) -> float:
    """Seconds of processor time that a tree has used, with children that have ended and were waited for."""
    return sum(_cpu_ticks(process) for process in tree(root)) / _TICKS_PER_S


class PeakMemory:
    """Samples the PSS of a tree in a thread, for as long as the block runs; `mb` is the highest sum."""

    def __init__(self, root: int, *, every_s: float = 0.03) -> None:
        self.mb = 0.0
        self._root, self._every_s = root, every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(self._every_s):
            self.mb = max(self.mb, pss_mb(self._root))


def wait_until(done: Callable[[], bool], *, within_s: float, what: str, every_s: float = 0.02) -> float:
    """Look until `done`, and return the seconds it took. Raises TimeoutError naming `what`."""
    start = time.monotonic()
    while not done():
        if time.monotonic() - start > within_s:
            raise TimeoutError(f"{what} did not happen within {within_s:g} s")
        time.sleep(every_s)
    return time.monotonic() - start


def _read(process: int, name: str) -> str:
    """A file of /proc, or nothing for a process that has just ended."""
    try:
        return Path(f"/proc/{process}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _parent(process: int) -> int:
    fields = _read(process, "stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else 0


def _cpu_ticks(process: int) -> int:
    fields = _read(process, "stat").rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15])


def _pss_kb(process: int) -> int:
    lines = _read(process, "smaps_rollup").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
