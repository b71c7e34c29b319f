"""GPS data is blanked in place; pixels and all other facts stay as they were."""

import hashlib
import io
import struct
from pathlib import Path

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from library.gps import strip_gps, without_gps
from mediahub.lib import imaging  # noqa: F401 - registers the HEIF decoder
from mediahub.lib.spool import Spool

FORMATS = Path(__file__).parents[1] / "files" / "photos" / "formats"
LATITUDE = (48.0, 51.0, 29.0)


def photo(fmt: str) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera of the test"
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: LATITUDE}
    written = Image.Exif()
    written.load(exif.tobytes())
    image = Image.fromarray(numpy.random.default_rng(1).integers(0, 255, (32, 48, 3), "uint8"))
    out = io.BytesIO()
    image.save(out, fmt, exif=written)
    return out.getvalue()


def gps(data: bytes) -> dict:
    return dict(Image.open(io.BytesIO(data)).getexif().get_ifd(ExifTags.IFD.GPSInfo))


@pytest.mark.rel("U8", "B21")
@pytest.mark.parametrize(
    ("fmt", "mime"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("TIFF", "image/tiff"),
        ("HEIF", "image/heic"),
        ("AVIF", "image/avif"),
    ],
)
def test_the_place_goes_and_everything_else_stays(fmt, mime, tmp_path):
    before = photo(fmt)
    assert gps(before)
    path = tmp_path / "photo"
    path.write_bytes(before)

    assert strip_gps(path, mime)
    after = path.read_bytes()

    assert len(after) == len(before)
    assert not gps(after)
    old, new = Image.open(io.BytesIO(before)), Image.open(io.BytesIO(after))
    assert new.getexif()[ExifTags.Base.Make] == "Camera of the test"
    assert new.getexif().get(ExifTags.Base.Orientation) == old.getexif().get(ExifTags.Base.Orientation)
    assert numpy.array_equal(numpy.asarray(old), numpy.asarray(new))
    assert not strip_gps(path, mime)


@pytest.mark.rel("U8", "B21")
def test_fill_bytes_before_a_jpeg_marker_do_not_hide_the_place(tmp_path):
    data = photo("JPEG")
    at = data.index(b"\xff\xe1")
    path = tmp_path / "photo"
    path.write_bytes(data[:at] + b"\xff\xff\xff" + data[at:])
    assert gps(path.read_bytes())

    assert strip_gps(path, "image/jpeg")
    assert not gps(path.read_bytes())


@pytest.mark.rel("U8", "B21")
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_bigtiff_loses_its_place(order, tmp_path):
    latitude = struct.pack(f"{order}6L", 48, 1, 51, 1, 29, 1)
    directory = struct.pack(f"{order}Q", 2) + struct.pack(f"{order}HHQ2s6x", 1, 2, 2, b"N\0")
    at = 16 + 8 + 20 + 8  # behind a first directory of one entry
    directory += struct.pack(f"{order}HHQQ", 2, 5, 3, at + 8 + 40 + 8) + struct.pack(f"{order}Q", 0)
    mark = b"II+\0" if order == "<" else b"MM\0+"
    head = mark + struct.pack(f"{order}HHQ", 8, 0, 16)
    first = struct.pack(f"{order}Q", 1) + struct.pack(f"{order}HHQQ", 0x8825, 13, 1, at) + struct.pack(f"{order}Q", 0)
    data = head + first + directory + latitude
    path = tmp_path / "photo"
    path.write_bytes(data)

    assert strip_gps(path, "image/tiff")
    after = path.read_bytes()
    assert after[: len(head + first)] == head + first
    assert after[len(head + first) :] == bytes(len(directory + latitude))


@pytest.mark.rel("U8", "B21")
def test_an_exif_item_without_its_mark_loses_its_place(tmp_path):
    """As some writers of AVIF have it: the four bytes before the header say that nothing stands between."""
    exif = Image.Exif()
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: LATITUDE}
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    path = tmp_path / "photo"
    path.write_bytes(b"....ftypavif....mdat" + b"\0\0\0\0" + block)

    assert strip_gps(path, "image/avif")
    left = Image.Exif()
    left.load(path.read_bytes()[24:])
    assert not left.get_ifd(ExifTags.IFD.GPSInfo)


@pytest.mark.rel("U8")
def test_a_real_photo_loses_its_place_and_keeps_its_date(tmp_path):
    path = tmp_path / "photo"
    path.write_bytes((FORMATS / "exif_gps.jpg").read_bytes())

    assert strip_gps(path, "image/jpeg")
    exif = Image.open(path).getexif()
    assert not exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert exif[ExifTags.Base.Make] == Image.open(FORMATS / "exif_gps.jpg").getexif()[ExifTags.Base.Make]


@pytest.mark.rel("U8")
def test_the_place_in_xmp_goes_too(tmp_path):
    attributes = b'exif:GPSLatitude="48,51.48N" dc:title="Paris"'
    element = b"<exif:GPSLongitude>2,17.64E</exif:GPSLongitude>"
    xmp = b"<x:xmpmeta><rdf:Description " + attributes + b">" + element + b"</rdf:Description></x:xmpmeta>"
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", xmp=xmp)
    path = tmp_path / "photo"
    path.write_bytes(out.getvalue())

    assert strip_gps(path, "image/jpeg")
    after = path.read_bytes()
    assert b"48,51" not in after
    assert b"2,17" not in after
    assert b'dc:title="Paris"' in after


@pytest.mark.parametrize(
    "name", ["grey.jpg", "palette.png", "photo.webp", "photo.tiff", "photo.heic", "photo.avif", "script.svg"]
)
def test_a_file_without_a_place_is_not_touched(name, tmp_path):
    from library.filetypes import sniff

    data = (FORMATS / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data)

    assert not strip_gps(path, sniff(data[:4096], name))
    assert path.read_bytes() == data


@pytest.mark.rel("U8")
def test_the_spooled_file_gets_the_hash_of_what_is_left(tmp_path):
    spool = Spool(max_bytes=1 << 20, directory=tmp_path)
    spool.write(photo("JPEG"))
    with spool.finish() as before:
        after = without_gps(before)

        content = after.path.read_bytes()
        assert after.sha256 == hashlib.sha256(content).hexdigest() != before.sha256
        assert after.head == content[:4096]
        assert without_gps(after) == after


@pytest.mark.rel("B21")
@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("mime", "data"),
    [
        ("image/jpeg", b"\xff\xd8" + b"<x:xmpmeta " * 500_000),
        ("image/jpeg", b"\xff\xd8<x:xmpmeta " + b":GPS" * 1_000_000 + b"</x:xmpmeta>"),
        ("image/heic", b"Exif\0\0II*\0\x08\0\0\0" * 300_000),
        ("image/tiff", b"II*\0\x08\0\0\0\xff\xff" + (b"\x25\x88\x04\0\x01\0\0\0" + b"\x08\0\0\0") * 65_535),
    ],
    ids=["open packets", "names without end", "many blocks", "directories in directories"],
)
def test_hostile_metadata_costs_little_time(mime, data, tmp_path):
    path = tmp_path / "photo"
    path.write_bytes(data)

    strip_gps(path, mime)
    assert path.stat().st_size == len(data)


@pytest.mark.rel("B21")
@settings(max_examples=200, deadline=None)
@given(
    fmt=st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"]),
    damage=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=20),
    keep=st.integers(1, 5000),
)
def test_damaged_metadata_never_raises(fmt, damage, keep, tmp_path_factory):
    data = bytearray(photo(fmt)[:keep])
    for at, value in damage:
        if at < len(data):
            data[at] = value
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(data)

    for mime in ("image/jpeg", "image/png", "image/webp", "image/tiff", "image/heic"):
        strip_gps(path, mime)
    assert path.stat().st_size == len(data)
