"""DRF parser for uploads: text fields into a QueryDict, the `file` part into a temporary file, whatever its form.

The upload views name `SpoolingMultiPartParser` in `parser_classes` and read `request.data["file"]`, which is a
`SpooledFile` or a `UrlSource`. `request.POST` is never touched, so Django's own parser never runs (REL U16).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.utils.datastructures import MultiValueDict
from rest_framework.parsers import BaseParser, DataAndFiles
from rest_framework.request import Request

from library.api.file_part import FilePart, UrlSource, file_part_for
from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import require_clean_text
from mediahub.lib.multipart import BadMultipart, MultipartScanner, TooLarge, boundary_of
from mediahub.lib.multipart_headers import PartHeaders
from mediahub.lib.spool import SpooledFile

CHUNK_BYTES = 256 * 1024
MAX_FIELDS = 1000
MAX_FIELD_BYTES = 1024 * 1024
MAX_ALL_FIELDS_BYTES = 4 * 1024 * 1024
MAX_PART_HEADER_BYTES = 16 * 1024
FILE_FIELD = "file"


class SpoolingMultiPartParser(BaseParser):
    """Parses `multipart/form-data` from the request's stream in one pass, with memory that does not grow.

    The limit for the file is `parser_context["max_file_bytes"]` if a view sets it, else MEDIAHUB_MAX_UPLOAD_BYTES.
    Raises BadMultipart (400), TooLarge (413: body, fields, headers), FileTooLarge (400), BadBase64 (400) and
    StorageFull (507); after an error no temporary file is left.
    """

    media_type = "multipart/form-data"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> DataAndFiles[QueryDict, MultiValueDict[str, SpooledFile | UrlSource]]:
        context = parser_context or {}
        max_file_bytes = context.get("max_file_bytes") or settings.MEDIAHUB_MAX_UPLOAD_BYTES
        length = content_length(context["request"], max_file_bytes=max_file_bytes)
        form = _Form(max_file_bytes=max_file_bytes, encoding=context.get("encoding"))
        try:
            scanner = MultipartScanner(
                boundary_of(media_type or ""), form, max_parts=MAX_FIELDS, max_header_bytes=MAX_PART_HEADER_BYTES
            )
            _pump(stream, scanner, length)
        except BaseException:
            form.discard()
            raise
        return DataAndFiles(form.fields, form.files)


def content_length(request: Request | HttpRequest, *, max_file_bytes: int) -> int:
    """The request's Content-Length. Raises BadMultipart when there is no usable one, TooLarge before a byte is read.

    A file in base64 with line breaks takes 4/3 of its size and a little; the form's text comes on top.
    """
    try:
        length = int(request.META.get("CONTENT_LENGTH") or "")
    except ValueError as error:
        raise BadMultipart("The request needs a valid Content-Length.") from error
    if length < 0:
        raise BadMultipart("The request needs a valid Content-Length.")
    if length > max_file_bytes * 7 // 5 + 2 * MAX_ALL_FIELDS_BYTES:
        raise TooLarge(f"The request is too large; files may have {max_file_bytes} bytes.")
    return length


def _pump(stream: IO[Any], scanner: MultipartScanner, length: int) -> None:
    received = 0
    while received < length:
        try:
            piece = stream.read(min(CHUNK_BYTES, length - received))
        except UnreadablePostError as error:
            raise BadMultipart("The request body could not be read to its end.") from error
        if not piece:
            raise BadMultipart("The request body is shorter than its Content-Length.")
        received += len(piece)
        scanner.feed(piece)
    scanner.close()


class _Form:
    """Receives the parts (a `PartHandler`): `fields` and `files` fill up as they end."""

    def __init__(self, *, max_file_bytes: int, encoding: str | None) -> None:
        self.fields = QueryDict(mutable=True, encoding=encoding or "utf-8")
        self.files: MultiValueDict[str, SpooledFile | UrlSource] = MultiValueDict()
        self._max_file_bytes = max_file_bytes
        self._name = ""
        self._text = bytearray()
        self._text_bytes = 0
        self._file: FilePart | None = None

    def begin(self, headers: PartHeaders) -> None:
        self._name = _clean(headers.name, "A field name")
        if self._name == FILE_FIELD:
            if FILE_FIELD in self.files:
                raise BadMultipart("The request has more than one file parameter.", field=FILE_FIELD)
            self._file = file_part_for(headers, max_bytes=self._max_file_bytes)
        elif headers.is_base64 or (headers.filename and not _is_text(headers.content_type)):
            raise BadMultipart(f"Only the file parameter may hold a file, not {self._name!r}.", field=self._name)

    def data(self, piece: memoryview) -> None:
        if self._file is not None:
            self._file.write(piece)
            return
        self._text_bytes += len(piece)
        if len(self._text) + len(piece) > MAX_FIELD_BYTES:
            raise TooLarge(f"A field of the request is larger than {MAX_FIELD_BYTES} bytes.", field=self._name)
        if self._text_bytes > MAX_ALL_FIELDS_BYTES:
            raise TooLarge(f"The fields of the request are larger than {MAX_ALL_FIELDS_BYTES} bytes.")
        self._text += piece

    def end(self) -> None:
        if self._file is not None:
            self.files[FILE_FIELD] = self._file.finish()
            self._file = None
            return
        try:
            text = self._text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadMultipart("A field of the request is not valid UTF-8.", field=self._name) from error
        self.fields.appendlist(self._name, _clean(text, "A field of the request"))
        self._text.clear()

    def discard(self) -> None:
        """Remove whatever was spooled."""
        if self._file is not None:
            self._file.discard()
        for files in self.files.lists():
            for file in files[1]:
                file.close()


def _is_text(content_type: str) -> bool:
    # Scripts in browsers append JSON fields as a Blob, which gets a file name of its own.
    return content_type.startswith("text/") or content_type == "application/json"


def _clean(text: str, what: str) -> str:
    try:
        return require_clean_text(text)
    except DomainError as error:
        raise BadMultipart(f"{what} is refused: {error.message}") from error
