"""Folders: a path in an account. The root is a row of its own, so every asset has a folder."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from library.identifiers import new_object_id
from library.models.account import Account
from library.querysets import FolderQuerySet

MAX_DEPTH = 50


class Folder(models.Model):
    """A folder. `path` starts with `/` and has no trailing one, the root's apart; `depth` is 0 for the root."""

    folder_id = models.CharField(max_length=24, unique=True, default=new_object_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="folders")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    path = models.CharField(max_length=4096)
    name = models.CharField(max_length=255, blank=True)
    depth = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = FolderQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "path"], name="one_folder_per_path"),
            models.CheckConstraint(condition=Q(depth__lte=MAX_DEPTH), name="folder_depth_within_limit"),
            models.CheckConstraint(condition=Q(path__startswith="/"), name="folder_path_from_root"),
            models.CheckConstraint(
                condition=Q(depth=0, path="/", parent=None) | Q(depth__gt=0, parent__isnull=False),
                name="folder_root_alone_has_no_parent",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["account", "path"], name="folder_by_prefix", opclasses=["int8_ops", "varchar_pattern_ops"]
            ),
        ]

    def __str__(self) -> str:
        return self.path
