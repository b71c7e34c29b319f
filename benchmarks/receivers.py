"""Webhook receivers on many ports in one process: `python -m benchmarks.receivers LIVE DEAD` prints the ports as JSON.

Live ones answer 200 to everything. Dead ones take a connection and never say anything. One thread serves all, because
the receivers share the machine's cores with what is measured.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.system import ROOT, stop

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class _Live(asyncio.Protocol):
    """Answers when a whole request has come."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._data = transport, b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, blank, body = self._data.partition(b"\r\n\r\n")
        if not blank:
            return
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        if len(body) >= int(length.partition(b":")[2]):
            self._transport.write(_ANSWER)
            self._transport.close()


class _Dead(asyncio.Protocol):
    """Reads and is silent."""


@contextmanager
def receivers(*, live: int, dead: int) -> Iterator[tuple[list[str], list[str]]]:
    """Run them; yields the addresses of the live ones and of the dead ones."""
    command = [sys.executable, "-m", "benchmarks.receivers", str(live), str(dead)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        addresses = [f"http://127.0.0.1:{port}/hook" for port in ports]
        yield addresses[:live], addresses[live:]
    finally:
        stop(process)


async def _serve(live: int, dead: int) -> None:
    loop = asyncio.get_running_loop()
    makers = [_Live] * live + [_Dead] * dead
    servers = [await loop.create_server(maker, "127.0.0.1", 0, backlog=128) for maker in makers]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
