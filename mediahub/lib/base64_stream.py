"""Decodes base64 that arrives in pieces, so that a large file never stands in memory whole (REL U16, B17)."""

from __future__ import annotations

import binascii

from mediahub.lib.errors import DomainError


class BadBase64(DomainError):
    """The text is not base64: a foreign character, or padding that is missing or in the wrong place."""

    code = "invalid_base64"


class Base64Decoder:
    """`decode` each piece, then `close`. Blanks and line breaks are skipped; everything else must be exact."""

    def __init__(self) -> None:
        self._rest = b""
        self._padded = False

    def decode(self, piece: bytes | memoryview) -> bytes:
        """The bytes that the text so far completes. Raises BadBase64."""
        text = self._rest + bytes(piece).translate(None, b" \t\r\n")
        whole = len(text) - len(text) % 4
        self._rest = text[whole:]
        if not whole:
            return b""
        if self._padded:
            raise BadBase64("The base64 text goes on after its padding.", field="file")
        self._padded = text[whole - 1 : whole] == b"="
        try:
            return binascii.a2b_base64(memoryview(text)[:whole], strict_mode=True)
        except binascii.Error as error:
            raise BadBase64("The file parameter is not valid base64.", field="file") from error

    def close(self) -> None:
        """The text is over. Raises BadBase64 when a group is incomplete."""
        if self._rest:
            raise BadBase64("The base64 text is cut off or lacks its padding.", field="file")
