"""Reads of the library. Every look-up by id goes through `of_account` or `visible_to` (REL A4)."""

from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    from library.models import (  # noqa: F401 - named in the generic bases
        Account,
        Asset,
        AssetVersion,
        CustomMetadataField,
        Folder,
    )


def _visible(user: "AbstractBaseUser | AnonymousUser", prefix: str) -> Q:
    """Rows of the accounts that a user belongs to; a superuser sees all."""
    if getattr(user, "is_superuser", False):
        return Q()
    return Q(**{f"{prefix}memberships__user_id": user.pk})


class FolderQuerySet(models.QuerySet["Folder"]):
    def of_account(self, account: "Account") -> Self:
        """Folders of one account."""
        return self.filter(account=account)


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

    def with_details(self) -> Self:
        """With everything that the wire shows of a file, in a fixed number of queries."""
        return self.select_related("account", "folder", "current_version").prefetch_related("tags", "ai_tags")


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


def _tag_rows(name: str) -> "models.QuerySet[Any]":
    rows: models.QuerySet[Any] = apps.get_model("library", name)._default_manager.all()
    return rows
