"""How long does work wait: for a worker to start (REL K4), and for its answer to reach the request (REL K5)?"""

import json
from datetime import datetime
from statistics import median
from typing import Any

from benchmarks import photos
from benchmarks.client import checked
from benchmarks.rows import Row, at_most, percentile
from benchmarks.system import FAKE_CHAINS, System, running, scratch, settle_down

TURNS = 80
PAUSE_S = 0.1
PROVIDER_S = 0.05
START_AT_MOST_MS = 50
ADDED_AT_MOST_MS = 100
_WAITED = (
    "SELECT created_at, started_at FROM extensions_extensionrun WHERE queue = 'images' AND finished_at IS NOT NULL"
)


def measure() -> list[Row]:
    """p95 in milliseconds, one request at a time."""
    with scratch() as folder:
        (folder / "plan.json").write_text(json.dumps({"delay_s": PROVIDER_S}))
        with running(settings=FAKE_CHAINS | {"MEDIAHUB_FAKE_DIR": str(folder)}) as system:
            return [_start(system), _tagging(system)]


def _start(system: System) -> Row:
    """From the run's row, written before the commit, to its claim: more than the wake-up itself."""
    _upload(system, "remove-bg")
    system.wait_until_idle()
    waits = [
        (_moment(started) - _moment(created)).total_seconds() * 1000
        for created, started in system.database.rows(_WAITED)
    ]
    note = f"median {median(waits):.0f} ms, the upload's commit included"
    return at_most("wake-up to start, p95 (K4)", percentile(waits, 0.95), START_AT_MOST_MS, unit="ms", note=note)


def _tagging(system: System) -> Row:
    added = [(seconds - PROVIDER_S) * 1000 for seconds in _upload(system, "local-auto-tagging")]
    note = f"median {median(added):.0f} ms"
    return at_most(
        "added to a tagger of 50 ms, p95 (K5)", percentile(added, 0.95), ADDED_AT_MOST_MS, unit="ms", note=note
    )


def _upload(system: System, extension: str) -> list[float]:
    """Seconds of each upload; workers that have just started get a few to warm up on."""
    client = system.client()
    photo = photos.of_bytes(50_000)
    taken = []
    for _ in range(TURNS + 5):
        reply = checked(client.upload(photo, extensions=[{"name": extension}]))
        taken.append(reply.seconds)
        settle_down(PAUSE_S)
    return taken[5:]


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
