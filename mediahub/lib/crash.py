"""Crash points: named places at which a test can make a process die by SIGKILL (REL section 11).

Without `MEDIAHUB_CRASH_POINT` in the environment a crash point is one dictionary look-up. With it, and with
`MEDIAHUB_CRASH_DIR` naming a folder, the first process to pass the named point leaves a marker there and dies, once.
The name `armed` stands for whichever points have a file `NAME.armed` in that folder when they are passed.
"""

import os
import signal
from pathlib import Path


def crash_point(name: str) -> None:
    """Die here if a test asked for it and nobody died here before."""
    wanted = os.environ.get("MEDIAHUB_CRASH_POINT")
    if wanted is None or wanted not in {name, "armed"}:
        return
    marker = Path(os.environ["MEDIAHUB_CRASH_DIR"]) / name
    try:
        if wanted == "armed":
            marker.with_name(f"{name}.armed").rename(marker)  # only one process can
            handle = os.open(marker, os.O_WRONLY)
        else:
            handle = os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except (FileExistsError, FileNotFoundError):
        return
    os.write(handle, str(os.getpid()).encode())
    os.fsync(handle)
    os.kill(os.getpid(), signal.SIGKILL)
