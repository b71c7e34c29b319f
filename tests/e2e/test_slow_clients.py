"""Clients that send a byte a second, and clients that read slowly, hold up nobody and fill no memory (REL B29, K13).

Nor do they keep the server from ending, which is told to while it is busy with their leaving.

The web server is the real one in a process of its own. Fewer readers and a smaller file than REL names: the sockets'
buffers are made small instead, so that the server meets as many full ones.
"""

import os
import socket
import statistics
import threading
import time
from contextlib import ExitStack
from urllib.request import Request, urlopen  # noqa: TID251 - tests are clients

import psutil
import pytest

from library.services.accounts import create_account
from tests.runtime import Runtime, basic, wait_until

pytestmark = pytest.mark.process

SENDERS, READERS, FILE_BYTES = 300, 30, 20 << 20
QUESTIONS = 80
MOST_P95_S = 0.2
MOST_GROWTH_BYTES = 50 << 20
ENDS_WITHIN_S = 5


@pytest.fixture
def runtime(committed_db, tmp_path):
    running = Runtime(database_url=committed_db, data_dir=tmp_path / "data", MEDIAHUB_RATE_LIMITS="off")
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def web(runtime):
    """The process of a web server that answers."""
    process = runtime.start("web", "--port", str(runtime.port))
    wait_until(runtime.answers, within_s=60, what="web")
    return process


def ask(url, key):
    started = time.monotonic()
    request = Request(url, headers={"Authorization": basic(key)})
    with urlopen(request, timeout=30) as answer:
        assert answer.status == 200
        answer.read()
    return time.monotonic() - started


def p95_of(url, key):
    return statistics.quantiles([ask(url, key) for _ in range(QUESTIONS)], n=20)[-1]


def small_socket(port):
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    line.connect(("127.0.0.1", port))
    return line


def drip(lines, stopping, step):
    """One step on each line a second."""
    while not stopping.wait(1):
        for line in lines:
            step(line)


@pytest.mark.rel("B29")
def test_others_are_served_beside_slow_senders_and_slow_readers(runtime, web):
    key = create_account(slug="acme").private_key
    answer = runtime.upload(os.urandom(FILE_BYTES), private_key=key, fileName="large.bin")
    listing, path = f"{runtime.url}/v1/files", f"/media/acme{answer['filePath']}"
    alone = p95_of(listing, key)
    before = psutil.Process(web.pid).memory_info().rss
    stopping = threading.Event()
    with ExitStack() as stack:
        senders = [stack.enter_context(small_socket(runtime.port)) for _ in range(SENDERS)]
        for line in senders:
            line.sendall(_upload_head(key))
        readers = [stack.enter_context(small_socket(runtime.port)) for _ in range(READERS)]
        for line in readers:
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        steps = ((senders, lambda line: line.sendall(b"x")), (readers, lambda line: line.recv(4096)))
        threads = [threading.Thread(target=drip, args=(lines, stopping, step)) for lines, step in steps]
        for thread in threads:
            thread.start()
        try:
            time.sleep(3)
            beside = p95_of(listing, key)
            grown = psutil.Process(web.pid).memory_info().rss - before
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
    web.terminate()
    assert web.wait(ENDS_WITHIN_S) == 0
    assert beside <= max(MOST_P95_S, 3 * alone), (alone, beside)
    assert grown <= MOST_GROWTH_BYTES, grown


def _upload_head(key):
    lines = ["POST /api/v1/files/upload HTTP/1.1", "Host: 127.0.0.1", f"Authorization: {basic(key)}"]
    lines += ["Content-Type: multipart/form-data; boundary=b", "Content-Length: 100000"]
    return "\r\n".join([*lines, "", ""]).encode()
