"""The embedded set-up: which processes `manage.py up` runs, what each does, and when all of them answer.

`children()` is the list for `mediahub.lib.supervisor`; `missing()` says what does not answer yet. Everything here also
has a command of its own (`web`, `worker`, `sweep`), which is what a scaled-out installation runs.
"""

import functools
import gc
import signal
import socket
import sys
import threading
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connections

from extensions.models import WorkerHeartbeat
from extensions.sweeping import sweep_for_ever
from extensions.workers import QUEUES, prepare_app, serve_queues
from mediahub.lib import broker
from mediahub.lib.client_address import is_trusted_peer
from mediahub.lib.datadir import broker_socket, default_broker_url
from mediahub.lib.parents import share_arenas
from mediahub.lib.roles import take_role
from mediahub.lib.supervisor import Child
from mediahub.lib.webserver import serve

WEB, SWEEP, WORKERS, BROKER = range(4)
"""Stages: the order in which children are stopped."""

_WORKER_MODULES = (
    "celery.apps.worker",
    "celery.concurrency.asynpool",
    "celery.concurrency.prefork",
    "celery.concurrency.thread",
    "celery.fixups.django",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer",
    "celery.worker.strategy",
    "kombu.asynchronous.hub",
    "kombu.transport.redis",
)
"""What Celery imports when a worker starts; by name, because nothing here calls it."""

_WORKERS = (("tagging",), ("images",), ("renditions",), ("webhooks", "jobs"))
"""The queues of each worker. Folder jobs share the threads of webhooks: a process of their own takes 28 MB."""

UP_GRACE_S = 6.0
"""Work in hand gets so long when `up` stops, which has ten seconds for everything."""


def embedded_socket() -> Path | None:
    """The socket of the broker that `up` must run, or None when another broker is configured."""
    ours = default_broker_url(settings.MEDIAHUB_DATA_DIR)
    if ours != settings.CELERY_BROKER_URL or not ours.startswith("redis+socket:"):
        return None
    return broker_socket(settings.MEDIAHUB_DATA_DIR)


def broker_in_words() -> str:
    """Which broker is used, for the console."""
    if embedded_socket():
        return "embedded Valkey"
    scheme = settings.CELERY_BROKER_URL.partition(":")[0]
    return "files in the data directory (slow)" if scheme == "filesystem" else f"{scheme} from CELERY_BROKER_URL"


def children(*, host: str, port: int) -> list[Child]:
    """Everything that `up` runs, in the order in which it is started."""
    found = []
    if path := embedded_socket():
        # SIGKILL for an orphan: it has nothing to save, and must not remove a successor's socket on its way out.
        command = broker.command(socket_path=path)
        found.append(Child("broker", command, BROKER, stop_within_s=1.0, orphan_signal=signal.SIGKILL))
    for queues in _WORKERS:
        run = functools.partial(_worker, *queues)
        found.append(Child(queues[0], _manage("worker", *queues), WORKERS, run, UP_GRACE_S + 1))
    found.append(Child("sweep", _manage("sweep"), SWEEP, _sweep, stop_within_s=1.0))
    web = _manage("web", "--host", host, "--port", str(port))
    found.append(Child("web", web, WEB, functools.partial(serve_web, host=host, port=port), stop_within_s=2.5))
    return found


def preload() -> None:
    """Import and set up what the children need, so that they share its memory and start at once.

    Whatever is first touched in a child costs that child memory of its own; hence the site, too.
    """
    prepare_app()
    for name in _WORKER_MODULES:
        import_module(name)
    load_site()


def load_site() -> None:
    """Make the site and answer one request, then take what is loaded out of the garbage collector's sight.

    A collection looks at a hundred thousand objects that stay for ever, and nobody is answered for a tenth of a second;
    and it would write on the pages that children share.
    """
    settings.STATIC_ROOT.mkdir(exist_ok=True, mode=0o700)
    environ: dict[str, Any] = {"PATH_INFO": "/admin/login/", "HTTP_HOST": settings.ALLOWED_HOSTS[0].lstrip(".")}
    setup_testing_defaults(environ)
    answer = application()(environ, lambda *_: sys.stderr.buffer.write)
    for _ in answer:
        pass
    connections.close_all()
    gc.collect()
    gc.freeze()


@functools.cache
def application() -> WSGIHandler:
    """The site, made once; forked web processes share it."""
    return get_wsgi_application()


def serve_web(*, host: str, port: int) -> None:
    """The web process: answer requests until SIGTERM."""
    take_role("web")
    share_arenas(2)
    # base64 in JSON or form fields is a third longer than the file; 4 MiB are for the other fields.
    largest_body = int(settings.MEDIAHUB_MAX_UPLOAD_BYTES * 1.4) + 4 * 1024 * 1024
    serve(
        application(),
        host=host,
        port=port,
        threads=settings.MEDIAHUB_WEB_THREADS,
        largest_body=largest_body,
        tmp_dir=settings.MEDIAHUB_TMP_DIR,
        behind_tls=settings.MEDIAHUB_BEHIND_TLS,
        is_proxy=is_trusted_peer,
    )


def missing(*, host: str, port: int, since: datetime) -> list[str]:
    """Parts that do not answer yet: the broker to PING, a worker of each queue by its heartbeat, the web port."""
    found = []
    path = embedded_socket()
    if path and not broker.answers(path):
        found.append("broker")
    try:
        seen = set(WorkerHeartbeat.objects.filter(seen_at__gte=since).values_list("queue", flat=True))
        found += [queue for queue in QUEUES if queue not in seen]
    except DatabaseError:
        found.append("database")
    finally:
        connections.close_all()  # children are forked from this process
    if not _web_answers(host, port):
        found.append("web")
    return found


def _worker(*queues: str) -> None:
    take_role("worker")
    settings.MEDIAHUB_SHUTDOWN_S = min(settings.MEDIAHUB_SHUTDOWN_S, UP_GRACE_S)
    serve_queues(*queues)


def _sweep() -> None:
    take_role("sweep")
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    sweep_for_ever(told.wait)


def _manage(*words: str) -> list[str | Path]:
    return [sys.executable, settings.BASE_DIR / "manage.py", *words]


def _web_answers(host: str, port: int) -> bool:
    """Whether an HTTP answer comes from the port, whatever it says."""
    target = "127.0.0.1" if host in {"0.0.0.0", ""} else host  # noqa: S104 - compared, not bound
    try:
        with socket.create_connection((target, port), timeout=5) as line:
            line.sendall(f"GET /api/health/live HTTP/1.0\r\nHost: {target}\r\n\r\n".encode())
            return line.recv(12).startswith(b"HTTP/")
    except OSError:
        return False
