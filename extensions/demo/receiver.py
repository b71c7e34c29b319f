"""A webhook receiver on this machine that checks each call as real receivers would, by two libraries."""

import importlib
import json
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

HOST = "127.83.0.1" if sys.platform == "linux" else "127.0.0.1"
"""An address of its own where the system has them, so that allowing it opens no other local service."""

MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Call:
    """One webhook call. verified: library name to whether its check of the signature passed, or why it could not."""

    message_id: str
    body: dict[str, Any]
    verified: dict[str, str]

    @property
    def is_verified(self) -> bool:
        """Whether every library that is installed accepts the signature."""
        return all(result in {"verified", NOT_INSTALLED} for result in self.verified.values())

    @property
    def file_id(self) -> str:
        """The file that the call is about, as SUCCESS and FAILURE bodies name it."""
        return str(self.body.get("fileId") or self.body.get("fileObject", {}).get("fileId", ""))


NOT_INSTALLED = "not installed"


def verify(*, body: str, headers: dict[str, str], secret: str) -> dict[str, str]:
    """Check one call by the Standard Webhooks library (decoded secret) and by ImageKit's SDK (secret as text)."""
    return {"standardwebhooks": _standard(body, headers, secret), "imagekitio": _imagekit(body, headers, secret)}


class Receiver:
    """`with Receiver(secret) as receiver:` listens; `receiver.calls` is what has come so far, `receiver.url` where."""

    def __init__(self, secret: str) -> None:
        self.calls: list[Call] = []
        self._secret = secret
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("Content-Length") or 0), MOST_BYTES)
                receiver.take(self.rfile.read(length), {name.lower(): value for name, value in self.headers.items()})
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the demo prints the calls itself."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self._server.server_port}/webhook"

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        """Check and keep one call."""
        text = body.decode()
        verified = verify(body=text, headers=headers, secret=self._secret)
        self.calls.append(Call(headers.get("webhook-id", ""), json.loads(text), verified))


def _standard(body: str, headers: dict[str, str], secret: str) -> str:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError as error:
        return f"refused: {error}"
    return "verified"


def _imagekit(body: str, headers: dict[str, str], secret: str) -> str:
    try:
        sdk = importlib.import_module("imagekitio")
    except ImportError:
        return NOT_INSTALLED
    client = sdk.ImageKit(private_key="unused", webhook_secret=secret)
    try:
        client.webhooks.unwrap(body, headers=headers, key=secret)
    except WebhookVerificationError as error:
        return f"refused: {error}"
    return "verified"
