"""The process that changes one picture and ends: `python -m library.transforming.child ORDER`, started by `running`.

Standard input is the picture's file, standard output a file for the result; ORDER is JSON with `steps`, `limits`,
`memory_bytes`, `cpu_s`, `result_bytes` and `parent`. The exit status says what came of it: `EXITS` and what is below
it; any other, such as Python's own 1, is of a process that never came to look at the picture.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import traceback
from typing import Any

from library.transforming import drawing
from library.transforming.drawing import Step
from mediahub.lib.diskspace import is_disk_full
from mediahub.lib.imaging import CORRUPT, NOT_PROCESSABLE, UNSUPPORTED, ImageError, Limits
from mediahub.lib.parents import die_with_parent

EXITS = {
    CORRUPT: 10,
    NOT_PROCESSABLE: 11,
    UNSUPPORTED: 12,
    drawing.ANIMATED: 13,
    drawing.RESULT_TOO_LARGE: 14,
}
OUT_OF_MEMORY = 15
DISK_FULL = 16
NO_LIMITS = 17
"""The system sets no such limits to a process (macOS takes none on memory), and without them nothing is decoded."""


def main(order: dict[str, Any]) -> int:
    """Limit this process, change the picture, and return the exit status."""
    die_with_parent(order["parent"], signal.SIGKILL)
    try:
        _set_limits(order)
    except (ValueError, OSError, OverflowError):
        traceback.print_exc()
        return NO_LIMITS
    try:
        with os.fdopen(0, "rb", closefd=False) as source:
            result = drawing.transform(
                source, [Step(**step) for step in order["steps"]], limits=Limits(**order["limits"])
            )
    except ImageError as error:
        return EXITS[error.code]
    except MemoryError:
        return OUT_OF_MEMORY
    except Exception:  # noqa: BLE001 - whatever else a decoder raises
        traceback.print_exc()
        return EXITS[CORRUPT]
    return _write(result, order["result_bytes"])


def _write(result: bytes, most: int) -> int:
    if len(result) > most:
        return EXITS[drawing.RESULT_TOO_LARGE]
    try:
        with os.fdopen(1, "wb", closefd=False) as out:
            out.write(result)
    except OSError as error:
        if is_disk_full(error):
            return DISK_FULL
        raise
    return 0


def _set_limits(order: dict[str, Any]) -> None:
    _limit(resource.RLIMIT_AS, order["memory_bytes"])
    # A second more for the hard limit, so that the signal tells which limit it was.
    _limit(resource.RLIMIT_CPU, order["cpu_s"], order["cpu_s"] + 1)
    _limit(resource.RLIMIT_FSIZE, order["result_bytes"])
    _limit(resource.RLIMIT_CORE, 0)


def _limit(what: int, soft: int, hard: int | None = None) -> None:
    """Set a limit of this process, or keep the one that is stricter."""
    _, hardest = resource.getrlimit(what)
    hard = soft if hard is None else hard
    if hardest != resource.RLIM_INFINITY:
        soft, hard = min(soft, hardest), min(hard, hardest)
    resource.setrlimit(what, (soft, hard))


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
