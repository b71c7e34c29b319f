"""What an upload asks to be done between receiving its file and storing it: checks that must hold, then a change of the
picture. `extensions.api.uploads` calls `ready_file`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from extensions.api.incoming import receive
from extensions.api.upload_form import UploadForm
from library.api.file_part import UrlSource
from library.checks.evaluate import require_checks
from library.checks.operands import CUSTOM
from library.filetypes import sniff
from library.images import inspect
from library.services.assets import UploadFields
from library.transforming.running import transformed
from mediahub.lib.imaging import limits_from_settings
from mediahub.lib.spool import SpooledFile


@contextmanager
def ready_file(source: SpooledFile | UrlSource, form: UploadForm) -> Iterator[SpooledFile]:
    """The file as it is to be stored, and gone from the spool afterwards.

    Raises what receiving, ChecksNotMet and NotTransformed raise; then nothing is left either.
    """
    with receive(source, file_name=form.fields.file_name) as received:
        if form.checks is not None:
            require_checks(form.checks, facts_of(received, form.fields), now=datetime.now(UTC))
        if not form.transformation:
            yield received
            return
        with transformed(received, form.transformation) as changed:
            yield changed


def facts_of(file: SpooledFile, fields: UploadFields) -> dict[str, Any]:
    """The operands of checks that this request and this file have (API 2.5): the file as it came, before any change."""
    mime = sniff(file.head, fields.file_name)
    with file.open() as opened:
        image = inspect(opened, mime, limits_from_settings())
    is_image = image.width is not None
    facts = {
        "request.folder": fields.folder,
        "request.fileName": fields.file_name,
        "request.tags": list(fields.tags or ()),
        "request.description": fields.description,
        "request.isPrivateFile": bool(fields.is_private),
        "request.isPublished": fields.is_published,
        "file.name": fields.file_name,
        "file.size": file.size,
        "file.mime": mime,
        "mediaMetadata.width": image.width,
        "mediaMetadata.height": image.height,
        "mediaMetadata.frames": image.frames if is_image else None,
        "mediaMetadata.hasAlpha": image.has_alpha if is_image else None,
    }
    custom = fields.custom_metadata or {}
    return facts | {f"{CUSTOM}{name}": value for name, value in custom.items()}
