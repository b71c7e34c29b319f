"""A server on loopback that speaks remove.bg's API 1.0 as API 6.1 has it, for every test of the provider.

`with RemoveBg() as supplier:` listens at `supplier.url`; `supplier.calls` are the requests it understood. It refuses
what the API does not allow. `supplier.fail(behaviour, ...)` gives the next connections other behaviours, of
`tests.receivers` or of the bottom of this file; `supplier.always` gives one to all.
"""

import base64
import contextlib
import io
import json
import math
import socket
import struct
import threading
import time
import zlib
from dataclasses import dataclass

from PIL import Image

from tests.receivers import Behaviour, Exchange, Received, Receiver, answer
from tests.standins.removebg_pictures import Result, make_result
from tests.standins.removebg_request import Form, Refusal, check_fields, open_picture, read_form, read_source

KEY = "a-key-of-the-stand-in"
COSTS = {"preview": 0.25, "small": 0.25, "regular": 0.25}
TYPES = {"auto": "other", "graphic": "graphics"}


@dataclass(frozen=True)
class Call:
    """One request for a cut-out that was read, and the status it got."""

    form: Form
    status: int
    code: str

    @property
    def fields(self) -> dict[str, str]:
        return self.form.fields

    @property
    def picture(self) -> Image.Image:
        return Image.open(io.BytesIO(self.form.files["image_file"][2]))


class RemoveBg(Receiver):
    """The supplier. credits and free_calls: what the account has; rate_limit: megapixels it takes in a minute."""

    def __init__(self, *, credits: float = 200, free_calls: int = 0, rate_limit: int = 500) -> None:
        super().__init__(self._meet, path="/v1.0")
        self.credits = credits
        self.free_calls = free_calls
        self.rate_limit = rate_limit
        self.calls: list[Call] = []
        self.always: Behaviour | None = None
        self._faults: list[Behaviour] = []
        self._lock = threading.Lock()
        self._used, self._window = 0, time.time()

    def fail(self, *behaviours: Behaviour) -> None:
        """Let the next connections meet these, one each; then the service is itself again."""
        self._faults += behaviours

    def _meet(self, exchange: Exchange) -> None:
        with self._lock:
            other = self._faults.pop(0) if self._faults else self.always
        if other is not None:
            other(exchange)
            return
        request = exchange.read_request()
        try:
            status, headers, body = self._reply(request)
        except Refusal as refusal:
            status, body = refusal.status, refusal.body
            headers = {"Content-Type": "application/json"} | refusal.headers
        _send(exchange, status, self._rate_headers() | headers, body)

    def _reply(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        routes = {("POST", "/v1.0/removebg"): self._remove, ("GET", "/v1.0/account"): self._account}
        route = routes.get((request.method, request.path))
        if route is None:
            is_known = request.path in {path for _, path in routes}
            raise Refusal(405 if is_known else 404, "not_found", "There is no such endpoint")
        if request.headers.get("x-api-key") != KEY:
            raise Refusal(403, "auth_failed", "API Key invalid")
        return route(request)

    def _account(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        credits = {"total": self.credits, "subscription": self.credits, "payg": 0, "enterprise": 0}
        attributes = {"credits": credits, "api": {"free_calls": self.free_calls, "sizes": "all"}}
        return 200, {"Content-Type": "application/json"}, json.dumps({"data": {"attributes": attributes}}).encode()

    def _remove(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        form = Form({})
        try:
            self._take_from_rate(1)
            form = read_form(request)
            check_fields(form)
            picture = open_picture(read_source(form))
            self._take_from_rate(math.ceil(picture.width * picture.height / 1e6) - 1)
            size = self._affordable(form.text("size", "preview"))
            result = make_result(picture, form, size)
            charged = self._charge(size)
        except Refusal as refusal:
            self.calls.append(Call(form, refusal.status, refusal.code))
            raise
        self.calls.append(Call(form, 200, ""))
        headers = _result_headers(result, form, charged)
        if request.headers.get("accept") == "application/json":
            return 200, headers | {"Content-Type": "application/json"}, _as_json(result)
        return 200, headers | {"Content-Type": result.mime}, result.data

    def _affordable(self, size: str) -> str:
        """The size that the credits allow. Raises Refusal 402."""
        if size == "auto":
            size = "full" if self.credits >= 1 else "preview"
        if self.credits < COSTS.get(size, 1) and not (size in COSTS and self.free_calls):
            raise Refusal(402, "insufficient_credits", "Insufficient credits")
        return size

    def _charge(self, size: str) -> float:
        with self._lock:
            if size in COSTS and self.free_calls:
                self.free_calls -= 1
                return 0
            self.credits -= COSTS.get(size, 1)
            return COSTS.get(size, 1)

    def _take_from_rate(self, megapixels: int) -> None:
        with self._lock:
            if time.time() >= self._window + 60:
                self._used, self._window = 0, time.time()
            if self._used + megapixels > self.rate_limit:
                wait_s = max(1, math.ceil(self._window + 60 - time.time()))
                raise Refusal(429, "rate_limit_exceeded", "Rate limit exceeded", headers={"Retry-After": str(wait_s)})
            self._used += megapixels

    def _rate_headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.rate_limit),
            "X-RateLimit-Remaining": str(max(0, self.rate_limit - self._used)),
            "X-RateLimit-Reset": str(math.ceil(self._window + 60)),
        }


def _result_headers(result: Result, form: Form, charged: float) -> dict[str, str]:
    left, top, right, bottom = result.foreground
    kind = form.text("type", "auto")
    headers = {
        "X-Credits-Charged": f"{charged:g}",
        "X-Width": str(result.size[0]),
        "X-Height": str(result.size[1]),
        "X-Max-Width": str(result.largest[0]),
        "X-Max-Height": str(result.largest[1]),
        "X-Foreground-Top": str(top),
        "X-Foreground-Left": str(left),
        "X-Foreground-Width": str(right - left),
        "X-Foreground-Height": str(bottom - top),
    }
    return headers | ({} if form.text("type_level") == "none" else {"X-Type": TYPES.get(kind, kind)})


def _as_json(result: Result) -> bytes:
    left, top, right, bottom = result.foreground
    data = {
        "result_b64": base64.b64encode(result.data).decode(),
        "foreground_top": top,
        "foreground_left": left,
        "foreground_width": right - left,
        "foreground_height": bottom - top,
    }
    return json.dumps({"data": data}).encode()


def _send(exchange: Exchange, status: int, headers: dict[str, str], body: bytes) -> None:
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
    exchange.send("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body)
    exchange.sock.shutdown(socket.SHUT_WR)
    with contextlib.suppress(OSError):
        exchange.sock.settimeout(1)
        exchange.sock.recv(1)


# --- faults: what a broken or lying supplier answers --------------------------------------------------------------


def picture_answer(body: bytes, mime: str = "image/png", **headers: str) -> Behaviour:
    """A success with these bytes, charged with one credit."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(200, body, {"Content-Type": mime, "X-Credits-Charged": "1", "X-Type": "product", **named})


def html_answer() -> Behaviour:
    return picture_answer(b"<!doctype html><title>Welcome to the proxy</title>", "text/html")


def refusal_answer(status: int, code: str, title: str = "No") -> Behaviour:
    return answer(status, Refusal(status, code, title).body, {"Content-Type": "application/json"})


def small_png(mode: str = "RGBA", size: tuple[int, int] = (64, 48)) -> bytes:
    """A picture with a gradient, which is no cut-out but passes for one where it has alpha."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def bomb_png(side: int = 30_000) -> bytes:
    """A small file that says it has 900 megapixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(10_000))), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
