"""One call of Amazon Rekognition: boto3 signs and reads, our own door carries the bytes, errors are judged for a run.

Imported by `aws_rekognition` in worker processes only. boto3's own time-outs hold for one read, and it takes a body
of any length; the door has one deadline for everything and a bound (REL O6, F38).
"""

import io
import json
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import boto3
import structlog
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ParamValidationError

from extensions.providers.aws_rekognition import AwsSetup
from extensions.providers.base import (
    PermanentProviderError,
    ProviderError,
    ProviderUnavailable,
    TransientProviderError,
)
from extensions.providers.labels import BAD
from extensions.providers.per_process import PerProcess
from mediahub.lib import http

log = structlog.get_logger(__name__)

LARGEST_ANSWER = 1 << 20
LEAST_S = 1.0
LONGEST_VERSION = 20

BUSY = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottledException",
    "ThrottlingException",
    "TooManyRequestsException",
}
FAULTS = {"InternalServerError", "InternalFailure", "RequestTimeout", "RequestTimeoutException", "ServiceUnavailable"}
REFUSED_CREDENTIALS = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "SubscriptionRequiredException",
    "UnrecognizedClientException",
}
MISCONFIGURED = {"UnknownOperationException", "UnknownOperation"}  # the endpoint that was set is no Rekognition


@dataclass(frozen=True)
class LabelsAnswer:
    """labels: (Name, Confidence in per cent) as AWS gave them. model_version: "" if AWS named none that is usable."""

    labels: list[tuple[Any, Any]]
    model_version: str


def detect_labels(setup: AwsSetup, image: bytes, *, at_most: int, at_least: float, deadline_s: float) -> LabelsAnswer:
    """Ask once for the labels of an image, JPEG or PNG. Raises ProviderError."""
    ends_at = time.monotonic() + deadline_s
    client = _clients.get(setup)
    restore = _ends_at.set(ends_at)
    try:
        answer = client.detect_labels(Image={"Bytes": image}, MaxLabels=at_most, MinConfidence=at_least)
        labels = [(label.get("Name"), label.get("Confidence")) for label in answer["Labels"]]
    except ClientError as error:
        raise _refusal(error) from error
    except http.OutboundError as error:
        raise _not_reached(error) from error
    except ParamValidationError as error:
        raise PermanentProviderError("invalid_options", f"Rekognition cannot be asked so: {error}") from error
    except BotoCoreError as error:
        raise _not_sent(error) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # boto3 reads an answer without checking it, and stumbles over what has another shape.
        raise PermanentProviderError(BAD, "Rekognition answered with something that is no list of labels.") from error
    finally:
        _ends_at.reset(restore)
    return LabelsAnswer(labels, _version(answer.get("LabelModelVersion")))


def _version(found: Any) -> str:
    usable = isinstance(found, str) and len(found) <= LONGEST_VERSION and found.isprintable()
    return found if usable else ""


def _refusal(error: ClientError) -> ProviderError:
    """What an error answer of AWS means. Codes that nobody has heard of are judged by their HTTP status."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = str(error.response.get("Error", {}).get("Message", ""))
    facts = error.response["ResponseMetadata"]
    status = facts["HTTPStatusCode"]
    if code in BUSY or status == 429:
        wait_s = _seconds(facts.get("HTTPHeaders", {}).get("retry-after", ""))
        return TransientProviderError("provider_rate_limited", f"Rekognition: {code}.", wait_s)
    if code in FAULTS or status >= 500:
        return TransientProviderError("provider_error", f"Rekognition: {code}.")
    if code in REFUSED_CREDENTIALS or code in MISCONFIGURED or status in (401, 402, 403, 404):
        # What AWS says here names accounts and users: for the operator, not for clients.
        log.warning("provider_unavailable", provider="aws-rekognition", code=code, said=said)
        ours = "provider_misconfigured" if code in MISCONFIGURED or status == 404 else "provider_key_refused"
        return ProviderUnavailable(ours, f"Rekognition cannot be used with these settings: {code}.")
    return PermanentProviderError("provider_refused", f"Rekognition refused the image: {code}: {said}")


def _not_reached(error: http.OutboundError) -> ProviderError:
    if error.reason == "blocked":
        log.warning("provider_unavailable", provider="aws-rekognition", said=error.message)
        return ProviderUnavailable("provider_misconfigured", "Rekognition's address may not be called from here.")
    code = "provider_timeout" if error.reason == "timeout" else "provider_error"
    return TransientProviderError(code, f"Rekognition gave no answer: {error.reason}.")


def _not_sent(error: Exception) -> ProviderError:
    """What boto3 itself says, before anything is sent: no credentials, no such profile, no such region."""
    if isinstance(error, HTTPClientError):
        return TransientProviderError("provider_error", "AWS did not answer when it was asked for credentials.")
    log.warning("provider_unavailable", provider="aws-rekognition", said=str(error))
    # A bad address or region is a ValueError too, whatever else it is.
    code = "provider_misconfigured" if isinstance(error, ValueError) else "provider_key_refused"
    return ProviderUnavailable(code, f"Rekognition cannot be called with these settings: {type(error).__name__}.")


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None


def _client(setup: AwsSetup) -> Any:
    # One attempt: the pipeline retries. A session of its own: boto3's default one belongs to whoever uses boto3.
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"})
    try:
        client = boto3.session.Session(region_name=setup.region).client("rekognition", config=config)
    except (BotoCoreError, ValueError) as error:
        raise _not_sent(error) from error
    client.meta.events.register("before-send.rekognition.DetectLabels", _send)
    return client


def _send(request: AWSPreparedRequest, **_rest: Any) -> AWSResponse:
    """Carry a signed request to AWS. botocore takes what a `before-send` handler returns in place of its own call."""
    answer = http.request(
        request.method,
        request.url,
        headers={name: _text(value) for name, value in request.headers.items()},
        body=cast(bytes, request.body),  # JSON, as botocore has signed it
        deadline_s=max(LEAST_S, _ends_at.get() - time.monotonic()),
        max_answer_bytes=LARGEST_ANSWER,
        policy=http.policy_from_settings(operator_address=True),
    )
    body = _Body(_readable(answer.status, answer.body))
    return AWSResponse(request.url, answer.status, answer.headers, body)  # type: ignore[arg-type] # any mapping will do


def _readable(status: int, body: bytes) -> bytes:
    """The body if it is of the kind that boto3 can read; else a refusal is judged by its status alone."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if status < 300 and not (isinstance(found, dict) and isinstance(found.get("Labels"), list)):
        raise PermanentProviderError(BAD, "Rekognition answered with something that is no list of labels.")
    return body if isinstance(found, dict) else b""


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


class _Body(io.BytesIO):
    """A whole body in the shape in which botocore reads one."""

    def stream(self, **_how: Any) -> Iterator[bytes]:
        yield self.read()


_ends_at: ContextVar[float] = ContextVar("ends_at")
_clients = PerProcess(_client)
