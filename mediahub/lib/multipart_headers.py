"""Reads the header block of one multipart part, tolerantly: clients quote and encode names in many ways.

Called by `mediahub.lib.multipart` only. Nothing here touches the part's bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)"?|([^;]*))', re.DOTALL)


class BadHeader(Exception):
    """The part's headers cannot be used; the text says why."""


@dataclass(frozen=True)
class PartHeaders:
    """What a part says of itself.

    name: the form field. filename: the client's name for the file, None when it gave none; "" when it gave an empty
    one. content_type: lower-case MIME type without parameters, "" when not given. is_base64: its
    Content-Transfer-Encoding says that the bytes are base64.
    """

    name: str
    filename: str | None
    content_type: str
    is_base64: bool


def parse_part_headers(block: bytes) -> PartHeaders:
    """Read the lines before a part's empty line. Raises BadHeader when they do not name a form field."""
    headers = _headers(block)
    disposition = headers.get("content-disposition", "")
    kind, _, _ = disposition.partition(";")
    if kind.strip().lower() != "form-data":
        raise BadHeader("A part of the request has no Content-Disposition: form-data.")
    parameters = _parameters(disposition)
    if "name" not in parameters and "name*" not in parameters:
        raise BadHeader("A part of the request has no field name.")
    encoding = headers.get("content-transfer-encoding", "").strip().lower()
    if encoding not in ("", "7bit", "8bit", "binary", "base64"):
        raise BadHeader("A part of the request has a Content-Transfer-Encoding that is not supported.")
    return PartHeaders(
        name=_text(parameters, "name") or "",
        filename=_basename(_text(parameters, "filename")),
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        is_base64=encoding == "base64",
    )


def _headers(block: bytes) -> dict[str, str]:
    # Bytes that are not UTF-8 become U+FFFD: a file name is a hint here, the stored name comes from its own field.
    text = re.sub(r"\r\n[ \t]+", " ", block.decode("utf-8", "replace"))
    headers: dict[str, str] = {}
    for line in text.split("\r\n"):
        name, colon, value = line.partition(":")
        if line and not colon:
            raise BadHeader("A part of the request has a header without a colon.")
        headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _parameters(header: str) -> dict[str, str]:
    """Parameters of a header value, names in lower case.

    Only escaped quotes and backslashes are unescaped: old browsers send `C:\\dir\\file` without escaping anything.
    """
    found: dict[str, str] = {}
    for key, quoted, bare in _PARAMETER.findall(header):
        value = re.sub(r'\\(["\\])', r"\1", quoted) if quoted or not bare else bare.strip()
        found.setdefault(key.lower(), value)
    return found


def _text(parameters: dict[str, str], key: str) -> str | None:
    """The value of a parameter; its RFC 5987 form (`key*=UTF-8''...`) wins when it can be decoded."""
    extended = parameters.get(f"{key}*", "")
    charset, _, rest = extended.partition("'")
    _, apostrophe, encoded = rest.partition("'")
    if apostrophe and charset.lower() in ("utf-8", "iso-8859-1"):
        return unquote_to_bytes(encoded).decode(charset, "replace")
    return parameters.get(key)


def _basename(filename: str | None) -> str | None:
    """Some clients send whole paths; only the last part is a file's name."""
    return None if filename is None else re.split(r"[/\\]", filename)[-1]
