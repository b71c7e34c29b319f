"""Reads of the library. Every look-up by id goes through `of_account` or `visible_to` (REL A4)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import connection, models
from django.db.models import Q

from library.words import words_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    from library.models import (  # noqa: F401 - named in the generic bases
        Account,
        AITag,
        Asset,
        AssetVersion,
        CustomMetadataField,
        Folder,
        Tag,
    )


def _visible(user: "AbstractBaseUser | AnonymousUser", prefix: str) -> Q:
    """Rows of the accounts that a user belongs to; a superuser sees all."""
    if getattr(user, "is_superuser", False):
        return Q()
    return Q(**{f"{prefix}memberships__user_id": user.pk})


def in_tree(path: str, field: str = "path") -> Q:
    """Condition: the field holds this cleaned path, or one below it. Upper and lower case differ on both databases."""
    below = path.rstrip("/") + "/"
    if connection.vendor == "sqlite":
        # LIKE would take /A for /a there. Text is compared byte by byte, and "0" comes right after "/".
        inside = Q(**{f"{field}__gte": below, f"{field}__lt": below[:-1] + "0"})
    else:
        inside = Q(**{f"{field}__startswith": below})
    return Q(**{field: path}) | inside


class FolderQuerySet(models.QuerySet["Folder"]):
    def of_account(self, account: "Account") -> Self:
        """Folders of one account."""
        return self.filter(account=account)

    def in_tree(self, path: str) -> Self:
        """The folder at a cleaned path and all below it."""
        return self.filter(in_tree(path))


class AssetQuerySet(models.QuerySet["Asset"]):
    def of_account(self, account: "Account") -> Self:
        """Assets of one account."""
        return self.filter(account=account)

    def visible_to(self, user: "AbstractBaseUser | AnonymousUser") -> Self:
        """Assets of the accounts that the user belongs to."""
        return self.filter(_visible(user, "account__"))

    def in_folder(self, path: str) -> Self:
        """Assets that lie directly in this folder."""
        return self.filter(folder__path=path)

    def in_tree(self, path: str) -> Self:
        """Assets in the folder at a cleaned path and in all below it."""
        return self.filter(in_tree(path, "folder__path"))

    def tagged(self, names: list[str]) -> Self:
        """Assets that carry any of the names, as a human tag or as a machine tag that nobody rejected."""
        return self.filter(
            models.Exists(_tag_rows("Tag").filter(asset=models.OuterRef("pk"), name__in=names))
            | models.Exists(
                _tag_rows("AITag").filter(
                    asset=models.OuterRef("pk"), name__in=names, state__in=["suggested", "accepted"]
                )
            )
        )

    def update(self, **kwargs: Any) -> int:
        """As ever; a name changes with its words only, which nobody else could write here."""
        if "name" in kwargs and "name_words" not in kwargs:
            raise TypeError("Give name_words together with name, or save the instances.")
        return super().update(**kwargs)

    def with_details(self) -> Self:
        """With everything that the wire shows of a file, in a fixed number of queries."""
        rows = self.select_related("account", "folder", "current_version__embedded")
        return rows.prefetch_related("tags", "ai_tags")


class VersionQuerySet(models.QuerySet["AssetVersion"]):
    def of_account(self, account: "Account") -> Self:
        """Versions of one account's assets."""
        return self.filter(asset__account=account)


class MetadataFieldQuerySet(models.QuerySet["CustomMetadataField"]):
    def of_account(self, account: "Account") -> Self:
        """Fields of one account, deleted ones among them."""
        return self.filter(account=account)

    def present(self) -> Self:
        """Fields that are not deleted."""
        return self.filter(deleted_at=None)


class TagQuerySet(models.QuerySet["Tag"]):
    def bulk_create(self, objs: "Iterable[Tag]", *args: Any, **kwargs: Any) -> "list[Tag]":
        """Write the rows, and the words of their names for the search."""
        made = super().bulk_create(objs, *args, **kwargs)
        remember_words([row.name for row in made])
        return made


class AITagQuerySet(models.QuerySet["AITag"]):
    def of_account(self, account: "Account") -> Self:
        """Machine tags on one account's assets."""
        return self.filter(asset__account=account)

    def bulk_create(self, objs: "Iterable[AITag]", *args: Any, **kwargs: Any) -> "list[AITag]":
        """Write the rows, and the words of their names for the search."""
        made = super().bulk_create(objs, *args, **kwargs)
        remember_words([row.name for row in made])
        return made


def remember_words(names: Iterable[str]) -> None:
    """Have HAS find these names of tags by their words; one look-up where all of them are known, which is usual."""
    wanted = set(names)
    if not wanted:
        return
    words = apps.get_model("library", "TagWord")._default_manager
    new = wanted - set(words.filter(name__in=wanted).values_list("name", flat=True))
    # In order, so that two transactions with the same new names wait for each other instead of locking up.
    rows = [words.model(name=name, word=word) for name in sorted(new) for word in sorted(set(words_of(name)))]
    if rows:
        words.bulk_create(rows, ignore_conflicts=True)


def _tag_rows(name: str) -> "models.QuerySet[Any]":
    rows: models.QuerySet[Any] = apps.get_model("library", name)._default_manager.all()
    return rows
