"""How fast are lists and searches over a library of 10 000, 100 000 and 1 000 000 assets, on SQLite and PostgreSQL?

`make bench-search` prints p50 and p95 of each query, then the rows, and writes `results-search.json`; with sizes
(`ARGS="10000 100000"`) it only prints.
Requests go through the API's own views in the process, so no network is in the figures.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.database import postgresql
from benchmarks.rows import Row, at_most, below, for_information, machine, percentile

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results-search.json"
SIZES = (10_000, 100_000, 1_000_000)
REQUESTS = 100
FEW_REQUESTS = 10
PAGE = 50
GOALS_MS = {"PostgreSQL": 50, "SQLite": 100}
WORST_GROWTH = 1.5
SKIP = "skip of nine tenths"
SLOW = "without any tag"
OF_MANY = ("two words that many names have", "two tags of many", "tree and machine tag of many", "by relevance")

Parameters = dict[str, Any]


def queries(size: int) -> dict[str, Callable[[int], Parameters]]:
    """The ten, by name: the parameters of the n-th request, so that no two requests need ask the same.

    Each finds about as much in a library of any size, so that growth is the search's and not that of the answer.
    """
    from benchmarks.library_rows import BIG_FOLDER, COLOURS, SMALL_FOLDER, THINGS, name_of

    # Names end in the number of the asset: a start with so many of its digits has about seven of any size of library.
    digits = "12"[: len(str(size)) - 5]

    def pair(n: int) -> str:
        return f"{COLOURS[n % len(COLOURS)]}-{THINGS[n % len(THINGS)]}"

    def name(n: int) -> str:
        return name_of(n * 7919 % size)

    def word(n: int) -> str:
        return f"{name(n).partition('-')[2].replace('_', ' ').partition('.')[0]}"

    def days(n: int) -> str:
        month = f"2024-{n % 9 + 1:02}"
        return f'createdAt > "{month}-10" AND createdAt < "{month}-25"'

    return {
        "first page": lambda n: {"sort": "DESC_CREATED"},
        "folder": lambda n: {"path": BIG_FOLDER if n % 2 else SMALL_FOLDER, "sort": "DESC_CREATED"},
        "exact name": lambda n: {"searchQuery": f'name = "{name(n)}"'},
        "start of name": lambda n: {"searchQuery": f'name : "{pair(n)}_{digits}"'},
        "words of name": lambda n: {"searchQuery": f'name HAS "{word(n)}"'},
        "rare tag": lambda n: {"searchQuery": 'tags IN ["rare"]'},
        "common tag": lambda n: {"searchQuery": f'tags IN ["common"] AND width > {n}', "sort": "DESC_CREATED"},
        "two tags": lambda n: {"searchQuery": f'tags IN ["rare"] AND tags IN ["common"] AND size > {n}'},
        "days and format": lambda n: {"searchQuery": f'{days(n)} AND format = "png"'},
        "tree and tag": lambda n: {"searchQuery": f'path : "/c{n % 10}" AND tags IN ["common"]'},
    }


def more_queries(size: int) -> dict[str, Callable[[int], Parameters]]:
    """Beyond the ten: what REL gives goals of its own, and what has none."""
    from benchmarks.library_rows import COLOURS, THINGS

    def words(n: int) -> str:
        return f"{COLOURS[n % len(COLOURS)]} {THINGS[n % len(THINGS)]}"

    return {
        SKIP: lambda n: {"skip": size * 9 // 10 + n},
        "two words that many names have": lambda n: {"searchQuery": f'name HAS "{words(n)}"'},
        "two tags of many": lambda n: {"searchQuery": f'tags IN ["tenth"] AND tags IN ["hundredth"] AND size > {n}'},
        "tree and machine tag of many": lambda n: {"searchQuery": f'path : "/c{n % 10}" AND tags IN ["Room {n % 60}"]'},
        "by relevance": lambda n: {"searchQuery": f'name HAS "{words(n)}"', "sort": "DESC_RELEVANCE"},
        "by size, large ones": lambda n: {"searchQuery": f"size > {n % 19}mb", "sort": "DESC_SIZE"},
        SLOW: lambda n: {"searchQuery": "tags NOT EXISTS"},
        "custom metadata": lambda n: {"searchQuery": f'"customMetadata.brand" = "Brand {n * 20 % 50}"'},
    }


def measure_sizes(sizes: list[int]) -> list[Row]:
    """In a process that has its database in the environment: grow the library and ask it at each size."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediahub.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from benchmarks.library_rows import grow
    from extensions.embedded import load_site
    from library.services.accounts import create_account

    call_command("migrate", interactive=False, verbosity=0)
    created = create_account(slug="bench")
    client = _client(created.private_key)
    load_site()
    rows: list[Row] = []
    database = "SQLite" if connection.vendor == "sqlite" else "PostgreSQL"
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA cache_size = -1000000")
    base: dict[str, float] = {}
    for size in sizes:
        start = time.monotonic()
        grow(created.account, size)
        _settle(connection)
        rows.append(for_information(f"{database}, {size}: seconds to generate", time.monotonic() - start, unit="s"))
        _measure(client, database, size, rows, base, sizes)
    return rows


def _settle(connection: Any) -> None:
    """PostgreSQL's autovacuum does this by itself within minutes of a real load; SQLite has no statistics in use.

    What was generated is on the disk before anything is measured.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")
    connection.close()
    os.sync()


def _measure(client: Any, database: str, size: int, rows: list[Row], base: dict[str, float], sizes: list[int]) -> None:
    ten = queries(size)
    for name, parameters in {**ten, **more_queries(size)}.items():
        requests = FEW_REQUESTS if name == SLOW else REQUESTS
        # The first round brings what is asked for into memory, where a server that runs for a while has it.
        _, times = ([_ask(client, parameters(n)) for n in range(requests)] for _ in range(2))
        p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
        label = f"{database}, {size}: {name}"
        rows.append(for_information(f"{label}, p50", p50, unit="ms"))
        if name == SKIP:
            rows.append(at_most(f"{label}, p95 (K10)", p95, 300, unit="ms"))
        elif name in OF_MANY:
            rows.append(at_most(f"{label}, p95 (K11)", p95, 150, unit="ms"))
        elif name in (SLOW, "custom metadata"):
            rows.append(for_information(f"{label}, p95", p95, unit="ms"))
        else:
            rows.append(below(f"{label}, p95", p95, GOALS_MS[database], unit="ms"))
        base.setdefault(name, p95)
        print(f"{label:<60} p50 {p50:8.1f} ms   p95 {p95:8.1f} ms", flush=True)
        if size == sizes[-1] and len(sizes) > 1 and name in ten:
            rows.append(at_most(f"{label}, p95 over that of {sizes[0]}", p95 / base[name], WORST_GROWTH))
    if size == sizes[-1]:
        rows.append(_beside_a_writer(client, database, size))


def _beside_a_writer(client: Any, database: str, size: int) -> Row:
    """The first page while another connection changes rows all the time (K12)."""
    from django.db import connection, transaction

    from library.models import Asset

    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        keys = list(Asset.objects.order_by("pk").values_list("pk", flat=True)[:500])
        while not stop.is_set():
            with transaction.atomic():
                Asset.objects.filter(pk=keys[written % len(keys)]).update(description=str(written))
            written += 1
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.5)
    try:
        times = [_ask(client, {"sort": "DESC_CREATED"}) for _ in range(REQUESTS)]
    finally:
        stop.set()
        writer.join()
    goal = 2 * GOALS_MS[database]
    label = f"{database}, {size}: first page beside a writer, p95 (K12)"
    return at_most(label, percentile(times, 0.95), goal, unit="ms", note=f"{written} commits meanwhile")


def _client(private_key: str) -> Any:
    import base64

    from django.test import Client

    token = base64.b64encode(f"{private_key}:".encode()).decode()
    return Client(headers={"authorization": f"Basic {token}", "host": "localhost"})


def _ask(client: Any, parameters: Parameters) -> float:
    """Milliseconds of one request."""
    start = time.perf_counter()
    response = client.get("/v1/files", {"limit": PAGE, **parameters})
    took = (time.perf_counter() - start) * 1000
    assert response.status_code == 200, response.content
    return took


def _in_a_process(database_url: str, folder: Path, sizes: list[int]) -> list[Row]:
    ours = ("MEDIAHUB_", "CELERY_", "DATABASE_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    # The seeding takes longer than a web request may.
    environment |= {
        "MEDIAHUB_DATA_DIR": str(folder),
        "PYTHONWARNINGS": "ignore",
        "MEDIAHUB_LOG_LEVEL": "ERROR",
        "MEDIAHUB_RATE_LIMITS": "off",
    }
    environment |= {"DATABASE_URL": database_url} if database_url else {}
    output = folder / "rows.json"
    code = (
        "import json, pathlib; from benchmarks.search import measure_sizes; "
        f"pathlib.Path({str(output)!r}).write_text(json.dumps(measure_sizes({sizes!r})))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parent, env=environment, check=True)
    rows: list[Row] = json.loads(output.read_text())
    return rows


def main(words: list[str]) -> int:
    """Measure both databases; 1 if a goal is missed."""
    sizes = [int(word) for word in words] or [*SIZES]
    rows: list[Row] = []
    load = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory(prefix="mhb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "sqlite").mkdir()
        (folder / "data").mkdir()
        rows += _in_a_process("", folder / "sqlite", sizes)
        with postgresql(folder / "server") as url:
            rows += _in_a_process(url, folder / "data", sizes)
    for row in rows:
        mark, unit = "  " if row["met"] else "! ", row.get("unit", "")
        print(f"{mark}{row['name']:<70} {row['value']:>10} {unit:<3} {row['target']}")
    missed = [row for row in rows if not row["met"]]
    print(f"{machine()}, load {load}\n{len(rows)} rows, {len(missed)} targets missed")
    if not words:
        described = [row | {"machine": machine(), "load_before": load} for row in rows]
        RESULTS.write_text(json.dumps(described, indent=1) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
