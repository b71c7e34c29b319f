"""A client that costs little: keep-alive connections and bodies in one piece, so that measuring takes little CPU.

`Client.upload` sends what any client of the upload API sends; `in_parallel` keeps a number of them busy.
"""

import base64
import http.client
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_BOUNDARY = "mediahub-benchmark-7d1f"
IDLE_S = 2
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Reply:
    """One answer. seconds: from the first byte sent to the last one received."""

    status: int
    body: bytes
    seconds: float

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class Client:
    """One connection to one server; use one per thread."""

    def __init__(self, port: int, private_key: str = "") -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._used_at = 0.0
        self._headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        if private_key:
            self._headers["Authorization"] = "Basic " + base64.b64encode(f"{private_key}:".encode()).decode()

    def upload(self, photo: bytes, *, extensions: list[dict[str, Any]] | None = None, webhook_url: str = "") -> Reply:
        """Upload a photo under a name of its own, with these extensions."""
        name = f"photo-{next(_numbers)}.jpg"
        fields = {"fileName": name, "useUniqueFileName": "false"}
        if extensions:
            fields["extensions"] = json.dumps(extensions)
        if webhook_url:
            fields["webhookUrl"] = webhook_url
        return self.post("/api/v1/files/upload", photo, fields)

    def post(self, path: str, photo: bytes, fields: dict[str, str] | None = None) -> Reply:
        """POST a form with a file."""
        body = _form(photo, fields or {})
        start = time.perf_counter()
        self._connect()
        self._line.request("POST", path, body, self._headers)
        with self._line.getresponse() as response:
            answer = response.read()
            self._used_at = time.monotonic()
            return Reply(response.status, answer, time.perf_counter() - start)

    def _connect(self) -> None:
        """Connect anew after a pause: servers close a connection that is idle for a few seconds."""
        if time.monotonic() - self._used_at > IDLE_S:
            self._line.close()
        if self._line.sock is None:
            self._line.connect()
            self._line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def checked(reply: Reply) -> Reply:
    """The reply, if it is a success. Raises RuntimeError with the answer's first words."""
    if reply.status != 200:
        raise RuntimeError(f"status {reply.status}: {reply.body[:300]!r}")
    return reply


def in_parallel(count: int, work: Callable[[int], None]) -> None:
    """Do `work(number)` in so many threads at once; the first failure is raised when all have ended."""
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _form(photo: bytes, fields: dict[str, str]) -> bytes:
    pieces = []
    for name, value in fields.items():
        pieces.append(f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    head = 'Content-Disposition: form-data; name="file"; filename="photo.jpg"\r\nContent-Type: image/jpeg'
    pieces += [f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode(), photo, f"\r\n--{_BOUNDARY}--\r\n".encode()]
    return b"".join(pieces)
