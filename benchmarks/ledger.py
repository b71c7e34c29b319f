"""Does one ledger stand 8 processes at once: no unit sold twice, every balance the sum of its entries, and fast enough?

The ledger has fewer units than the processes ask for, so that the last of them are fought over.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.database import Database, postgresql
from benchmarks.rows import Row, at_least, at_most
from benchmarks.system import ROOT, environment, scratch, stop

PROCESSES = 8
OPERATIONS = 10_000
PRICES = 3_600
RATE_AT_LEAST = 500
WHAT = f"ledger, {PROCESSES} processes, {OPERATIONS} operations, PostgreSQL"


def measure() -> list[Row]:
    """Operations a second over all processes, units oversold, and what `check_ledger` finds."""
    with scratch() as folder, postgresql(folder / "server") as url:
        variables = environment(folder / "data", url)
        flush_ms = _flush_ms(folder / "flushed")
        granted = _json(_start(variables, "prepare", str(PRICES)).communicate()[0])
        seconds, done = _spend(variables)
        database = Database(url=url, sqlite_file=Path())
        [(held, spent)] = database.rows("SELECT held, spent FROM extensions_unitledger")
        posted = database.value("SELECT coalesce(sum(amount), 0) FROM extensions_unitentry WHERE kind = 'post'")
        database.close()
        differences = _differences(variables)
    note = (
        f"{done['posted']} posted, {done['voided']} voided, {done['refused']} refused in {seconds:.1f} s; "
        f"a flush of 8 kB took {flush_ms:.1f} ms"
    )
    if not done["refused"] or held:
        raise RuntimeError(f"the ledger was not fought over to its end: {note}, {held} still held")
    return [
        at_least(f"{WHAT}, rate", OPERATIONS / seconds, RATE_AT_LEAST, unit="1/s", note=note),
        at_most(f"{WHAT}, oversold", max(0, spent - granted, int(posted) - granted), 0, unit="units"),
        at_most(f"{WHAT}, differences in check_ledger", differences, 0),
    ]


def _flush_ms(file: Path, turns: int = 200) -> float:
    """How long this disk takes to keep a page: transactions on one ledger commit one after the other, each with a
    flush, so the rate cannot pass the inverse of this."""
    with file.open("wb") as output:
        output.write(bytes(turns * 8192))
        os.fsync(output.fileno())
        start = time.monotonic()
        for number in range(turns):
            os.pwrite(output.fileno(), b"x" * 8192, number * 8192)
            os.fdatasync(output.fileno())
        return (time.monotonic() - start) / turns * 1000


def _spend(variables: dict[str, str]) -> tuple[float, dict[str, int]]:
    """Seconds from the common start to the last end, and what all processes did together."""
    processes = [_start(variables, "spend", str(OPERATIONS // PROCESSES)) for _ in range(PROCESSES)]
    try:
        for process in processes:
            _wait_for(process, b"ready")
        start = time.monotonic()
        for process in processes:
            process.stdin.write(b"go\n")
            process.stdin.flush()
        for process in processes:
            _wait_for(process, b"spent")
        seconds = time.monotonic() - start
        results = [_json(process.stdout.read()) for process in processes]
    finally:
        for process in processes:
            stop(process)
    return seconds, {name: sum(result[name] for result in results) for name in results[0]}


def _start(variables: dict[str, str], *words: str) -> Any:
    command = [sys.executable, "-m", "benchmarks.spending", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=ROOT, env=variables, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )


def _wait_for(process: Any, word: bytes) -> None:
    if process.stdout.readline().strip() != word:
        raise RuntimeError(f"a process failed before {word!r}: {process.stderr.read().decode()[-2000:]}")


def _json(output: bytes) -> Any:
    if not output.strip():
        raise RuntimeError("a process of the benchmark ended without a result")
    return json.loads(output.splitlines()[-1])


def _differences(variables: dict[str, str]) -> int:
    command = [sys.executable, "manage.py", "check_ledger", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, check=False)
    return len(_json(done.stdout)["differences"])
