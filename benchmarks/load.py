"""Does MediaHub keep up on SQLite and on PostgreSQL: uploads while workers are busy (REL K3), and runs (REL K6)?"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import photos
from benchmarks.database import postgresql
from benchmarks.receiver import receiver
from benchmarks.rows import Row, at_least, at_most, percentile
from benchmarks.system import FAKE_CHAINS, System, running, scratch
from benchmarks.uploads import upload_many

CLIENTS = 8
UPLOADS = 600
RATE_AT_LEAST = 60
P95_AT_MOST_MS = 400
RUNS = 600
SETTLED_AT_LEAST = {"SQLite": 25, "PostgreSQL": 20}
_SPAN = """SELECT count(*), min(finished_at), max(finished_at) FROM extensions_extensionrun WHERE state = 'succeeded'"""


def measure() -> list[Row]:
    """Rows of K3 and K6 for each database."""
    rows: list[Row] = []
    for name in SETTLED_AT_LEAST:
        with database(name) as url:
            rows += _uploads(name, url)
        with database(name) as url:
            rows.append(_settling(name, url))
    return rows


def _uploads(name: str, url: str) -> list[Row]:
    with running(database_url=url, settings=FAKE_CHAINS | {"MEDIAHUB_SYNC_DEADLINE_S": "0"}) as system:
        clients = [system.client() for _ in range(CLIENTS)]
        photo, tagging = photos.of_bytes(200_000), [{"name": "local-auto-tagging"}]
        upload_many(clients, photo, 40, extensions=tagging)
        start = time.monotonic()
        replies = upload_many(clients, photo, UPLOADS, extensions=tagging)
        seconds = time.monotonic() - start
        settled = system.database.value("SELECT count(*) FROM extensions_extensionrun WHERE finished_at IS NOT NULL")
    errors = sum(reply.status != 200 for reply in replies)
    p95_ms = percentile([reply.seconds for reply in replies], 0.95) * 1000
    note = f"{settled / seconds:.0f} runs/s were settled meanwhile"
    what = f"uploads of 200 kB with a run each (K3), {name}"
    return [
        at_least(f"{what}, rate", len(replies) / seconds, RATE_AT_LEAST, unit="1/s", note=note),
        at_most(f"{what}, p95", p95_ms, P95_AT_MOST_MS, unit="ms"),
        at_most(f"{what}, errors", errors, 0),
    ]


def _settling(name: str, url: str) -> Row:
    """The backlog is written before the workers start; each run ends with a webhook, which is delivered, too."""
    with scratch() as folder, receiver() as address:
        settings = FAKE_CHAINS | {"MEDIAHUB_ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8"}
        system = System(folder / "data", database_url=url, settings=settings)
        system.seed("runs", str(RUNS), address)
        try:
            system.start()
            start = time.monotonic()
            open_before = system.database.open_runs()
            system.wait_until_idle(within_s=300)
            seconds = time.monotonic() - start
            delivered = system.database.value(
                "SELECT count(*) FROM extensions_webhookdelivery WHERE state = 'delivered'"
            )
            written = system.database.value("SELECT count(*) FROM extensions_webhookdelivery")
        finally:
            system.stop()
    if written != RUNS:
        raise RuntimeError(f"{RUNS} runs wrote {written} webhooks")
    note = f"{open_before} runs in {seconds:.0f} s; {delivered} webhooks were delivered meanwhile"
    return at_least(f"runs settled (K6), {name}", open_before / seconds, SETTLED_AT_LEAST[name], unit="1/s", note=note)


@contextmanager
def database(name: str) -> Iterator[str]:
    """The URL of a new database of this kind; "" is SQLite in the data directory."""
    if name == "SQLite":
        yield ""
        return
    with scratch() as folder, postgresql(folder) as url:
        yield url
