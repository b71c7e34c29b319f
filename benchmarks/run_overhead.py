"""What does a run cost beside its provider's time: claim, leave to call, keep and settle, on either database?

One process works on a backlog without a broker or a second worker, and measures each run from claim to commit less the
provider's call. Each run ends with a webhook row, as most do.
"""

from statistics import median

from benchmarks.load import database
from benchmarks.rows import Row, at_most, percentile
from benchmarks.system import FAKE_CHAINS, System, scratch

RUNS = 200
WARM_UP = 20
AT_MOST_MS = {"SQLite": 25, "PostgreSQL": 15}
SETTINGS = FAKE_CHAINS | {"CELERY_BROKER_URL": "memory://"}
RECEIVER = "http://127.0.0.1:9/hook"


def measure() -> list[Row]:
    """The p95 in milliseconds for each database."""
    return [_row(name) for name in AT_MOST_MS]


def _row(name: str) -> Row:
    with database(name) as url, scratch() as folder:
        system = System(folder / "data", database_url=url, settings=SETTINGS)
        system.seed("runs", str(RUNS + WARM_UP), RECEIVER)
        added: list[float] = system.seed("work", str(RUNS + WARM_UP))[WARM_UP:]
    note = f"median {median(added):.1f} ms, {len(added)} runs"
    return at_most(
        f"a run beside its provider, p95, {name}", percentile(added, 0.95), AT_MOST_MS[name], unit="ms", note=note
    )
