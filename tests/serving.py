"""A waitress server in a thread, for tests that send raw requests to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from waitress import wasyncore


@contextmanager
def serving(server: Any) -> Iterator[int]:
    """Run the server and give its port; at the end every socket of its map is closed."""
    stopping = threading.Event()

    def serve() -> None:
        # The loop ends between two turns: closing its sockets from outside would break a turn.
        while not stopping.is_set():
            wasyncore.loop(timeout=0.05, map=server._map, count=1)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(server._map)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.effective_port
    finally:
        stopping.set()
        thread.join(10)
