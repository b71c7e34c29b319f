"""Answers with stored bytes: conditional requests, ranges, and the headers that keep any content inert (REL S2 to S8).

The delivery views and the admin's downloads call `respond_with_blob` once permission is settled.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import split_domain_port
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, parse_http_date_safe

from library.delivery.headers import cache_control, content_disposition, is_inline, safety_headers, served_type
from library.delivery.ranges import FileSlice, Unsatisfiable, parse_range
from library.storage import open_blob


def respond_with_blob(
    request: HttpRequest,
    *,
    key: str,
    mime: str,
    filename: str,
    sha256: str,
    size: int,
    last_modified: datetime,
    private: bool,
    immutable: bool,
    attachment: bool = False,
) -> HttpResponseBase:
    """Answer a GET or HEAD with a blob: 200, 206, 304, 412 or 416. The file is streamed, never read as a whole.

    sha256 (hex) is the entity tag and size (bytes) the length; both are trusted. private: the URL was signed.
    immutable: the URL changes with the content. attachment: the client asked for a download. Raises BlobMissing,
    StorageUnavailable.
    """
    modified = int(last_modified.timestamp())
    own_host = on_delivery_host(request)
    inline = not attachment and is_inline(mime, own_host=own_host)
    headers = safety_headers(private=private) | {
        "Content-Type": _with_charset(served_type(mime, own_host=own_host)),
        "Content-Disposition": content_disposition(filename, inline=inline),
        "Cache-Control": cache_control(private=private, immutable=immutable),
        "ETag": f'"{sha256}"',
        "Last-Modified": http_date(modified),
        "Accept-Ranges": "bytes",
    }
    bare = HttpResponse(headers=headers)
    conditional = get_conditional_response(request, etag=headers["ETag"], last_modified=modified, response=bare)
    if conditional is not None and conditional is not bare:
        return _with(conditional, safety_headers(private=private))
    try:
        span = _requested_span(request, etag=headers["ETag"], modified=modified, size=size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers=safety_headers(private=private) | {"Content-Range": f"bytes */{size}"})
    start, end = span or (0, size)
    headers["Content-Length"] = str(end - start)
    if span:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    return _with(_stream(key, span), headers)


def on_delivery_host(request: HttpRequest) -> bool:
    """Whether the request came to a host that serves files and nothing else (MEDIAHUB_DELIVERY_URL)."""
    delivery, public = urlsplit(settings.MEDIAHUB_DELIVERY_URL), urlsplit(settings.MEDIAHUB_PUBLIC_URL)
    name, port = split_domain_port(request.get_host())
    if not delivery.hostname or name.lower().rstrip(".").strip("[]") != delivery.hostname:
        return False
    # A name of its own is the delivery host on every port; on a shared name the port tells the two apart.
    if delivery.hostname != public.hostname:
        return True
    return _port(delivery) != _port(public) and (int(port) if port else _usual_port(delivery)) == _port(delivery)


def _port(url: SplitResult) -> int:
    return url.port or _usual_port(url)


def _usual_port(url: SplitResult) -> int:
    return 443 if url.scheme == "https" else 80


def _stream(key: str, span: tuple[int, int] | None) -> FileResponse:
    file = open_blob(key)
    # The plain file underneath lets servers use their fast path (waitress and gunicorn stream it without our threads).
    raw = getattr(file, "file", None) or file
    return FileResponse(FileSlice(raw, *span), status=206) if span else FileResponse(raw)


def _requested_span(request: HttpRequest, *, etag: str, modified: int, size: int) -> tuple[int, int] | None:
    header = request.headers.get("Range")
    if not header or request.method != "GET":
        return None
    condition = request.headers.get("If-Range")
    if condition and condition != etag and parse_http_date_safe(condition) != modified:
        return None
    return parse_range(header, size)


def _with_charset(mime: str) -> str:
    return f"{mime}; charset=utf-8" if mime.startswith("text/") else mime


def _with(response: HttpResponseBase, headers: dict[str, str]) -> HttpResponseBase:
    for name, value in headers.items():
        response.headers[name] = value
    return response
