"""Images with EXIF, IPTC and XMP, drawn and written here."""

import io

from PIL import ExifTags, Image

NS = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
}


def exif(*, orientation: int | None = None, place: bool = False, date: str | None = None, **more) -> Image.Exif:
    """An EXIF block; `more` are tags of the first directory by Pillow's names."""
    block = Image.Exif()
    for name, value in more.items():
        block[ExifTags.Base[name]] = value
    if orientation:
        block[ExifTags.Base.Orientation] = orientation
    if date:
        block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = date
    if place:
        block.get_ifd(ExifTags.IFD.GPSInfo).update({1: "S", 2: (33.0, 51.0, 24.84), 3: "E", 4: (151.0, 12.0, 33.9)})
    # Written and read once: Pillow's TIFF writer forgets inner directories that were made by hand.
    whole = Image.Exif()
    whole.load(block.tobytes())
    return whole


def image(fmt: str = "JPEG", size: tuple[int, int] = (64, 48), **options) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, fmt, **options)
    return out.getvalue()


def jpeg_with(*segments: tuple[int, bytes]) -> bytes:
    """A JPEG with segments (marker, content) of our own behind its start."""
    plain = image()
    parts = [b"\xff" + bytes([marker]) + (len(body) + 2).to_bytes(2, "big") + body for marker, body in segments]
    return plain[:2] + b"".join(parts) + plain[2:]


def iptc(*datasets: tuple[int, bytes], utf8: bool = True) -> bytes:
    """A block of records 1 and 2."""
    start = b"\x1c\x01\x5a\x00\x03\x1b%G" if utf8 else b""
    return start + b"".join(
        b"\x1c\x02" + bytes([number]) + len(value).to_bytes(2, "big") + value for number, value in datasets
    )


def photoshop(block: bytes) -> tuple[int, bytes]:
    """The APP13 segment that holds an IPTC block."""
    padded = block + b"\0" * (len(block) % 2)
    return 0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(block).to_bytes(4, "big") + padded


def xmp(properties: str, attributes: str = "", before: str = "") -> bytes:
    """A packet whose description holds these elements and attributes."""
    spaces = " ".join(f'xmlns:{name}="{url}"' for name, url in NS.items())
    return (
        f'{before}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {spaces} {attributes}>{properties}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def bag(name: str, *items: str, kind: str = "Bag") -> str:
    inner = "".join(f"<rdf:li>{item}</rdf:li>" for item in items)
    return f"<{name}><rdf:{kind}>{inner}</rdf:{kind}></{name}>"
