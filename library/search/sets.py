"""Sets of assets that another table names: those with a tag, a word in the name, a folder in a tree, a keyword.

A rare set is best read from that table, a common one best tested row by row in the order of the list; either way round
takes a second for a million assets. Databases guess badly which it is, so we count, up to a limit (decision 0015).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from library.models import Account, AITag, Asset, EmbeddedKeyword, EmbeddedMetadata, Folder, NameWord, Tag, TagWord
from library.querysets import in_tree
from library.words import words_of

COMMON = 10_000
"""From so many members on, a set is common. Where both ways take equally long for a page of 100 out of a million."""

Rows = QuerySet[Any]


@dataclass(frozen=True)
class Members:
    """rows: query sets of one column, which together hold the values of the asset's `column`. test: the same set, as a
    condition on one asset."""

    rows: tuple[Rows, ...]
    test: Q
    column: str = "pk"

    def is_rare(self) -> bool:
        """Whether reading the members pays. Counts no further than the limit."""
        room = COMMON
        for rows in self.rows:
            room -= rows.order_by()[: room + 1].count()
            if room < 0:
                return False
        return True

    def as_rows(self) -> Q:
        """The condition that has the members read first."""
        first, *others = self.rows
        return Q(**{f"{self.column}__in": first.union(*others) if others else first})

    @property
    def condition(self) -> Q:
        """The condition in the form that fits the size of the set."""
        return self.as_rows() if self.is_rare() else self.test


def tagged(names: Iterable[str] | Rows | None, *, asset: str = "pk") -> Members:
    """Assets with one of the names, by a person or by a machine and not rejected; None for any name.

    asset: how the listed row names its asset.
    """
    human, machine = Tag.objects.order_by(), AITag.objects.order_by().filter(state__in=sorted(AITag.VISIBLE))
    if names is not None:
        human, machine = human.filter(name__in=names), machine.filter(name__in=names)
    is_it = {"asset": OuterRef(asset)}
    return Members(
        (human.values("asset_id"), machine.values("asset_id")),
        Q(Exists(human.filter(**is_it))) | Q(Exists(machine.filter(**is_it))),
    )


def tag_names_with(word: str, *, is_start: bool) -> Rows:
    """Names of tags that have the word, or one that begins with it."""
    words = TagWord.objects.filter(**{"word__prefix" if is_start else "word": word})
    return words.values("name").distinct() if is_start else words.values("name")


def named_with(account: Account, word: str, *, is_start: bool) -> Members:
    """Assets of the account whose name has the word, or one that begins with it."""
    words = NameWord.objects.filter(account=account, **{"word__prefix" if is_start else "word": word})
    return Members((words.values("asset_id"),), Q(name_words__contains=f" {word}" if is_start else f" {word} "))


def in_folders(account: Account, path: str) -> Members:
    """Assets in the folder at a normal path or below it."""
    folders = Folder.objects.of_account(account).filter(in_tree(path))
    assets = Asset.objects.of_account(account).filter(folder__in=folders)
    test = Q(Exists(Folder.objects.filter(in_tree(path), pk=OuterRef("folder_id"))))
    return _Folders((assets.values("pk"),), test, "folder_id", folders.values("pk"))


@dataclass(frozen=True)
class _Folders(Members):
    """Counted by assets, but read by folders: an index leads from those to their assets."""

    folders: Rows | None = None

    def as_rows(self) -> Q:
        return Q(folder_id__in=self.folders)


def embedded(condition: Q, *, version: str = "current_version_id") -> Members:
    """Assets whose current version's embedded metadata meet a condition. version: how the listed row names it."""
    found = EmbeddedMetadata.objects.filter(condition)
    test = Q(Exists(found.filter(version_id=OuterRef(version))))
    return Members((found.values("version_id"),), test, version)


def with_keywords(names: Iterable[str] | None, *, version: str = "current_version_id") -> Members:
    """Assets whose current version carries one of the keywords in its bytes; None for any."""
    found = EmbeddedKeyword.objects.all()
    if names is not None:
        found = found.filter(name__in=list(names))
    test = Q(Exists(found.filter(metadata_id=OuterRef(version))))
    return Members((found.values("metadata_id"),), test, version)


def search_words(text: str) -> list[tuple[str, bool]]:
    """The words of a HAS, each with whether it may be the start of a word: the last one may."""
    words = words_of(text)
    return [(word, number == len(words)) for number, word in enumerate(words, start=1)]
