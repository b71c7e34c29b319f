"""The bytes of an upload, wherever they come from: spooled by the parser already, or still to be fetched from a URL."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from django.conf import settings

from library.api.file_part import UrlSource
from library.api.serializers import BadInput
from library.filetypes import HTML, sniff
from library.services.receiving import ready_to_store
from mediahub.lib.errors import ServiceUnavailable
from mediahub.lib.http import BadUrl, OutboundError, check_url, policy_from_settings, stream_to
from mediahub.lib.spool import Spool, SpooledFile
from mediahub.lib.waits import place_if_free

FETCH_DEADLINE_S = 60
FETCH_HEADERS_S = 8
FETCH_WITHOUT_A_PLACE_S = 1.0
"""While too many requests wait: a quick server is fetched from all the same, a slow one has to be asked later."""


def uploaded_file(data: Any) -> SpooledFile | UrlSource:
    """The `file` of a parsed form. Raises BadInput when there is none."""
    file = data.get("file")
    if not isinstance(file, (SpooledFile, UrlSource)):
        raise BadInput("The file parameter is missing.", field="file")
    return file


def content_id(source: SpooledFile | UrlSource) -> str:
    """What tells one content from another in a receipt: its hash, or the URL it is to come from."""
    return source.url if isinstance(source, UrlSource) else source.sha256


def receive(source: SpooledFile | UrlSource, *, file_name: str) -> SpooledFile:
    """The spooled bytes, fetched first if the source is a URL; the caller closes them.

    Raises DomainError for an empty file, BadInput for whatever is wrong with the URL, in general words (REL O12).
    """
    spooled = _fetch(source.url, file_name) if isinstance(source, UrlSource) else source
    return ready_to_store(spooled)


def _fetch(url: str, file_name: str) -> SpooledFile:
    spool = Spool(filename=file_name, max_bytes=settings.MEDIAHUB_MAX_UPLOAD_BYTES)
    try:
        _stream(url, spool)
    except BaseException:
        spool.discard()
        raise
    spooled = spool.finish()
    if _is_unexpected_page(spooled, file_name):
        spooled.close()
        raise BadInput("The URL leads to an HTML page, not to the file.", field="file")
    return spooled


def _stream(url: str, spool: Spool) -> None:
    policy = policy_from_settings()
    with place_if_free("url") as is_free:
        try:
            check_url(url, policy=policy)
            stream_to(
                url,
                cast(BinaryIO, spool),
                deadline_s=FETCH_DEADLINE_S if is_free else FETCH_WITHOUT_A_PLACE_S,
                headers_within_s=FETCH_HEADERS_S,
                max_bytes=settings.MEDIAHUB_MAX_UPLOAD_BYTES,
                policy=policy,
            )
        except BadUrl as error:
            raise BadInput(f"file: {error}", field="file") from error
        except OutboundError as error:
            if error.reason == "timeout" and not is_free:
                raise ServiceUnavailable("The server waits for too many URLs. Try again.", retry_after_s=5) from error
            raise BadInput(error.public_message, field="file") from error


def _is_unexpected_page(spooled: SpooledFile, file_name: str) -> bool:
    """Log-in and error pages are often answered with 200; only a file named as a page may be one."""
    return sniff(spooled.head, file_name) == HTML and PurePosixPath(file_name).suffix.lower() not in (".html", ".htm")
