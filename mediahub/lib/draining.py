"""Whether this worker was told to stop (REL J17). Tasks ask before they claim work.

The flag lives in memory that a worker shares with the children of its pool, which fork from it.
"""

import mmap

_flag = mmap.mmap(-1, 1)


def draining() -> bool:
    """True from the moment the worker was told to stop: no new work may be claimed."""
    return _flag[0] != 0


def drain(wanted: bool = True) -> None:
    """Tell this worker and its pool to claim nothing more."""
    _flag[0] = int(wanted)
