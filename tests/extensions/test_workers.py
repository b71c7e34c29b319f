"""Preparing workers in a process that forks them leaves nothing behind that they would share."""

import os
import subprocess
import sys

import pytest

PREPARE = """
import os, django
django.setup()
from extensions.workers import prepare_app
prepare_app()
links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
opened = [os.readlink(link) for link in links if os.path.lexists(link)]
print([name for name in opened if "eventpoll" in name])
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="reads /proc")
def test_forked_workers_do_not_share_an_event_loop(tmp_path):
    env = os.environ | {"MEDIAHUB_DATA_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", PREPARE], env=env, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
