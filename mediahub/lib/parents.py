"""Small calls to the system that keep a child tied to its parent: end with it, and be named in process lists."""

import ctypes
import os
import signal
import sys
import threading
from pathlib import Path

_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15


def die_with_parent(parent: int, number: int = signal.SIGTERM) -> None:
    """On Linux, have this process get a signal when its parent ends, be it by SIGKILL. Call it in the child.

    parent: the parent's process id; if that has ended already, the signal is sent at once.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(number))
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def name_process(name: str) -> None:
    """Give this process a name of at most 15 bytes in process lists; on Linux only."""
    if _libc is not None:
        _libc.prctl(_PR_SET_NAME, ctypes.create_string_buffer(name.encode()[:15]))


def thread_count() -> int:
    """Threads of this process, those of libraries included where the system tells."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()
