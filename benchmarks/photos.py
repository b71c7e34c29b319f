"""The photos that benchmarks upload: real ones from the test files, scaled to pixels or padded to bytes."""

import functools
import io
from pathlib import Path

from PIL import Image, ImageOps

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "files" / "photos"
LARGE = FOLDER / "formats" / "large_12mp.jpg"
WITH_SUBJECT = ("dog.jpg", "giraffe.jpg", "red_panda.jpg", "kingfisher.jpg")
SIZES = {"640x480": (640, 480), "1600x1200": (1600, 1200), "12 MP": (4000, 3000)}


@functools.cache
def of_size(size: str) -> list[bytes]:
    """JPEGs of a size of `SIZES`, each with a clear subject."""
    if size == "12 MP":
        return [LARGE.read_bytes()]
    return [_scaled(FOLDER / name, SIZES[size]) for name in WITH_SUBJECT]


@functools.cache
def of_bytes(size_bytes: int) -> bytes:
    """A JPEG of exactly so many bytes: the large photo scaled until it almost fits, and a comment that fills it up."""
    side = 4000
    while len(data := _scaled(LARGE, (side, side * 3 // 4), quality=97)) > size_bytes:
        side = int(side * 0.9)
    return data + bytes(size_bytes - len(data))


def _scaled(path: Path, size: tuple[int, int], quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    with Image.open(path) as image:
        ImageOps.fit(image.convert("RGB"), size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
