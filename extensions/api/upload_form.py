"""The text fields of an upload, checked one by one before anything is stored (API 2.1, 2.2).

`extensions.api.uploads` calls `parse_upload_form`; a fault is a 400 that names its field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from extensions.catalog import Block, parse_blocks
from library.api.serializers import BadInput, check_description, metadata_object, parse_boolean
from library.checks.parse import parse_checks
from library.names import clean_coordinates, clean_file_name, clean_folder_path, clean_tags
from library.search.nodes import Expr
from library.services.assets import UploadFields
from library.transforming.drawing import Step
from library.transforming.steps import parse_transformation
from library.wire import RESPONSE_FIELDS
from mediahub.lib.errors import DomainError
from mediahub.lib.http import BadUrl, check_url, policy_from_settings
from mediahub.lib.json_input import loads_strict


@dataclass(frozen=True)
class UploadForm:
    """A checked form. `parameters` are the fields as they were sent, for the receipt.

    checks: must hold for the file to be stored. transformation: what is done to the picture before.
    """

    fields: UploadFields
    response_fields: tuple[str, ...]
    blocks: list[Block]
    webhook_url: str
    parameters: list[tuple[str, list[str]]]
    checks: Expr | None = None
    transformation: tuple[Step, ...] = ()


def parse_upload_form(data: QueryDict) -> UploadForm:
    """Check the fields; empty ones count as absent, the last of repeated ones counts, unknown ones are ignored.

    Raises BadInput, BadName, BadMetadata, BadExtensions, BadChecks, BadTransformation or BadJSON.
    """
    if "fileName" not in data:
        raise BadInput("The fileName parameter is missing.", field="fileName")
    return UploadForm(
        fields=_fields(data),
        response_fields=_response_fields(_list(data, "responseFields")),
        blocks=parse_blocks(data.get("extensions", ""), both_spellings=True),
        webhook_url=parse_webhook_url(data.get("webhookUrl", "")),
        parameters=[(name, [str(value) for value in values]) for name, values in data.lists() if name != "file"],
        checks=parse_checks(checks) if (checks := data.get("checks")) else None,
        transformation=parse_transformation(data.get("transformation", "")),
    )


def parse_webhook_url(value: Any) -> str:
    """A URL that could be called, or "" for none. Names are not looked up yet (REL W20). Raises BadInput."""
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise BadInput("webhookUrl must be a text.", field="webhookUrl")
    try:
        check_url(value, policy=policy_from_settings())
    except BadUrl as error:
        raise BadInput(f"webhookUrl: {error}", field="webhookUrl") from error
    return value


def _fields(data: QueryDict) -> UploadFields:
    tags = _list(data, "tags")
    coordinates, description = data.get("customCoordinates"), data.get("description")
    return UploadFields(
        file_name=clean_file_name(data.get("fileName", "")),
        folder=clean_folder_path(data.get("folder", "/")),
        use_unique_file_name=_boolean(data, "useUniqueFileName", default=True),
        overwrite_file=_boolean(data, "overwriteFile", default=True),
        overwrite_ai_tags=_boolean(data, "overwriteAITags", default=True),
        overwrite_tags=_boolean(data, "overwriteTags", default=True),
        overwrite_custom_metadata=_boolean(data, "overwriteCustomMetadata", default=True),
        tags=clean_tags(tags) if tags else None,
        is_private=_boolean(data, "isPrivateFile", default=False) if data.get("isPrivateFile") else None,
        is_published=_boolean(data, "isPublished", default=True),
        custom_coordinates=clean_coordinates(coordinates) if coordinates else "",
        custom_metadata=_custom_metadata(data.get("customMetadata", "")),
        description=check_description(description) if description else None,
    )


def _custom_metadata(text: str) -> Mapping[str, Any] | None:
    """The object that the text is as JSON; whether its values fit the account's fields is looked at later."""
    if not text.strip():
        return None
    try:
        value = loads_strict(text)
    except DomainError as error:
        raise BadInput(f"customMetadata: {error.message}", field="customMetadata") from error
    return metadata_object(value)


def _boolean(data: QueryDict, name: str, *, default: bool) -> bool:
    text = data.get(name)
    return parse_boolean(text, name) if text else default


def _list(data: QueryDict, name: str) -> list[str]:
    """Comma-separated items; a repeated field and the spelling `name[]` are taken too."""
    values = [value for spelling in (name, f"{name}[]") for value in data.getlist(spelling)]
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


def _response_fields(names: list[str]) -> tuple[str, ...]:
    for name in names:
        if name not in RESPONSE_FIELDS:
            raise BadInput(
                f"responseFields: {name[:60]!r} is unknown; known are {', '.join(RESPONSE_FIELDS)}.",
                field="responseFields",
            )
    return tuple(names)
