"""Assets as ImageKit sees files, and their versions: immutable bytes with their facts."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from library.identifiers import new_object_id
from library.models.account import Account
from library.models.fields import WordsField
from library.models.folder import Folder
from library.querysets import AssetQuerySet, VersionQuerySet

MAX_VERSIONS = 100


class Asset(models.Model):
    """A file of the library. Its bytes are those of `current_version`; tags and other details belong to the asset.

    `name_words` follows the name whenever the asset is saved. The columns from `mime` on repeat facts of the current
    version, so that lists and searches can use indexes; database triggers keep them (decision 0014), and nothing but
    queries reads them: an instance may hold older values.
    """

    file_id = models.CharField(max_length=24, unique=True, default=new_object_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="assets")
    folder = models.ForeignKey(Folder, on_delete=models.PROTECT, related_name="assets")
    name = models.CharField(max_length=255)
    current_version = models.ForeignKey(
        "AssetVersion", on_delete=models.RESTRICT, null=True, related_name="+", editable=False
    )
    is_private = models.BooleanField(default=False)
    custom_coordinates = models.CharField(max_length=100, blank=True)
    custom_metadata = models.JSONField(default=dict, blank=True)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    name_words = WordsField(of="name")
    mime = models.CharField(max_length=100, null=True, editable=False)  # noqa: DJ001 - null until a version is current
    size_bytes = models.PositiveBigIntegerField(null=True, editable=False)
    width = models.PositiveIntegerField(null=True, editable=False)
    height = models.PositiveIntegerField(null=True, editable=False)
    has_alpha = models.BooleanField(null=True, editable=False)
    is_published = models.BooleanField(null=True, editable=False)
    original_at = models.DateTimeField(null=True, editable=False)

    objects = AssetQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "folder", "name"], name="one_asset_per_path"),
            models.CheckConstraint(condition=~Q(name=""), name="asset_name_not_empty"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "created_at", "id"], name="asset_by_created"),
            models.Index(fields=["account", "updated_at", "id"], name="asset_by_updated"),
            models.Index(fields=["account", "name", "id"], name="asset_by_name"),
            # PostgreSQL compares prefixes byte by byte, which needs an index in that order; SQLite's is always so.
            models.Index(
                fields=["account", "name", "id"],
                name="asset_by_name_prefix",
                opclasses=["int8_ops", "varchar_pattern_ops", "int8_ops"],
            ),
            models.Index(fields=["folder", "created_at", "id"], name="asset_by_folder"),
            models.Index(fields=["account", "mime", "created_at", "id"], name="asset_by_mime"),
            models.Index(fields=["account", "size_bytes", "id"], name="asset_by_size"),
            models.Index(fields=["account", "width", "id"], name="asset_by_width"),
            models.Index(fields=["account", "height", "id"], name="asset_by_height"),
            models.Index(fields=["account", "original_at", "id"], name="asset_by_original"),
            models.Index(fields=["account", "created_at", "id"], condition=Q(is_private=True), name="asset_private"),
            models.Index(
                fields=["account", "created_at", "id"], condition=Q(is_published=False), name="asset_unpublished"
            ),
            models.Index(fields=["account", "created_at", "id"], condition=Q(has_alpha=True), name="asset_with_alpha"),
        ]

    def __str__(self) -> str:
        return self.path

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the words of the name wherever the name is saved."""
        if "name" in (kwargs.get("update_fields") or ()):
            kwargs["update_fields"] = {*kwargs["update_fields"], "name_words"}
        super().save(*args, **kwargs)

    @property
    def path(self) -> str:
        """Folder path and name, from the root."""
        return f"{self.folder.path.rstrip('/')}/{self.name}"


class AssetVersion(models.Model):
    """Bytes as they came, once and for all, with the facts read from them. Restore repoints the asset, not this row.

    `width` and `height` are pixels of the upright image; `problem` is a code where the content cannot be processed
    (`file_not_processable`, `corrupt_image`); `run_id` names the extension run that made the version.
    """

    class Origin(models.TextChoices):
        UPLOAD = "upload", "upload"
        EXTENSION = "extension", "extension"
        COPY = "copy", "copy"

    version_id = models.CharField(max_length=24, unique=True, editable=False)
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveSmallIntegerField()
    blob_key = models.CharField(max_length=120, unique=True)
    sha256 = models.CharField(max_length=64, db_index=True)
    size_bytes = models.PositiveBigIntegerField()
    mime = models.CharField(max_length=100)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    orientation = models.PositiveSmallIntegerField(null=True)
    has_alpha = models.BooleanField(default=False)
    is_animated = models.BooleanField(default=False)
    problem = models.CharField(max_length=40, blank=True)
    origin = models.CharField(max_length=10, choices=Origin)
    run_id = models.UUIDField(null=True, db_index=True)
    is_published = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    objects = VersionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["asset", "number"], name="one_version_per_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="version_number_from_one"),
            models.CheckConstraint(
                condition=Q(origin__in=["upload", "extension", "copy"]), name="version_known_origin"
            ),
            models.CheckConstraint(
                condition=Q(width=None, height=None) | Q(width__gt=0, height__gt=0), name="version_both_sides_or_none"
            ),
            models.UniqueConstraint(fields=["run_id"], condition=Q(run_id__isnull=False), name="one_version_per_run"),
        ]
        ordering: ClassVar = [F("number").desc()]

    def __str__(self) -> str:
        return f"Version {self.number}"

    @property
    def is_image(self) -> bool:
        """Whether the content is a raster image by its own bytes. SVG and its like are not."""
        return self.mime.startswith("image/") and self.mime != "image/svg+xml"
