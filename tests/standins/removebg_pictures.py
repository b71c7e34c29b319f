"""The pictures that the stand-in for remove.bg makes: an oval cut out of the one it got, in the size and form asked."""

import io
import zipfile
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageOps

from tests.standins.removebg_request import (
    LENGTH,
    MEGAPIXELS,
    Form,
    Refusal,
    download,
    parse_colour,
    read_roi,
)

PNG_MEGAPIXELS = 10
MIMES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "zip": "application/zip"}

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Result:
    """An encoded result. largest: the size it could have had; foreground: left, top, right, bottom in it."""

    data: bytes
    mime: str
    size: tuple[int, int]
    largest: tuple[int, int]
    foreground: Box


def make_result(picture: Image.Image, form: Form, size: str) -> Result:
    """Cut out, crop or place, lay on the ground and encode as the form asks. Raises Refusal for region or ground."""
    picture = ImageOps.exif_transpose(picture).convert("RGBA")
    roi, before = read_roi(form.text("roi"), picture.size), picture.size
    asked = form.text("format", "auto")
    largest = _scaled(picture.size, 50 if asked in ("webp", "jpg", "zip") else PNG_MEGAPIXELS)
    most = PNG_MEGAPIXELS if asked in ("png", "auto") else 50
    picture = picture.resize(_scaled(picture.size, min(MEGAPIXELS[size], most)), Image.Resampling.BOX)
    image, box = _cut_out(picture, _in_scale(roi, picture.width / before[0], picture.height / before[1]))
    if form.text("crop") == "true":
        image, box = _cropped(image, box, form.text("crop_margin", "0"))
    if form.text("scale", "original") != "original" or form.text("position", "original") != "original":
        image, box = _placed(image, box, form)
    data, kind = _encoded(image, _on_ground(image, form), form, asked)
    return Result(data, MIMES[kind], image.size, largest, box)


def _scaled(size: tuple[int, int], megapixels: float) -> tuple[int, int]:
    factor = min(1.0, (megapixels * 1e6 / (size[0] * size[1])) ** 0.5)
    return size if factor == 1.0 else (max(1, int(size[0] * factor)), max(1, int(size[1] * factor)))


def _in_scale(box: Box, across: float, down: float) -> Box:
    return round(box[0] * across), round(box[1] * down), round(box[2] * across), round(box[3] * down)


def _cut_out(picture: Image.Image, roi: Box) -> tuple[Image.Image, Box]:
    left, top, right, bottom = roi
    inset = (right - left) // 10, (bottom - top) // 10
    box = (left + inset[0], top + inset[1], max(left + inset[0] + 1, right - inset[0]), bottom - inset[1])
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).ellipse((box[0], box[1], box[2] - 1, box[3] - 1), fill=255)
    picture.putalpha(ImageChops.multiply(mask, picture.getchannel("A")))
    return picture, box


def _cropped(image: Image.Image, box: Box, margin: str) -> tuple[Image.Image, Box]:
    lengths = [LENGTH.fullmatch(part if part != "0" else "0px") for part in margin.split()]
    sides = [lengths[place % len(lengths)] for place in range(4)]  # top, right, bottom, left
    spans = (box[3] - box[1], box[2] - box[0]) * 2
    top, right, bottom, left = (
        round(float(side[1]) * (span / 100 if side[2] == "%" else 1)) for side, span in zip(sides, spans, strict=True)
    )
    cropped = image.crop((box[0] - left, box[1] - top, box[2] + right, box[3] + bottom))
    return cropped, (left, top, left + box[2] - box[0], top + box[3] - box[1])


def _placed(image: Image.Image, box: Box, form: Form) -> tuple[Image.Image, Box]:
    subject = image.crop(box)
    scale = form.text("scale", "original")
    if scale != "original":
        factor = float(scale[:-1]) / 100 * min(image.width / subject.width, image.height / subject.height)
        subject = subject.resize((max(1, int(subject.width * factor)), max(1, int(subject.height * factor))))
    places = {"center": "50% 50%", "original": "50% 50%"}
    shares = [
        float(part[:-1]) / 100 for part in places.get(form.text("position"), form.text("position") or "50%").split()
    ]
    left = int((image.width - subject.width) * shares[0])
    top = int((image.height - subject.height) * shares[-1])
    canvas = Image.new("RGBA", image.size)
    canvas.paste(subject, (left, top))
    return canvas, (left, top, left + subject.width, top + subject.height)


def _on_ground(image: Image.Image, form: Form) -> Image.Image:
    """The cut-out on the colour or picture asked for, or as it is."""
    if colour := form.text("bg_color"):
        return Image.alpha_composite(Image.new("RGBA", image.size, parse_colour(colour)), image)
    if form.text("bg_image_url"):
        data = download(form.text("bg_image_url"), "invalid_bg_image_url", "failed_bg_download")
    elif "bg_image_file" in form.files:
        data = form.files["bg_image_file"][2]
    else:
        return image
    try:
        ground = ImageOps.fit(Image.open(io.BytesIO(data)).convert("RGBA"), image.size)
    except OSError:
        raise Refusal(400, "failed_bg_download", "The background is not a picture") from None
    return Image.alpha_composite(ground, image)


def _encoded(cut: Image.Image, whole: Image.Image, form: Form, kind: str) -> tuple[bytes, str]:
    is_opaque = whole.getextrema()[3][0] == 255
    kind = ("jpg" if is_opaque else "png") if kind == "auto" else kind
    if form.text("channels") == "alpha":
        mask = cut.getchannel("A")
        return _file(mask, "jpg" if kind == "zip" else kind), "jpg" if kind == "zip" else kind
    if kind == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("color.jpg", _file(cut.convert("RGB"), "jpg"))
            archive.writestr("alpha.png", _file(cut.getchannel("A"), "png"))
        return buffer.getvalue(), kind
    if kind == "jpg":
        white = Image.new("RGBA", whole.size, "white")
        return _file(Image.alpha_composite(white, whole).convert("RGB"), kind), kind
    return _file(whole.convert("RGB") if is_opaque else whole, kind), kind


def _file(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    options = {"webp": {"method": 0}, "png": {"compress_level": 1}}.get(kind, {})
    image.save(buffer, {"jpg": "JPEG"}.get(kind, kind.upper()), **options)
    return buffer.getvalue()
