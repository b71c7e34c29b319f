"""Colours of every kind of input brought to 8-bit sRGB, and the colours people write in options.

Cut-outs, tags and prepared images all pass through `to_srgb` or `to_rgb_with_profile`.
"""

import io
import re

from PIL import Image, ImageCms, ImageColor

from extensions.vision.errors import VisionError

INVALID_OPTIONS = "invalid_options"
_HEX = re.compile(r"#?([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_PROFILE_BYTES_MAX = 1 << 20


def to_srgb(image: Image.Image) -> Image.Image:
    """Return the loaded image as RGB, or as RGBA if it can be transparent, converted by its colour profile.

    A profile that cannot be read is ignored, as viewers do.
    """
    profile = _profile_of(image)
    alpha = _alpha_of(image)
    if profile is None or _is_srgb(profile):
        plain = _without_profile(image)
        return plain if alpha is None or plain.mode == "RGBA" else _with_alpha(plain, alpha)
    converted = _apply(image, profile)
    return converted if alpha is None else _with_alpha(converted, alpha)


def to_rgb_with_profile(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    """Return (RGB or RGBA image, profile to embed), leaving RGB colours untouched where the profile can be kept.

    Faster than `to_srgb` and without loss; other colour spaces are converted, and then there is nothing to embed.
    """
    icc: bytes = image.info.get("icc_profile") or b""
    profile = _profile_of(image)
    keepable = image.mode in ("RGB", "RGBA") and profile is not None and len(icc) <= _PROFILE_BYTES_MAX
    if profile is None or not keepable or profile.profile.xcolor_space.strip() != "RGB":
        return to_srgb(image), None
    return _without_profile(image), icc


def parse_colour(text: object) -> tuple[int, int, int, int]:
    """Read 3, 4, 6 or 8 hex digits (with or without #) or a CSS colour name as (red, green, blue, alpha).

    Raises VisionError(invalid_options).
    """
    written = text.strip() if isinstance(text, str) else ""
    if match := _HEX.fullmatch(written):
        digits = match[1] if len(match[1]) > 4 else "".join(digit * 2 for digit in match[1])
        red, green, blue, alpha = bytes.fromhex(digits.ljust(8, "f"))
        return red, green, blue, alpha
    if written.lower() in ImageColor.colormap:
        red, green, blue = ImageColor.getrgb(written.lower())[:3]
        return red, green, blue, 255
    if written.lower() == "transparent":
        return 0, 0, 0, 0
    raise VisionError(INVALID_OPTIONS, f"bg_color {text!r} is neither hex digits nor the name of a colour.")


def _profile_of(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    icc = image.info.get("icc_profile")
    if not icc:
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except (OSError, ImageCms.PyCMSError):
        return None


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    return "srgb" in (profile.profile.profile_description or "").lower()


def _apply(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """Convert by profile, reducing first to a mode the colour engine knows."""
    space = profile.profile.xcolor_space.strip()
    mode = {"RGB": "RGB", "CMYK": "CMYK", "GRAY": "L"}.get(space)
    source = _without_profile(image).convert("RGB") if mode == "RGB" else _grey8(image) if mode == "L" else image
    if mode is None or source.mode != mode:
        return _without_profile(image).convert("RGB")
    try:
        result = ImageCms.profileToProfile(source, profile, _SRGB, outputMode="RGB")
    except ImageCms.PyCMSError:
        return _without_profile(image).convert("RGB")
    return result if result is not None else source


def _without_profile(image: Image.Image) -> Image.Image:
    if image.mode in ("RGB", "RGBA") and "transparency" not in image.info:
        return image
    if image.mode in ("RGBX", "CMYK", "YCbCr", "LAB", "HSV"):
        return image.convert("RGB")
    if image.mode.startswith(("I", "F")):
        return _grey8(image).convert("RGB")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _grey8(image: Image.Image) -> Image.Image:
    """Greyscale of 16 bits and more as 8 bits: the high byte, not Pillow's cut at 255."""
    if image.mode.startswith("I"):
        wide = image if image.mode == "I" else image.convert("I")
        return wide.point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("L")


def _alpha_of(image: Image.Image) -> Image.Image | None:
    if not image.has_transparency_data:
        return None
    return image.getchannel("A") if "A" in image.getbands() else image.convert("RGBA").getchannel("A")


def _with_alpha(image: Image.Image, alpha: Image.Image) -> Image.Image:
    image.putalpha(alpha)
    return image
