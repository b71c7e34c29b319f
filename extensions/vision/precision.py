"""Which form of a model is faster on this machine: full precision or int8.

Int8 gains much on CPUs with the right instructions and nothing, or less, on others, so `auto` measures once and keeps
the answer in a file. The measurement runs as a process of its own (`python -m extensions.vision.precision FP32 INT8`),
so that the memory of the slower model never becomes the worker's.
"""

import fcntl
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from extensions.vision.sessions import new_session
from extensions.vision.weights import get_weight, verified_path

GAIN_AT_LEAST = 1.15
"""Int8 costs a little accuracy, so it must be at least this much faster."""
_RUNS = 3
_TIMEOUT_S = 60
_PROJECT_DIR = Path(__file__).resolve().parent.parent.parent


def choose_model(name: str, precision: str, state_file: Path) -> str:
    """Return `name` or `name`-int8: as `precision` says ("fp32", "int8"), or the measured choice for "auto".

    state_file: where the measurement is kept, keyed by CPU, library version and weights. Two processes asking at once
    measure once. Raises WeightsError if the files of the choice cannot be used.
    """
    quantised = f"{name}-int8"
    if precision != "auto":
        return quantised if precision == "int8" else name
    state_file.parent.mkdir(parents=True, exist_ok=True)
    with state_file.with_suffix(".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        key, known = _key(name), _read(state_file)
        if key not in known:
            known[key] = _measure_apart(verified_path(name), verified_path(quantised))
            _write(state_file, known)
    return quantised if known[key].get("gain", 0) >= GAIN_AT_LEAST else name


def measure(paths: list[str]) -> list[float]:
    """The best of a few warm runs of each model, in milliseconds, taken in turns so that other load hits all alike."""
    sessions = [new_session(path) for path in paths]
    feed = np.full((1, 3, 320, 320), 0.5, np.float32)
    best = [float("inf")] * len(paths)
    for turn in range(_RUNS + 1):
        for index, session in enumerate(sessions):
            start = time.perf_counter()
            session.run(None, {session.get_inputs()[0].name: feed})
            if turn > 0:
                best[index] = min(best[index], (time.perf_counter() - start) * 1000)
    return best


def _measure_apart(full: Path, quantised: Path) -> dict[str, float]:
    """Measure in a child process. A child that fails says nothing against full precision, so that is then taken."""
    command = [sys.executable, "-m", "extensions.vision.precision", str(full), str(quantised)]
    try:
        done = subprocess.run(command, cwd=_PROJECT_DIR, capture_output=True, timeout=_TIMEOUT_S, check=True)
        full_ms, quantised_ms = json.loads(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError):
        return {"gain": 0.0}
    return {"fp32_ms": full_ms, "int8_ms": quantised_ms, "gain": round(full_ms / quantised_ms, 3)}


def _key(name: str) -> str:
    digests = f"{get_weight(name).sha256}{get_weight(f'{name}-int8').sha256}"
    return f"{_cpu()} | onnxruntime {version('onnxruntime')} | {hashlib.sha256(digests.encode()).hexdigest()[:16]}"


def _cpu() -> str:
    """Model name and instruction sets of the processor: a container may move to another machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in lines}
    flags = hashlib.sha256(facts.get("flags", facts.get("Features", "")).encode()).hexdigest()[:8]
    return f"{facts.get('model name', platform.machine())} {flags}"


def _read(state_file: Path) -> dict[str, dict[str, float]]:
    """What was measured before; a missing or damaged file means nothing was."""
    try:
        known = json.loads(state_file.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(state_file: Path, known: dict[str, dict[str, float]]) -> None:
    draft = state_file.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps(known, indent=1))
    draft.replace(state_file)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1:])))
