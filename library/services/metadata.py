"""Custom metadata: the fields of an account, and the values of an asset (API 3.5, 3.10).

The API of fields, uploads, updates and extensions call these. Values are checked by `library.metadata_schema`; what
does not fit is refused with an `errors` object that says what is wrong with which field, and nothing is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from library.metadata_schema import check_schema, check_value
from library.models import Account, Asset, CustomMetadataField
from library.services.accounts import audit
from library.services.versions import lock_asset
from library.signals import asset_updated
from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import require_clean_text
from mediahub.lib.retry import repeat_on_conflict

MOST_FIELDS = 1000
"""Of an account, deleted ones included, because their names stay taken."""

MOST_SCHEMA_CHARACTERS = 4_000_000
"""Of all schemas of an account as JSON, deleted ones included: what one list of fields may have to carry."""

MOST_CHANGES = 500
MOST_CHARACTERS = 100_000
"""Of an asset's metadata as JSON: a list may have to carry a thousand of them."""

LONGEST_NAME = LONGEST_LABEL = 100
LONGEST_DESCRIPTION = 500
_NAME = re.compile(r"[^\W_][\w .-]*\Z")

Fields = Mapping[str, CustomMetadataField]


class BadField(DomainError):
    """A field cannot be made or changed as asked; `errors` says what is wrong with which member of its schema."""

    code = "invalid_metadata_field"


class BadMetadata(DomainError):
    """Values that an asset cannot have; `errors` maps each field at fault to what is wrong."""

    code = "invalid_custom_metadata"

    def __init__(self, errors: dict[str, Any]) -> None:
        super().__init__("Invalid custom metadata.", field="customMetadata", errors=errors)


def fields_of(account: Account, *, names: Collection[str] | None = None) -> dict[str, CustomMetadataField]:
    """The account's fields that are not deleted, by name; only those of the given names if there are any."""
    fields = CustomMetadataField.objects.of_account(account).present()
    return {field.name: field for field in (fields if names is None else fields.filter(name__in=names))}


@transaction.atomic
def create_field(
    *, account: Account, name: str, label: str, schema: Any, actor: str, now: datetime, description: str = ""
) -> CustomMetadataField:
    """Make a field. Raises BadField: a name in use by any field, also a deleted one; a label in use; a bad schema."""
    name = _checked_name(name)
    label, description = _checked_label(label), _checked_description(description)
    _require_schema(schema)
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    fields = CustomMetadataField.objects.of_account(account)
    if fields.count() >= MOST_FIELDS:
        raise BadField(f"An account may have {MOST_FIELDS} custom metadata fields, deleted ones included.")
    if fields.filter(name=name).exists():
        raise BadField("A custom metadata field with this name already exists.", field="name")
    _require_free_label(account, label)
    _require_room(account, schema)
    field = CustomMetadataField.objects.create(
        account=account,
        name=name,
        label=label,
        description=description,
        schema=dict(schema),
        created_at=now,
        updated_at=now,
    )
    audit(account=account, actor=actor, action="metadata_field.created", target=name, detail=field.schema)
    return field


@transaction.atomic
def update_field(
    *,
    field: CustomMetadataField,
    actor: str,
    now: datetime,
    label: str | None = None,
    schema: Any = None,
    description: str | None = None,
) -> CustomMetadataField:
    """Change what is given. A schema replaces the old one; its `type` is ignored, because a type never changes.

    Values that assets have already stay as they are, whether they meet the new schema or not. Raises BadField, also
    for a deleted field and when nothing is given.
    """
    Account.objects.select_for_update(no_key=True).get(pk=field.account_id)
    field = CustomMetadataField.objects.select_for_update(no_key=True).get(pk=field.pk)
    if field.deleted_at is not None:
        raise BadField("This custom metadata field is deleted.")
    if label is None and schema is None and description is None:
        raise BadField("Give label, schema or description to change.")
    if label is not None:
        field.label = _checked_label(label)
        _require_free_label(field.account, field.label, but=field)
    if description is not None:
        field.description = _checked_description(description)
    if schema is not None:
        changed = {**schema, "type": field.type} if isinstance(schema, dict) else schema
        _require_schema(changed)
        _require_room(field.account, changed, but=field)
        field.schema = changed
    field.updated_at = now
    field.save()
    given = {"label": label, "schema": schema, "description": description}
    detail = {name: value for name, value in given.items() if value is not None}
    audit(account=field.account, actor=actor, action="metadata_field.changed", target=field.name, detail=detail)
    return field


@transaction.atomic
def delete_field(*, field: CustomMetadataField, actor: str, now: datetime) -> None:
    """Delete a field for good; its name stays taken and values that assets have of it stay. Repeats change nothing."""
    present = CustomMetadataField.objects.filter(pk=field.pk, deleted_at=None)
    if present.update(deleted_at=now, updated_at=now):
        audit(account=field.account, actor=actor, action="metadata_field.deleted", target=field.name)
    field.refresh_from_db()


def metadata_of_upload(*, account: Account, values: Mapping[str, Any]) -> dict[str, Any]:
    """What an uploaded file has of these values (API 2.1): nothing of what it had before. Raises BadMetadata."""
    return merge_metadata(fields=fields_of(account), current={}, changes=values)


@repeat_on_conflict
@transaction.atomic
def set_metadata(
    *, asset: Asset, changes: Mapping[str, Any], now: datetime, must_carry_required: bool = True
) -> dict[str, Any]:
    """Merge values into an asset's metadata key by key, `None` unsets one; returns what the asset has afterwards.

    must_carry_required: as `merge_metadata` says. Raises BadMetadata (then nothing is written), NotFound.
    """
    lock_asset(asset)
    fields = fields_of(asset.account)
    merged = merge_metadata(
        fields=fields, current=asset.custom_metadata, changes=changes, must_carry_required=must_carry_required
    )
    asset.custom_metadata = merged
    asset.updated_at = now
    asset.save(update_fields=["custom_metadata", "updated_at"])
    asset_updated.send(sender=Asset, asset=asset)
    return merged


def merge_metadata(
    *, fields: Fields, current: Mapping[str, Any], changes: Any, must_carry_required: bool = True
) -> dict[str, Any]:
    """What an asset's metadata would become, without writing anything; uploads and previews ask here.

    changes: field name to value, None to unset. must_carry_required: as clients are held to (API 3.10), changes that
    set anything must carry each required field; without it, a required field only cannot be unset. Raises
    BadMetadata.
    """
    if not isinstance(changes, Mapping):
        raise BadMetadata({"customMetadata": "should be an object"})
    if len(changes) > MOST_CHANGES:
        raise BadMetadata({"customMetadata": f"should not have more than {MOST_CHANGES} members"})
    errors = {_shown(name): fault for name, value in changes.items() if (fault := _fault(fields.get(name), value))}
    if must_carry_required and changes:
        missing = (name for name, field in fields.items() if field.is_required and name not in changes)
        errors |= dict.fromkeys(missing, "is required")
    if errors:
        raise BadMetadata(errors)
    merged = {name: value for name, value in {**current, **changes}.items() if value is not None}
    if _length(merged) > MOST_CHARACTERS:
        raise BadMetadata({"customMetadata": f"should not have more than {MOST_CHARACTERS} characters in all"})
    return merged


def _fault(field: CustomMetadataField | None, value: Any) -> str | None:
    if field is None:
        return "is not a custom metadata field of this account"
    if value is None:
        return "is required and cannot be unset" if field.is_required else None
    return check_value(field.schema, value)


def _shown(name: Any) -> str:
    return "".join(char if char.isprintable() else "?" for char in str(name))[:LONGEST_NAME]


def _require_schema(schema: Any) -> None:
    errors = check_schema(schema)
    if errors:
        raise BadField("Invalid field object", field="schema", errors=errors)


def _require_room(account: Account, schema: Any, *, but: CustomMetadataField | None = None) -> None:
    others = CustomMetadataField.objects.of_account(account)
    schemas = (others.exclude(pk=but.pk) if but else others).values_list("schema", flat=True)
    if sum(_length(other) for other in [schema, *schemas]) > MOST_SCHEMA_CHARACTERS:
        raise BadField(
            f"The schemas of an account's fields may have {MOST_SCHEMA_CHARACTERS} characters in all, deleted ones "
            "included.",
            field="schema",
        )


def _length(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False))


def _require_free_label(account: Account, label: str, *, but: CustomMetadataField | None = None) -> None:
    others = CustomMetadataField.objects.of_account(account).present().filter(label=label)
    if (others.exclude(pk=but.pk) if but else others).exists():
        raise BadField("A custom metadata field with this label already exists.", field="label")


def _checked_name(name: Any) -> str:
    text = _checked_text(name, "name", LONGEST_NAME)
    if not _NAME.match(text) or text != text.strip():
        raise BadField(
            "name must begin with a letter or digit and hold letters, digits, blanks, and the characters _ . - only.",
            field="name",
        )
    return text


def _checked_label(label: Any) -> str:
    return _checked_text(label, "label", LONGEST_LABEL)


def _checked_description(description: Any) -> str:
    return _checked_text(description, "description", LONGEST_DESCRIPTION) if description != "" else ""


def _checked_text(text: Any, member: str, longest: int) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > longest:
        raise BadField(f"{member} must be a text of 1 to {longest} characters.", field=member)
    try:
        return require_clean_text(text)
    except DomainError as error:
        raise BadField(f"{member}: {error.message}", field=member) from error
