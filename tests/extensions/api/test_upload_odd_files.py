"""Files that are more, less or other than they seem, uploaded: stored as they are, and not decoded (REL B20)."""

import io
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from PIL import Image

from library.models import AssetVersion
from library.storage import read_blob
from tests.photos import FORMATS, PHOTOS
from tests.uploading import upload

pytestmark = [pytest.mark.django_db, pytest.mark.rel("B20")]
BEYOND, CORRUPT, NO_IMAGE = "file_not_processable", "corrupt_image", "unsupported_file_type"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes) -> bytes:
    """A PNG with one bit a pixel, all black, and further chunks before the pixels."""
    pixels = zlib.compress(bytes(width // 8 + 1) * min(height, 20_000), 9)
    header = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"".join([b"\x89PNG\r\n\x1a\n", header, *more, chunk(b"IDAT", pixels), chunk(b"IEND", b"")])


def packed_text() -> bytes:
    packer = zlib.compressobj(9)
    text = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(80)), packer.flush()])
    return chunk(b"zTXt", b"Comment\0\0" + text)


def gif(frames: int, side: int) -> bytes:
    """Frames of one repeated colour, each as large as the whole."""
    screen = struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + screen + frame * frames + b";"


def tiff(pages: int) -> bytes:
    """Pages of one pixel, each with its own directory."""
    entries = [
        (256, 3, 1, 1),
        (257, 3, 1, 1),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (279, 4, 1, 1),
    ]
    size = 2 + 12 * len(entries) + 4
    out = [b"II*\0", struct.pack("<L", 12), b"\0\0\0\0"]
    for page in range(pages):
        following = 12 + size * (page + 1) if page + 1 < pages else 0
        rows = b"".join(struct.pack("<HHLL", *entry) for entry in entries)
        out += [struct.pack("<H", len(entries)), rows, struct.pack("<L", following)]
    return b"".join(out)


def webp(side: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "WEBP", lossless=True)
    data = bytearray(out.getvalue())
    # The 14-bit sizes of VP8L stand behind its signature byte.
    data[21:25] = (int.from_bytes(data[21:25], "little") & ~0xFFFFFFF | (side - 1) | (side - 1) << 14).to_bytes(
        4, "little"
    )
    return bytes(data)


def with_zip_behind(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("evil.js", "alert(1)")
    return data + out.getvalue()


CAT = (PHOTOS / "cat.jpg").read_bytes()
SVG = b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><foreignObject><p>&x;</p></foreignObject></svg>"""
FILES = {
    # name: content, mime, (width, height) or None, problem
    "400 megapixels in a few kB.png": (lambda: png(20_000, 20_000), "image/png", None, BEYOND),
    "300 large frames.gif": (lambda: gif(300, 2000), "image/gif", None, BEYOND),
    "80 MB of packed text.png": (lambda: png(64, 64, packed_text()), "image/png", None, BEYOND),
    "16383 squared.webp": (lambda: webp(16_383), "image/webp", None, BEYOND),
    "10 000 pages.tif": (lambda: tiff(10_000), "image/tiff", None, BEYOND),
    "cut in half.jpg": (lambda: CAT[: len(CAT) // 2], "image/jpeg", (1024, 768), ""),
    "followed by a ZIP.jpg": (lambda: with_zip_behind(CAT), "image/jpeg", (1024, 768), ""),
    "a page.png": (lambda: b"<!doctype html><html><script>1</script></html>", "text/html", None, NO_IMAGE),
    "also a script.gif": (lambda: b"GIF89a/*\0\0\0\0\0*/=1;alert(1)//", "image/gif", None, CORRUPT),
    "script and entity.svg": (lambda: SVG, "image/svg+xml", None, NO_IMAGE),
    "drawing.eps": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage", "application/postscript", None, NO_IMAGE),
    "favicon.ico": (lambda: b"\0\0\1\0\1\0" + bytes(60), "image/vnd.microsoft.icon", None, NO_IMAGE),
    "no pixels.png": (lambda: png(0, 0), "image/png", None, CORRUPT),
    "animated.webp": (lambda: (FORMATS / "animated.webp").read_bytes(), "image/webp", (320, 180), ""),
    "cmyk.jpg": (lambda: (FORMATS / "cmyk.jpg").read_bytes(), "image/jpeg", (960, 540), ""),
    "sixteen bits.png": (lambda: (FORMATS / "grey16.png").read_bytes(), "image/png", (512, 384), ""),
    "palette with alpha.png": (lambda: (FORMATS / "palette.png").read_bytes(), "image/png", (512, 384), ""),
    "one bit.png": (lambda: png(64, 48), "image/png", (64, 48), ""),
}


@pytest.mark.rel("U3", "U5", "U7")
@pytest.mark.parametrize("name", FILES)
def test_it_is_stored_as_it_came_with_the_facts_of_its_header(api, name):
    make, mime, size, problem = FILES[name]
    data = make()
    tracemalloc.start()
    response = upload(api, data, fileName=name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert response.status_code == 200, response.content
    version = AssetVersion.objects.get()
    assert (version.mime, version.problem) == (mime, problem)
    assert (version.width, version.height) == (size or (None, None))
    assert read_blob(version.blob_key) == data
    assert peak < 64 << 20


@pytest.mark.rel("U6")
@pytest.mark.parametrize("name", [name for name, row in FILES.items() if row[3] or name == "cut in half.jpg"])
def test_what_is_beyond_the_limits_or_broken_cannot_be_transformed(api, name):
    make, _, _, problem = FILES[name]
    response = upload(api, make(), fileName=name, transformation='{"pre": "w-10"}')
    assert response.status_code == 400
    assert response.json()["code"] == (problem or CORRUPT)
    assert not AssetVersion.objects.exists()
