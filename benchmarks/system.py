"""A whole MediaHub, started by `manage.py up` in a scratch data directory, as an operator would start it.

Benchmarks use it as a context manager; everything it started has ended when the block is left.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.client import Client
from benchmarks.database import Database
from benchmarks.processes import wait_until

ROOT = Path(__file__).resolve().parent.parent
START_WITHIN_S = 90
STOP_WITHIN_S = 15
FAKE_CHAINS = {"MEDIAHUB_CHAIN_LOCAL_AUTO_TAGGING": "fake", "MEDIAHUB_CHAIN_REMOVE_BG": "fake"}


class System:
    """One installation: a data directory, its settings, and the processes of `up` while it is started."""

    def __init__(self, folder: Path, *, database_url: str = "", settings: dict[str, str] | None = None) -> None:
        self.folder, self.port = folder, free_port()
        self._database_url = database_url
        self._environment = environment(folder, database_url) | (settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._database: Database | None = None
        self.private_key = ""

    def start(self) -> float:
        """Run `manage.py up` and return the seconds until it said that it was ready."""
        log = self.folder.parent / f"{self.folder.name}.log"
        log.write_bytes(b"")
        with log.open("wb") as output:
            command = [sys.executable, "manage.py", "up", "--port", str(self.port)]
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=output, stderr=output, start_new_session=True
            )
        return wait_until(lambda: self._is_ready(log), within_s=START_WITHIN_S, what=f"the start of up ({log})")

    def _is_ready(self, log: Path) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"up ended with {self._process.returncode}: {log.read_text()[-2000:]}")
        return "ready http" in log.read_text()

    def seed(self, *words: str) -> Any:
        """Have `benchmarks.seeding` do something with this installation's services; returns its JSON."""
        command = [sys.executable, "-m", "benchmarks.seeding", *words]
        done = subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"seeding failed: {done.stderr.decode()[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def make_account(self) -> None:
        """An account that never runs out of units; `client` uses its key."""
        self.private_key = self.seed("account")

    def client(self) -> Client:
        """A connection that speaks for the account."""
        return Client(self.port, self.private_key)

    @property
    def database(self) -> Database:
        """This installation's rows."""
        if self._database is None:
            self._database = Database(url=self._database_url, sqlite_file=self.folder / "mediahub.sqlite3")
        return self._database

    @property
    def pid(self) -> int:
        """The process of `up`, whose descendants are everything that runs."""
        assert self._process is not None
        return self._process.pid

    def process(self, name: str) -> int:
        """A part by its name, such as `web` or `images`: the process that `up` started, not its pool."""
        return int((self.folder / "logs" / f"{name}.pid").read_text())

    def wait_until_idle(self, *, within_s: float = 120) -> float:
        """Wait until no run is open; returns the seconds."""
        return wait_until(lambda: not self.database.open_runs(), within_s=within_s, what="the end of all runs")

    def stop(self) -> None:
        """End `up` in order, or by force where that takes too long."""
        if self._database is not None:
            self._database.close()
            self._database = None
        stop(self._process)
        self._process = None


@contextlib.contextmanager
def running(*, database_url: str = "", settings: dict[str, str] | None = None) -> Iterator[System]:
    """A started installation with an account, in a folder that is removed afterwards."""
    with scratch() as folder:
        system = System(folder / "data", database_url=database_url, settings=settings)
        try:
            system.start()
            system.make_account()
            yield system
        finally:
            system.stop()


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="mhb-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def stop(process: subprocess.Popen[bytes] | None) -> None:
    """Ask a process that leads its own group to end; kill the group if it does not."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settle_down(seconds: float = 1.0) -> None:
    """Let what was just started or stopped come to rest."""
    time.sleep(seconds)


def environment(folder: Path, database_url: str) -> dict[str, str]:
    """The default settings and nothing of the caller's: only the data directory and the database are chosen."""
    ours = ("MEDIAHUB_", "CELERY_", "DATABASE_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {"MEDIAHUB_DATA_DIR": str(folder), "PYTHONWARNINGS": "ignore", "MEDIAHUB_RATE_LIMITS": "off"}
    return environment | ({"DATABASE_URL": database_url} if database_url else {})
