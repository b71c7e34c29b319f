"""Sets of assets that another table names: those with a tag, a word in the name, a folder in a tree, a keyword.

A rare set is best read from that table, a common one best tested row by row in the order of the list; either way round
takes a second for a million assets. Databases guess badly which it is, so we count, up to a limit (decision 0015).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import IsNull

from library.models import Account, AITag, Asset, EmbeddedKeyword, EmbeddedMetadata, Folder, NameWord, Tag, TagWord
from library.querysets import in_tree
from library.words import words_of

COMMON = 10_000
"""Beyond so many members, a set is common. Where both ways take equally long for a page of 100 out of a million."""

COMMON_BESIDE_OTHERS = 30_000
"""The same for the smallest of several sets: few rows are in all of them, so a list has to be read further."""

BROAD = 50_000
"""Beyond so many names with a word, it does not pay to look which of them have another word."""

MOST_NAMES = 500

Rows = QuerySet[Any]


@dataclass(frozen=True)
class Members:
    """rows: query sets of one column, which together hold the values of the asset's `column`. test: the same set, as a
    condition on one asset. counted_by: an order in which an index has the rows, which keeps PostgreSQL from counting in
    the table."""

    rows: tuple[Rows, ...]
    test: Q
    column: str = "pk"
    counted_by: tuple[str, ...] = ()

    def size(self, limit: int) -> int:
        """How many members there are, counted no further than just beyond the limit."""
        found = 0
        for rows in self.rows:
            found += rows.order_by(*self.counted_by)[: limit + 1 - found].count()
            if found > limit:
                break
        return found

    def is_rare(self) -> bool:
        """Whether reading the members pays."""
        return self.size(COMMON) <= COMMON

    def as_rows(self) -> Q:
        """The condition that has the members read first."""
        first, *others = self.rows
        return Q(**{f"{self.column}__in": first.union(*others) if others else first})


def tagged(names: list[str] | Rows | None, *, asset: str = "pk") -> Members:
    """Assets with one of the names, by a person or by a machine and not rejected; None for any name.

    asset: how the listed row names its asset.
    """
    human, machine = Tag.objects.order_by(), AITag.objects.order_by().filter(state__in=sorted(AITag.VISIBLE))
    human_test, machine_test = human, machine
    if names is not None:
        human, machine = human.filter(name__in=names), machine.filter(name__in=names)
        # Of one asset: its few tags are compared, instead of looking for each name.
        human_test = human_test.filter(name__unindexed__in=names)
        machine_test = machine_test.filter(name__unindexed__in=names)
    # That an asset has no tag at all is true of few, and PostgreSQL then does well to compare whole tables.
    has_one = _is_there if names is not None else _exists
    is_it = {"asset": OuterRef(asset)}
    return Members(
        (human.values("asset_id"), machine.values("asset_id")),
        has_one(human_test.filter(**is_it)) | has_one(machine_test.filter(**is_it)),
        counted_by=("asset_id",) if isinstance(names, list) and len(names) == 1 else (),
    )


def _exists(rows: Rows) -> Q:
    return Q(Exists(rows))


def _is_there(rows: Rows) -> Q:
    """Like EXISTS, but looked at row by row: PostgreSQL would read all members of the set first, also of a page."""
    return Q(IsNull(Subquery(rows.values("pk")[:1]), False))


def tag_names_with(word: str, *, is_start: bool) -> list[str] | Rows:
    """Names of tags that have the word, or one that begins with it: looked up first, so that the database knows how
    many there are, unless they are very many."""
    names = TagWord.objects.filter(**{"word__prefix" if is_start else "word": word})
    found = list(names.values_list("name", flat=True)[: MOST_NAMES + 1])
    return found if len(found) <= MOST_NAMES else names.values("name")


def named_with(account: Account, words: list[tuple[str, bool]]) -> Members:
    """Assets of the account whose name has all words of a HAS (`search_words`)."""
    rows = [NameWord.objects.filter(account=account, **_is_word("word", *word)) for word in words]
    tests = [Q(name_words__contains=f" {word}" if is_start else f" {word} ") for word, is_start in words]
    if len(rows) == 1:
        return Members((rows[0].values("asset_id"),), tests[0])
    # From the rarest word the words of its assets lead to those that have the others too.
    sizes = [one[:BROAD].count() for one in rows]
    rarest = min(range(len(rows)), key=lambda at: sizes[at])
    if sizes[rarest] >= BROAD:
        return _Common((), reduce(and_, tests))
    together = rows[rarest]
    for at, word in enumerate(words):
        if at != rarest:
            beside = NameWord.objects.filter(asset_id=OuterRef("asset_id"), **_is_word("word__unindexed", *word))
            together = together.filter(Exists(beside))
    return Members((together.values("asset_id"),), reduce(and_, tests))


def _is_word(column: str, word: str, is_start: bool) -> dict[str, str]:
    return {f"{column}__prefix" if is_start else column: word}


@dataclass(frozen=True)
class _Common(Members):
    """Known to be common without counting."""

    def size(self, limit: int) -> int:
        return limit + 1


def in_folders(account: Account, path: str) -> Members:
    """Assets in the folder at a normal path or below it."""
    folders = Folder.objects.of_account(account).filter(in_tree(path))
    assets = Asset.objects.of_account(account).filter(folder__in=folders)
    test = _is_there(Folder.objects.filter(in_tree(path), pk=OuterRef("folder_id")))
    return _Folders((assets.values("pk"),), test, "folder_id", folders=folders.values("pk"))


@dataclass(frozen=True)
class _Folders(Members):
    """Counted by assets, but read by folders: an index leads from those to their assets."""

    folders: Rows | None = None

    def as_rows(self) -> Q:
        return Q(folder_id__in=self.folders)


def embedded(condition: Q, *, version: str = "current_version_id") -> Members:
    """Assets whose current version's embedded metadata meet a condition. version: how the listed row names it."""
    found = EmbeddedMetadata.objects.filter(condition)
    test = _is_there(found.filter(version_id=OuterRef(version)))
    return Members((found.values("version_id"),), test, version)


def with_keywords(names: Iterable[str] | None, *, version: str = "current_version_id") -> Members:
    """Assets whose current version carries one of the keywords in its bytes; None for any."""
    found = EmbeddedKeyword.objects.all()
    if names is not None:
        found = found.filter(name__in=list(names))
    test = _is_there(found.filter(metadata_id=OuterRef(version)))
    return Members((found.values("metadata_id"),), test, version)


def search_words(text: str) -> list[tuple[str, bool]]:
    """The words of a HAS, each with whether it may be the start of a word: the last one may."""
    words = words_of(text)
    return [(word, number == len(words)) for number, word in enumerate(words, start=1)]
