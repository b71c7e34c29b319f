"""Small calls to the system about this process: its end with the parent, its name in lists, its share of the CPU."""

import ctypes
import os
import signal
import sys
import threading
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_M_ARENA_MAX = -8


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


def yield_to_others(niceness: int) -> None:
    """Let other processes go first whenever the processor is busy; niceness is added to the present one, up to 19.

    Linux shares the processor among sessions first (autogroups), and a niceness counts within its session only. So it
    is also given to the session, but only to one that this process or its parent leads: never to an operator's shell.
    """
    os.nice(niceness)
    group = Path("/proc/self/autogroup")
    if group.exists() and os.getsid(0) in {os.getpid(), os.getppid()}:
        try:
            group.write_text(str(niceness), encoding="ascii")
        except OSError as error:  # a kernel or container that does not allow it: then it is a little slower for others
            log.info("session_keeps_its_share", error=repr(error))


def share_arenas(most: int) -> None:
    """Let the threads of this process share at most so many pools of memory. Call it before they start.

    glibc gives every thread a pool of its own, up to eight for each core, and each keeps what it once needed: a web
    server with 16 threads grew by 9 % over 150 uploads, with two pools by 4 %, and was 12 MB smaller.
    """
    if _libc is not None and hasattr(_libc, "mallopt"):
        _libc.mallopt(_M_ARENA_MAX, most)


def thread_count() -> int:
    """Threads of this process, those of libraries included where the system tells."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()
