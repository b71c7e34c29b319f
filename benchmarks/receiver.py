"""A webhook receiver that answers 200 to everything, in a process of its own: `python -m benchmarks.receiver PORT`."""

import socketserver
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from benchmarks.processes import wait_until
from benchmarks.system import ROOT, free_port, stop


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def receiver() -> Iterator[str]:
    """Run it; yields the address to post to."""
    port = free_port()
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "benchmarks.receiver", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=pipe, start_new_session=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline
        wait_until(lambda: said() == b"listening\n", within_s=30, what="the start of the receiver")
        yield f"http://127.0.0.1:{port}/hook"
    finally:
        stop(process)


if __name__ == "__main__":
    with _Server(("127.0.0.1", int(sys.argv[1])), _Handler) as server:
        print("listening", flush=True)
        server.serve_forever()
