"""How soon is a run taken up again whose worker was killed (REL K14)?"""

import json
import os
import signal
import time
from statistics import median

from benchmarks import photos
from benchmarks.client import checked
from benchmarks.processes import wait_until
from benchmarks.rows import Row, at_most
from benchmarks.system import FAKE_CHAINS, System, running, scratch

KILLS = 3
PROVIDER_S = 2.0
AT_MOST_S = 10
_RUNNING = "SELECT count(*) FROM extensions_extensionrun WHERE file_id = ? AND state = 'running' AND attempts = ?"


def measure() -> list[Row]:
    """The longest of a few kills of the whole tagging worker, each in the middle of a run."""
    with scratch() as folder:
        (folder / "plan.json").write_text(json.dumps({"delay_s": PROVIDER_S}))
        settings = FAKE_CHAINS | {"MEDIAHUB_FAKE_DIR": str(folder), "MEDIAHUB_SYNC_DEADLINE_S": "0"}
        with running(settings=settings) as system:
            waits = [_kill_and_wait(system) for _ in range(KILLS)]
    note = f"median {median(waits):.1f} s of {KILLS} kills"
    return [at_most("killed worker: its run goes on after (K14)", max(waits), AT_MOST_S, unit="s", note=note)]


def _kill_and_wait(system: System) -> float:
    reply = checked(system.client().upload(photos.of_bytes(50_000), extensions=[{"name": "local-auto-tagging"}]))
    file_id = reply.json()["fileId"]
    _wait_for_attempt(system, file_id, 1)
    os.kill(system.process("tagging"), signal.SIGKILL)
    killed = time.monotonic()
    _wait_for_attempt(system, file_id, 2)
    waited_s = time.monotonic() - killed
    system.wait_until_idle()
    return waited_s


def _wait_for_attempt(system: System, file_id: str, attempt: int) -> None:
    wait_until(
        lambda: system.database.value(_RUNNING, file_id, attempt) == 1, within_s=90, what=f"attempt {attempt} of a run"
    )
