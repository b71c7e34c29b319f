"""The one way an image is opened: a fixed list of formats, and limits that are checked before pixels are decoded.

The library opens uploads and draws thumbnails through it, extensions prepare images for providers with it.
Opening reads headers only; `load` and `upright` decode, so they belong in worker processes.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import IO

import pillow_heif
from django.conf import settings
from PIL import ExifTags, Image

from mediahub.lib.imageheaders import TooManyBlocks, gif_frames, tiff_pages, webp_size

pillow_heif.register_heif_opener()
# Pillow only warns between its limit and twice its limit, and would go on to decode.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
# Damaged EXIF is the client's, and common; a line in the log for each file would only hide what matters.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "TIFF", "BMP")
"""The decoders a file may reach. Pillow's others are where most of its advisories are (REL U4)."""

MIMES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # a JPEG with further pictures behind the first, as many phones write it
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
}

NOT_PROCESSABLE = "file_not_processable"
CORRUPT = "corrupt_image"
UNSUPPORTED = "unsupported_file_type"

# What a broken file makes Pillow and its plug-ins raise. MemoryError is not among them: it speaks of us.
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    struct.error,
    zlib.error,
)
# Where `open_checked` leaves the count: Pillow would walk a GIF or TIFF again, and trips over broken ones.
_FRAMES = "counted_frames"
_ANIMATIONS = frozenset({"GIF", "WEBP", "PNG", "AVIF"})
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageError(Exception):
    """An image we will not or cannot use. `code` is one of NOT_PROCESSABLE, CORRUPT, UNSUPPORTED."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Limits:
    """What an image may cost (REL U5). Pixels and sides are of the stored image, `frame_pixels` is over all frames."""

    pixels: int = 100_000_000
    side: int = 16_384
    frames: int = 500
    frame_pixels: int = 250_000_000
    metadata_bytes: int = 1 << 20


def limits_from_settings() -> Limits:
    """The limits this installation has set (MEDIAHUB_MAX_...)."""
    return Limits(
        pixels=settings.MEDIAHUB_MAX_IMAGE_PIXELS,
        side=settings.MEDIAHUB_MAX_IMAGE_SIDE,
        frames=settings.MEDIAHUB_MAX_FRAMES,
        frame_pixels=settings.MEDIAHUB_MAX_FRAME_PIXELS,
        metadata_bytes=settings.MEDIAHUB_MAX_METADATA_BYTES,
    )


def open_checked(source: bytes | IO[bytes], limits: Limits) -> Image.Image:
    """Open an image by its content and check every limit; no pixel is decoded.

    A given file object must be seekable and stays the caller's to close. Raises ImageError: UNSUPPORTED for what is
    not one of FORMATS, CORRUPT for a header that cannot be read, NOT_PROCESSABLE for what exceeds the limits.
    """
    fp = io.BytesIO(source) if isinstance(source, bytes) else source
    fp.seek(0)
    head = fp.read(64)
    name = sniff(head)
    if name is None:
        raise ImageError(UNSUPPORTED, "This is not an image of a known type.")
    if name == "WEBP" and (canvas := webp_size(head)):
        _check_size(canvas, limits)
    counted = _count_frames(fp, name, limits)
    image = _open(fp, name, limits)
    _check_size(image.size, limits)
    frames = _own_count(image) if counted is None else counted
    _check_frames(frames, image.size, limits)
    _check_metadata(image, limits)
    setattr(image, _FRAMES, frames)
    return image


def sniff(head: bytes) -> str | None:
    """Name the format (one of FORMATS) that the first 64 bytes announce, or None."""
    for magic, name in (
        (b"\xff\xd8\xff", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"GIF87a", "GIF"),
        (b"GIF89a", "GIF"),
        (b"II*\x00", "TIFF"),
        (b"MM\x00*", "TIFF"),
        (b"II+\x00", "TIFF"),
        (b"MM\x00+", "TIFF"),
        (b"BM", "BMP"),
    ):
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12]) or ("AVIF" if b"avif" in head[16:] else "HEIF" if b"heic" in head[16:] else None)
    return None


_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"} | dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim"), "HEIF")


def load(image: Image.Image) -> Image.Image:
    """Decode the pixels of an opened image, in place. Raises ImageError(CORRUPT) if they are cut off or broken."""
    try:
        image.load()
    except _BROKEN as error:
        raise ImageError(CORRUPT, f"The image data is damaged: {error}") from error
    return image


def orientation(image: Image.Image) -> int:
    """The EXIF orientation still to be applied, 1 to 8; 1 when there is none or the EXIF block is unreadable.

    In a PNG it counts if it stands before the pixels, where every writer puts it.
    """
    if image.format == "TIFF":
        return 1  # Pillow turns a TIFF itself when it loads it, and already reports the turned size
    try:
        # A PNG's own `getexif` decodes all pixels to look behind them, which is not for a web process (REL U6).
        exif = Image.Image.getexif(image) if image.format == "PNG" else image.getexif()
        value = exif.get(ExifTags.Base.Orientation, 1)
    except (*_BROKEN, AttributeError):
        return 1
    return value if value in _TRANSPOSE else 1


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(width, height) as a viewer sees the image, known without decoding."""
    width, height = image.size
    return (height, width) if orientation(image) >= 5 else (width, height)


def upright(image: Image.Image, turn: int | None = None) -> Image.Image:
    """Decode and turn by the EXIF orientation, or by `turn` (1 to 8) if the caller read it before scaling.

    Returns the same object when nothing is to turn. Raises ImageError(CORRUPT).
    """
    turn = orientation(image) if turn is None else turn
    load(image)
    return image.transpose(_TRANSPOSE[turn]) if turn in _TRANSPOSE else image


def frame_count(image: Image.Image) -> int:
    """Frames of an image from `open_checked`; a JPEG's further pictures and a HEIF's further images do not count."""
    return int(getattr(image, _FRAMES, 1))


def is_animated(image: Image.Image) -> bool:
    """Whether the image moves. A TIFF of several pages does not."""
    return image.format in _ANIMATIONS and frame_count(image) > 1


def _open(fp: IO[bytes], name: str, limits: Limits) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = limits.pixels
    fp.seek(0)
    try:
        return Image.open(fp, formats=(name,))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(NOT_PROCESSABLE, f"The image has more than {limits.pixels} pixels.") from error
    except _BROKEN as error:
        if "text chunk" in str(error).lower() or "decompressed data too large" in str(error).lower():
            raise ImageError(NOT_PROCESSABLE, "The image carries too much text.") from error
        raise ImageError(CORRUPT, f"The image header is damaged: {error}") from error


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(CORRUPT, "The image has no pixels.")
    if max(size) > limits.side:
        raise ImageError(NOT_PROCESSABLE, f"The image has a side of more than {limits.side} pixels.")
    if width * height > limits.pixels:
        raise ImageError(NOT_PROCESSABLE, f"The image has more than {limits.pixels} pixels.")


def _count_frames(fp: IO[bytes], name: str, limits: Limits) -> int | None:
    """Frames of a GIF or TIFF, counted before Pillow opens it; None for formats whose opener knows the number."""
    try:
        if name == "GIF":
            return max(1, gif_frames(fp, at_most=limits.frames))
        if name == "TIFF":
            return max(1, tiff_pages(fp, at_most=limits.frames))
    except TooManyBlocks as error:
        raise ImageError(NOT_PROCESSABLE, "The image consists of too many blocks.") from error
    except _BROKEN as error:
        # An offset beyond every file, which not even a seek takes.
        raise ImageError(CORRUPT, f"The image's pages cannot be followed: {error}") from error
    return None


def _own_count(image: Image.Image) -> int:
    if image.format in ("MPO", "HEIF"):
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except _BROKEN as error:
        raise ImageError(CORRUPT, f"The image's frames cannot be counted: {error}") from error


def _check_frames(frames: int, size: tuple[int, int], limits: Limits) -> None:
    if frames > limits.frames:
        raise ImageError(NOT_PROCESSABLE, f"The image has more than {limits.frames} frames.")
    if frames * size[0] * size[1] > limits.frame_pixels:
        raise ImageError(NOT_PROCESSABLE, f"The image has more than {limits.frame_pixels} pixels over all frames.")


def _check_metadata(image: Image.Image, limits: Limits) -> None:
    """Text and EXIF count, the colour profile does not: it is data that we use."""
    texts = (value for key, value in image.info.items() if key != "icc_profile" and isinstance(value, str | bytes))
    if sum(len(value) for value in texts) > limits.metadata_bytes:
        raise ImageError(NOT_PROCESSABLE, f"The image carries more than {limits.metadata_bytes} bytes of metadata.")
