"""Do webhooks go out fast enough, and does a dead receiver delay nobody (REL K8, K16), on SQLite and PostgreSQL?

The same number of deliveries waits for each of ten receivers, of which one never answers in the second run. One process
of 16 threads sends them, as `up` starts it. Then all wait for a dead receiver, and uploads are announced to a live one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from benchmarks import photos
from benchmarks.client import checked
from benchmarks.database import postgresql
from benchmarks.processes import PeakMemory, wait_until
from benchmarks.receivers import receivers
from benchmarks.rows import Row, at_least, at_most, percentile
from benchmarks.system import FAKE_CHAINS, System, scratch

DATABASES = ("SQLite", "PostgreSQL")
DELIVERIES = 10_000
RECEIVERS = 10
BODY_BYTES = 2000
TIMEOUT_S = 3
RATE_AT_LEAST = 200
LONGER_AT_MOST = 1.1
LIVE_P95_AT_MOST_MS = 1000
MEMORY_AT_MOST_MB = 200
LIVE_DELIVERIES = 100
_LEFT = "SELECT count(*) FROM extensions_webhookdelivery WHERE state IN ('pending', 'sending') AND receiver <> ?"
_TIMES = "SELECT created_at, finished_at FROM extensions_webhookdelivery WHERE state = 'delivered' AND receiver <> ?"
_ENDED = "SELECT finished_at FROM extensions_webhookdelivery WHERE state = 'delivered' ORDER BY finished_at"


@dataclass(frozen=True)
class Sent:
    """One run. delays_s: from the first attempt's start to each delivery's end, of live receivers."""

    delays_s: list[float]
    attempts: int
    seconds: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Attempts a second, of all receivers."""
        return self.attempts / self.seconds

    @property
    def p95_s(self) -> float:
        return percentile(self.delays_s, 0.95)


def measure() -> list[Row]:
    """Rate, delay beside a dead receiver and memory for each database."""
    rows: list[Row] = []
    for name in DATABASES:
        # Taken in turns and the better one kept, so that other load on the machine hits both alike.
        sound, beside_dead = [], []
        for _ in range(2):
            sound.append(_send(name, dead=0))
            beside_dead.append(_send(name, dead=1))
        rows += _rows(name, min(sound, key=lambda run: run.p95_s), min(beside_dead, key=lambda run: run.p95_s))
        rows.append(_behind_backlog(name))
    return rows


def _rows(name: str, sound: Sent, beside_dead: Sent) -> list[Row]:
    what = f"{DELIVERIES} deliveries to {RECEIVERS} receivers, {name}"
    note = f"p95 {sound.p95_s:.1f} s without and {beside_dead.p95_s:.1f} s with it"
    return [
        at_least(f"{what}, rate (K16)", sound.rate, RATE_AT_LEAST, unit="1/s"),
        at_least(f"{what}, rate beside a dead one", beside_dead.rate, RATE_AT_LEAST, unit="1/s"),
        at_most(
            f"{what}, p95 beside a dead one over without", beside_dead.p95_s / sound.p95_s, LONGER_AT_MOST, note=note
        ),
        at_most(f"{what}, peak memory", max(sound.peak_mb, beside_dead.peak_mb), MEMORY_AT_MOST_MB, unit="MB"),
    ]


def _send(name: str, *, dead: int) -> Sent:
    """Send what waits for the live receivers. With a dead one, theirs are as many as without: it has some besides."""
    live = RECEIVERS - 1
    each = DELIVERIES // RECEIVERS
    with receivers(live=live, dead=1) as (good, silent):
        waiting = [*good, *(silent if dead else ())]
        with _started(name, each, *waiting) as system:
            return _watch(system, expected=each * live, dead_receiver=silent[0].removesuffix("/hook"))


@contextmanager
def _started(name: str, each: int, *addresses: str) -> Iterator[System]:
    """An installation in which so many deliveries wait for each address when it starts."""
    settings = FAKE_CHAINS | {
        "MEDIAHUB_ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
        "MEDIAHUB_WEBHOOK_TIMEOUT_S": str(TIMEOUT_S),
        "MEDIAHUB_SYNC_DEADLINE_S": "0",
        "MEDIAHUB_EXTENSION_WEBHOOKS": "all",
    }
    with _database(name) as url, scratch() as folder:
        system = System(folder / "data", database_url=url, settings=settings)
        system.private_key = system.seed("deliveries", str(each), str(BODY_BYTES), *addresses)
        try:
            system.start()
            yield system
        finally:
            system.stop()


def _behind_backlog(name: str) -> Row:
    """Webhooks of uploads to a live receiver while thousands wait for a dead one, from their making to their end."""
    with receivers(live=1, dead=1) as ([good], [silent]), _started(name, DELIVERIES, silent) as system:
        client, photo = system.client(), photos.of_bytes(50_000)
        for _ in range(LIVE_DELIVERIES):
            checked(client.upload(photo, extensions=[{"name": "local-auto-tagging"}], webhook_url=good))
        dead_receiver = silent.removesuffix("/hook")
        wait_until(
            lambda: len(system.database.rows(_TIMES, dead_receiver)) == LIVE_DELIVERIES,
            within_s=60,
            what="all webhooks",
        )
        times = system.database.rows(_TIMES, dead_receiver)
    delays_ms = [(_moment(end) - _moment(made)).total_seconds() * 1000 for made, end in times]
    what = f"webhooks behind {DELIVERIES} for a dead receiver (K8), {name}, p95"
    note = f"median {percentile(delays_ms, 0.5):.0f} ms of {LIVE_DELIVERIES}"
    return at_most(what, percentile(delays_ms, 0.95), LIVE_P95_AT_MOST_MS, unit="ms", note=note)


def _watch(system: System, *, expected: int, dead_receiver: str) -> Sent:
    with PeakMemory(system.process("webhooks"), every_s=0.25) as memory:
        wait_until(
            lambda: not system.database.value(_LEFT, dead_receiver),
            within_s=600,
            what="the end of all deliveries",
            every_s=0.25,
        )
    ended = [_moment(row[0]) for row in system.database.rows(_ENDED)]
    if len(ended) != expected:
        raise RuntimeError(f"{len(ended)} of {expected} were delivered")
    first = _moment(system.database.value("SELECT min(started_at) FROM extensions_webhookattempt"))
    seconds = (ended[-1] - first).total_seconds()
    attempts = system.database.value("SELECT count(*) FROM extensions_webhookattempt")
    return Sent([(moment - first).total_seconds() for moment in ended], attempts, seconds, memory.mb)


def _moment(value: object) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


@contextmanager
def _database(name: str) -> Iterator[str]:
    if name == "SQLite":
        yield ""
        return
    with scratch() as folder, postgresql(folder) as url:
        yield url
