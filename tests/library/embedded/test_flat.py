"""The flat form of EXIF, IPTC and XMP, and that nothing in a file can make it raise, grow or hold what JSON cannot."""

import io
import json
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, TiffImagePlugin

from library.embedded.exif import read_exif
from library.embedded.flat import MOST_CHARACTERS, MOST_KEYS, flat_exif, flat_xmp, read_embedded
from library.embedded.iptc import read_iptc
from library.embedded.names import WORDS
from library.embedded.values import moment
from library.embedded.xmp import read_xmp
from mediahub.lib.imaging import Limits, open_checked
from tests.library.embedded.making import bag, exif, image, iptc, jpeg_with, photoshop, xmp

PHOTOS = Path(__file__).parents[2] / "files" / "photos" / "formats"
RICH = xmp(
    bag("dc:subject", "sea", "harbour") + bag("dc:title", "A boat", "Ein Boot", kind="Alt") + bag("dc:creator", "Ana"),
    'xmp:CreatorTool="Acme 1" xmp:Rating="4" exif:DateTimeOriginal="2021-05-06T10:00:00+02:00" photoshop:City="Wien"',
)


def flat(data: bytes) -> dict:
    return read_embedded(open_checked(data, Limits()))


def is_sound(found: dict) -> bool:
    text = json.dumps(found, allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in text
    text.encode()
    assert len(found) <= MOST_KEYS
    assert len(text) < 3 * MOST_CHARACTERS
    return True


@pytest.mark.rel("B21")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_told_in_words(orientation):
    assert flat(image(exif=exif(orientation=orientation)))["Orientation"] == WORDS["Orientation"][orientation]


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_every_format_that_carries_exif_is_read(fmt):
    found = flat(image(fmt, exif=exif(place=True, date="2019:10:16 19:01:03", Make="Acme", XResolution=72.0)))
    assert found["Make"] == "Acme"
    assert found["XResolution"] == 72
    assert found["DateTimeOriginal"] == "2019-10-16T19:01:03.000Z"
    assert (found["GPSLatitude"], found["GPSLongitude"]) == (-33.8569, 151.20941667)


@pytest.mark.parametrize("fmt", ["JPEG", "WEBP", "HEIF", "AVIF", "TIFF", "PNG"])
def test_every_format_that_carries_xmp_is_read(fmt):
    if fmt == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", RICH.decode(), zip=True)
        data = image(fmt, pnginfo=info)
    elif fmt == "TIFF":
        info = TiffImagePlugin.ImageFileDirectory_v2()
        info[700] = RICH
        info.tagtype[700] = 1
        data = image(fmt, tiffinfo=info)
    else:
        data = image(fmt, xmp=RICH)
    found = flat(data)
    assert found["Keywords"] == ["sea", "harbour"]
    assert found["Title"] == "A boat"
    assert (found["Creator"], found["CreatorTool"], found["Rating"], found["City"]) == ("Ana", "Acme 1", 4, "Wien")
    assert found["DateTimeOriginal"] == "2021-05-06T08:00:00.000Z"


def test_keywords_of_iptc_and_xmp_are_put_together_and_exif_comes_first():
    block = iptc((25, "Küste".encode()), (25, b"sea"), (120, b"A boat"), (55, b"20220915"), (60, b"102209+0200"))
    packet = b"http://ns.adobe.com/xap/1.0/\0" + RICH
    exif_block = exif(date="2019:10:16 19:01:03").tobytes()
    found = flat(jpeg_with((0xE1, exif_block), photoshop(block), (0xE1, packet)))
    assert found["Keywords"] == ["Küste", "sea", "harbour"]
    assert found["Caption-Abstract"] == "A boat"
    assert found["DateCreated"] == "2022-09-15T00:00:00.000Z"
    assert found["DateTimeCreated"] == "2022-09-15T08:22:09.000Z"
    assert found["DateTimeOriginal"] == "2019-10-16T19:01:03.000Z"


def test_iptc_without_a_character_set_is_latin_1_or_utf_8():
    assert read_iptc(iptc((25, b"K\xfcste"), (25, "Öl".encode()), utf8=False)) == {"Keywords": ["Küste", "Öl"]}


@pytest.mark.rel("U5")
def test_members_and_characters_are_bounded():
    attributes = " ".join(f'dc:p{number}="{"x" * 1500}"' for number in range(250))
    found = flat(image("WEBP", xmp=xmp("", attributes)))
    assert 0 < len(found) < 60
    assert is_sound(found)


def test_numbers_and_units_are_for_people():
    block = exif(ResolutionUnit=2, XResolution=72.0)
    block.get_ifd(ExifTags.IFD.Exif).update(
        {
            ExifTags.Base.ExposureTime: 0.008,
            ExifTags.Base.FNumber: 2.8,
            ExifTags.Base.FocalLength: 4.25,
            ExifTags.Base.FocalLengthIn35mmFilm: 26,
            ExifTags.Base.ISOSpeedRatings: 200,
            ExifTags.Base.Flash: 16,
            ExifTags.Base.OffsetTimeOriginal: "+02:00",
            ExifTags.Base.SubsecTimeOriginal: "25",
            ExifTags.Base.DateTimeOriginal: "2019:10:16 19:01:03",
        }
    )
    assert flat(image(exif=block)) == {
        "DateTimeOriginal": "2019-10-16T17:01:03.250Z",
        "ExposureTime": "1/125",
        "FNumber": 2.8,
        "Flash": "Off, Did not fire",
        "FocalLength": "4.25 mm",
        "FocalLengthIn35mmFormat": "26 mm",
        "ISO": 200,
        "ResolutionUnit": "inches",
        "XResolution": 72,
    }


@pytest.mark.parametrize("name", ["photo.webp", "photo.heic", "photo.avif", "transparent.png", "animated.gif"])
def test_a_file_that_says_nothing_has_nothing(name):
    assert flat((PHOTOS / name).read_bytes()) == {}


def test_a_real_photo():
    assert flat((PHOTOS / "exif_gps.jpg").read_bytes()) == {
        "DateTimeOriginal": "2024-05-06T07:08:09.000Z",
        "GPSLatitude": 48.85822222,
        "GPSLongitude": 2.2945,
        "Make": "ACME",
        "Model": "Model 1",
    }


@pytest.mark.parametrize(
    "text", ["0000:00:00 00:00:00", "    :  :     :  :  ", "2019:13:01 00:00:00", "0001-01-01T00:00:00+14:00", "x", ""]
)
def test_what_is_no_date_is_left_out(text):
    assert moment(text) is None


@pytest.mark.rel("U9")
@pytest.mark.parametrize(
    "before",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/x"> %p;]>',
    ],
)
def test_a_packet_with_a_doctype_gives_nothing(before):
    assert read_xmp(xmp("", 'photoshop:City="Wien"', before=before)) == {}


def test_an_unknown_entity_is_not_resolved():
    assert "City" not in flat_xmp(read_xmp(xmp("<photoshop:City>&lol;</photoshop:City>")))


@pytest.mark.parametrize(
    "packet",
    [
        xmp("<dc:a>" * 5000),
        xmp("".join(f"<dc:p{n}>x</dc:p{n}>" for n in range(20_000))),
        xmp(bag("dc:subject", *("word" * 30 for _ in range(4000)))),
        xmp("", f'photoshop:City="{"x" * 900_000}"'),
    ],
    ids=["deep", "many", "long list", "long text"],
)
def test_a_large_packet_is_bounded(packet):
    found = flat_xmp(read_xmp(packet))
    assert len(found) <= 300
    assert all(len(value) <= 2000 for value in found.values())


def test_what_comes_before_a_long_history_counts():
    history = "<dc:step/>" * 6000
    assert flat_xmp(read_xmp(xmp(f"<photoshop:City>Wien</photoshop:City>{history}")))["City"] == "Wien"


@pytest.mark.rel("U5")
@pytest.mark.parametrize(
    "packet",
    [
        xmp("", " ".join(f'dc:a{number}="x"' for number in range(70_000))),
        xmp("".join(f"<dc:p{number}>x</dc:p{number}>" for number in range(40_000))),
        xmp(bag("dc:subject", *(f"w{number}" for number in range(40_000)))),
        b"<!--" + b"-" * (1 << 20),
    ],
    ids=["attributes", "elements", "items", "comment"],
)
def test_a_hostile_packet_of_a_megabyte_costs_little_time(packet):
    started = time.process_time()
    flat_xmp(read_xmp(packet))
    assert time.process_time() - started < 1


def test_directories_that_lead_to_themselves_end():
    entry = struct.pack("<HHLL", 0x8769, 4, 1, 8)
    assert read_exif(b"II*\0" + struct.pack("<LH", 8, 1) + entry + struct.pack("<L", 8)).exif == {}


def test_a_fraction_of_nothing_and_a_number_beyond_all_are_left_out():
    entries = struct.pack("<HHLL", 0x011A, 5, 1, 50) + struct.pack("<HHLL", 0x011B, 12, 1, 58)
    data = b"II*\0" + struct.pack("<LH", 8, 2) + entries + struct.pack("<L", 0)
    data = data.ljust(50, b"\0") + struct.pack("<LL", 1, 0) + struct.pack("<d", float("inf"))
    assert read_exif(data).image == {}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_as_exif_never_raise(data):
    for head in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"):
        assert is_sound(flat_exif(read_exif(head + data)))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=12))
def test_damage_in_exif_never_raises(at, damage):
    data = bytearray(exif(place=True, date="2019:10:16 19:01:03", Make="Acme", orientation=6).tobytes()[6:])
    data[at % len(data) : at % len(data) + len(damage)] = damage
    assert is_sound(flat_exif(read_exif(bytes(data))))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_as_iptc_never_raise(data):
    assert is_sound(read_iptc(data))
    assert is_sound(read_iptc(iptc((25, b"a")) + data))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.text(max_size=100), st.integers(0, 600))
def test_any_bytes_as_xmp_never_raise(data, text, at):
    assert is_sound(flat_xmp(read_xmp(data)))
    assert is_sound(flat_xmp(read_xmp(xmp(text))))
    assert is_sound(flat_xmp(read_xmp(RICH[:at] + data + RICH[at:])))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["UTF-16", "utf-32", "cp037", "x-unknown", "idna", "rot13", "hex"]), st.binary(max_size=60))
def test_any_encoding_of_xmp_never_raises(encoding, data):
    head = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
    assert is_sound(flat_xmp(read_xmp(head + RICH + data)))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=300))
def test_any_blocks_within_a_jpeg_never_raise(one, two, three):
    data = jpeg_with((0xE1, b"Exif\0\0" + one), photoshop(two), (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + three))
    assert is_sound(read_embedded(open_checked(io.BytesIO(data), Limits())))
