"""Calls to the system: what a process gives up for others, seen in real processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
AUTOGROUP = Path("/proc/self/autogroup")
YIELD = """
import os, pathlib
from mediahub.lib.parents import yield_to_others
yield_to_others(7)
print(os.nice(0), pathlib.Path("/proc/self/autogroup").read_text().split()[-1])
"""
ALLOCATE = """
import ctypes, sys, threading
from mediahub.lib.parents import share_arenas
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
share_arenas(2)
together = threading.Barrier(8)
def work():
    together.wait()
    kept = [bytes(3000) for _ in range(2000)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
stream = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, stream)
libc.fclose(stream)
"""


def _run(*words, **options):
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True, **options)
    return done.stdout.split()


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not group processes by session")
def test_a_process_that_leads_its_session_yields_with_the_whole_session():
    niceness, of_session = _run(sys.executable, "-c", YIELD, start_new_session=True)
    assert (int(niceness), of_session) == (min(os.nice(0) + 7, 19), "7")


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not group processes by session")
def test_the_session_of_an_operators_shell_keeps_its_share(tmp_path):
    (tmp_path / "yield.py").write_text(YIELD)
    # Two shells: the first leads the session, the second is the process's parent.
    command = f"sh -c 'PYTHONPATH={ROOT} {sys.executable} {tmp_path / 'yield.py'}; true'; true"
    niceness, of_session = _run("sh", "-c", command, start_new_session=True)
    assert (int(niceness), of_session) == (min(os.nice(0) + 7, 19), "0")


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has pools of memory for threads")
def test_threads_share_two_pools_of_memory(tmp_path):
    _run(sys.executable, "-c", ALLOCATE, str(tmp_path / "pools.xml"))
    assert (tmp_path / "pools.xml").read_text().count("<heap nr=") <= 2
