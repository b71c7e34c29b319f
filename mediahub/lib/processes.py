"""Who this process is, and whether another process of this machine still lives (REL J16).

Rows that somebody works on carry `me()`. The sweep asks `is_alive` about rows of its own node and frees those whose
process is gone. A process is known by its id and its start time, because ids are used again.
"""

import functools
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import QuerySet

_LINUX = sys.platform == "linux"
_PROC = Path("/proc")


@functools.cache
def node() -> str:
    """This machine, as far as process ids mean anything: host name, boot and, on Linux, the container's id space."""
    parts = [socket.gethostname()[:120]]
    if _LINUX:
        boot = _PROC / "sys/kernel/random/boot_id"
        parts.append(boot.read_text(encoding="ascii").split("-")[0])
        parts.append((_PROC / "self/ns/pid").readlink().name.strip("pid:[]"))
    return ":".join(parts)


def me() -> tuple[str, int, str]:
    """Return (node, process id, start time) of the calling process."""
    return node(), os.getpid(), _started_for_good(os.getpid()) or ""


def is_alive(process_id: int, started: str) -> bool:
    """Whether the process with this id and start time, of this node, still runs. A zombie does not."""
    return started != "" and _started(process_id) == started


def lost(rows: "QuerySet[Any]") -> Iterator[Any]:
    """Those of this node's rows whose process no longer exists: their leases need not run out."""
    for row in rows.filter(node=node()).only("pk", "token", "process_id", "process_started"):
        if row.process_id and not is_alive(row.process_id, row.process_started):
            yield row


@functools.lru_cache(maxsize=1)
def _started_for_good(process_id: int) -> str | None:
    """Of a process that cannot end meanwhile: the caller. A forked child has another id and asks anew."""
    return _started(process_id)


def _started(process_id: int) -> str | None:
    """A text that differs for every process that ever had this id; None if no such process runs."""
    if not _LINUX:
        found = subprocess.run(["ps", "-o", "lstart=", "-p", str(process_id)], capture_output=True, text=True)
        return found.stdout.strip() or None
    try:
        line = (_PROC / str(process_id) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in brackets may hold blanks and brackets; the fields that count come after the last one.
    fields = line.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[19]
