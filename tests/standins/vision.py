"""Google Cloud Vision on loopback: a gRPC server for `google.cloud.vision.v1.ImageAnnotator/BatchAnnotateImages`.

`with VisionStandIn() as vision:` listens; `vision.address` is `host:port`. It reads and writes with the client
library's own message classes and refuses what the protocol does not allow (API 6.2). A test sets `labels`, and one
fault: `abort` ends the call by a status, `image_error` fills `response.error`, `raw` sends these bytes as the answer,
`delay_s` makes it slow, `answers` changes how many images are answered for. `tls` and `public_key` make it one that
expects TLS and the signed token of a service account.
"""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import jwt
from google.cloud import vision_v1
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from PIL import Image

from tests.certificates import certificates

MOST_IMAGES = 16
LARGEST_REQUEST = 10_000_000  # as JSON, in which bytes take four thirds
MOST_PIXELS = 75_000_000
KNOWN = {int(kind) for kind in vision_v1.Feature.Type} - {0}
FORMATS = {"JPEG", "PNG", "GIF", "BMP", "WEBP", "ICO", "TIFF"}
LABELS = (("Teacup", 0.9731), ("Tableware", 0.9412), ("Saucer", 0.8745), ("Porcelain", 0.6218), ("Coffee", 0.5))


class VisionStandIn:
    def __init__(self, *, tls: bool = False, public_key: Any = None) -> None:
        self.requests: list[vision_v1.BatchAnnotateImagesRequest] = []
        self.labels: tuple[tuple[str, float], ...] = LABELS
        self.abort: tuple[grpc.StatusCode, str] | None = None
        self.times: int | None = None  # how many calls the fault strikes; None: all
        self.retry_delay_s: float | None = None
        self.image_error: tuple[int, str] | None = None
        self.raw: bytes | None = None
        self.answers = 1
        self.delay_s = 0.0
        self.tokens: list[dict[str, Any]] = []
        self._public_key = public_key
        self._closing = threading.Event()
        self._server = grpc.server(
            ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
        )
        method = grpc.unary_unary_rpc_method_handler(
            self._batch_annotate_images,
            request_deserializer=vision_v1.BatchAnnotateImagesRequest.deserialize,
            response_serializer=lambda answer: answer if isinstance(answer, bytes) else type(answer).serialize(answer),
        )
        service = "google.cloud.vision.v1.ImageAnnotator"
        handlers = {"BatchAnnotateImages": method}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        if tls:
            pem = certificates()["good"].read_bytes()  # key and certificate in one file
            self.port = self._server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(pem, pem)]))
        else:
            self.port = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> "VisionStandIn":
        self._server.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        self._server.stop(None).wait(5)

    def _batch_annotate_images(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.requests.append(request)
        if self._public_key is not None:
            self._check_token(context)
        self._check(request, context)
        self._closing.wait(self.delay_s)
        if not self._strikes():
            return self._answer(request)
        if self.abort:
            self._abort(context)
        if self.raw is not None:
            return self.raw
        if self.image_error:
            code, message = self.image_error
            error = status_pb2.Status(code=code, message=message)
            return vision_v1.BatchAnnotateImagesResponse(responses=[_labelled(self.labels, error=error)])
        return self._answer(request)

    def _strikes(self) -> bool:
        return self.times is None or len(self.requests) <= self.times

    def _abort(self, context: grpc.ServicerContext) -> None:
        code, message = self.abort
        if self.retry_delay_s is None:
            context.abort(code, message)
        status = status_pb2.Status(code=code.value[0], message=message)
        seconds = int(self.retry_delay_s)
        delay = Duration(seconds=seconds, nanos=round((self.retry_delay_s - seconds) * 1e9))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
        context.abort_with_status(rpc_status.to_status(status))

    def _answer(self, request: Any) -> vision_v1.BatchAnnotateImagesResponse:
        most = request.requests[0].features[0].max_results or 10
        best = sorted(self.labels, key=lambda label: -label[1])[:most]
        return vision_v1.BatchAnnotateImagesResponse(responses=[_labelled(best)] * self.answers)

    def _check(self, request: Any, context: grpc.ServicerContext) -> None:
        """What Google refuses for the whole call."""
        if not request.requests:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Request must contain at least one image.")
        if len(request.requests) > MOST_IMAGES:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Too many images per request.")
        content = sum(len(one.image.content) for one in request.requests)
        if content * 4 / 3 > LARGEST_REQUEST:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Request payload size exceeds the limit: 10485760 bytes.")
        for one in request.requests:
            if not one.features or any(_type(feature) not in KNOWN for feature in one.features):
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Unknown or missing feature type.")
            if any(feature.max_results < 0 for feature in one.features):
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "max_results must not be negative.")
            if fault := _image_fault(one.image):
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, fault)

    def _check_token(self, context: grpc.ServicerContext) -> None:
        """A service account signs its own token (AIP 4111); no other request gets in."""
        header = dict(context.invocation_metadata()).get("authorization", "")
        try:
            claims = jwt.decode(
                header.removeprefix("Bearer "), self._public_key, ["RS256"], options={"verify_aud": False}
            )
        except jwt.InvalidTokenError as error:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, f"Request had invalid authentication credentials: {error}")
        self.tokens.append(claims)


def _type(feature: Any) -> int:
    """The number as it was sent: the library's own attribute warns of numbers that it does not know."""
    return vision_v1.Feature.pb(feature).type_


def _image_fault(image: Any) -> str | None:
    if not image.content:
        return "No image present." if not image.source.image_uri else "We can not access the URL currently."
    try:
        with Image.open(io.BytesIO(image.content)) as opened:
            if opened.format not in FORMATS or opened.width * opened.height > MOST_PIXELS:
                return "Bad image data."
    except (OSError, Image.DecompressionBombError):
        return "Bad image data."
    return None


def _labelled(labels: Any, **members: Any) -> vision_v1.AnnotateImageResponse:
    annotations = [
        vision_v1.EntityAnnotation(mid=f"/m/0{number}", description=name, score=score, topicality=score)
        for number, (name, score) in enumerate(labels)
    ]
    return vision_v1.AnnotateImageResponse(label_annotations=annotations, **members)
