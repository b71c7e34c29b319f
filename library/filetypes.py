"""Pure: what a file is, told from its first bytes; the name helps with text types only (REL U3, API 2.2).

`library.images` and the upload service ask here. A type that we do not know is `application/octet-stream`.
"""

from __future__ import annotations

import codecs
import re
from pathlib import PurePosixPath

OCTETS = "application/octet-stream"
SVG = "image/svg+xml"
HTML = "text/html"

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"\x00\x00\x01\x00", "image/vnd.microsoft.icon"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe", "application/postscript"),
    (b"\xc5\xd0\xd3\xc6", "application/postscript"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
)
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"heim": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
}
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_TEXT_SUFFIXES = {
    ".txt": "text/plain",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".xml": "application/xml",
    ".html": HTML,
    ".htm": HTML,
    ".svg": SVG,
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".vtt": "text/vtt",
    ".srt": "application/x-subrip",
    ".ics": "text/calendar",
}
# Comments, declarations and doctypes may stand before the element that decides.
_PROLOGUE = re.compile(
    rb"(?:\s++|<\?.*?\?>|<!--.*?-->|<!doctype(?!\s+html)(?:[^\[>]|\[.*?\]\s*(?=>))*+>)*+", re.DOTALL | re.IGNORECASE
)
_SVG_ROOT = re.compile(rb"<(?:[\w-]+:)?svg[\s>/]", re.IGNORECASE)
_HTML_START = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|title|meta|table|div|style|br|p|h1|a)[\s>/]", re.I
)


def sniff(head: bytes, name: str) -> str:
    """The MIME type of a file from its first bytes (a few hundred suffice, 4096 are usual) and its name.

    The name decides among text types only; text whose name has no suffix that we know is application/octet-stream.
    """
    return _binary(head) or _text(head, PurePosixPath(name).suffix.lower()) or OCTETS


def _binary(head: bytes) -> str | None:
    for magic, mime in _MAGIC:
        if head.startswith(magic):
            return mime
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _iso_media(head)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head[:2] == b"BM" and _is_bmp(head):
        return "image/bmp"
    # MPEG audio without tags: eleven set bits, then a layer and a bit rate that exist.
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4, 0xE6) and head[2] & 0xF0 != 0xF0:
        return "audio/mpeg" if head[1] & 0x18 != 0x08 and not head.startswith(codecs.BOM_UTF16_LE) else None
    return None


def _iso_media(head: bytes) -> str:
    """MP4, QuickTime, HEIF and AVIF share one container; the brands tell them apart."""
    size = int.from_bytes(head[:4], "big")
    brands = [head[at : at + 4] for at in (8, *range(16, min(size, len(head), 256), 4))]
    main = _BRANDS.get(brands[0])
    if main is None or main == "image/heif":
        exact = next((_BRANDS[brand] for brand in brands if _BRANDS.get(brand) in ("image/avif", "image/heic")), None)
        return exact or main or "video/mp4"
    return main


def _is_bmp(head: bytes) -> bool:
    """`BM` alone begins many texts; the size of the second header is one of a few numbers."""
    return int.from_bytes(head[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124)


def _text(head: bytes, suffix: str) -> str | None:
    text = head.removeprefix(codecs.BOM_UTF8)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = head.decode("utf-16", "replace").encode()
    elif not _is_utf8(text):
        return None
    body = text[_prologue_end(text) :]
    if _SVG_ROOT.match(body):
        return SVG
    if _HTML_START.match(body):
        return HTML
    if suffix == ".svg":
        return "application/xml" if text.lstrip().startswith(b"<") else "text/plain"
    return _TEXT_SUFFIXES.get(suffix)


def _prologue_end(text: bytes) -> int:
    match = _PROLOGUE.match(text)
    return match.end() if match else 0


def _is_utf8(head: bytes) -> bool:
    if not head or re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head):
        return False
    try:
        # The piece may end in the middle of a character.
        codecs.getincrementaldecoder("utf-8")().decode(head, final=False)
    except UnicodeDecodeError:
        return False
    return True
