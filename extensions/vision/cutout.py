"""Background removal: an image in, the same image with a transparent, coloured or pictured background out.

`providers/rembg_local.py` calls `cut_out`. The order of work keeps memory low: the network sees a small copy, and the
full image is masked, composed and compressed in strips. rembg does the same by way of full-size arrays.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from extensions.vision.colour import INVALID_OPTIONS, parse_colour, to_rgb_with_profile, to_srgb
from extensions.vision.errors import VisionError
from extensions.vision.png import STRIP_ROWS, encode_png
from extensions.vision.prepare import check_side
from extensions.vision.sessions import Floats, give_back_memory, run_model
from mediahub.lib import imaging

MASK_SIDE = 320
MIN_SIDE = 16
SUBJECT_AT_LEAST = 0.5
"""Raw network output under which there is nothing to cut out: photos reach 1.0, a landscape 0.3, a flat grey 0.004."""
_MEAN = np.array((0.485, 0.456, 0.406), np.float32)
_DEVIATION = np.array((0.229, 0.224, 0.225), np.float32)
_HAZE, _SOLID = 8, 247
_CLIP = [0 if level < _HAZE else 255 if level > _SOLID else level for level in range(256)]


@dataclass(frozen=True)
class Background:
    """What to lay behind the subject: nothing, a colour (red, green, blue, alpha), or a picture in sRGB."""

    colour: tuple[int, int, int, int] | None = None
    picture: Image.Image | None = None

    @property
    def is_opaque(self) -> bool:
        return self.picture is not None or (self.colour is not None and self.colour[3] == 255)


@dataclass(frozen=True)
class Cutout:
    """A finished cut-out. `mask` is the network's own small mask as a greyscale PNG, before any clipping."""

    data: bytes
    mime: str
    width: int
    height: int
    has_alpha: bool
    mask: bytes


@dataclass(frozen=True)
class Picture:
    """A decoded input, still as it is stored: RGB or RGBA, its colour profile (None: sRGB), its EXIF turn (1 to 8).

    It is turned in parts, since a turned copy of a whole photo costs as much memory as the photo.
    """

    image: Image.Image
    icc: bytes | None = None
    turn: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Upright (width, height)."""
        width, height = self.image.size
        return (height, width) if self.turn >= 5 else (width, height)

    def rows(self, top: int, bottom: int) -> Image.Image:
        """A copy of upright rows `top` to `bottom`: rows or columns of the stored image, from either end."""
        width, height = self.image.size
        if self.turn in (3, 4):
            box = (0, height - bottom, width, height - top)
        elif self.turn in (5, 6):
            box = (top, 0, bottom, height)
        elif self.turn in (7, 8):
            box = (width - bottom, 0, width - top, height)
        else:
            box = (0, top, width, bottom)
        return imaging.upright(self.image.crop(box), self.turn)

    def scaled(self, width: int, height: int) -> Image.Image:
        """An upright RGB copy of this size."""
        stored = (height, width) if self.turn >= 5 else (width, height)
        small = self.image.resize(stored, Image.Resampling.LANCZOS, reducing_gap=2.0)
        return imaging.upright(small.convert("RGB"), self.turn)


MaskOf = Callable[[Picture], Image.Image]


def cut_out(data: bytes, mask_of: MaskOf, background: Background = Background(), mime: str = "image/png") -> Cutout:
    """Remove the background of an encoded image.

    mask_of: returns the foreground of a picture as an upright "L" image of any size (`small_mask` with its model).
    mime: "image/png", or "image/webp" for a small file. Raises ImageError (`corrupt_image`, ...) and VisionError
    (`image_too_small`, `no_clear_subject`).
    """
    picture = open_picture(data, keep_profile=background == Background())
    return compose(picture, mask_of(picture), background, mime)


def open_picture(data: bytes, *, keep_profile: bool) -> Picture:
    """Decode an image. `keep_profile`: leave RGB colours as they are and hand their profile on."""
    image = imaging.open_checked(data, imaging.limits_from_settings())
    check_side(image, MIN_SIDE)
    turn = imaging.orientation(image)
    imaging.load(image)
    image, icc = to_rgb_with_profile(image) if keep_profile else (to_srgb(image), None)
    return Picture(image, icc, turn)


def small_mask(picture: Picture, model: str) -> Image.Image:
    """Find the subject with a U^2-Net of the manifest; returns an "L" image of 320x320.

    Raises VisionError(no_clear_subject) when the network is sure of nothing, and WeightsError.
    """
    raw = run_model(model, network_input(picture))[0][0, 0]
    lowest, highest = float(raw.min()), float(raw.max())
    if highest < SUBJECT_AT_LEAST or highest <= lowest:
        raise VisionError("no_clear_subject", "No clear subject was found in the image.")
    return Image.fromarray(((raw - lowest) * (255 / (highest - lowest))).astype(np.uint8))


def network_input(picture: Picture) -> Floats:
    """Scale to 320x320 ignoring the shape, and normalise as U^2-Net was trained: float32 [1, 3, 320, 320]."""
    pixels = np.asarray(picture.scaled(MASK_SIDE, MASK_SIDE), np.float32)
    pixels = (pixels / max(float(pixels.max()), 1e-6) - _MEAN) / _DEVIATION
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis])


def compose(picture: Picture, mask: Image.Image, background: Background, mime: str = "image/png") -> Cutout:
    """Apply a mask of any size to a picture; no inference, so another background or format costs only this."""
    encode = _encode_webp if mime == "image/webp" else encode_png
    data = encode(picture.size, _strips(picture, mask, background), picture.icc)
    kept = io.BytesIO()
    mask.save(kept, "PNG")
    give_back_memory()
    return Cutout(data, mime, *picture.size, not background.is_opaque, kept.getvalue())


def read_background(options: Mapping[str, object], fetch: Callable[[str], bytes]) -> Background:
    """Make the background that `bg_color` or `bg_image_url` asks for; `fetch` turns the address into image bytes.

    Raises VisionError(invalid_options) for a malformed value or both at once; errors of `fetch` pass through.
    """
    colour, address = options.get("bg_color"), options.get("bg_image_url")
    if colour is not None and address is not None:
        raise VisionError(INVALID_OPTIONS, "Give bg_color or bg_image_url, not both.")
    if colour is not None:
        return Background(colour=parse_colour(colour))
    if address is None:
        return Background()
    if not isinstance(address, str) or not address.lower().startswith(("http://", "https://")):
        raise VisionError(INVALID_OPTIONS, "bg_image_url is not an address that starts with http:// or https://.")
    return Background(picture=_open_background(fetch(address)))


def _open_background(data: bytes) -> Image.Image:
    try:
        picture = open_picture(data, keep_profile=False)
    except (imaging.ImageError, VisionError) as error:
        raise VisionError(INVALID_OPTIONS, f"bg_image_url does not lead to a usable image: {error}") from error
    return picture.rows(0, picture.size[1]).convert("RGB")


def _strips(picture: Picture, mask: Image.Image, background: Background) -> Iterator[NDArray[np.uint8]]:
    """Yield the result in strips of STRIP_ROWS rows: uint8 [rows, width, 4], or 3 where nothing shows through."""
    height = picture.size[1]
    for top in range(0, height, STRIP_ROWS):
        bottom = min(top + STRIP_ROWS, height)
        part = picture.rows(top, bottom)
        alpha = _alpha(part, mask, top / height, bottom / height)
        part.putalpha(alpha)
        if background == Background():
            yield _clear_hidden(part)
        else:
            ground = _ground(background, picture.size, top, bottom)
            ground.alpha_composite(part)
            yield _clear_hidden(ground) if not background.is_opaque else np.asarray(ground.convert("RGB"))


def _alpha(part: Image.Image, mask: Image.Image, top: float, bottom: float) -> Image.Image:
    """The strip's share of the mask, enlarged, without haze, and no more opaque than the input was."""
    box = (0, top * mask.height, mask.width, bottom * mask.height)
    alpha = mask.resize(part.size, Image.Resampling.BICUBIC, box=box).point(_CLIP)
    if part.mode != "RGBA":
        return alpha
    product = np.asarray(alpha, np.uint16) * np.asarray(part.getchannel("A"))
    return Image.fromarray((product // 255).astype(np.uint8))


def _clear_hidden(part: Image.Image) -> NDArray[np.uint8]:
    """RGBA as an array, with colour 0 where alpha is 0: smaller, and nothing of the background can be recovered."""
    pixels = np.array(part)
    whole = pixels.view(np.uint32)[..., 0]
    whole[pixels[..., 3] == 0] = 0
    return pixels


def _ground(background: Background, size: tuple[int, int], top: int, bottom: int) -> Image.Image:
    """The strip's share of the background as RGBA; a picture covers the whole image, centred, its shape kept."""
    width, height = size
    if background.picture is None:
        return Image.new("RGBA", (width, bottom - top), background.colour or (0, 0, 0, 0))
    picture = background.picture
    scale = min(picture.width / width, picture.height / height)
    left = (picture.width - width * scale) / 2
    upper = (picture.height - height * scale) / 2
    box = (left, upper + top * scale, left + width * scale, min(upper + bottom * scale, picture.height))
    return picture.resize((width, bottom - top), Image.Resampling.BICUBIC, box=box).convert("RGBA")


def _encode_webp(size: tuple[int, int], strips: Iterator[NDArray[np.uint8]], icc: bytes | None) -> bytes:
    whole = Image.new("RGBA", size)
    for index, strip in enumerate(strips):
        whole.paste(Image.fromarray(strip), (0, index * STRIP_ROWS))
    buffer = io.BytesIO()
    whole.save(buffer, "WEBP", quality=85, method=0, icc_profile=icc or b"")
    return buffer.getvalue()
