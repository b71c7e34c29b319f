"""One flat object of all that an image says about itself, in words people read (API 3.9 `embeddedMetadata`).

`library.images.examine` asks for it while it has the image open, so an upload is opened once. Where EXIF, IPTC and XMP
say the same thing, the first of them counts; keywords of all are put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from PIL import Image, ImageFile

from library.embedded.exif import Exif, read_exif
from library.embedded.iptc import read_iptc
from library.embedded.names import WORDS
from library.embedded.values import clean_text, moment, plain_number
from library.embedded.xmp import Properties, read_xmp

LIMIT = 1 << 20
MOST_KEYS = 250
MOST_CHARACTERS = 64_000
LONGEST_NAME = 80
_OFFSETS = ("ExifOffset", "GPSInfo", "InteropOffset", "ThumbnailOffset", "ThumbnailLength")
_PIECES = ("OffsetTime", "SubSecTime", "GPSTimeStamp", "GPSDateStamp", "GPSLatitude", "GPSLongitude", "XPKeywords")
_DC = "http://purl.org/dc/elements/1.1/"
_EXIF = ("http://ns.adobe.com/exif/1.0/", "http://ns.adobe.com/tiff/1.0/", "http://cipa.jp/exif/1.0/")
_XMP_DATES = frozenset({"CreateDate", "ModifyDate", "MetadataDate", "DateTimeOriginal", "DateTimeDigitized"}) | {
    "DateCreated",
    "GPSTimeStamp",
}
_EXIFTOOL_NAMES = {
    "DateTime": "ModifyDate",
    "DateTimeDigitized": "CreateDate",
    "ISOSpeedRatings": "ISO",
    "PhotographicSensitivity": "ISO",
    "ExposureBiasValue": "ExposureCompensation",
    "PixelXDimension": "ExifImageWidth",
    "PixelYDimension": "ExifImageHeight",
    "FocalLengthIn35mmFilm": "FocalLengthIn35mmFormat",
    "GPSTimeStamp": "GPSDateTime",
}


class FileBytes:
    """A file that is sliced like bytes; what stands beyond its end is empty."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def __getitem__(self, place: slice, /) -> bytes:
        self.file.seek(place.start)
        return self.file.read(max(place.stop - place.start, 0))


def exif_of(image: Image.Image, *, limit: int = LIMIT) -> Exif:
    """The EXIF of an opened image by directory; empty if it has none or what it has cannot be read."""
    if isinstance(image, ImageFile.ImageFile) and image.format == "TIFF" and image.fp is not None:
        return read_exif(FileBytes(image.fp), limit=limit)
    raw = image.info.get("exif")
    return read_exif(raw.removeprefix(b"Exif\0\0")) if isinstance(raw, bytes) and len(raw) <= limit else Exif()


def read_embedded(image: Image.Image, *, limit: int = LIMIT) -> dict[str, Any]:
    """The flat metadata of an opened image, {} if it has none. Never raises for what the file holds.

    Values are texts, finite numbers and lists of texts, ready for JSON and for both databases; dates are ISO 8601.
    """
    exif = exif_of(image, limit=limit)
    iptc, xmp = exif.iptc or _photoshop(image), exif.xmp or image.info.get("xmp")
    found = flat_exif(exif)
    sources: list[Mapping[str, Any]] = []
    if isinstance(iptc, bytes) and 0 < len(iptc) <= limit:
        sources.append(read_iptc(iptc))
    if isinstance(xmp, bytes) and 0 < len(xmp) <= limit:
        sources.append(flat_xmp(read_xmp(xmp)))
    for source in sources:
        words = _keywords(found.get("Keywords")) + _keywords(source.get("Keywords"))
        found = {**source, **found} | ({"Keywords": list(dict.fromkeys(words))} if words else {})
    return _bounded(found)


def flat_exif(exif: Exif) -> dict[str, Any]:
    """EXIF's directories in one, codes as words, dates as moments, the place in degrees: south and west below 0."""
    merged = {**exif.interoperability, **exif.gps, **exif.exif, **exif.image}
    shown = {
        name: _in_words(name, value) for name, value in merged.items() if not name.startswith((*_OFFSETS, *_PIECES))
    }
    for name, suffix in (("ModifyDate", ""), ("DateTimeOriginal", "Original"), ("CreateDate", "Digitized")):
        offset, subsec = merged.get(f"OffsetTime{suffix}", ""), merged.get(f"SubSecTime{suffix}", "")
        shown[name] = moment(merged.get(name), offset=offset, subsec=subsec)
    shown["GPSLatitude"] = _degrees(exif.gps.get("GPSLatitude"), exif.gps.get("GPSLatitudeRef"), 90)
    shown["GPSLongitude"] = _degrees(exif.gps.get("GPSLongitude"), exif.gps.get("GPSLongitudeRef"), 180)
    shown["GPSDateTime"] = _gps_time(exif.gps)
    shown["Keywords"] = _keywords(exif.image.get("XPKeywords", "").split(";")) or None
    return {name: value for name, value in shown.items() if value is not None and value != ""}


def flat_xmp(properties: Properties) -> dict[str, Any]:
    """XMP's properties without their namespaces; those that repeat EXIF in EXIF's words."""
    found: dict[str, Any] = {}
    for (space, local), value in properties.items():
        if space == _DC and local == "subject":
            found["Keywords"] = _keywords(value)
            continue
        name = _EXIFTOOL_NAMES.get(local, local) if space in _EXIF else local[:1].upper() + local[1:]
        shown = _xmp_value(space, local, value)
        if shown is not None and shown != []:
            found.setdefault(name, shown)
    return found


def _xmp_value(space: str, local: str, value: str | list[str]) -> Any:
    if isinstance(value, list):
        # Alternatives are languages, of which the first is the default one; lists of one are shown as it.
        return value[0] if len(value) == 1 or (space == _DC and local in ("title", "description", "rights")) else value
    if local in _XMP_DATES:
        return moment(value)
    if space in _EXIF and local in ("GPSLatitude", "GPSLongitude"):
        return _xmp_degrees(value)
    if space in _EXIF or local == "Rating":
        number = _number(value)
        name = _EXIFTOOL_NAMES.get(local, local)
        return value if number is None else _in_words(name, number)
    return value


def _in_words(name: str, value: Any) -> Any:
    """A value as ExifTool would show it: the word for a code, a fraction for an exposure, millimetres for a lens."""
    if name in WORDS and isinstance(value, int | str):
        return WORDS[name].get(value) or (f"Unknown ({value})" if isinstance(value, int) else clean_text(value))
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    if name == "ExposureTime" and 0 < value < 0.3:
        return f"1/{round(1 / value)}"
    if name in ("FocalLength", "FocalLengthIn35mmFormat"):
        return f"{value if name.endswith('Format') else float(round(value, 2))} mm"
    return value


def _degrees(parts: Any, ref: Any, most: int) -> float | None:
    if not isinstance(parts, list) or not 1 <= len(parts) <= 3:
        return None
    degrees = sum(part / 60**power for power, part in enumerate(parts))
    value = -degrees if isinstance(ref, str) and ref.upper()[:1] in ("S", "W") else degrees
    return round(value, 8) if abs(value) <= most else None


def _xmp_degrees(text: str) -> float | None:
    """`48,51.48N` or `48,51,29N`."""
    parts = [_number(part) for part in text[:-1].split(",")[:3]]
    return None if not text or None in parts else _degrees(parts, text[-1], 180)


def _gps_time(gps: Mapping[str, Any]) -> str | None:
    day, time = gps.get("GPSDateStamp"), gps.get("GPSTimeStamp")
    if not isinstance(day, str) or not isinstance(time, list) or len(time) != 3:
        return None
    hour, minute, second = (int(min(abs(part), 99)) for part in time)
    return moment(f"{day} {hour:02d}:{minute:02d}:{second:02d}")


def _number(text: str) -> int | float | None:
    """`72`, `2.8` or `28/10` as a number."""
    if len(text) > 40 or not text.isascii():
        return None
    top, slash, bottom = text.partition("/")
    try:
        return plain_number(float(top) / float(bottom) if slash else float(top))
    except (ValueError, ArithmeticError):
        return None


def _photoshop(image: Image.Image) -> Any:
    blocks = image.info.get("photoshop")
    return blocks.get(0x0404) if isinstance(blocks, dict) else None


def _keywords(value: Any) -> list[str]:
    words: list[Any] = value if isinstance(value, list) else [value]
    return [text for word in words if isinstance(word, str) and (text := clean_text(word))]


def _bounded(found: dict[str, Any]) -> dict[str, Any]:
    """As many members as fit, in the order of names. A value that is too much is left out whole."""
    kept: dict[str, Any] = {}
    left = MOST_CHARACTERS
    # What is searched by goes first.
    first = ("DateTimeOriginal", "GPSLatitude", "GPSLongitude", "Keywords")
    for name in sorted(found, key=lambda name: (name not in first, name)):
        cost = len(name) + _characters(found[name])
        if len(kept) < MOST_KEYS and len(name) <= LONGEST_NAME and cost <= left:
            kept[name] = found[name]
            left -= cost
    return dict(sorted(kept.items()))


def _characters(value: Any) -> int:
    return sum(map(len, value)) if isinstance(value, list) else len(str(value))
