"""The rows that every benchmark returns: name, value, target and whether it is met; and the machine's description."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def at_least(name: str, value: float, target: float, *, unit: str = "", note: str = "") -> Row:
    """A row whose value must reach its target."""
    return _row(name, value, f">= {target:g}", value >= target, unit, note)


def at_most(name: str, value: float, target: float, *, unit: str = "", note: str = "") -> Row:
    """A row whose value must not pass its target."""
    return _row(name, value, f"<= {target:g}", value <= target, unit, note)


def below(name: str, value: float, target: float, *, unit: str = "", note: str = "") -> Row:
    """A row whose value must stay under its target."""
    return _row(name, value, f"< {target:g}", value < target, unit, note)


def for_information(name: str, value: float, *, unit: str = "", note: str = "") -> Row:
    """A row without a target; it counts as met."""
    return _row(name, value, "-", True, unit, note)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not pass, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def machine() -> str:
    """Processor, cores, memory and system of this machine, in one line."""
    cores = len(os.sched_getaffinity(0))
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{cores} x {_processor()}, {memory_gb:.0f} GB, {system}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _row(name: str, value: float, target: str, met: bool, unit: str, note: str) -> Row:
    row: Row = {"name": name, "value": _rounded(value), "target": target, "met": bool(met)}
    return row | ({"unit": unit} if unit else {}) | ({"note": note} if note else {})


def _rounded(value: float) -> float:
    return round(value, 3 if abs(value) < 10 else 1)
