"""Runs the benchmarks one after the other, prints their rows as a table and writes `results.json`.

`python -m benchmarks` runs all and ends with 1 when a row is missing; a target that is missed is reported, not hidden.
`python -m benchmarks NAME ...` runs some and writes nothing. Each runs in a process of its own.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.expected import EXPECTED
from benchmarks.rows import Row, machine

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results.json"
BENCHMARKS = (
    "cold_start",
    "remove_bg",
    "sync_tagging",
    "uploads",
    "load",
    "run_overhead",
    "ledger",
    "deliveries",
    "waiting",
    "recovery",
    "memory_growth",
    "quality",
)
TIMEOUT_S = 900
_ROWS_FILE = "BENCHMARK_ROWS_FILE"


def main(names: list[str]) -> int:
    """Run these benchmarks, or all; returns the exit status."""
    if unknown := set(names) - set(BENCHMARKS):
        print(f"no such benchmark: {', '.join(sorted(unknown))}; known are {', '.join(BENCHMARKS)}")
        return 2
    rows: list[Row] = []
    for name in names or BENCHMARKS:
        rows += _run_apart(name)
    print_table(rows)
    if names:
        return 0
    RESULTS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    return _verdict(rows)


def print_table(rows: list[Row]) -> None:
    """One line per row."""
    print()
    for row in rows:
        mark = "ok " if row["met"] else "NOT"
        value = f"{row['value']:g} {row.get('unit', '')}".strip()
        note = f"   ({row['note']})" if row.get("note") else ""
        print(f"{mark} {row['name']:<62} {value:>16}   {row['target']:<10}{note}")
    print(f"\n{machine()}")


def _verdict(rows: list[Row]) -> int:
    missing = [name for name in EXPECTED if name not in {row["name"] for row in rows}]
    missed = [row["name"] for row in rows if not row["met"]]
    print(f"{len(rows)} rows, {len(missed)} targets missed, {len(missing)} rows missing")
    for name in missing:
        print(f"missing: {name}")
    return 1 if missing else 0


def _run_apart(name: str) -> list[Row]:
    """Run one benchmark in a process; one that fails says why and leaves its rows missing."""
    load = os.getloadavg()[0]
    print(f"{name}: starts at load {load:.1f}", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mhb-") as folder:
        file = Path(folder) / "rows.json"
        command = [sys.executable, "-c", f"from benchmarks.__main__ import child; child({name!r})"]
        process = subprocess.Popen(command, cwd=FOLDER.parent, env=os.environ | {_ROWS_FILE: str(file)})
        try:
            status = process.wait(TIMEOUT_S)
        except BaseException as error:
            # Asked to end, it first stops the servers that it has started.
            process.terminate()
            status = process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
        rows: list[Row] = json.loads(file.read_text()) if file.exists() else []
    print(
        f"{name}: {len(rows)} rows in {time.monotonic() - start:.0f} s" + ("" if status == 0 else ", FAILED"),
        flush=True,
    )
    return [row | {"machine": machine(), "load_before": round(load, 2)} for row in rows]


def child(name: str) -> None:
    """Measure one benchmark and leave its rows in the file that the environment names."""
    end_in_order()
    rows = importlib.import_module(f"benchmarks.{name}").measure()
    Path(os.environ[_ROWS_FILE]).write_text(json.dumps(rows))


def end_in_order() -> None:
    """Have SIGTERM unwind this process like any error does, so that whatever it started is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


if __name__ == "__main__":
    end_in_order()
    sys.exit(main(sys.argv[1:]))
