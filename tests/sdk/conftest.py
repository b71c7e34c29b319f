"""A live server, and a worker for bulk jobs in a thread, for official SDKs to talk to."""

import threading

import pytest
import waitress.server
from django.db import connections
from imagekitio import ImageKit
from waitress import wasyncore

from library.services.accounts import create_account
from library.tasks import jobs_work
from mediahub.wsgi import application


@pytest.fixture
def server(committed_db):
    """A waitress server on a free port, in a thread that ends before its sockets do; its address."""
    running = waitress.server.create_server(application, host="127.0.0.1", port=0, threads=4)
    stopping = threading.Event()

    def serve():
        while not stopping.is_set():
            wasyncore.loop(timeout=0.05, map=running._map, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{running.effective_port}"
    stopping.set()
    thread.join()
    running.task_dispatcher.shutdown()
    running.close()


@pytest.fixture
def job_worker(committed_db):
    """Works on bulk jobs as the queue's worker does, without a broker to wake it."""
    stopping = threading.Event()

    def work():
        while not stopping.wait(0.1):
            jobs_work()
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stopping.set()
    thread.join()


@pytest.fixture
def key(committed_db):
    return create_account(slug="acme", units_per_month=1000).private_key


@pytest.fixture
def client(server, key):
    with ImageKit(private_key=key, base_url=server, max_retries=0) as client:
        yield client
