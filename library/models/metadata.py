"""Custom metadata fields: what an account may note about its assets beyond tags and description (API 3.10).

The values are JSON on the asset, by the field's name; `library.services.metadata` writes both.
"""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from library.identifiers import new_object_id
from library.models.account import Account
from library.querysets import MetadataFieldQuerySet


class CustomMetadataField(models.Model):
    """A field with its schema, checked by `library.metadata_schema`. `name` never changes and is never given again.

    A deleted field stays as a row, so that its name stays taken; values that assets have of it stay too.
    """

    field_id = models.CharField(max_length=24, unique=True, default=new_object_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="metadata_fields")
    name = models.CharField(max_length=100, editable=False)
    label = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    schema = models.JSONField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = MetadataFieldQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "name"], name="one_metadata_field_per_name"),
            models.UniqueConstraint(
                fields=["account", "label"], condition=Q(deleted_at=None), name="one_metadata_field_per_label"
            ),
            models.CheckConstraint(condition=~Q(name="") & ~Q(label=""), name="metadata_field_is_named"),
        ]
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.label

    @property
    def type(self) -> str:
        """One of `library.metadata_schema.TYPES`."""
        return str(self.schema["type"])

    @property
    def is_required(self) -> bool:
        """Whether whoever sets metadata of an asset must give this field a value."""
        required: Any = self.schema.get("isValueRequired", False)
        return required is True
