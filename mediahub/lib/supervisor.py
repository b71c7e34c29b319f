"""Start processes, keep them running, and stop them in order. Knows nothing of what they do; `up` says that.

Every child leads a session and process group of its own, writes to a log file of bounded size, and on Linux gets a
signal when the supervisor dies. A child that ends is started again after 0.2 s, doubling to 10 s while it keeps ending.

A child is a command line, or a function that runs in a fork of the supervisor. Forking shares the memory of everything
imported so far and starts in milliseconds where an interpreter takes seconds. It is only done while the supervisor has
one thread and no open connections, and only on Linux; elsewhere the same child is started by its command line.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

from mediahub.lib import parents

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 10.0
STEADY_AFTER_S = 10.0
LOG_BYTES = 5_000_000
_LOG_CHECK_S = 30.0


class Process(Protocol):
    """What a started child offers; `subprocess.Popen` does."""

    pid: int

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""


@dataclass
class Child:
    """One process to keep running.

    name: for the log file and messages. argv: its command line. run: what it does when forked, if that is possible.
    stage: children of a lower stage are stopped first. orphan_signal: what it gets when the supervisor dies.
    """

    name: str
    argv: Sequence[str | Path]
    stage: int
    run: Callable[[], None] | None = None
    stop_within_s: float = 2.0
    orphan_signal: int = signal.SIGTERM
    process: Process | None = field(default=None, init=False)
    started: float = field(default=0.0, init=False)
    delay_s: float = field(default=FIRST_DELAY_S, init=False)
    start_at: float = field(default=0.0, init=False)
    restarts: int = field(default=0, init=False)


class _Forked:
    """A forked child, with the part of Popen's interface that is used here."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self._status = -signal.SIGKILL
                return self._status
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status


class Supervisor:
    """Runs children until told to stop. `note` gets one line for each thing that an operator should know."""

    def __init__(self, children: Iterable[Child], *, log_dir: Path, note: Callable[[str], None]) -> None:
        self.children = list(children)
        self._log_dir = log_dir
        self._note = note
        self._stopping = False
        self._logs_checked = time.monotonic()
        self._wake_read, self._wake_write = os.pipe()
        log_dir.mkdir(parents=True, exist_ok=True, mode=0o700)

    def listen(self) -> None:
        """Take SIGTERM and SIGINT as the wish to stop, and wake up when a child ends."""
        for end in (self._wake_read, self._wake_write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    @property
    def stopping(self) -> bool:
        """Whether someone asked for the end."""
        return self._stopping

    def start(self, child: Child) -> None:
        """Start a child now."""
        with (self._log_dir / f"{child.name}.log").open("ab") as log:
            child.process = self._fork(child, log.fileno()) if _may_fork(child) else self._popen(child, log.fileno())
        child.started, child.start_at = time.monotonic(), 0.0
        self._remember_pid(child)

    def tick(self, wait_s: float) -> None:
        """Wait for a child to end or a signal, at most so long; then start again what has ended."""
        due = [child.start_at - time.monotonic() for child in self.children if child.start_at]
        readable, _, _ = select.select([self._wake_read], [], [], max(0.0, min([wait_s, *due])))
        if readable:
            os.read(self._wake_read, 4096)
        if self._stopping:
            return
        for child in self.children:
            self._look_after(child)
        if time.monotonic() - self._logs_checked > _LOG_CHECK_S:
            self._logs_checked = time.monotonic()
            self._bound_logs()

    def stop(self, *, within_s: float) -> None:
        """Stop stage after stage: SIGTERM, then SIGKILL for the whole group of what has not ended in its time."""
        self._stopping = True
        end = time.monotonic() + within_s
        for stage in sorted({child.stage for child in self.children}):
            running = [child for child in self.children if child.stage == stage and _runs(child)]
            for child in running:
                _signal(child, signal.SIGTERM)
            for child in running:
                last = min(time.monotonic() + child.stop_within_s, end)
                while _runs(child) and time.monotonic() < last:
                    time.sleep(0.02)
                if _runs(child):
                    self._note(f"{child.name} did not end in time and was killed")
                _kill_group(child)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _remember_pid(self, child: Child) -> None:
        """Write `NAME.pid` beside the log, whole or not at all, for operators and tests."""
        assert child.process is not None
        path = self._log_dir / f"{child.name}.pid"
        path.with_suffix(".new").write_text(f"{child.process.pid}\n", encoding="ascii")
        path.with_suffix(".new").replace(path)

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.start_at:
            if now >= child.start_at:
                child.restarts += 1
                self.start(child)
            return
        if child.process is None or (status := child.process.poll()) is None:
            return
        _kill_group(child)  # whatever it left behind
        if now - child.started > STEADY_AFTER_S:
            child.delay_s = FIRST_DELAY_S
        child.start_at = now + child.delay_s
        self._note(f"{child.name} ended ({_in_words(status)}); starting it again in {child.delay_s:.1f} s")
        child.delay_s = min(child.delay_s * 2, LONGEST_DELAY_S)

    def _popen(self, child: Child, log: int) -> Process:
        mine, orphan_signal = os.getpid(), child.orphan_signal
        return subprocess.Popen(
            [str(word) for word in child.argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=lambda: parents.die_with_parent(mine, orphan_signal),  # one thread here: safe
        )

    def _fork(self, child: Child, log: int) -> Process:
        assert child.run is not None
        mine = os.getpid()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        pid = os.fork()
        if pid:
            return _Forked(pid)
        status = 1
        try:
            parents.die_with_parent(mine, child.orphan_signal)
            self._become_child(child, log)
            child.run()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:  # noqa: BLE001 - the fork must never return into the supervisor's own code
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(status)

    def _become_child(self, child: Child, log: int) -> None:
        """Let go of everything that is the supervisor's: session, signals, pipe, console."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.close(self._wake_read)
        os.close(self._wake_write)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        parents.name_process(f"mh-{child.name}")

    def _bound_logs(self) -> None:
        """Copy a log that has grown too long aside and empty it; children append, so they go on at its start."""
        for log in self._log_dir.glob("*.log"):
            if log.stat().st_size > LOG_BYTES:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)


def _may_fork(child: Child) -> bool:
    return child.run is not None and sys.platform == "linux" and parents.thread_count() == 1


def _runs(child: Child) -> bool:
    return child.process is not None and child.process.poll() is None


def _signal(child: Child, number: int) -> None:
    assert child.process is not None
    if child.process.poll() is None:
        os.kill(child.process.pid, number)


def _kill_group(child: Child) -> None:
    """Kill what is left of a child's process group, then wait until the child itself is gone."""
    if child.process is None:
        return
    try:
        os.killpg(child.process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # the group is empty, or on macOS holds only zombies
        child.process.poll()
        return
    while child.process.poll() is None:
        time.sleep(0.01)


def _in_words(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
