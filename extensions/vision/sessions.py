"""One inference session per model and process, made on first use and after the fork.

Cut-outs and tags run their models through `run_model`; workers call it once at their start through `Provider.warm_up`.
"""

import ctypes
import functools
import importlib
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extensions.vision.weights import verified_path

Floats = NDArray[np.float32]
Session = Any
"""onnxruntime.InferenceSession, unnamed because the library is imported late."""

_sessions: dict[str, Session] = {}
_lock = threading.Lock()


def run_model(name: str, feed: Floats, outputs: Sequence[str] | None = None) -> list[Floats]:
    """Run a model of the manifest on one input tensor and return its outputs.

    Raises WeightsError if the file is missing or altered, and MemoryError like any other code that runs out of memory.
    Threads may call it at once; they share the session.
    """
    with _memory_errors():
        session = session_for(name)
        found: list[Floats] = session.run(outputs, {session.get_inputs()[0].name: feed})
        return found


def session_for(name: str) -> Session:
    """This process's session of a model; the first caller makes it while the others wait."""
    session = _sessions.get(name)
    if session is not None:
        return session
    with _lock:
        if name not in _sessions:
            _sessions[name] = new_session(str(verified_path(name)))
        return _sessions[name]


def new_session(path: str) -> Session:
    """Open a model file for one thread on the CPU, with the settings that keep its memory small."""
    # Imported here because the library alone takes 40 MB, and the web process never runs a model.
    onnxruntime: Any = importlib.import_module("onnxruntime")
    return onnxruntime.InferenceSession(path, sess_options=session_options(), providers=["CPUExecutionProvider"])


def session_options() -> Any:
    """One thread (workers are processes, one for each core) and no memory pattern or arena (they double the peak)."""
    onnxruntime: Any = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return options


@contextmanager
def _memory_errors() -> Iterator[None]:
    """The library has no error of its own for memory, only sentences; the worker must know, because it then ends."""
    try:
        yield
    except Exception as error:
        if "bad_alloc" in str(error) or "Failed to allocate memory" in str(error):
            raise MemoryError("There is not enough memory for the model.") from error
        raise


def give_back_memory() -> None:
    """Return what the C library holds in reserve to the system; after a large image that is most of the process."""
    if (trim := _malloc_trim()) is not None:
        trim(0)


@functools.cache
def _malloc_trim() -> Any:
    """glibc's `malloc_trim`, or None where the C library has none."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def _forget_sessions() -> None:
    """A forked child must not use its parent's sessions, nor wait for a lock that a parent's thread held."""
    global _lock
    _lock = threading.Lock()
    _sessions.clear()


os.register_at_fork(after_in_child=_forget_sessions)
