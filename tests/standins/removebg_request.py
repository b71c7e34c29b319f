"""What remove.bg accepts, field by field (API 6.1). The stand-in's own reading: none of it is the product's code.

Codes that API 6.1 does not list but whose fields it describes (`invalid_type`, `invalid_type_level`, `invalid_crop`,
`invalid_add_shadow`) follow its pattern.
"""

import base64
import binascii
import io
import json
import re
import urllib.request  # noqa: TID251 - the supplier fetches pictures by itself
import warnings
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from PIL import Image, ImageColor, ImageStat
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from tests.receivers import Received

BYTES_MAX = 22_000_000
PIXELS_MAX = 50_000_000
SIDE_LEAST = 10
MEGAPIXELS = {
    "preview": 0.25,
    "small": 0.25,
    "regular": 0.25,
    "medium": 1.5,
    "hd": 4,
    "full": 25,
    "4k": 25,
    "50MP": 50,
    "auto": 25,
}
CHOICES = {
    "size": tuple(MEGAPIXELS),
    "type": ("auto", "person", "product", "car", "animal", "graphic", "transportation", "other"),
    "type_level": ("none", "1", "2", "latest"),
    "format": ("auto", "png", "jpg", "zip", "webp"),
    "channels": ("rgba", "alpha"),
    "crop": ("true", "false"),
    "add_shadow": ("true", "false"),
    "semitransparency": ("true", "false"),
}
SOURCES = ("image_file", "image_file_b64", "image_url")
GROUNDS = ("bg_color", "bg_image_url", "bg_image_file")
LENGTH = re.compile(r"(\d+(?:\.\d+)?)(px|%)")


class Refusal(Exception):
    """An answer other than 200, in the words of the API."""

    def __init__(self, status: int, code: str, title: str, detail: str = "", headers: dict | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.title, self.detail = status, code, title, detail
        self.headers = headers or {}

    @property
    def body(self) -> bytes:
        error = {"title": self.title, "code": self.code}
        return json.dumps({"errors": [error | ({"detail": self.detail} if self.detail else {})]}).encode()


@dataclass(frozen=True)
class Form:
    """The fields of a request, in whichever of the three encodings it came. files: name to (file name, type, bytes)."""

    fields: dict[str, str]
    files: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()

    def text(self, name: str, default: str = "") -> str:
        return self.fields.get(name) or default

    def given(self, names: tuple[str, ...]) -> list[str]:
        found = [name for name in names if self.fields.get(name) or name in self.files]
        return [*found, *(name for name in found if name in self.repeated)]


def read_form(request: Received) -> Form:
    """Parse the body by its content type; an unreadable one holds no source."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == "multipart/form-data":
        return _multipart(request.body, options)
    if kind == "application/x-www-form-urlencoded":
        return _listed(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    if kind == "application/json":
        try:
            members = json.loads(request.body)
        except ValueError:
            raise _bad("missing_source", "The body is not JSON") from None
        if not isinstance(members, dict):
            raise _bad("missing_source", "The body is not an object")
        return _listed(
            [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in members.items()]
        )
    raise _bad("missing_source", "The content type is not one of the API's")


def _multipart(body: bytes, options: dict[str, str]) -> Form:
    try:
        parsed = FormDataParser(silent=False).parse(io.BytesIO(body), "multipart/form-data", len(body), options)
    except ValueError:
        raise _bad("missing_source", "The form cannot be read") from None
    form = _listed(list(parsed[1].items(multi=True)))
    files = {name: (part.filename or "", part.mimetype, part.read()) for name, part in parsed[2].items()}
    twice = {name for name, parts in parsed[2].lists() if len(parts) > 1}
    return Form(form.fields, files, form.repeated | twice)


def _listed(pairs: list[tuple[str, str]]) -> Form:
    names = [name for name, _ in pairs]
    return Form(dict(pairs), repeated=frozenset(name for name in names if names.count(name) > 1))


def check_fields(form: Form) -> None:
    """Raise Refusal for the first field whose value the API does not have."""
    for name, allowed in CHOICES.items():
        if (value := form.text(name)) and value not in allowed:
            raise _bad(f"invalid_{name}", f"Invalid {name}: {value}")
    _check_margin(form.text("crop_margin", "0"))
    scale = form.text("scale", "original")
    if scale != "original" and not 10 <= _percent(scale) <= 100:
        raise _bad("invalid_scale", "Scale must be original or 10% to 100%")
    position = form.text("position", "original")
    if position not in ("original", "center") and not _is_place(position):
        raise _bad("invalid_position", "Position must be original, center, or one or two percentages")
    _check_ground(form)


def _check_margin(text: str) -> None:
    lengths = [LENGTH.fullmatch(part if part != "0" else "0px") for part in text.split()]
    if len(lengths) not in (1, 2, 4) or not all(lengths):
        raise _bad("invalid_crop_margin", "The margin must be one, two or four lengths")
    if any(float(length[1]) > (50 if length[2] == "%" else 500) for length in lengths if length):
        raise _bad("invalid_crop_margin", "The margin must be at most 50% or 500px")


def _percent(text: str) -> float:
    match = LENGTH.fullmatch(text)
    return float(match[1]) if match and match[2] == "%" else -1


def _is_place(text: str) -> bool:
    return len(text.split()) in (1, 2) and all(0 <= _percent(part) <= 100 for part in text.split())


def _check_ground(form: Form) -> None:
    if len(form.given(GROUNDS)) > 1:
        raise _bad("multiple_bg_sources", "Multiple background sources given")
    if colour := form.text("bg_color"):
        parse_colour(colour)
    address = form.text("bg_image_url")
    if address and (urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).netloc):
        raise _bad("invalid_bg_image_url", "Not a valid URL")


def parse_colour(text: str) -> tuple[int, int, int, int]:
    """3, 4, 6 or 8 hex digits, or the name of a colour."""
    digits = text.removeprefix("#")
    if re.fullmatch(r"[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8}", digits):
        long = digits if len(digits) > 4 else "".join(digit * 2 for digit in digits)
        red, green, blue, alpha = bytes.fromhex(long.ljust(8, "f"))
        return red, green, blue, alpha
    if text.lower() in ImageColor.colormap:
        return (*ImageColor.getrgb(text.lower())[:3], 255)
    raise _bad("invalid_bg_color", "Not a hex colour or the name of one")


def read_source(form: Form) -> bytes:
    """The bytes of the one picture. Raises Refusal for none, several, or what cannot be had."""
    given = form.given(SOURCES)
    if not given:
        raise _bad("missing_source", "No image given", "Please provide the source image in one of its parameters.")
    if len(given) > 1:
        raise _bad("multiple_sources", "Multiple image sources given")
    if given == ["image_url"]:
        return download(form.text("image_url"), "invalid_image_url", "failed_image_download")
    if given == ["image_file_b64"]:
        try:
            return base64.b64decode(form.text("image_file_b64"), validate=True)
        except binascii.Error:
            raise _bad("failed_to_read_image", "The base64 cannot be read") from None
    if "image_file" not in form.files:
        raise _bad("failed_to_read_image", "image_file is not a file")
    return form.files["image_file"][2]


def download(address: str, invalid: str, failed: str) -> bytes:
    if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).netloc:
        raise _bad(invalid, "Not a valid URL")
    try:
        with urllib.request.urlopen(address, timeout=3) as answer:  # noqa: TID251
            return answer.read(BYTES_MAX + 1)
    except (OSError, ValueError):
        raise _bad(failed, "The image could not be downloaded") from None


def open_picture(data: bytes) -> Image.Image:
    """Decode the picture. Raises Refusal for what is too large, of another type, broken, tiny or without a subject."""
    if len(data) > BYTES_MAX:
        raise _bad("file_too_large", "The file is larger than 22 MB")
    if not (data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (data[:4] + data[8:12]) == b"RIFFWEBP"):
        raise _bad("invalid_file_type", "Only JPG, PNG and WebP are taken")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            if image.width * image.height > PIXELS_MAX:
                raise _bad("resolution_too_high", "The picture has more than 50 megapixels")
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _bad("resolution_too_high", "The picture has more than 50 megapixels") from None
    except (OSError, SyntaxError):
        raise _bad("failed_to_read_image", "The picture cannot be read") from None
    if min(image.size) < SIDE_LEAST:
        raise _bad("invalid_dimensions", "The picture is too small")
    if ImageStat.Stat(image.convert("L")).stddev[0] < 2:
        raise _bad("unknown_foreground", "No clear foreground found", "The picture shows nothing that stands out.")
    return image


def read_roi(text: str, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The region of interest in pixels."""
    lengths = [LENGTH.fullmatch(part) for part in (text or "0% 0% 100% 100%").split()]
    if len(lengths) != 4 or not all(lengths):
        raise _bad("invalid_roi", "The region must be four lengths in px or %")
    left, top, right, bottom = (
        round(float(length[1]) * (size[place % 2] / 100 if length[2] == "%" else 1))
        for place, length in enumerate(lengths)
        if length
    )
    if max(left, right) > size[0] or max(top, bottom) > size[1]:
        raise _bad("roi_exceeds_bounds", "The region lies outside the picture")
    if left == right or top == bottom:
        raise _bad("roi_region_empty", "The region is empty")
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)


def _bad(code: str, title: str, detail: str = "") -> Refusal:
    return Refusal(400, code, title, detail)
