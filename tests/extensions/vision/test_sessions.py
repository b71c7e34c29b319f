"""One session per model and process, none inherited by a fork."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from extensions.vision import sessions


def test_threads_share_one_session(monkeypatch):
    monkeypatch.setattr(sessions, "_sessions", {})
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(sessions.session_for("efficientnet-lite0-int8"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({id(session) for session in found}) == 1


def test_a_forked_child_starts_without_sessions_and_can_make_its_own():
    feed = np.zeros((1, 3, 224, 224), np.float32)
    sessions.run_model("efficientnet-lite0-int8", feed, ["logits"])
    child = os.fork()
    if child == 0:
        status = 1
        try:
            inherited = bool(sessions._sessions)
            again = sessions.run_model("efficientnet-lite0-int8", feed, ["logits"])[0]
            status = 0 if not inherited and again.shape == (1, 1000) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_child_forked_while_a_session_is_made_does_not_wait_for_ever():
    with sessions._lock:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                sessions.session_for("efficientnet-lite0-int8")
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


OUT_OF_MEMORY = """
import resource
from pathlib import Path
import numpy as np
import onnxruntime
from extensions.vision import sessions
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (30 << 20), taken + (30 << 20)))
try:
    sessions.run_model("u2netp", np.zeros((1, 3, 320, 320), np.float32))
except MemoryError:
    print("memory")
"""


@pytest.mark.rel("F44")
@pytest.mark.process
def test_a_model_beyond_the_memory_limit_is_a_memory_error():
    done = subprocess.run([sys.executable, "-c", OUT_OF_MEMORY], capture_output=True, text=True, env=environment())
    assert done.stdout == "memory\n", done.stderr


def environment():
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "mediahub.settings"}
