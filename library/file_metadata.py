"""Pure: a file's technical metadata as `GET .../metadata` shows it (API 3.9), from its header, and the perceptual hash.

`library.services.file_metadata` calls these. Only `perceptual_hash` decodes pixels: of a thumbnail of our own.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from statistics import median
from typing import IO, Any

from PIL import Image

from library.embedded.flat import exif_of
from mediahub.lib import imaging
from mediahub.lib.imaging import ImageError, Limits

_FORMATS = {
    "image/jpeg": "jpg",
    "image/svg+xml": "svg",
    "image/vnd.microsoft.icon": "ico",
    "image/vnd.adobe.photoshop": "psd",
    "video/quicktime": "mov",
    "video/x-msvideo": "avi",
    "video/x-matroska": "mkv",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "application/postscript": "eps",
    "application/gzip": "gz",
    "application/x-7z-compressed": "7z",
    "application/vnd.rar": "rar",
    "application/x-subrip": "srt",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/javascript": "js",
    "text/tab-separated-values": "tsv",
    "text/calendar": "ics",
}
_DEFAULT_DENSITY = 72
_MOST_DENSITY = 1_000_000
_DIRECTORIES = ("image", "thumbnail", "exif", "gps", "interoperability")
# The luminance table of the JPEG standard (ITU-T T.81, table K.1), row by row, which nearly every encoder scales.
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_HASH_SIDE = 8
_PICTURE_SIDE = 32


def format_of(mime: str, name: str) -> str:
    """`jpg`, `png`, `mp4`, `pdf`: by content; by the name's suffix where the content has no type that we know."""
    if mime == "application/octet-stream":
        return name.rpartition(".")[2].lower()[:20] if "." in name else ""
    return _FORMATS.get(mime) or mime.rpartition("/")[2]


def read_header(file: IO[bytes], limits: Limits) -> dict[str, Any]:
    """What the header of a raster image says beside its size. Raises ImageError; no pixel is decoded."""
    image = imaging.open_checked(file, limits)
    exif = exif_of(image, limit=limits.metadata_bytes)
    directories = {name: values for name, values in dataclasses.asdict(exif).items() if name in _DIRECTORIES}
    return {
        "hasColorProfile": bool(image.info.get("icc_profile")),
        "quality": jpeg_quality(image),
        "density": _density(image),
        # Maker notes have no common form; they are not read.
        "exif": directories | {"makernote": {}},
    }


def jpeg_quality(image: Image.Image) -> int:
    """The quality, 1 to 100, at which libjpeg's scale comes nearest to an opened JPEG's own table; 0 if unknown."""
    tables = getattr(image, "quantization", None)
    table = tables.get(0) if isinstance(tables, dict) else None
    if image.format not in ("JPEG", "MPO") or not table or len(table) != 64:
        return 0
    total = sum(table)
    return min(range(100, 0, -1), key=lambda quality: abs(_table_total(quality) - total))


def perceptual_hash(picture: bytes, limits: Limits) -> str:
    """The hash of ImageHash's `phash`, 16 hex digits: equal or nearly equal for pictures that look alike.

    picture: a small one; its pixels are decoded here. Raises ImageError.
    """
    image = imaging.load(imaging.open_checked(picture, limits))
    if "A" in image.getbands():
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    side = _PICTURE_SIDE
    pixels = list(image.convert("L").resize((side, side), Image.Resampling.LANCZOS).tobytes())
    waves = _waves()
    rows = [[_dot(pixels[at : at + side], wave) for wave in waves] for at in range(0, side * side, side)]
    columns = list(zip(*rows, strict=True))
    low = [_dot(column, wave) for wave in waves for column in columns]
    middle = median(low)
    return f"{int(''.join('1' if value > middle else '0' for value in low), 2):016x}"


@functools.cache
def _table_total(quality: int) -> int:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return sum(min(max((value * scale + 50) // 100, 1), 255) for row in _LUMINANCE for value in row)


@functools.cache
def _waves() -> list[list[float]]:
    """The lowest cosines of the transform; a hash needs no more of it, and no library for so little."""
    side = _PICTURE_SIDE
    return [
        [2 * math.cos(math.pi * number * (2 * at + 1) / (2 * side)) for at in range(side)]
        for number in range(_HASH_SIDE)
    ]


def _dot(left: Sequence[float], right: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(left, right, strict=True))


def _density(image: Image.Image) -> int:
    """Dots per inch, across; 72 where the file says nothing that could be true, as is usual."""
    dpi = image.info.get("dpi")
    try:
        across = round(float(dpi[0])) if isinstance(dpi, tuple) else 0
    except (TypeError, ValueError, ArithmeticError):
        across = 0
    return across if 1 < across <= _MOST_DENSITY else _DEFAULT_DENSITY


__all__ = ["ImageError", "format_of", "jpeg_quality", "perceptual_hash", "read_header"]
