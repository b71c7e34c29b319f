"""What tests need that call the WSGI application itself, in the test's own transaction."""

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections


@pytest.fixture
def connection_stays(db):
    """Django drops a connection that is inside a transaction when a request begins or ends; its test client asks it not
    to, and so do we."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)
