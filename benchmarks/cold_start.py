"""How soon does an empty machine take an upload (REL K1), and what does MediaHub cost while nobody uses it (REL K2)?"""

import time

from benchmarks import photos, processes
from benchmarks.client import checked
from benchmarks.rows import Row, at_most
from benchmarks.system import System, scratch, settle_down

START_AT_MOST_S = 10
MEMORY_AT_MOST_MB = 350
CPU_AT_MOST_PERCENT = 3
IDLE_S = 20


def measure() -> list[Row]:
    """Seconds to the first accepted upload; megabytes (PSS) and share of one core at rest."""
    with scratch() as folder:
        system = System(folder / "data")
        try:
            start = time.monotonic()
            ready_s = system.start()
            system.make_account()
            checked(system.client().upload(photos.of_size("640x480")[0]))
            note = f"ready after {ready_s:.1f} s; the rest is the command that makes an account, and the upload"
            cold = at_most(
                "cold start to first upload (K1)", time.monotonic() - start, START_AT_MOST_S, unit="s", note=note
            )
            system.stop()
            system.start()
            return [cold, *_idle_rows(system)]
        finally:
            system.stop()


def _idle_rows(system: System) -> list[Row]:
    _wait_until_started(system)
    used_s = processes.cpu_s(system.pid)
    time.sleep(IDLE_S)
    percent = (processes.cpu_s(system.pid) - used_s) / IDLE_S * 100
    parts = ", ".join(f"{name} {processes.pss_mb(pid):.0f}" for name, pid in _parts(system).items())
    memory_mb = processes.pss_mb(system.pid)
    return [
        at_most("idle memory of everything (K2)", memory_mb, MEMORY_AT_MOST_MB, unit="MB", note=parts),
        at_most("idle CPU of everything (K2)", percent, CPU_AT_MOST_PERCENT, unit="% of a core"),
    ]


def _wait_until_started(system: System) -> None:
    """Workers go on loading for a while after `up` is ready; at rest is when a few seconds pass with little work."""
    settle_down(8)
    for _ in range(12):
        used_s = processes.cpu_s(system.pid)
        settle_down(3)
        if processes.cpu_s(system.pid) - used_s < 0.3:
            return


def _parts(system: System) -> dict[str, int]:
    names = ("web", "tagging", "images", "renditions", "webhooks", "sweep", "broker")
    return {name: system.process(name) for name in names}
