"""One call of Google Cloud Vision: its client, its credentials, and what its errors mean for a run.

Imported by `google_vision` in worker processes only, after they forked: gRPC's threads do not survive a fork.
"""

import functools
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import google.auth
import grpc
import structlog
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError, OAuthError, TransportError
from google.auth.transport.requests import Request
from google.cloud import vision_v1
from google.cloud.vision_v1.services.image_annotator.transports import ImageAnnotatorGrpcTransport
from google.oauth2 import service_account
from google.rpc.error_details_pb2 import RetryInfo

from extensions.providers.base import (
    PermanentProviderError,
    ProviderError,
    ProviderUnavailable,
    TransientProviderError,
)
from extensions.providers.google_vision import GoogleSetup
from extensions.providers.labels import BAD
from extensions.providers.per_process import PerProcess

log = structlog.get_logger(__name__)

SCOPES = ["https://www.googleapis.com/auth/cloud-vision"]
LEAST_S = 1.0
TOKEN_S = 10.0
# An answer holds 30 labels at most; without a bound the library takes messages of any size.
CHANNEL = [("grpc.max_receive_message_length", 1 << 20), ("grpc.max_send_message_length", -1)]
GARBAGE = "Exception deserializing response!"  # what gRPC says of an OK answer that is no message

Code = grpc.StatusCode
# google.rpc.Code and gRPC's status codes are the same numbers, for a whole call and for one image.
TRANSIENT = {
    Code.CANCELLED: "provider_error",
    Code.UNKNOWN: "provider_error",
    Code.DEADLINE_EXCEEDED: "provider_timeout",
    Code.RESOURCE_EXHAUSTED: "provider_rate_limited",
    Code.ABORTED: "provider_error",
    Code.INTERNAL: "provider_error",
    Code.UNAVAILABLE: "provider_error",
    Code.DATA_LOSS: "provider_error",
}
# The account, not the image: no run can be served, so the next provider of the chain is asked (REL F36). Where there
# is none the run fails at once with this code, which is what REL F41 asks of PERMISSION_DENIED.
UNAVAILABLE = {
    Code.UNAUTHENTICATED: "provider_key_refused",
    Code.PERMISSION_DENIED: "provider_key_refused",
    Code.UNIMPLEMENTED: "provider_misconfigured",  # the endpoint that was set is no Vision
}
REFUSALS = ("invalid_", "unauthorized", "denied")  # of RFC 6749, section 5.2
BROKEN_CONNECTION = {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED}


@dataclass(frozen=True)
class Connection:
    """The library's client, and the credentials it sends; None for a plain endpoint."""

    client: vision_v1.ImageAnnotatorClient
    credentials: Credentials | None


def detect_labels(
    setup: GoogleSetup, image: bytes, *, model: str, at_most: int, deadline_s: float
) -> list[tuple[str, float]]:
    """Ask once for the labels of an image: (description, score 0 to 1) as Google gave them. Raises ProviderError."""
    ends_at = time.monotonic() + deadline_s
    connection = _connections.get(setup)
    _renew_token(connection.credentials)
    feature = vision_v1.Feature(type_=vision_v1.Feature.Type.LABEL_DETECTION, max_results=at_most, model=model)
    request = vision_v1.AnnotateImageRequest(image=vision_v1.Image(content=image), features=[feature])
    try:
        # retry=None: the library would go on for ten minutes by itself, and the pipeline retries.
        answer = connection.client.batch_annotate_images(
            requests=[request], retry=None, timeout=max(LEAST_S, ends_at - time.monotonic())
        )
    except GoogleAPICallError as error:
        raise _call_failed(error) from error
    return _labels(answer)


def _labels(answer: vision_v1.BatchAnnotateImagesResponse) -> list[tuple[str, float]]:
    """The labels of the one image. An error inside an OK answer is an error, whatever stands beside it."""
    if len(answer.responses) != 1:
        raise PermanentProviderError(BAD, f"Google Vision answered for {len(answer.responses)} images, not for one.")
    response = answer.responses[0]
    if "error" in response:
        raise _judged(_code(response.error.code), response.error.message, response.error.details)
    return [(label.description, label.score) for label in response.label_annotations]


def _call_failed(error: GoogleAPICallError) -> ProviderError:
    if error.message == GARBAGE:
        return PermanentProviderError(BAD, "Google Vision answered with something that is no message of its protocol.")
    code = error.grpc_status_code
    if code in BROKEN_CONNECTION:
        # gRPC waits longer and longer before it dials again, and may not notice that a connection is dead.
        _connections.forget()
    return _judged(code, error.message or "", error.details)


def _judged(code: grpc.StatusCode | None, said: str, details: Iterable[Any]) -> ProviderError:
    # What Google says of quotas and rights names projects and accounts: for the operator's log, not for clients.
    name = code.name if code else "an unknown code"
    if code in TRANSIENT:
        log.info("provider_fault", provider="google-vision", code=name, said=said)
        return TransientProviderError(TRANSIENT[code], f"Google Vision: {name}.", _retry_after_s(details))
    if code in UNAVAILABLE:
        log.warning("provider_unavailable", provider="google-vision", code=name, said=said)
        return ProviderUnavailable(UNAVAILABLE[code], f"Google Vision cannot be used with these settings: {name}.")
    return PermanentProviderError("provider_refused", f"Google Vision refused the image: {name}: {said}")


def _code(number: int) -> grpc.StatusCode | None:
    return next((code for code in Code if code.value[0] == number and code is not Code.OK), None)


def _retry_after_s(details: Iterable[Any]) -> float | None:
    """The wait that Google asks for, if it does; details of one image come packed, those of a call do not."""
    for detail in details:
        info = detail
        if hasattr(detail, "Unpack"):
            info = RetryInfo()
            detail.Unpack(info)
        if isinstance(info, RetryInfo) and info.HasField("retry_delay"):
            return max(0.0, float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9))
    return None


def _connect(setup: GoogleSetup) -> Connection:
    if setup.is_plain:
        # TLS is what the client library insists on by itself. A proxy of the environment has no business on loopback.
        options = [*CHANNEL, ("grpc.enable_http_proxy", 0)]
        channel = grpc.insecure_channel(setup.endpoint, options=options)  # type: ignore[no-untyped-call]
        return Connection(vision_v1.ImageAnnotatorClient(transport=ImageAnnotatorGrpcTransport(channel=channel)), None)
    credentials = _credentials(setup)
    transport = ImageAnnotatorGrpcTransport(
        host=setup.endpoint or ImageAnnotatorGrpcTransport.DEFAULT_HOST,
        credentials=credentials,
        channel=_bounded_channel,
        always_use_jwt_access=True,
    )
    return Connection(vision_v1.ImageAnnotatorClient(transport=transport), credentials)


def _bounded_channel(*args: Any, **options: Any) -> grpc.Channel:
    return ImageAnnotatorGrpcTransport.create_channel(*args, **{**options, "options": CHANNEL})


def _credentials(setup: GoogleSetup) -> Credentials:
    """Read the key. Any kind that Google's libraries know will do: the operator, nobody else, gave it."""
    try:
        if setup.credentials:
            key = json.loads(setup.credentials)
            found, _project = google.auth.load_credentials_from_dict(  # type: ignore[no-untyped-call]
                key, scopes=SCOPES, request=_token_request()
            )
        else:
            found, _project = google.auth.default(scopes=SCOPES, request=_token_request())
    except (GoogleAuthError, ValueError) as error:
        raise _no_credentials(error) from error
    return cast(Credentials, found)


def _renew_token(credentials: Credentials | None) -> None:
    """Fetch an access token if the old one is used up. A service account signs its own and needs none.

    gRPC would fetch it too, but reports a revoked key as UNAVAILABLE, like a network that is down.
    """
    if credentials is None or isinstance(credentials, service_account.Credentials) or credentials.valid:
        return
    try:
        credentials.refresh(_token_request())  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        raise _no_credentials(error) from error


def _token_request() -> Any:
    """How Google's libraries fetch tokens; by themselves they would wait two minutes for one."""
    return functools.partial(Request(), timeout=TOKEN_S)


def _no_credentials(error: GoogleAuthError | ValueError) -> ProviderError:
    """A key that is wrong, or a token server that is out of reach or has a fault of its own."""
    text = str(error)
    if isinstance(error, OAuthError):
        # Only the text tells a refusal from a fault of the token server.
        may_pass = error.retryable or not any(word in text for word in REFUSALS)
    else:
        may_pass = isinstance(error, TransportError) or (isinstance(error, GoogleAuthError) and error.retryable)
    if may_pass:
        return TransientProviderError("provider_error", "Google gave no access token.")
    log.warning("provider_unavailable", provider="google-vision", said=text)
    return ProviderUnavailable("provider_key_refused", "Google's credentials cannot be used.")


_connections = PerProcess(_connect)
