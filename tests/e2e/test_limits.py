"""Two web processes and one Valkey: an account has one allowance, and guessing is slow in both."""

import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection  # noqa: TID251 - a plain client for servers on loopback

import pytest

from library.services.accounts import create_account
from mediahub.lib.limits.shared import SharedStore
from tests.runtime import Runtime, free_port, wait_until

pytestmark = pytest.mark.process


@pytest.fixture
def ports(committed_db, tmp_path, valkey):
    """Two web processes that share a database and an empty Valkey; their ports."""
    SharedStore(f"redis+socket://{valkey}").server.flushall()
    runtime = Runtime(
        database_url=committed_db,
        data_dir=tmp_path / "data",
        CELERY_BROKER_URL=f"redis+socket://{valkey}",
        MEDIAHUB_RATE_LIMITS="read=5/40",
        MEDIAHUB_FAILURES_BEFORE_SLOWING="4",
    )
    ports = [free_port(), free_port()]
    try:
        for port in ports:
            runtime.start("web", "--port", str(port))
        for port in ports:
            wait_until(lambda port=port: answers(port), within_s=60, what=f"web on {port}")
        yield ports
    finally:
        runtime.stop()


def ask(port, path, key=""):
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        token = b64encode(f"{key}:".encode()).decode()
        connection.request("GET", path, headers={"Authorization": f"Basic {token}"} if key else {})
        return connection.getresponse().status
    finally:
        connection.close()


def answers(port):
    try:
        return ask(port, "/api/health/live") == 200
    except OSError:
        return False


def test_two_processes_share_one_allowance(ports):
    key = create_account(slug="shared").private_key
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: ask(ports[number % 2], "/v1/files", key), range(120)))
    most = 40 + 5 * (time.monotonic() - started) + 1
    assert set(found) == {200, 429}
    assert 40 <= found.count(200) <= most


@pytest.mark.rel("A6")
def test_what_one_process_has_refused_the_other_slows(ports):
    found = [ask(ports[number % 2], "/v1/files", "private_wrong") for number in range(6)]
    assert found == [403, 403, 403, 403, 429, 429]
