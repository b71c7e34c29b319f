"""Turn an original into what a supplier accepts: upright, in one of its formats, within its pixels and bytes.

`extensions.providers.base.prepare_for` calls it before a remote provider is asked.
"""

import io
from dataclasses import dataclass

from PIL import Image, ImageStat

from extensions.vision.colour import to_srgb
from extensions.vision.errors import VisionError
from mediahub.lib import imaging

TOO_SMALL = "image_too_small"
_QUALITIES = (90, 80, 65, 50)
_FLAT_BELOW = 2.0


@dataclass(frozen=True)
class ImageLimits:
    """What a supplier takes. Pixels are width times height, sides in pixels; the first of `mimes` is converted to."""

    mimes: tuple[str, ...]
    max_bytes: int
    max_pixels: int = 100_000_000
    max_side: int = 16_384
    min_side: int = 16


def prepare_image(data: bytes, limits: ImageLimits) -> tuple[bytes, str]:
    """Return (bytes, mime) within the limits, without EXIF, in sRGB; the first frame of a moving image.

    A file that already fits and carries nothing to strip is not touched. Raises ImageError for what cannot be opened,
    VisionError(image_too_small) for what is too small or cannot be made to fit.
    """
    image = imaging.open_checked(data, imaging.limits_from_settings())
    check_side(image, limits.min_side)
    mime = imaging.MIMES[image.format or ""]
    if _fits_as_is(image, data, mime, limits):
        imaging.load(image)
        return data, mime
    return _convert(image, mime, limits)


def check_side(image: Image.Image, min_side: int) -> None:
    """Raise VisionError(image_too_small) for an image with a side under `min_side` pixels."""
    if min(image.size) < min_side:
        raise VisionError(TOO_SMALL, f"The image is {image.width}x{image.height}; each side needs {min_side} pixels.")


def is_flat(image: Image.Image) -> bool:
    """Whether a picture shows nothing that could be named or cut out: its grey levels hardly differ."""
    deviation: float = ImageStat.Stat(image.convert("L")).stddev[0]
    return deviation < _FLAT_BELOW


def _fits_as_is(image: Image.Image, data: bytes, mime: str, limits: ImageLimits) -> bool:
    return (
        mime in limits.mimes
        and len(data) <= limits.max_bytes
        and image.width * image.height <= limits.max_pixels
        and max(image.size) <= limits.max_side
        and image.mode in ("RGB", "L", "RGBA")
        and imaging.frame_count(image) == 1
        and not any(key in image.info for key in ("exif", "icc_profile", "xmp", "comment", "XML:com.adobe.xmp"))
    )


def _convert(image: Image.Image, mime: str, limits: ImageLimits) -> tuple[bytes, str]:
    turn = imaging.orientation(image)
    box = _box(image.size, limits)
    if min(box) < limits.min_side:
        size = f"{image.width}x{image.height}"
        raise VisionError(
            TOO_SMALL, f"The image is {size}; made to fit, a side has less than {limits.min_side} pixels."
        )
    if box != image.size and image.format == "JPEG":
        image.draft(None, box)
    image = to_srgb(imaging.load(image))
    if box != image.size:
        image = image.resize(box, Image.Resampling.LANCZOS, reducing_gap=2.0)
    image = imaging.upright(image, turn)
    keeps_alpha = image.mode == "RGBA" and "image/png" in limits.mimes
    if keeps_alpha and len(encoded := _encode(image, "PNG")) <= limits.max_bytes:
        return encoded, "image/png"
    target = mime if mime in limits.mimes and mime == "image/png" else limits.mimes[0]
    if target == "image/png" and len(encoded := _encode(image, "PNG")) <= limits.max_bytes:
        return encoded, "image/png"
    return _as_jpeg(flatten(image), limits), "image/jpeg"


def _as_jpeg(image: Image.Image, limits: ImageLimits) -> bytes:
    """Encode under `max_bytes`: first by quality, then by halving the sides."""
    while min(image.size) >= limits.min_side:
        for quality in _QUALITIES:
            if len(encoded := _encode(image, "JPEG", quality=quality)) <= limits.max_bytes:
                return encoded
        image = image.reduce(2)
    raise VisionError(TOO_SMALL, f"The image cannot be made smaller than {limits.max_bytes} bytes.")


def _box(size: tuple[int, int], limits: ImageLimits) -> tuple[int, int]:
    """The largest size of the same shape within pixels and side."""
    width, height = size
    scale = min(1.0, limits.max_side / max(size), (limits.max_pixels / (width * height)) ** 0.5)
    return size if scale == 1.0 else (max(1, int(width * scale)), max(1, int(height * scale)))


def flatten(image: Image.Image) -> Image.Image:
    """Lay a transparent image on white; anything else becomes RGB."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _encode(image: Image.Image, name: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.info.clear()
    image.save(buffer, name, **options)
    return buffer.getvalue()
