"""Saved extensions: stored configurations that a request names by id instead of repeating them (API 3.11)."""

import secrets
import string
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from extensions.querysets import SavedExtensionQuerySet
from library.models import Account

_ALPHABET = string.ascii_lowercase + string.digits
_LENGTH = 8


def new_saved_id() -> str:
    """`ext_8f3k2m1q`."""
    return "ext_" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


class SavedExtension(models.Model):
    """The configuration of one extension under a name. `config` is one checked block as a client writes it.

    Runs take a copy of what it says when they are asked for; changing or deleting it changes no run.
    """

    saved_id = models.CharField(max_length=44, unique=True, default=new_saved_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="saved_extensions")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=1000)
    config = models.JSONField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = SavedExtensionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "name"], name="one_saved_extension_per_name"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(description=""), name="saved_extension_is_described"),
        ]
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def extension(self) -> str:
        """Catalogue name of what it stands for."""
        return str(self.config["name"])

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the block, without its name."""
        return {key: value for key, value in self.config.items() if key != "name"}
