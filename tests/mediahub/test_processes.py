"""Who is alive: ids are used again, so a process is known by its start time, too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mediahub.lib.processes import is_alive, me, node


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_this_process_is_alive_under_its_own_name():
    where, pid, started = me()
    assert (where, pid) == (node(), os.getpid())
    assert is_alive(pid, started)


@pytest.mark.rel("J16")
def test_process_that_was_killed_is_not_alive_even_before_it_is_reaped():
    process = sleeper()
    started = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    assert is_alive(process.pid, started)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(process.pid, started)
    process.wait()


@pytest.mark.rel("J16")
def test_another_process_under_the_same_id_is_not_taken_for_the_dead_one():
    _, pid, started = me()
    assert not is_alive(pid, str(int(started) - 1))
    assert not is_alive(pid, "")
