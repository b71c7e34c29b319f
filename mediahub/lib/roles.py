"""What differs between processes that share one copy of the settings: web, worker, sweep.

A process started by its own command line reads MEDIAHUB_PROCESS before the settings are made. One that `manage.py up`
forks calls `take_role` instead, before it opens a connection.
"""

import os

from django.conf import settings
from django.db import connections

from mediahub.celery import app

WEB_STATEMENT_MS = 15_000
STATEMENT_MS = 120_000


def take_role(role: str) -> None:
    """Make this process a `web`, `worker` or `sweep` process: time-outs on the database and on the broker follow."""
    os.environ["MEDIAHUB_PROCESS"] = role
    settings.MEDIAHUB_PROCESS = role
    is_web = role == "web"
    if "socket_timeout" in settings.CELERY_BROKER_TRANSPORT_OPTIONS:
        app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS | {
            "socket_timeout": 1 if is_web else 5
        }
    database = connections.settings["default"]
    if "postgresql" in database["ENGINE"]:
        wanted = f"statement_timeout={WEB_STATEMENT_MS if is_web else STATEMENT_MS}"
        words = str(database["OPTIONS"].get("options", "")).split()
        database["OPTIONS"]["options"] = " ".join(
            wanted if word.startswith("statement_timeout=") else word for word in words
        )
