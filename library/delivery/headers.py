"""Pure: the headers that make stored bytes harmless and cacheable (REL S2 to S4), for `library.delivery.responses`."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
SVG = "image/svg+xml"
INLINE_TYPES = frozenset(
    {
        "image/avif",
        "image/bmp",
        "image/gif",
        "image/heic",
        "image/heif",
        "image/jpeg",
        "image/png",
        "image/tiff",
        "image/vnd.microsoft.icon",
        "image/webp",
        "audio/flac",
        "audio/mp4",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "video/mp4",
        "video/quicktime",
        "video/webm",
    }
)
"""What a browser can show but not run: everything else is a download."""

LOADABLE_TYPES = frozenset({"text/javascript", "text/css"})
"""What a page could load and run although it is a download."""


def is_inline(mime: str, *, own_host: bool) -> bool:
    """Whether a browser may show the type in a tab. own_host: the answer goes out on a host that serves files alone.

    SVG can hold scripts: the sandbox stops them, but beside the admin it is a download all the same. `<img>` shows it
    either way.
    """
    return mime in INLINE_TYPES or (mime == SVG and own_host)


def served_type(mime: str, *, own_host: bool) -> str:
    """The type to answer with: beside the admin, scripts and styles are plain text.

    The admin's policy allows scripts of its own host; `nosniff` makes browsers refuse one that is plain text.
    """
    return "text/plain" if mime in LOADABLE_TYPES and not own_host else mime


def safety_headers(*, private: bool) -> dict[str, str]:
    """What every answer with stored bytes carries, whatever its type."""
    return {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": SANDBOX,
        "Cross-Origin-Resource-Policy": "same-site" if private else "cross-origin",
        "Referrer-Policy": "no-referrer",
    }


def cache_control(*, private: bool, immutable: bool) -> str:
    """public: whether shared caches may keep it; immutable: the URL names these very bytes for ever."""
    if private:
        return "private, max-age=60, must-revalidate"
    return "public, max-age=31536000, immutable" if immutable else "public, max-age=60, must-revalidate"


def content_disposition(filename: str, *, inline: bool) -> str:
    """RFC 6266: a plain ASCII name for old clients, and the real one as `filename*` where the two differ."""
    name = _clean(filename)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._ ()+-]", "_", plain).strip(" .") or "file"
    value = f'{"inline" if inline else "attachment"}; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"


def _clean(filename: str) -> str:
    """Without separators, control and direction characters, which could make a name look like another."""
    kept = "".join(
        c for c in filename if c not in "/\\" and unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    )
    return kept.strip(" .")[:255] or "file"
