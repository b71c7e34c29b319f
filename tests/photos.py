"""The sample photos, and small images drawn for one test. Shared by the tests of images, models and providers."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

PHOTOS = Path(__file__).parent / "files" / "photos"
FORMATS = PHOTOS / "formats"


def photo(name: str) -> bytes:
    """The bytes of a file under tests/files/photos."""
    return (PHOTOS / name).read_bytes()


def opened(data: bytes) -> Image.Image:
    """A decoded image."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def encoded(image: Image.Image, name: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def gradient(width: int, height: int) -> Image.Image:
    """An RGB image in which every pixel tells where it is: red by column, green by row."""
    rows, columns = np.mgrid[0:height, 0:width]
    red = (columns * 255 / max(width - 1, 1)).astype(np.uint8)
    green = (rows * 255 / max(height - 1, 1)).astype(np.uint8)
    return Image.fromarray(np.dstack((red, green, np.full_like(red, 90))))


def oval(side: int = 64) -> Image.Image:
    """A mask with a solid middle and clear corners."""
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).ellipse((4, 4, side - 5, side - 5), fill=255)
    return mask
