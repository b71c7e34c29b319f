"""Amazon Rekognition on loopback: `DetectLabels` in AWS JSON 1.1 (API 6.3), for boto3 to call.

`with RekognitionStandIn() as aws:` listens at `aws.url`. It refuses what AWS refuses: another target or content type,
an authorization that is not SigV4 for `rekognition` in its region, images that are too large, too small or of another
format, numbers out of range. Labels are filtered by MinConfidence (55 if it is not sent) and MaxLabels. A test sets
`labels` and one fault: `error` answers an exception by name, `raw` sends these bytes with 200 or
`status`, `delay_s` makes it slow.
"""

import base64
import binascii
import io
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

REGION = "eu-west-1"
TARGET = "RekognitionService.DetectLabels"
CONTENT_TYPE = "application/x-amz-json-1.1"
LARGEST_IMAGE = 5_242_880
SIDES = range(80, 10_001)
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[\w-]+)/(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z]+)"
    r"/aws4_request, SignedHeaders=(?P<signed>[a-z0-9;-]+), Signature=[0-9a-f]{64}"
)
SIGNED = {"host", "x-amz-date", "x-amz-target"}
LABELS = (("Cup", 99.12), ("Coffee Cup", 98.4), ("Saucer", 90.15), ("Pottery", 71.4321), ("Beverage", 40.5))
STATUSES = {
    "InvalidImageFormatException": 400,
    "ImageTooLargeException": 400,
    "InvalidParameterException": 400,
    "InvalidS3ObjectException": 400,
    "ValidationException": 400,
    "SerializationException": 400,
    "UnknownOperationException": 400,
    "AccessDeniedException": 400,
    "UnrecognizedClientException": 400,
    "ExpiredTokenException": 400,
    "InvalidSignatureException": 400,
    "MissingAuthenticationTokenException": 400,
    "ProvisionedThroughputExceededException": 400,
    "ThrottlingException": 400,
    "TooManyRequestsException": 429,
    "InternalServerError": 500,
    "ServiceUnavailable": 503,
}


class Refused(Exception):
    """An answer of AWS by the name of its exception."""

    def __init__(self, name: str, message: str = "") -> None:
        super().__init__(name)
        self.name, self.message = name, message or f"{name}, says the stand-in"


class RekognitionStandIn:
    def __init__(self) -> None:
        self.reset()
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.stand_in = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def reset(self) -> None:
        """Forget what was asked, and any fault."""
        self.requests: list[dict[str, Any]] = []
        self.credentials: list[str] = []  # "key/day/region/service/aws4_request" of each request
        self.labels: tuple[tuple[str, float], ...] = LABELS
        self.error: str | None = None
        self.message = ""
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.raw: bytes | None = None
        self.times: int | None = None  # how many calls the fault strikes; None: all
        self.delay_s = 0.0
        self.calls = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "RekognitionStandIn":
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for one request."""
        self.calls += 1
        self.closing.wait(self.delay_s)
        try:
            wanted = _checked(path, headers, body)
            self.requests.append(wanted)
            self.credentials.append(headers["Authorization"].partition("Credential=")[2].partition(",")[0])
            if self.times is None or self.calls <= self.times:
                if self.error:
                    raise Refused(self.error, self.message)
                if self.raw is not None:
                    return self.status or 200, self.headers, self.raw
            return 200, {}, json.dumps(self._labelled(wanted)).encode()
        except Refused as refused:
            status = self.status or STATUSES[refused.name]
            told = {"__type": refused.name, "Code": refused.name, "Logref": "stand-in", "Message": refused.message}
            return status, self.headers, json.dumps(told).encode()

    def _labelled(self, wanted: dict[str, Any]) -> dict[str, Any]:
        least, most = wanted.get("MinConfidence", 55), wanted.get("MaxLabels", 1000)
        kept = [label for label in self.labels if label[1] >= least][:most]
        rest = {"Instances": [], "Parents": [], "Aliases": [], "Categories": []}
        labels = [{"Name": name, "Confidence": confidence, **rest} for name, confidence in kept]
        return {"Labels": labels, "LabelModelVersion": "3.0"}


def _checked(path: str, headers: Any, body: bytes) -> dict[str, Any]:
    """The request's JSON with the image's bytes in place of its text. Raises Refused."""
    _check_head(path, headers)
    try:
        wanted = json.loads(body)
    except ValueError:
        raise Refused("SerializationException") from None
    if not isinstance(wanted, dict) or set(wanted) - {"Image", "MaxLabels", "MinConfidence", "Features", "Settings"}:
        raise Refused("ValidationException", "unknown member")
    _check_number(wanted, "MaxLabels", 0, 2**31 - 1, whole=True)
    _check_number(wanted, "MinConfidence", 0, 100, whole=False)
    return wanted | {"Image": _image(wanted.get("Image"))}


def _check_head(path: str, headers: Any) -> None:
    if path != "/" or headers["X-Amz-Target"] != TARGET:
        raise Refused("UnknownOperationException")
    if headers["Content-Type"] != CONTENT_TYPE:
        raise Refused("SerializationException", "content type")
    if not headers["Authorization"]:
        raise Refused("MissingAuthenticationTokenException")
    match = AUTHORIZATION.fullmatch(headers["Authorization"])
    if not match or SIGNED - set(match["signed"].split(";")) or not headers["X-Amz-Date"].startswith(match["day"]):
        raise Refused("InvalidSignatureException")
    if (match["service"], match["region"]) != ("rekognition", REGION):
        raise Refused("InvalidSignatureException", "Credential should be scoped to a valid region and service.")


def _check_number(wanted: dict[str, Any], name: str, least: float, most: float, *, whole: bool) -> None:
    value = wanted.get(name, least)
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not least <= value <= most:
        raise Refused("InvalidParameterException", f"{name} is out of range")


def _image(given: Any) -> bytes:
    try:
        data = base64.b64decode(given["Bytes"], validate=True)
    except (KeyError, TypeError, binascii.Error):
        raise Refused("InvalidParameterException", "Image.Bytes") from None
    if not 1 <= len(data) <= LARGEST_IMAGE:
        raise Refused("ImageTooLargeException" if data else "InvalidParameterException")
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.format not in ("JPEG", "PNG"):
                raise Refused("InvalidImageFormatException")
            if image.width not in SIDES or image.height not in SIDES:
                raise Refused("InvalidParameterException", "image dimensions")
    except OSError:
        raise Refused("InvalidImageFormatException") from None
    return data


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, data = self.server.stand_in.answer(self.path, self.headers, body)
        self.send_response(status)
        sent = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": "stand-in", "Content-Length": str(len(data))}
        for name, value in {**sent, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Nothing: tests look at `requests`."""
