"""What background removal costs in memory and time up to 12 megapixels, against rembg with the same weights.

`python -m benchmarks.vision_memory` prints ratios. Times are taken in one process, one thread each, rembg and ours in
turns, so that other load hits both. Memory is the proportional set size (PSS), sampled every 10 ms, the highest sum:
ours is a parent with two prefork children at work, rembg a single process that serves one image at a time.
"""

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediahub.settings")

from extensions.vision import cutout

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "tests" / "files" / "photos" / "formats" / "large_12mp.jpg"
MODELS = {"int8": "u2netp-int8", "fp32": "u2netp"}
SIZES = {"640x480": (640, 480), "1600x1200": (1600, 1200), "12 MP": (4000, 3000)}
SPEED_AT_LEAST = {
    "int8": {"640x480": 1.5, "1600x1200": 2.2, "12 MP": 4.0},
    "fp32": {"640x480": 1.0, "1600x1200": 1.5, "12 MP": 3.5},
}
SHARE_AT_MOST = 0.85
RUNS = 5

Remove = Callable[[bytes], Any]


def measure() -> list[dict[str, Any]]:
    """Rows with name, value (a ratio over rembg), target and met."""
    rows = []
    reference_mb = _apart("memory", "rembg")
    for precision in MODELS:
        peak_mb = _apart("memory", precision)
        share = peak_mb / reference_mb
        name = f"peak memory at 12 MP, {precision}: {peak_mb} MB, rembg {reference_mb} MB"
        rows.append(_row(name, share, f"< {SHARE_AT_MOST}", share < SHARE_AT_MOST))
    for size, times in _apart("speed").items():
        for precision in MODELS:
            gain, least = times["rembg"] / times[precision], SPEED_AT_LEAST[precision][size]
            name = f"speed at {size}, {precision}: {times[precision]} ms, rembg {times['rembg']} ms"
            rows.append(_row(name, gain, f">= {least}", gain >= least))
    return rows


def _apart(*task: str) -> Any:
    """Do one task in a fresh process; one thread for every library."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "U2NET_HOME": str(ROOT / "extensions" / "weights")}
    command = [sys.executable, "-m", "benchmarks.vision_memory", *task]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure_speed() -> dict[str, dict[str, int]]:
    """Milliseconds per image by size and candidate: the median of a few rounds in which each has its turn."""
    removers = {"rembg": _rembg(), **{precision: _ours(precision) for precision in MODELS}}
    return {size: _rounds(removers, _photo(pixels)) for size, pixels in SIZES.items()}


def _rounds(removers: dict[str, Remove], data: bytes) -> dict[str, int]:
    taken: dict[str, list[float]] = {name: [] for name in removers}
    for _ in range(RUNS + 1):
        for name, remove in removers.items():
            start = time.perf_counter()
            remove(data)
            taken[name].append((time.perf_counter() - start) * 1000)
    return {name: round(sorted(times[1:])[RUNS // 2]) for name, times in taken.items()}


def measure_memory(candidate: str) -> int:
    """Peak PSS in MB of a candidate at work on the 12-megapixel photo."""
    data = PHOTO.read_bytes()
    if candidate == "rembg":
        remove = _rembg()
        worker = threading.Thread(target=_repeat, args=(remove, data))
        worker.start()
        return _watch([], worker.is_alive)
    children = [_fork(candidate, data) for _ in range(2)]
    alive = set(children)

    def somebody_works() -> bool:
        for child in tuple(alive):
            ended, status = os.waitpid(child, os.WNOHANG)
            if status:
                raise RuntimeError(f"a worker failed with status {status}")
            alive.discard(ended)
        return bool(alive)

    return _watch(children, somebody_works)


def _fork(candidate: str, data: bytes) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _repeat(_ours(candidate), data)
            status = 0
        finally:
            os._exit(status)
    return child


def _repeat(remove: Remove, data: bytes) -> None:
    for _ in range(RUNS):
        remove(data)


def _watch(children: list[int], goes_on: Callable[[], bool]) -> int:
    peak = 0
    while goes_on():
        peak = max(peak, sum(_pss_kb(process) for process in (os.getpid(), *children)))
        time.sleep(0.01)
    return round(peak / 1024)


def _ours(precision: str) -> Remove:
    return partial(cutout.cut_out, mask_of=partial(cutout.small_mask, model=MODELS[precision]))


def _rembg() -> Remove:
    import rembg

    return partial(rembg.remove, session=rembg.new_session("u2netp"))


def _photo(size: tuple[int, int]) -> bytes:
    if size == SIZES["12 MP"]:
        return PHOTO.read_bytes()
    buffer = io.BytesIO()
    Image.open(PHOTO).resize(size).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _pss_kb(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _row(name: str, value: float, target: str, met: bool) -> dict[str, Any]:
    return {"name": name, "value": round(value, 2), "target": target, "met": met}


if __name__ == "__main__":
    if sys.argv[1:2] == ["speed"]:
        print(json.dumps(measure_speed()))
    elif sys.argv[1:2] == ["memory"]:
        print(json.dumps(measure_memory(sys.argv[2])))
    else:
        for row in measure():
            print(f"{'ok ' if row['met'] else 'NOT'}  {row['name']}: {row['value']} (target {row['target']})")
