"""Is `remove-bg` through the whole of MediaHub as fast as rembg's own server with the same weights, and smaller?

Both systems, and the model alone, take turns in short rounds of one run, each time with four clients; other load on the
machine then hits all alike, and ratios hold where milliseconds do not. A photo is done when its run is settled.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from benchmarks import photos
from benchmarks.client import Client, checked, in_parallel
from benchmarks.processes import PeakMemory, wait_until
from benchmarks.rows import Row, at_least, below, for_information
from benchmarks.system import ROOT, System, free_port, running, scratch, stop

CLIENTS = 4
ROUNDS = 2
IMAGES = {"640x480": 48, "1600x1200": 16, "12 MP": 12}
"""Photos of one round. Multiples of the clients' number, so that nobody's last ones run on a machine half idle."""
SPEED_AT_LEAST = {
    "fp32": {"640x480": 1.0, "1600x1200": 1.6, "12 MP": 3.5},
    "int8": {"640x480": 1.6, "1600x1200": 2.4, "12 MP": 4.5},
}
SHARE_OF_MEMORY_BELOW = 0.85
SHARE_OF_MODEL_AT_LEAST = 0.8
IMAGES_FOR_MEMORY = 16
LOOK_EVERY_S = 0.01
REFERENCE = ROOT / ".venv-reference" / "bin" / "rembg"
_SETTLED = (
    "SELECT file_id, state, error_code FROM extensions_extensionrun WHERE finished_at IS NOT NULL AND file_id IN "
)


class Candidate(Protocol):
    """Something that removes backgrounds."""

    def remove(self, client: int, photo: bytes) -> None:
        """Have one of the clients send one photo, and return when its result is there."""


class Ours:
    """A running MediaHub. One thread looks for settled runs on behalf of all clients, by one query."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._clients = [system.client() for _ in range(CLIENTS)]
        self._waiting: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._failures: list[str] = []
        threading.Thread(target=self._look, daemon=True).start()

    def remove(self, client: int, photo: bytes) -> None:
        reply = checked(self._clients[client].upload(photo, extensions=[{"name": "remove-bg"}]))
        done = threading.Event()
        with self._lock:
            self._waiting[reply.json()["fileId"]] = done
        if not done.wait(120):
            raise TimeoutError("a run was not settled within 120 s")
        if self._failures:
            raise RuntimeError(f"runs failed: {self._failures}")

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_S)
            with self._lock:
                wanted = list(self._waiting)
            if not wanted:
                continue
            for file_id, state, code in self._system.database.rows(
                f"{_SETTLED}({', '.join('?' * len(wanted))})", *wanted
            ):
                if state != "succeeded":
                    self._failures.append(f"{state} {code}")
                with self._lock:
                    self._waiting.pop(file_id).set()


class Rembg:
    """`rembg s`, the HTTP server that rembg brings along.

    A POST takes the model from the form; without that field rembg fetches other weights, licensed non-commercially.
    """

    def __init__(self, port: int) -> None:
        self._clients = [Client(port) for _ in range(CLIENTS)]

    def remove(self, client: int, photo: bytes) -> None:
        reply = checked(self._clients[client].post("/api/remove", photo, {"model": "u2netp"}))
        if not reply.body.startswith(b"\x89PNG"):
            raise RuntimeError("rembg did not answer with a PNG")


class BareModel:
    """The same model file on two threads with prepared input and nothing else, in a process of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def round(self, count: int) -> float:
        """Do so many inferences and return the seconds."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{count}\n".encode())
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def measure() -> list[Row]:
    """Rows for speed against rembg, speed against the model, and peak memory, each for both precisions."""
    return [*_speed_rows(), *_memory_rows()]


def _speed_rows() -> list[Row]:
    rows: list[Row] = []
    with ExitStack() as stack:
        port = stack.enter_context(rembg_server())[1]
        everyone: dict[str, Candidate] = {"rembg": Rembg(port)}
        bare: dict[str, BareModel] = {}
        for precision in SPEED_AT_LEAST:
            everyone[precision] = Ours(stack.enter_context(_ours(precision)))
            bare[precision] = stack.enter_context(_bare_model(precision))
        for size in photos.SIZES:
            rows += _rows_of_size(size, _rates(size, everyone, bare if size == "640x480" else {}))
    return rows


def _rates(size: str, everyone: dict[str, Candidate], bare: dict[str, BareModel]) -> dict[str, float]:
    """Images per second, over all rounds, by candidate; the model alone is `model fp32` and `model int8`."""
    found: dict[str, list[float]] = {}
    for candidate in everyone.values():
        in_parallel(CLIENTS, lambda client, one=candidate: one.remove(client, photos.of_size(size)[0]))  # warm-up
    for _ in range(ROUNDS):
        for name, candidate in everyone.items():
            found.setdefault(name, []).append(_round(candidate, photos.of_size(size), IMAGES[size]))
        for name, model in bare.items():
            found.setdefault(f"model {name}", []).append(model.round(IMAGES[size]))
    return {name: ROUNDS * IMAGES[size] / sum(seconds) for name, seconds in found.items()}


def _round(candidate: Candidate, sent: list[bytes], count: int) -> float:
    """Have four clients send `count` photos, each its next one when the last is done; returns the seconds."""
    turn = iter(range(count))
    lock = threading.Lock()

    def work(client: int) -> None:
        while True:
            with lock:
                number = next(turn, None)
            if number is None:
                return
            candidate.remove(client, sent[number % len(sent)])

    start = time.monotonic()
    in_parallel(CLIENTS, work)
    return time.monotonic() - start


def _rows_of_size(size: str, rates: dict[str, float]) -> list[Row]:
    rows = [for_information(f"remove-bg, {size}, rembg s", rates["rembg"], unit="images/s")]
    for precision, least in SPEED_AT_LEAST.items():
        ours = rates[precision]
        note = f"{ours:.2f} against {rates['rembg']:.2f} images/s"
        rows.append(
            at_least(f"remove-bg, {size}, {precision} over rembg s", ours / rates["rembg"], least[size], note=note)
        )
        if alone := rates.get(f"model {precision}"):
            name = f"remove-bg, {size}, {precision} over the bare model"
            note = f"{ours:.2f} against {alone:.2f} images/s"
            rows.append(at_least(name, ours / alone, SHARE_OF_MODEL_AT_LEAST, note=note))
    return rows


def _memory_rows() -> list[Row]:
    """Each system alone on the machine, so that none shares pages with another."""
    with rembg_server() as (process, port):
        reference = _peak_mb(Rembg(port), process)
    rows = [for_information("remove-bg, peak memory at 12 MP, rembg s", reference, unit="MB")]
    for precision in SPEED_AT_LEAST:
        with _ours(precision) as system:
            peak = _peak_mb(Ours(system), system.process("images"))
        name = f"remove-bg, peak memory at 12 MP, {precision} over rembg s"
        note = f"{peak:.0f} against {reference:.0f} MB"
        rows.append(below(name, peak / reference, SHARE_OF_MEMORY_BELOW, note=note))
    return rows


def _peak_mb(candidate: Candidate, process: int) -> float:
    photo = photos.of_size("12 MP")[0]
    with PeakMemory(process) as peak:
        in_parallel(CLIENTS, lambda client: _several(candidate, client, photo))
    return peak.mb


def _several(candidate: Candidate, client: int, photo: bytes) -> None:
    for _ in range(IMAGES_FOR_MEMORY // CLIENTS):
        candidate.remove(client, photo)


def _ours(precision: str) -> Any:
    return running(settings={"MEDIAHUB_REMBG_PRECISION": precision})


@contextmanager
def rembg_server() -> Iterator[tuple[int, int]]:
    """`rembg s` on our own weights file, so that nothing is fetched; yields its process and its port."""
    if not REFERENCE.exists():
        raise FileNotFoundError(f"{REFERENCE} is missing; `make bench` installs it")
    port = free_port()
    with scratch() as folder:
        (folder / "u2netp.onnx").symlink_to(ROOT / "extensions" / "weights" / "u2netp.onnx")
        command: list[str | Path] = [REFERENCE, "s", "-h", "127.0.0.1", "-p", str(port), "--no-ui", "-l", "warning"]
        with (folder / "log").open("wb") as log:
            environment = os.environ | {"U2NET_HOME": str(folder)}
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until(lambda: _answers(port), within_s=420, what="the start of rembg s", every_s=0.2)
            yield process.pid, port
        finally:
            stop(process)


def _answers(port: int) -> bool:
    try:
        Rembg(port).remove(0, photos.of_size("640x480")[0])
    except ConnectionRefusedError:
        return False
    return True


@contextmanager
def _bare_model(precision: str) -> Iterator[BareModel]:
    command = [sys.executable, "-m", "benchmarks.bare_model", precision]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, start_new_session=True) as process:
        try:
            yield BareModel(process)
        finally:
            stop(process)
