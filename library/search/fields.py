"""What can be searched: each field of API 3.4 with its operators and the kind of its values. A literal table.

`parse` checks clauses against it, `compile` turns them into conditions by kind; `docs/search.md` shows it to people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

EQUAL = frozenset({"=", "IN", "NOT =", "NOT IN"})
ORDER = EQUAL | {"<", "<=", ">", ">="}
TEXT = EQUAL | {":", "HAS"}
PRESENCE = frozenset({"EXISTS", "NOT EXISTS"})
_CUSTOM_NAME = re.compile(r"[\w .-]{1,100}\Z")
CUSTOM = "customMetadata."
EMBEDDED = "embeddedMetadata."


@dataclass(frozen=True)
class Field:
    """kind: how values are read and compared. column: what it is called on the listed row, where it is one column."""

    kind: str
    operators: frozenset[str]
    column: str = ""


FIELDS: dict[str, Field] = {
    "name": Field("name", TEXT, "name"),
    "tags": Field("tags", frozenset({"IN", "NOT IN", "HAS"}) | PRESENCE),
    "type": Field("type", EQUAL),
    "id": Field("id", EQUAL, "id"),
    "createdAt": Field("date", ORDER, "created_at"),
    "updatedAt": Field("date", ORDER, "updated_at"),
    "width": Field("number", ORDER, "width"),
    "height": Field("number", ORDER, "height"),
    "size": Field("size", ORDER, "size_bytes"),
    "format": Field("format", frozenset({"=", "IN"}), "mime"),
    "private": Field("flag", frozenset({"="}), "is_private"),
    "published": Field("flag", frozenset({"="}), "is_published"),
    "transparency": Field("flag", frozenset({"="}), "has_alpha"),
    "createdBy": Field("person", EQUAL),
    "path": Field("path", EQUAL | {":"}),
    "embeddedMetadata.LocationTaken": Field("place", frozenset({"="})),
    "embeddedMetadata.Keywords": Field("keywords", frozenset({"IN", "NOT IN", "EXISTS", "NOT EXISTS"})),
    "embeddedMetadata.DateTimeOriginal": Field("taken", ORDER | PRESENCE),
}

CUSTOM_OPERATORS: dict[str, frozenset[str]] = {
    "Text": TEXT | PRESENCE,
    "Textarea": TEXT | PRESENCE,
    "Number": ORDER | PRESENCE,
    "Date": ORDER | PRESENCE,
    "Boolean": frozenset({"="}) | PRESENCE,
    "SingleSelect": ORDER | {":"} | PRESENCE,
    "MultiSelect": frozenset({"IN", "NOT IN"}) | PRESENCE,
}
"""By the type of the field's schema. A name that no field has takes any of them, and compares by the value given."""

ANY_CUSTOM = ORDER | TEXT | PRESENCE

TYPES = ("file", "file-version", "folder")

FORMATS: dict[str, tuple[str, ...]] = {
    "jpg": ("image/jpeg",),
    "jpeg": ("image/jpeg",),
    "webp": ("image/webp",),
    "png": ("image/png",),
    "gif": ("image/gif",),
    "svg": ("image/svg+xml",),
    "avif": ("image/avif",),
    "heic": ("image/heic", "image/heif"),
    "tiff": ("image/tiff",),
    "bmp": ("image/bmp",),
    "pdf": ("application/pdf",),
    "js": ("text/javascript",),
    "css": ("text/css",),
    "txt": ("text/plain",),
    "woff": ("font/woff",),
    "woff2": ("font/woff2",),
    "ttf": ("font/ttf",),
    "otf": ("font/otf",),
    "eot": ("application/vnd.ms-fontobject",),
    "ico": ("image/vnd.microsoft.icon",),
    "mp4": ("video/mp4",),
    "webm": ("video/webm",),
    "mov": ("video/quicktime",),
    "swf": ("application/x-shockwave-flash",),
    "ts": ("video/mp2t",),
    "m3u8": ("application/vnd.apple.mpegurl",),
}
"""The types that `library.filetypes` tells from content; a format whose type it does not know matches nothing."""


def field_named(name: str) -> Field | None:
    """The field of a clause; None if there is none. Custom fields all get the same one until their schema is known."""
    if name.startswith(CUSTOM) and _CUSTOM_NAME.match(name.removeprefix(CUSTOM)):
        return Field("custom", ANY_CUSTOM)
    return FIELDS.get(name)
