"""How fast are plain uploads, eight at a time, beside the least that any Django application could do (`floor.py`)?

MediaHub and the floor take turns, on SQLite, with a small and a large photo.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import photos
from benchmarks.client import Client, Reply, in_parallel
from benchmarks.processes import wait_until
from benchmarks.rows import Row, at_most, for_information, percentile
from benchmarks.system import ROOT, free_port, running, scratch, settle_down, stop

CLIENTS = 8
ROUNDS = 3
SIZES = {"50 kB": (50_000, 160), "3 MB": (3_000_000, 40)}
"""Bytes of the photo, and uploads in a round."""


def measure() -> list[Row]:
    """Server errors (none allowed), and the rates of both."""
    rows: list[Row] = []
    with scratch() as folder, floor(folder) as port, running() as system:
        everyone = {
            "MediaHub": [system.client() for _ in range(CLIENTS)],
            "floor": [Client(port) for _ in range(CLIENTS)],
        }
        for size, (size_bytes, count) in SIZES.items():
            rows += _rows_of_size(size, photos.of_bytes(size_bytes), count, everyone)
    return rows


def _rows_of_size(size: str, photo: bytes, count: int, everyone: dict[str, list[Client]]) -> list[Row]:
    replies: dict[str, list[Reply]] = {name: [] for name in everyone}
    taken_s = dict.fromkeys(everyone, 0.0)
    for _ in range(ROUNDS):
        for name, clients in everyone.items():
            start = time.monotonic()
            replies[name] += upload_many(clients, photo, count)
            taken_s[name] += time.monotonic() - start
            settle_down(2)  # thumbnails of what was just uploaded are not the next one's business
    rate = {name: len(replies[name]) / taken_s[name] for name in everyone}
    bad = sum(reply.status != 200 for reply in replies["MediaHub"])
    p95 = percentile([reply.seconds for reply in replies["MediaHub"]], 0.95)
    note = (
        f"{rate['MediaHub'] / rate['floor']:.2f} of the floor, which makes {rate['floor']:.1f}; p95 {p95 * 1000:.0f} ms"
    )
    return [
        at_most(f"uploads of {size}, answers that are not 200", bad, 0),
        for_information(f"uploads of {size}, 8 at a time", rate["MediaHub"], unit="1/s", note=note),
    ]


def upload_many(
    clients: list[Client], photo: bytes, count: int, *, extensions: list[dict[str, str]] | None = None
) -> list[Reply]:
    """Upload `count` times with all clients at once."""
    replies: list[Reply] = []

    def work(number: int) -> None:
        for _ in range(number, count, len(clients)):
            replies.append(clients[number].upload(photo, extensions=extensions))

    in_parallel(len(clients), work)
    return replies


@contextmanager
def floor(folder: Path) -> Iterator[int]:
    """The floor's server; yields its port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.floor", str(folder), str(port)]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        wait_until(lambda: _answers(port), within_s=30, what="the start of the floor", every_s=0.1)
        yield port
    finally:
        stop(process)


def _answers(port: int) -> bool:
    try:
        return Client(port).upload(b"x").status == 200
    except ConnectionRefusedError:
        return False
