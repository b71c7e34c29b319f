"""Serve the WSGI application by waitress, which buffers slow clients, and end without cutting off answers.

`manage.py up` and `manage.py web` call `serve`. The options are those of REL section 12.
"""

import json
import signal
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask

from mediahub.lib.api import REQUEST_ID_HEADER, error_body
from mediahub.lib.json_input import clean_text

STOP_WITHIN_S = 2.0
CONNECTIONS = 2000
IDLE_S = 60
MAX_DETAIL = 200
RECEIVED_AT_ONCE = 256 * 1024  # waitress takes 8 KiB by default: 400 rounds for a photo
SENT_AT_ONCE = 256 * 1024  # waitress reads as much of a file as the socket's buffer may hold, which is megabytes

_CLAIMS = tuple(f"HTTP_{name}" for name in ("FORWARDED", "X_FORWARDED_BY", "X_FORWARDED_HOST", "X_FORWARDED_PORT"))
_CLAIMS += ("HTTP_X_FORWARDED_PROTO",)

# waitress has no types.
_create_server: Callable[..., Any] = create_server
_ErrorTask: Any = ErrorTask
_poll: Callable[..., None] = wasyncore.poll2


def serve(application: Any, **options: Any) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those in hand for at most two seconds.

    options: those of `make_server`. Raises OSError if the address is taken.
    """
    server = make_server(application, **options)
    told = False

    # It must not raise: waitress catches whatever is raised while it reads or closes a connection, and goes on.
    def stop(*_: object) -> None:
        nonlocal told
        told = True
        server.pull_trigger()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    while not told:
        _poll(1, server._map)
    _finish(server)


def make_server(
    application: Any,
    *,
    host: str,
    port: int,
    threads: int,
    largest_body: int,
    tmp_dir: Path,
    behind_tls: bool = False,
    is_proxy: Callable[[str], bool] = lambda peer: False,
) -> Any:
    """A bound server whose loop does not run yet.

    largest_body: bytes of a request body above which the answer is 413. tmp_dir: where bodies are spooled. behind_tls:
    a proxy terminates TLS, so every request counts as https; headers that claim so are removed either way, because
    anyone could send them. is_proxy: whether `X-Forwarded-For` of this peer is passed on. Raises OSError if the
    address is taken.
    """
    tempfile.tempdir = str(tmp_dir)
    server = _create_server(
        _without_claims(application, is_proxy),
        host=host,
        port=port,
        threads=threads,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,
        channel_timeout=IDLE_S,
        recv_bytes=RECEIVED_AT_ONCE,
        max_request_body_size=largest_body,
        clear_untrusted_proxy_headers=False,  # _without_claims does
        url_scheme="https" if behind_tls else "http",
        ident=None,
    )
    server.channel_class = _Channel
    return server


class _APIErrorTask(_ErrorTask):  # type: ignore[misc]
    """What waitress refuses itself, before any application sees it: the API's error body, where waitress has text.

    Clients read every error as JSON (API 1.6), and nobody knows the path of a request that is none.
    """

    def execute(self) -> None:
        error = self.request.error
        detail = clean_text(str(error.body), MAX_DETAIL)
        body = json.dumps(error_body(f"The server does not take this request: {error.reason}. {detail}")).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [("Content-Type", "application/json"), (REQUEST_ID_HEADER, str(uuid.uuid4()))]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):
    error_task_class = _APIErrorTask

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.sendbuf_len = min(self.sendbuf_len, SENT_AT_ONCE)


def _without_claims(application: Any, is_proxy: Callable[[str], bool]) -> Callable[..., Any]:
    """The application without headers by which a client could pretend to come another way than it does (REL B28)."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        for name in _CLAIMS:
            environ.pop(name, None)
        if not is_proxy(environ.get("REMOTE_ADDR", "")):
            environ.pop("HTTP_X_FORWARDED_FOR", None)
        return application(environ, start_response)

    return answer


def _finish(server: Any) -> None:
    """Take no new connection; go on until every request that has arrived is answered and sent, or time is up."""
    server.accepting = False
    server.del_channel()
    server.socket.close()
    end = time.monotonic() + STOP_WITHIN_S
    while time.monotonic() < end and any(_busy(channel) for channel in server.active_channels.values()):
        _poll(0.05, server._map)
    server.task_dispatcher.shutdown(timeout=0.5)


def _busy(channel: Any) -> bool:
    return bool(channel.requests) or channel.total_outbufs_len > 0
