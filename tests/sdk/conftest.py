"""A live server for official SDKs to talk to, and workers of bulk jobs, thumbnails and webhooks in threads."""

import threading

import pytest
import waitress.server
from django.db import connections
from imagekitio import ImageKit
from waitress import wasyncore

from extensions.webhooks.delivery import deliver_one
from library.services.accounts import create_account
from library.tasks import jobs_work, renditions_work
from mediahub.wsgi import application
from tests.sdk.surface import Recorder, checked


@pytest.fixture
def server(committed_db, rendition_worker):
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


def _in_a_thread(act):
    """Do something every tenth of a second until the test ends, as a queue's worker does when nobody wakes it."""
    stopping = threading.Event()

    def work():
        while not stopping.wait(0.1):
            act()
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stopping.set()
    thread.join()


@pytest.fixture
def job_worker(committed_db):
    """Works on bulk jobs."""
    yield from _in_a_thread(jobs_work)


@pytest.fixture
def rendition_worker(committed_db):
    """Makes thumbnails, from which the hash in the metadata of a picture comes."""
    yield from _in_a_thread(renditions_work)


@pytest.fixture
def webhook_worker(committed_db, settings):
    """Delivers webhooks, to receivers on this machine too."""
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = ("127.0.0.0/8",)
    yield from _in_a_thread(deliver_one)


@pytest.fixture
def account(committed_db):
    return create_account(slug="acme", units_per_month=1000)


@pytest.fixture
def key(account):
    return account.private_key


@pytest.fixture
def client(server, key, request):
    """imagekitio 5, strict about answers; what a test's `sdk` mark names must have been called when the test ends."""
    with (
        checked(request) as called,
        ImageKit(private_key=key, base_url=server, max_retries=0, _strict_response_validation=True) as client,
    ):
        yield Recorder(client, called)
