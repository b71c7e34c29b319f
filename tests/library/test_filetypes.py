"""What a file is, by its content."""

import io
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from library.filetypes import sniff

FORMATS = Path(__file__).parents[1] / "files" / "photos" / "formats"


@pytest.mark.rel("U3", "B20")
@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("exif_orientation_6.jpg", "image/jpeg"),
        ("cmyk.jpg", "image/jpeg"),
        ("truncated.jpg", "image/jpeg"),
        ("grey16.png", "image/png"),
        ("bomb_900mp.png", "image/png"),
        ("animated.gif", "image/gif"),
        ("animated.webp", "image/webp"),
        ("photo.heic", "image/heic"),
        ("photo.avif", "image/avif"),
        ("photo.tiff", "image/tiff"),
        ("photo.bmp", "image/bmp"),
        ("not_an_image.jpg", "text/html"),
        ("script.svg", "image/svg+xml"),
    ],
)
def test_a_sample_file_is_known_by_its_content_under_any_name(name, mime):
    head = (FORMATS / name).read_bytes()[:4096]

    assert sniff(head, name) == mime
    assert sniff(head, "photo.png") == mime
    assert sniff(head, "") == mime


def drawn(fmt: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, fmt)
    return out.getvalue()


def silence() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\0" * 10)
    return out.getvalue()


@pytest.mark.rel("U3", "U4", "U9", "B20")
@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (drawn("ICO"), "image/vnd.microsoft.icon"),
        (drawn("PDF"), "application/pdf"),
        (drawn("EPS"), "application/postscript"),
        (silence(), "audio/wav"),
        (b"ID3\x04\x00", "audio/mpeg"),
        (b"\xff\xfb\x90\x64" + b"\0" * 40, "audio/mpeg"),
        (b"OggS\0\x02", "audio/ogg"),
        (b"fLaC\0\0", "audio/flac"),
        (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\x02\0qt  ", "video/quicktime"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf", "image/heic"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "image/avif"),
        (b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"PK\x03\x04\x14\0", "application/zip"),
        (b"GIF89a/*\x01\0*/=1;alert(1)", "image/gif"),
        (b"<!DOCTYPE html><p>", "text/html"),
        (b"\xef\xbb\xbf <!-- x --> <HTML >", "text/html"),
        (b"<script>alert(1)</script>", "text/html"),
        ("<html>".encode("utf-16"), "text/html"),
        (b'<?xml version="1.0"?><!-- a --><svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
        (b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>', "image/svg+xml"),
        (b"BMW is a maker of cars", "application/octet-stream"),
        (b"\xff\xfeh\0i\0", "application/octet-stream"),
        (b"", "application/octet-stream"),
        (b"\0" * 100, "application/octet-stream"),
    ],
)
def test_content_alone_decides(head, mime):
    assert sniff(head, "") == mime


@pytest.mark.rel("U3")
@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("a.txt", "text/plain"),
        ("a.CSV", "text/csv"),
        ("a.json", "application/json"),
        ("a.js", "text/javascript"),
        ("a", "application/octet-stream"),
        ("a.unknown", "application/octet-stream"),
        ("a.png", "application/octet-stream"),
        ("a.svg", "text/plain"),
        (".txt", "application/octet-stream"),
    ],
)
def test_the_name_decides_among_texts_only(name, mime):
    assert sniff("plain words, ünicode too".encode(), name) == mime


def test_a_text_cut_in_the_middle_of_a_character_is_still_text():
    assert sniff(("x" * 4095 + "ü").encode()[:4096], "a.txt") == "text/plain"


def test_binary_named_as_text_is_not_text():
    assert sniff(b"\x00\x01\x02", "a.txt") == "application/octet-stream"


@given(st.binary(max_size=200) | st.text(alphabet="<!->?[]svghtmldoctype \n", max_size=300).map(str.encode))
def test_nothing_that_comes_in_raises(head):
    assert "/" in sniff(head, "a.txt")


@pytest.mark.rel("U9")
@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "head", [b"<!--" * 1000, b"<?" * 2000, b"<!doctype x " + b"[" * 4000, b"<!doctype x " + b"[]" * 2000, b" " * 4096]
)
def test_hostile_markup_is_sniffed_quickly(head):
    assert sniff(head, "a.svg")
