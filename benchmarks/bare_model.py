"""The models alone: what no pipeline around them can beat. A process of `benchmarks.remove_bg`, and times for tagging.

`python -m benchmarks.bare_model fp32` reads counts, line by line, and answers each with the seconds that so many
inferences of u2netp take on two threads that share a session.
"""

import os
import sys
import time
from typing import Any

import numpy as np

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediahub.settings")

from benchmarks.client import in_parallel
from extensions.vision.sessions import session_for

MASK_MODELS = {"fp32": "u2netp", "int8": "u2netp-int8"}
TAG_MODELS = (("efficientnet-lite0", "logits", 224), ("nanodet-g-coco", "scores", 416))
THREADS = 2


def serve(precision: str) -> None:
    """Answer each line of standard input until it ends."""
    session, feed = _prepared(MASK_MODELS[precision], 320)
    session.run(None, feed)
    for line in sys.stdin:
        print(_seconds_of(int(line), session, feed), flush=True)


def _seconds_of(count: int, session: Any, feed: dict[str, Any]) -> float:
    def work(number: int) -> None:
        for _ in range(number, count, THREADS):
            session.run(None, feed)

    start = time.monotonic()
    in_parallel(THREADS, work)
    return time.monotonic() - start


class TagModels:
    """Both models of the local tagger with prepared input."""

    def __init__(self) -> None:
        self._models = [(*_prepared(name, side), output) for name, output, side in TAG_MODELS]
        self.seconds()

    def seconds(self) -> float:
        """How long one run of both takes."""
        start = time.perf_counter()
        for session, feed, output in self._models:
            session.run([output], feed)
        return time.perf_counter() - start


def _prepared(name: str, side: int) -> tuple[Any, dict[str, Any]]:
    session = session_for(name)
    feed = np.random.default_rng(1).random((1, 3, side, side), np.float32)
    return session, {session.get_inputs()[0].name: feed}


if __name__ == "__main__":
    serve(sys.argv[1])
