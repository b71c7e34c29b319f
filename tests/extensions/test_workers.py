"""Preparing workers in a process that forks them leaves no event loop behind that they would share."""

import os
import subprocess
import sys

PREPARE = """
import django
django.setup()
from kombu.asynchronous import get_event_loop
from extensions.workers import plan_for, prepare_app
from mediahub.celery import app
from mediahub.lib.worker import make_worker
prepare_app()
print(get_event_loop())
make_worker(app, plan_for("images"))
print(get_event_loop() is None)
"""


def test_forked_workers_do_not_share_an_event_loop(tmp_path):
    env = os.environ | {"MEDIAHUB_DATA_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", PREPARE], env=env, capture_output=True, text=True, check=True)
    # A worker itself does make a loop: without forgetting it, the first line would not be None.
    assert run.stdout.split() == ["None", "False"]
