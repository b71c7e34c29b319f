"""Pure: what an uploaded file is and how large its picture is, and thumbnails. No tables, no requests.

The upload service asks `sniff` and `examine`, which read headers only; `thumbnail` decodes pixels and is for workers
(REL U6). Opening, limits and turning are `mediahub.lib.imaging`'s.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO, Any, Literal

from PIL import Image, ImageCms

from library.embedded.flat import read_embedded
from library.filetypes import sniff
from mediahub.lib import imaging
from mediahub.lib.imaging import ImageError, Limits

__all__ = ["THUMBNAIL_MIMES", "ImageFacts", "examine", "inspect", "is_image", "sniff", "thumbnail"]

Format = Literal["WEBP", "JPEG", "PNG"]
THUMBNAIL_MIMES: dict[Format, str] = {"WEBP": "image/webp", "JPEG": "image/jpeg", "PNG": "image/png"}
RASTER_MIMES = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/heic",
        "image/heif",
        "image/tiff",
        "image/bmp",
    }
)
_SCALABLE_MODES = frozenset({"RGB", "RGBA", "L", "CMYK"})
"""Pixels that Pillow averages as they are; palettes, bits and 16-bit greys have to be converted first."""
_ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "La", "RGBa"})


@dataclass(frozen=True)
class ImageFacts:
    """What the header says. width, height: pixels, upright; None when unknown or not to be processed.

    orientation: EXIF 1 to 8. frames: 1 for a still. problem: None, or why extensions will refuse the file
    (`file_not_processable`, `corrupt_image`, `unsupported_file_type`).
    """

    width: int | None = None
    height: int | None = None
    orientation: int = 1
    has_alpha: bool = False
    animated: bool = False
    frames: int = 1
    problem: str | None = None


def is_image(mime: str) -> bool:
    """Whether ImageKit's `fileType` is `image` for this type."""
    return mime.startswith("image/")


def inspect(source: bytes | IO[bytes], mime: str, limits: Limits) -> ImageFacts:
    """Read an image's facts from its header; never decodes pixels and never raises for what the file holds.

    source: bytes or a seekable file. A file that is no raster image gets `unsupported_file_type` and no size; one
    whose pixels are cut off still has its size, the damage shows when a worker decodes it.
    """
    return examine(source, mime, limits)[0]


def examine(source: bytes | IO[bytes], mime: str, limits: Limits) -> tuple[ImageFacts, dict[str, Any]]:
    """`inspect`, and the flat metadata of the same header (API 3.9); {} when there is none, or a limit is exceeded."""
    if mime not in RASTER_MIMES:
        return ImageFacts(problem=imaging.UNSUPPORTED), {}
    try:
        image = imaging.open_checked(source, limits)
        facts = _facts(image)
    except ImageError as error:
        return ImageFacts(problem=error.code), {}
    return facts, read_embedded(image, limit=limits.metadata_bytes)


def _facts(image: Image.Image) -> ImageFacts:
    width, height = imaging.upright_size(image)
    return ImageFacts(
        width=width,
        height=height,
        orientation=imaging.orientation(image),
        has_alpha=_has_alpha(image),
        animated=imaging.is_animated(image),
        frames=imaging.frame_count(image),
    )


def thumbnail(data: bytes, width: int, height: int, fmt: Format, *, limits: Limits) -> bytes:
    """Draw a picture that fits into width x height pixels, upright, in sRGB, without any metadata.

    It is never larger than the original; an animation gives its first frame; JPEG gets white behind what is
    transparent. Raises ImageError.
    """
    image = imaging.open_checked(data, limits)
    turn = imaging.orientation(image)
    box = (height, width) if turn >= 5 else (width, height)
    # JPEG can be decoded at a fraction of its size; twice the target keeps the scaling sharp.
    image.draft(None, (box[0] * 2, box[1] * 2))
    profile = image.info.get("icc_profile")
    imaging.load(image)
    if image.mode in _SCALABLE_MODES and "transparency" not in image.info:
        # Colours of a hundred megapixels are not worth converting for a hundred that are kept.
        image.thumbnail(box, Image.Resampling.LANCZOS, reducing_gap=2.0)
        image = plain(to_srgb(image, profile))
    else:
        image = plain(to_srgb(image, profile))
        image.thumbnail(box, Image.Resampling.LANCZOS, reducing_gap=2.0)
    image = imaging.upright(image, turn)
    if fmt == "JPEG":
        image = on_white(image)
    return _encode(image, fmt)


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in _ALPHA_MODES or "transparency" in image.info


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert colours by the embedded profile; one that is broken or does not fit the pixels counts as absent."""
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = image.convert("RGB") if alpha else image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    if converted is None:
        return image
    if alpha:
        converted.putalpha(alpha)
    return converted


def plain(image: Image.Image) -> Image.Image:
    """8-bit RGB or RGBA, which every output format takes."""
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow would clip 16-bit greys instead of scaling them.
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    return image.convert("RGBA" if _has_alpha(image) else "RGB")


def on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _encode(image: Image.Image, fmt: Format) -> bytes:
    # Pillow writes EXIF, profile and comments from `info` unless it is empty.
    image.info = {}
    out = io.BytesIO()
    if fmt == "WEBP":
        # Method 4 would take three times as long for files 3 % smaller.
        image.save(out, fmt, quality=80, method=2)
    elif fmt == "JPEG":
        image.save(out, fmt, quality=82, optimize=True, progressive=True)
    else:
        image.save(out, fmt, optimize=True)
    return out.getvalue()
