"""Custom metadata fields: `/v1/customMetadataFields` (API 3.10).

Values of assets are set by uploads and updates. The built-in field `_internal_original_created_datetime` and path
policies do not exist here, so no field is `reserved`, and `folderPath` selects nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from library.api.auth import key_user
from library.api.serializers import parse_boolean
from library.identifiers import is_object_id
from library.models import Account, CustomMetadataField
from library.services.metadata import BadField, create_field, delete_field, update_field
from library.wire import Json
from mediahub.lib.clock import now as clock_now
from mediahub.lib.errors import NotFound

MEMBERS = ("label", "schema", "description")


class FieldListView(APIView):
    """`GET` the account's fields, oldest first, `POST` a new one."""

    resource_group = "media"
    write_class = "bulk"

    def get(self, request: Request) -> Response:
        fields = CustomMetadataField.objects.of_account(key_user(request).account)
        with_deleted = parse_boolean(request.query_params.get("includeDeleted") or "false", "includeDeleted")
        return Response([field_object(field) for field in (fields if with_deleted else fields.present())])

    def post(self, request: Request) -> Response:
        given = {"name": request.data.get("name"), "label": None, "schema": None, **_given(request.data)}
        user = key_user(request)
        field = create_field(account=user.account, actor=user.actor, now=clock_now(), **given)
        return Response(field_object(field), status=201)


class FieldView(APIView):
    """`PATCH` and `DELETE` one."""

    resource_group = "media"
    write_class = "bulk"

    def patch(self, request: Request, field_id: str) -> Response:
        user = key_user(request)
        field = _find(user.account, field_id)
        if request.data.get("name", field.name) != field.name:
            raise BadField("The name of a custom metadata field never changes.", field="name")
        changes = _given(request.data)
        for name in ("label", "schema"):
            if changes.get(name, "") is None:
                raise BadField(f"{name} may not be null.", field=name)
        return Response(field_object(update_field(field=field, actor=user.actor, now=clock_now(), **changes)))

    def delete(self, request: Request, field_id: str) -> Response:
        user = key_user(request)
        delete_field(field=_find(user.account, field_id), actor=user.actor, now=clock_now())
        return Response(status=204)


def field_object(field: CustomMetadataField) -> Json:
    """A field as clients see it."""
    return {
        "id": field.field_id,
        "name": field.name,
        "label": field.label,
        **({"description": field.description} if field.description else {}),
        "schema": field.schema,
    }


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    """The members that are there; no description and an empty one are the same."""
    given = {name: body[name] for name in MEMBERS if name in body}
    if "description" in given and given["description"] is None:
        given["description"] = ""
    return given


def _find(account: Account, field_id: str) -> CustomMetadataField:
    """The account's field, also a deleted one. An id that cannot be one is a 400, one of another account a 404."""
    if not is_object_id(field_id):
        raise BadField("Invalid custom metadata field ID.", field="id")
    field = CustomMetadataField.objects.of_account(account).filter(field_id=field_id).first()
    if field is None:
        raise NotFound("The requested custom metadata field does not exist.")
    return field
