"""Sets of assets that another table, or an index, names: those with a tag, a word in the name, in a tree, in a span.

The keys of a rare set are read first, and lead to its assets; a common one is tested row by row in the order of the
list. Either way round takes a second for a million assets if it is the wrong one. Databases guess badly which it is,
so we count, up to a limit (decision 0014).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import Exact, In, IsNull

from library.models import Account, AITag, Asset, EmbeddedKeyword, EmbeddedMetadata, Folder, NameWord, Tag, TagWord
from library.querysets import in_tree
from library.search.lookups import Among, Unindexed
from library.words import words_of

COMMON = 10_000
"""Beyond so many members, a set is common. Where both ways take equally long for a page of 100 out of a million."""

COMMON_BESIDE_OTHERS = 20_000
"""The same for the smallest of several sets: few rows are in all of them, so a list has to be read further."""

RARE = 500
"""How far each of several sets is counted first: beside one that is no larger, the size of others does not matter."""

MOST_NAMES = 500
"""So many names of tags, or keys of folders, are looked up by themselves, so that databases know how many there are."""

Rows = QuerySet[Any]
Keys = frozenset[int]


@dataclass(frozen=True)
class Members:
    """sources: rows and the column of theirs that holds assets' keys; the set is what all of them hold together.
    test: the set as a condition on one asset. alone: the same for a list of nothing else, where an index has it in
    order. column: that of the asset which the set is a span of. is_few: the test begins with the keys of few."""

    sources: tuple[tuple[Rows, str], ...]
    test: Q
    alone: Q | None = None
    column: str = ""
    is_few: bool = False

    def size(self, limit: int) -> int:
        """How many members there are at most, counted no further than just beyond the limit."""
        found = 0
        for rows, _ in self.sources:
            found += rows[: limit + 1 - found].count()
            if found > limit:
                break
        return found

    def keys(self) -> Keys:
        """The members; ask for the size before."""
        return frozenset(key for rows, column in self.sources for key in rows.values_list(column, flat=True))

    def keys_among(self, keys: Keys) -> Keys:
        """Those of the keys that are members."""
        found: set[int] = set()
        for rows, column in self.sources:
            if rows[: len(keys) + 1].count() <= len(keys):
                found.update(keys.intersection(rows.values_list(column, flat=True)))
                continue
            # Of assets the test is asked, which hides the columns whose indexes SQLite would read instead.
            asked = Asset.objects.filter(self.test) if column == "pk" else rows.order_by()
            found.update(asked.filter(Among(F(column), keys)).values_list(column, flat=True))
        return frozenset(found)


def of_keys(keys: Keys) -> Q:
    """The condition on an asset that it has one of the keys."""
    return Q(Among(F("pk"), keys))


def either(sets: list[Members]) -> Members:
    """What is in one of the sets."""
    sources = tuple(source for one in sets for source in one.sources)
    return Members(sources, reduce(or_, [one.test for one in sets]))


def shared(one: Members, other: Members) -> Members:
    """What is in both of two spans of one column."""
    rows = one.sources[0][0] & other.sources[0][0]
    return Members(((rows, "pk"),), one.test & other.test, column=one.column)


def within(account: Account, condition: Q, column: str) -> Members:
    """Assets of the account whose column, which has an index, meets a condition."""
    rows = Asset.objects.of_account(account).filter(condition).order_by()
    return Members(((rows, "pk"),), _unindexed(condition, column), column=column)


def _unindexed(found: Q, column: str) -> Q:
    """The same condition, with the column hidden from SQLite's planner."""
    copy = Q(_connector=found.connector, _negated=found.negated)
    for child in found.children:
        if isinstance(child, Q):
            copy.children.append(_unindexed(child, column))
        else:
            name, value = child  # type: ignore[misc]
            copy.children.append((f"{column}__unindexed{name.removeprefix(column)}", value))
    return copy


def in_folder(account: Account, folders: list[int]) -> Members:
    """Assets directly in one of the folders, by key."""
    rows = Asset.objects.of_account(account).filter(folder__in=folders).order_by()
    column = Unindexed(F("folder_id"))
    test = Q(Exact(column, folders[0]) if len(folders) == 1 else In(column, folders))
    alone = Q(folder_id=folders[0]) if len(folders) == 1 else None
    return Members(((rows, "pk"),), test, alone)


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
    if isinstance(names, list) and len(names) == 1:
        # The index has them in this order, which keeps PostgreSQL from counting in the table.
        human = human.order_by("asset_id")
    # That an asset has no tag at all is true of few, and PostgreSQL then does well to compare whole tables.
    has_one = _is_there if names is not None else _exists
    is_it = {"asset": OuterRef(asset)}
    return Members(
        ((human, "asset_id"), (machine, "asset_id")),
        has_one(human_test.filter(**is_it)) | has_one(machine_test.filter(**is_it)),
    )


def _exists(rows: Rows) -> Q:
    return Q(Exists(rows))


def _is_there(rows: Rows) -> Q:
    """Like EXISTS, but looked at row by row: PostgreSQL would read all members of the set first, also of a page."""
    return Q(IsNull(Subquery(rows.values("pk")[:1]), False))


def tag_names_with(word: str, *, is_start: bool) -> list[str] | Rows:
    """Names of tags that have the word, or one that begins with it; as a query where they are many."""
    names = TagWord.objects.filter(**{"word__prefix" if is_start else "word": word})
    found = list(names.values_list("name", flat=True)[: MOST_NAMES + 1])
    return found if len(found) <= MOST_NAMES else names.values("name")


def named_with(account: Account, word: str, *, is_start: bool) -> Members:
    """Assets of the account whose name has a word, or one that begins with it."""
    rows = NameWord.objects.filter(account=account, **{"word__prefix" if is_start else "word": word}).order_by()
    return Members(((rows, "asset_id"),), Q(name_words__contains=f" {word}" if is_start else f" {word} "))


def in_folders(account: Account, path: str) -> Members:
    """Assets in the folder at a normal path or below it."""
    folders = Folder.objects.of_account(account).filter(in_tree(path))
    few = list(folders.values_list("pk", flat=True)[: MOST_NAMES + 1])
    if len(few) <= MOST_NAMES:
        return in_folder(account, few) if few else Members((), Q(pk__in=[]))
    rows = Asset.objects.filter(folder__in=folders.values("pk")).order_by()
    return Members(((rows, "pk"),), _is_there(Folder.objects.filter(in_tree(path), pk=OuterRef("folder_id"))))


def embedded(condition: Q, *, version: str = "current_version_id") -> Members:
    """Assets whose current version's embedded metadata meet a condition. version: how the listed row names it."""
    found = EmbeddedMetadata.objects.filter(condition)
    return _of_versions(found.values("version_id"), _is_there(found.filter(version_id=OuterRef(version))))


def with_keywords(names: Iterable[str] | None, *, version: str = "current_version_id") -> Members:
    """Assets whose current version carries one of the keywords in its bytes; None for any."""
    found = EmbeddedKeyword.objects.all()
    if names is not None:
        found = found.filter(name__in=list(names))
    return _of_versions(found.values("metadata_id"), _is_there(found.filter(metadata_id=OuterRef(version))))


def _of_versions(versions: Rows, test: Q) -> Members:
    return Members(((Asset.objects.filter(current_version__in=versions).order_by(), "pk"),), test)


def search_words(text: str) -> list[tuple[str, bool]]:
    """The words of a HAS without repeats, each with whether it may be the start of a word: the last one may."""
    words = words_of(text)
    return [*dict.fromkeys((word, number == len(words)) for number, word in enumerate(words, start=1))]
