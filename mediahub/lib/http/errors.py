"""What can go wrong with a call to the outside, as one error with a short reason.

Raised by `mediahub.lib.http` and read by webhook delivery, providers and uploads by URL. The reasons are the ones
stored with a webhook attempt (REL W17).
"""

import http.client
import socket
import ssl
from typing import Literal

from urllib3.exceptions import HTTPError

Reason = Literal["timeout", "dns", "refused", "reset", "tls", "blocked", "http_error", "too_large", "protocol"]

MAX_MESSAGE_CHARS = 300


class OutboundError(Exception):
    """A call to the outside that did not give an answer.

    reason: one of `Reason`. message: what happened, for the operator; it may name addresses and must not reach a
    client, who gets `public_message`. address: the IP connected to or last tried, empty if there was none.
    duration_ms: since the start of the call. status: of the answer, for `http_error`.
    """

    def __init__(
        self, reason: Reason, message: str, *, address: str = "", duration_ms: int = 0, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        # Peers choose parts of it; databases refuse NUL, and terminals obey escapes.
        self.message = "".join(char if char.isprintable() else "?" for char in message[:MAX_MESSAGE_CHARS])
        self.address = address
        self.duration_ms = duration_ms
        self.status = status

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"

    @property
    def public_message(self) -> str:
        """The sentence a client may see: nothing of the fetched server or of our network is in it (REL O12)."""
        return PUBLIC_MESSAGES.get(self.reason, "The URL could not be fetched.")


PUBLIC_MESSAGES: dict[str, str] = {
    "blocked": "The address of the URL is not allowed.",
    "too_large": "The file behind the URL is too large.",
    "timeout": "The server behind the URL took too long.",
}


class BadUrl(ValueError):
    """A URL that is never called, whatever its name resolves to. Its text is fit for clients."""


class CutOffHeaders(http.client.HTTPException):
    """The connection ended before the empty line that closes a header block."""


def as_outbound_error(error: Exception, *, address: str = "") -> OutboundError:
    """Turn what sockets, TLS, http.client and urllib3 raise into our error. The deadline is judged by the caller."""
    cause = _innermost(error)
    return OutboundError(_reason(cause), f"{type(cause).__name__}: {cause}", address=address)


def _reason(error: Exception) -> Reason:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, socket.gaierror):
        return "dns"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError, CutOffHeaders, http.client.IncompleteRead)):
        return "reset"
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, ConnectionError):
        return "reset"
    if isinstance(error, (http.client.HTTPException, HTTPError)):
        return "protocol"
    return "refused"  # no route, network unreachable, no socket to be had: never connected


def _innermost(error: Exception) -> Exception:
    """urllib3 wraps what it catches; the wrapped error says more."""
    while isinstance(error, HTTPError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error
