"""Real MediaHub processes for tests: `manage.py up`, or single parts, on a cloned database and a folder of their own.

Everything runs the `fake` provider, whose calls are counted over the death of any process. Each process leads a
session of its own and is ended by its process group. Tests arm crash points by `crash_at`, speak HTTP by `upload`,
and look at rows through their own connection to the same database.
"""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request  # noqa: TID251 - tests are clients
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mediahub.lib import broker

ROOT = Path(__file__).resolve().parent.parent
CHAINS = ("REMOVE_BG", "LOCAL_AUTO_TAGGING", "GOOGLE_AUTO_TAGGING", "AWS_AUTO_TAGGING")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], Any], *, within_s: float, what: str) -> Any:
    """Ask until the answer is true and return it; fail the test by name of what did not come."""
    end = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not come within {within_s} s"
        time.sleep(0.05)
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class Runtime:
    """Processes on one database and one data directory. `stop()` ends whatever is left."""

    def __init__(self, *, database_url: str, data_dir: Path, **environment: str) -> None:
        self.data_dir, self.port = data_dir, free_port()
        self.crash_dir, self.fake_dir = data_dir / "crash", data_dir / "fake"
        for folder in (self.crash_dir, self.fake_dir):
            folder.mkdir(parents=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MEDIAHUB_", "CELERY_"))}
        self.environment = {
            **kept,
            "MEDIAHUB_SECRET_KEY": os.environ["MEDIAHUB_SECRET_KEY"],
            "MEDIAHUB_ENCRYPTION_KEY": os.environ["MEDIAHUB_ENCRYPTION_KEY"],
            "MEDIAHUB_DATA_DIR": str(data_dir),
            "DATABASE_URL": database_url,
            "MEDIAHUB_SWEEP_INTERVAL_S": "0.5",
            "MEDIAHUB_MIN_FREE_BYTES": "1048576",
            "MEDIAHUB_ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
            "MEDIAHUB_FAKE_DIR": str(self.fake_dir),
            "MEDIAHUB_CRASH_POINT": "armed",
            "MEDIAHUB_CRASH_DIR": str(self.crash_dir),
            **{f"MEDIAHUB_CHAIN_{name}": "fake" for name in CHAINS},
            **environment,
        }
        self.processes: list[subprocess.Popen[str]] = []

    # Processes

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `manage.py WORDS`; its output goes to a file of its own."""
        out = (self.data_dir / f"process-{len(self.processes)}.out").open("w")
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *words],
            env=self.environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        self.processes.append(process)
        return process

    def output(self, process: subprocess.Popen[str]) -> str:
        """What a process has printed so far."""
        return (self.data_dir / f"process-{self.processes.index(process)}.out").read_text()

    def up(self, *, within_s: float = 90) -> subprocess.Popen[str]:
        """Start `manage.py up` and wait until it is ready."""
        process = self.start("up", "--port", str(self.port))
        try:
            wait_until(
                lambda: process.poll() is not None or "ready http" in self.output(process),
                within_s=within_s,
                what="ready",
            )
        finally:
            if "ready http" not in self.output(process):
                print(self.output(process), self.logs())
        assert process.poll() is None
        return process

    def pid_of(self, child: str) -> int:
        """Process id of a child of `up`: web, sweep, broker, tagging, images, renditions, webhooks."""
        return int((self.data_dir / "logs" / f"{child}.pid").read_text())

    def kill(self, child: str) -> int:
        """SIGKILL a child of `up` with its whole process group; returns the id it had."""
        pid = self.pid_of(child)
        os.killpg(pid, signal.SIGKILL)
        return pid

    def restarted(self, child: str, old: int, *, within_s: float = 30) -> int:
        """Wait until `up` has started a child again; returns its new id."""
        wait_until(
            lambda: self.pid_of(child) != old and alive(self.pid_of(child)),
            within_s=within_s,
            what=f"restart of {child}",
        )
        return self.pid_of(child)

    def stop(self) -> None:
        """End everything: in order first, then by force."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                for file in (self.data_dir / "logs").glob("*.pid"):
                    self._kill_group(int(file.read_text()))
            self._kill_group(process.pid)
            process.wait()

    def _kill_group(self, pid: int) -> None:
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def logs(self) -> str:
        """All logs, for the report of a failed test."""
        logs = sorted((self.data_dir / "logs").glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in logs)

    # Broker

    @property
    def broker_socket(self) -> Path:
        from mediahub.lib.datadir import broker_socket

        return broker_socket(self.data_dir)

    def broker_command(self, *words: str) -> bytes:
        """Send one command to the embedded broker and return the first piece of its answer."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(str(self.broker_socket))
            line.sendall((" ".join(words) + "\r\n").encode())
            return line.recv(65536)

    def broker_answers(self) -> bool:
        return broker.answers(self.broker_socket)

    # Faults

    def crash_at(self, point: str) -> None:
        """Have the next process that passes this crash point die there."""
        (self.crash_dir / point).unlink(missing_ok=True)
        (self.crash_dir / f"{point}.armed").touch()

    def crashed_at(self, point: str) -> bool:
        """Whether a process died there."""
        marker = self.crash_dir / point
        return marker.exists() and bool(marker.read_text())

    def plan(self, **plan: Any) -> None:
        """What the fake provider does from now on: `delay_s`, `error`, `times`. Nothing: it answers at once."""
        path = self.fake_dir / "plan.json"
        path.with_suffix(".new").write_text(json.dumps(plan))
        path.with_suffix(".new").rename(path)

    def calls(self, run_id: object) -> int:
        """How often the provider was called for a run, in all processes, dead ones included."""
        log = self.fake_dir / "calls.log"
        return len(re.findall(rf"^{run_id} ", log.read_text(), re.M)) if log.exists() else 0

    # HTTP

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def upload(
        self,
        data: bytes,
        *,
        private_key: str,
        timeout_s: float = 60,
        headers: dict[str, str] | None = None,
        port: int | None = None,
        **fields: str,
    ) -> dict[str, Any]:
        """Upload a file as a client would. Raises urllib's errors for other answers than 200.

        port: of another web process than the one of `up`.
        """
        body, content_type = multipart(data, fields)
        request = urllib.request.Request(  # noqa: TID251
            f"http://127.0.0.1:{port or self.port}/api/v1/files/upload",
            data=body,
            headers={"Content-Type": content_type, "Authorization": basic(private_key), **(headers or {})},
        )
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: TID251
            return json.loads(answer.read())

    def answers(self) -> bool:
        """Whether the web process answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/health/live", timeout=5) as answer:  # noqa: TID251
                return answer.status == 200
        except OSError:
            return False


def basic(private_key: str) -> str:
    """The Authorization header of a private key."""
    return "Basic " + b64encode(f"{private_key}:".encode()).decode()


def multipart(data: bytes, fields: dict[str, str]) -> tuple[bytes, str]:
    """A multipart body with a file and fields, and its content type."""
    boundary = secrets.token_hex(12)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in {"fileName": "picture.png", **fields}.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="picture.png"\r\n\r\n'.encode()
    return b"".join(
        [*parts, head, data, f"\r\n--{boundary}--\r\n".encode()]
    ), f"multipart/form-data; boundary={boundary}"
