"""Pure: changes a picture step by step. It decodes pixels, so `child` calls it in a process of its own (REL U6).

The picture is turned upright and brought to sRGB first, and nothing of its metadata is kept (REL U8).
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from PIL import AvifImagePlugin, Image, ImageFilter

from library.images import on_white, plain, to_srgb
from mediahub.lib import imaging
from mediahub.lib.imaging import ImageError, Limits

DEFAULT_QUALITY = 80
THREADS = 2
"""Of a codec. By default there are as many as processors, and on a large machine the memory limit would go to them."""
ANIMATED = "animated_not_supported"
RESULT_TOO_LARGE = "result_too_large"
LONGEST_SIDE = {"jpg": 65_500, "png": 1 << 24, "webp": 16_383, "avif": 32_768}
"""What the formats and their encoders take, where the settings allow more."""
_KEPT = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif"}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step; None where it says nothing. width, height: pixels, or a share of what the step gets if below 1."""

    width: float | None = None
    height: float | None = None
    crop: str | None = None
    quality: int | None = None
    format: str | None = None
    blur: int | None = None


def transform(source: bytes | IO[bytes], steps: Sequence[Step], *, limits: Limits) -> bytes:
    """The changed picture, encoded. Raises ImageError, also with the codes ANIMATED and RESULT_TOO_LARGE.

    The last format and the last quality count. Without a format, and with `auto`, the picture stays what it was;
    kinds that are only read (GIF, HEIC, TIFF, BMP) become JPEG, or PNG where something is transparent.
    """
    AvifImagePlugin.DEFAULT_MAX_THREADS = THREADS
    image = imaging.open_checked(source, limits)
    if imaging.is_animated(image):
        raise ImageError(ANIMATED, "The image is animated.")
    kind, turn, profile = image.format or "", imaging.orientation(image), image.info.get("icc_profile")
    full = imaging.upright_size(image)
    _draft(image, full, steps[0])
    imaging.load(image)
    image = imaging.upright(plain(to_srgb(image, profile)), turn)
    for step in steps:
        image = _changed(image, full, step, limits)
        full = image.size
    fmt = next((step.format for step in reversed(steps) if step.format), "auto")
    if fmt == "auto":
        fmt = _KEPT.get(kind) or ("png" if image.mode == "RGBA" else "jpg")
    if max(image.size) > LONGEST_SIDE[fmt]:
        raise ImageError(RESULT_TOO_LARGE, f"A {fmt} has sides of at most {LONGEST_SIDE[fmt]} pixels.")
    quality = next((step.quality for step in reversed(steps) if step.quality), DEFAULT_QUALITY)
    return _encoded(image, fmt, quality)


def target(size: tuple[int, int], step: Step) -> tuple[tuple[int, int], tuple[float, float, float, float]]:
    """Size after a step, and the part of the picture that is shown in it as (left, top, right, bottom).

    With one side given, the other follows. `maintain_ratio`, the default with both, fills the box and cuts off what
    stands out equally on both ends; `force` squeezes; `at_max` fits inside without enlarging, `at_max_enlarge` fits
    inside; `at_least` covers the box without cutting.
    """
    width, height = size
    whole = _whole(size)
    box = _pixels(step.width, width), _pixels(step.height, height)
    if box == (None, None):
        return size, whole
    scales = [asked / have for asked, have in zip(box, size, strict=True) if asked]
    if box[0] and box[1] and step.crop in (None, "maintain_ratio"):
        scale = max(scales)
        # Dividing what was divided may give a last digit more than the picture has.
        seen = min(box[0] / scale, width), min(box[1] / scale, height)
        left, top = (width - seen[0]) / 2, (height - seen[1]) / 2
        return (box[0], box[1]), (left, top, left + seen[0], top + seen[1])
    if box[0] and box[1] and step.crop == "force":
        return (box[0], box[1]), whole
    scale = max(scales) if step.crop == "at_least" else min(scales)
    if step.crop == "at_max":
        scale = min(scale, 1.0)
    return (max(1, round(width * scale)), max(1, round(height * scale))), whole


def _whole(size: tuple[int, int]) -> tuple[float, float, float, float]:
    return 0.0, 0.0, float(size[0]), float(size[1])


def _pixels(asked: float | None, have: int) -> int | None:
    if asked is None:
        return None
    return max(1, round(asked * have)) if asked < 1 else int(asked)


def _draft(image: Image.Image, full: tuple[int, int], step: Step) -> None:
    """Let a JPEG be decoded at a fraction of its size where the first step shrinks it; twice the target stays sharp."""
    size, part = target(full, step)
    scale = max(size[0] / (part[2] - part[0]), size[1] / (part[3] - part[1]))
    image.draft(None, (math.ceil(image.size[0] * scale * 2), math.ceil(image.size[1] * scale * 2)))


def _changed(image: Image.Image, full: tuple[int, int], step: Step, limits: Limits) -> Image.Image:
    """full: the picture's size; it may have been decoded at a fraction of that."""
    size, part = target(full, step)
    if max(size) > limits.side or size[0] * size[1] > limits.pixels:
        raise ImageError(RESULT_TOO_LARGE, f"The result would have {size[0]} x {size[1]} pixels.")
    across, down = image.size[0] / full[0], image.size[1] / full[1]
    box = part[0] * across, part[1] * down, min(part[2] * across, image.size[0]), min(part[3] * down, image.size[1])
    if size != image.size or part != _whole(full):
        image = image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    return _blurred(image, step.blur) if step.blur else image


def _blurred(image: Image.Image, radius: int) -> Image.Image:
    """Colours count by their opacity, else what is invisible would bleed into what is seen."""
    if image.mode != "RGBA":
        return image.filter(ImageFilter.GaussianBlur(radius))
    return image.convert("RGBa").filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")


def _encoded(image: Image.Image, fmt: str, quality: int) -> bytes:
    # Pillow writes EXIF, profile and comments from `info` unless it is empty.
    image.info = {}
    out = io.BytesIO()
    try:
        if fmt == "jpg":
            on_white(image).save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        elif fmt == "png":
            image.save(out, "PNG")
        elif fmt == "webp":
            image.save(out, "WEBP", quality=quality, method=4)
        else:
            image.save(out, "AVIF", quality=quality, speed=8, max_threads=THREADS)
    except (OSError, ValueError, RuntimeError) as error:
        # The pixels are there, so the picture is whole: these are encoders that find no memory, each in its own words.
        raise ImageError(imaging.NOT_PROCESSABLE, f"The result cannot be encoded: {error}") from error
    return out.getvalue()
