"""The supervisor with real children: restart, back-off, order of the end, and children that outlive nothing."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from mediahub.lib.supervisor import Child, Supervisor
from tests.runtime import alive, wait_until

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture
def supervised(tmp_path: Path):
    notes: list[str] = []
    made: list[Supervisor] = []

    def make(*children: Child) -> tuple[Supervisor, list[str]]:
        supervisor = Supervisor(children, log_dir=tmp_path / "logs", note=notes.append)
        for child in children:
            supervisor.start(child)
        made.append(supervisor)
        return supervisor, notes

    yield make
    for supervisor in made:
        supervisor.stop(within_s=5)


def tick_until(supervisor: Supervisor, condition, within_s: float = 15) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end
        supervisor.tick(0.05)


def test_child_that_dies_is_started_again(supervised):
    child = Child("sleeper", SLEEP, stage=0)
    supervisor, notes = supervised(child)
    first = child.process.pid
    child.process.kill()
    tick_until(supervisor, lambda: child.restarts == 1 and alive(child.process.pid))
    assert child.process.pid != first
    assert notes == ["sleeper ended (by SIGKILL); starting it again in 0.2 s"]


def test_child_that_keeps_ending_is_started_at_growing_intervals(supervised):
    child = Child("failing", (sys.executable, "-c", "raise SystemExit(3)"), stage=0)
    supervisor, notes = supervised(child)
    tick_until(supervisor, lambda: len(notes) == 3)
    assert [note.rpartition(" in ")[2] for note in notes] == ["0.2 s", "0.4 s", "0.8 s"]
    assert "status 3" in notes[0]


def test_stages_are_stopped_in_order(supervised, tmp_path: Path):
    program = textwrap.dedent("""
        import signal, sys, time
        def end(*_):
            open(sys.argv[1], "a").write(sys.argv[2] + "\\n")
            sys.exit()
        signal.signal(signal.SIGTERM, end)
        open(sys.argv[1] + sys.argv[2], "w").close()
        while True: time.sleep(0.1)
    """)
    order = tmp_path / "order"
    children = [
        Child(name, (sys.executable, "-c", program, str(order), name), stage=stage)
        for name, stage in [("broker", 2), ("web", 0), ("worker", 1)]
    ]
    supervisor, _ = supervised(*children)
    wait_until(lambda: len(list(tmp_path.glob("order*"))) == 3, within_s=15, what="all children")
    supervisor.stop(within_s=10)
    assert order.read_text().split() == ["web", "worker", "broker"]


def test_child_that_ignores_sigterm_is_killed_with_its_group(supervised):
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    )
    child = Child("stubborn", (sys.executable, "-c", stubborn), stage=0, stop_within_s=0.3)
    supervisor, notes = supervised(child)
    wait_until((supervisor._log_dir / "stubborn.log").read_text, within_s=15, what="its start")
    supervisor.stop(within_s=5)
    assert child.process.poll() == -signal.SIGKILL
    assert notes == ["stubborn did not end in time and was killed"]


@pytest.mark.skipif(sys.platform != "linux", reason="the signal at a parent's death exists on Linux only")
@pytest.mark.rel("F68")
def test_forked_and_started_children_end_when_the_supervisor_is_killed(tmp_path: Path):
    program = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from mediahub.lib.supervisor import Child, Supervisor
        children = [Child("started", {SLEEP!r}, 0), Child("forked", (), 0, run=lambda: time.sleep(60))]
        supervisor = Supervisor(children, log_dir=Path({str(tmp_path)!r}), note=print)
        for child in children:
            supervisor.start(child)
        print(*[child.process.pid for child in children], flush=True)
        time.sleep(60)
    """)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2 and all(alive(pid) for pid in pids)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not any(alive(pid) for pid in pids), within_s=15, what="the end of the children")


def test_log_that_has_grown_too_long_is_put_aside(supervised, monkeypatch):
    monkeypatch.setattr("mediahub.lib.supervisor.LOG_BYTES", 100)
    supervisor, _ = supervised(Child("sleeper", SLEEP, stage=0))
    log = supervisor._log_dir / "sleeper.log"
    log.write_text("x" * 101)
    supervisor._bound_logs()
    assert (log.read_text(), log.with_suffix(".log.1").read_text()) == ("", "x" * 101)
