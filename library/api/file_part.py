"""The `file` part of an upload in its three forms: bytes, base64 text, or a URL (API 2.1).

`file_part_for` chooses by the part's headers and first characters; `library.api.multipart` feeds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mediahub.lib.base64_stream import BadBase64, Base64Decoder
from mediahub.lib.multipart import BadMultipart
from mediahub.lib.multipart_headers import PartHeaders
from mediahub.lib.spool import Spool, SpooledFile

MAX_URL_BYTES = 8192
MAX_DATA_URI_PREFIX_BYTES = 1024
_BINARY_TYPES = ("image/", "video/", "audio/", "application/octet-stream")


@dataclass(frozen=True)
class UrlSource:
    """The client gave the file as a URL, which is still to be downloaded."""

    url: str

    def close(self) -> None:
        """Nothing to release; Django closes every member of `request.FILES`."""


class FilePart(Protocol):
    """What takes the part's bytes: any number of `write`, then `finish` or `discard`."""

    def write(self, piece: memoryview) -> None: ...

    def finish(self) -> SpooledFile | UrlSource: ...

    def discard(self) -> None: ...


def file_part_for(headers: PartHeaders, *, max_bytes: int) -> FilePart:
    """The taker for a part with these headers; max_bytes counts decoded bytes.

    A part with a file name, even an empty one, holds the bytes themselves, and so does one of a binary type.
    """
    spool = Spool(filename=headers.filename or "", max_bytes=max_bytes)
    if headers.is_base64:
        return _Base64Part(spool)
    if headers.filename is not None or headers.content_type.startswith(_BINARY_TYPES):
        return _BinaryPart(spool)
    return _TextPart(spool)


class _BinaryPart:
    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def write(self, piece: memoryview) -> None:
        self._spool.write(piece)

    def finish(self) -> SpooledFile | UrlSource:
        return self._spool.finish()

    def discard(self) -> None:
        self._spool.discard()


class _Base64Part(_BinaryPart):
    def __init__(self, spool: Spool) -> None:
        super().__init__(spool)
        self._decoder = Base64Decoder()

    def write(self, piece: memoryview | bytes) -> None:
        self._spool.write(self._decoder.decode(piece))

    def finish(self) -> SpooledFile | UrlSource:
        self._decoder.close()
        return self._spool.finish()


class _TextPart(_Base64Part):
    """A URL, a data URI or bare base64: the first characters tell, so they are held back until they do."""

    def __init__(self, spool: Spool) -> None:
        super().__init__(spool)
        self._start = bytearray()
        self._decoding = False

    def write(self, piece: memoryview | bytes) -> None:
        if self._decoding:
            super().write(piece)
            return
        self._start += piece
        if len(self._start) > MAX_URL_BYTES:
            self._decide()

    def finish(self) -> SpooledFile | UrlSource:
        text = bytes(self._start).strip()
        if not self._decoding and text[:8].lower().startswith((b"http://", b"https://")):
            self.discard()
            return UrlSource(_url(text))
        if not self._decoding:
            self._decide()
        self._decoder.close()
        if not self._spool.size:
            raise BadMultipart("The file parameter is empty.", field="file")
        return super().finish()

    def _decide(self) -> None:
        """Begin to decode what was held back: it is base64, with or without the head of a data URI."""
        text = bytes(self._start).lstrip()
        self._start.clear()
        self._decoding = True
        if text[:8].lower().startswith((b"http://", b"https://")):
            raise BadMultipart(f"The URL is longer than {MAX_URL_BYTES} bytes.", field="file")
        if text[:5].lower() == b"data:":
            head, comma, text = text.partition(b",")
            if not comma or len(head) > MAX_DATA_URI_PREFIX_BYTES or not head.lower().endswith(b";base64"):
                raise BadBase64("The data URI of the file parameter is not base64.", field="file")
        super().write(text)


def _url(text: bytes) -> str:
    try:
        url = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadMultipart("The URL of the file parameter is not valid UTF-8.", field="file") from error
    if any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise BadMultipart("The URL of the file parameter holds blanks or control characters.", field="file")
    return url
