"""Whatever writes a file, a version or a tag, what the search keeps beside them is right afterwards (decision 0014)."""

from decimal import Decimal

import pytest
from django.db.models import F

from library.models import AITag, Asset, AssetVersion, NameWord, Tag, TagWord
from library.services.assets import AssetChanges, delete_asset, update_asset
from library.services.bulk import add_tags, delete_assets
from library.services.embedded import record_embedded
from library.services.jobs.requests import request_copy, request_delete, request_move, request_rename
from library.services.moving import copy_asset, move_asset, rename_asset
from library.services.tags import replace_suggested
from library.services.versions import delete_version, restore_version
from library.words import spaced, words_of
from mediahub.lib.clock import now
from tests.factories import AssetFactory, AssetVersionFactory, FolderFactory
from tests.library.jobs.conftest import work_all
from tests.library.stored import at, put
from tests.photos import encoded, gradient

pytestmark = pytest.mark.django_db
FACTS = ("mime", "size_bytes", "width", "height", "has_alpha", "is_published")


def assert_right():
    """Every derived column and row is what it would be if it were made anew."""
    for asset in Asset.objects.select_related("current_version__embedded"):
        version = asset.current_version
        expected = {name: getattr(version, name) if version else None for name in FACTS}
        taken = getattr(getattr(version, "embedded", None), "taken_at", None)
        expected |= {"original_at": (taken or asset.created_at) if version else None, "name_words": spaced(asset.name)}
        assert {name: getattr(asset, name) for name in expected} == expected, asset.name
        words = NameWord.objects.filter(asset=asset)
        assert sorted(words.values_list("word", flat=True)) == sorted(set(words_of(asset.name)))
        assert set(words.values_list("account", flat=True)) <= {asset.account_id}
    assert not NameWord.objects.exclude(asset__in=Asset.objects.all()).exists()
    names = {*Tag.objects.values_list("name", flat=True), *AITag.objects.values_list("name", flat=True)}
    vocabulary = set(TagWord.objects.values_list("name", "word"))
    assert {(name, word) for name in names for word in words_of(name)} <= vocabulary


@pytest.fixture
def two(account):
    """A file with an older version, a tag and a date of its own, and its neighbour."""
    put(account, "/a/Old Chair.txt", b"text", tags=("Dining Room",))
    chair = put(account, "/a/Old Chair.txt", encoded(gradient(7, 5)), tags=("Dining Room", "oak"))
    record_embedded(version=chair.versions.get(number=1), data={"DateTimeOriginal": "2001-01-01"})
    replace_suggested(
        asset=chair,
        source="s",
        provider="p",
        model="",
        run_id=None,
        found=[("Arm-Chair", Decimal(50)), ("%", Decimal(5))],
        now=now(),
    )
    put(account, "/b/Old Chair.txt", b"other", tags=("wool",))
    return account


def file(account, path="/a/Old Chair.txt"):
    return at(account, path)


def save_a_stale_copy(account):
    stale = file(account)
    rename_asset(asset=file(account), name="new name.txt", now=now())
    restore_version(asset=stale, version=stale.versions.get(number=1), now=now())
    for name in FACTS:
        setattr(stale, name, None)
    stale.save()


def write_in_bulk(account):
    folder = FolderFactory(account=account, path="/bulk")
    Asset.objects.bulk_create(AssetFactory.build(account=account, folder=folder, name=f"bulk {n}.jpg") for n in (1, 2))
    Tag.objects.bulk_create(Tag(asset=file(account), name=f"bulk tag {n}") for n in (1, 2))
    for asset in Asset.objects.filter(folder=folder):
        AssetVersionFactory(asset=asset, is_current=True)


def merge_trees(account):
    put(account, "/into/a/b.txt")
    request_move(account=account, source="/a", destination="/into", actor="a", now=now())
    work_all()


def ask(request, **kwargs):
    request(**kwargs, actor="a", now=now())
    work_all()


def publish(account, **kwargs):
    update_asset(asset=file(account), changes=AssetChanges(is_published=False, **kwargs), now=now())


def restore(account):
    chair = file(account)
    restore_version(asset=chair, version=chair.versions.get(number=1), now=now())


def delete_the_other_version(account):
    chair = file(account)
    delete_version(asset=chair, version=chair.versions.exclude(pk=chair.current_version_id).get())


WRITES = {
    "upload": lambda a: put(a, "/x/Ünïque %_.png", encoded(gradient(3, 2)), tags=("Straße 1",)),
    "overwrite": lambda a: put(a, "/a/Old Chair.txt", b"again", tags=("brand new",)),
    "rename": lambda a: rename_asset(asset=file(a), name="Brand-new.png", now=now()),
    "rename to signs": lambda a: rename_asset(asset=file(a), name="%.%", now=now()),
    "rename by case": lambda a: rename_asset(asset=file(a), name="OLD chair.txt", now=now()),
    "move": lambda a: move_asset(asset=file(a), folder_path="/c", now=now()),
    "move to a taken name": lambda a: move_asset(asset=file(a), folder_path="/b", now=now()),
    "copy": lambda a: copy_asset(asset=file(a), folder_path="/c", include_versions=True, now=now()),
    "copy to a taken name": lambda a: copy_asset(asset=file(a), folder_path="/b", include_versions=False, now=now()),
    "restore": restore,
    "delete a version": delete_the_other_version,
    "delete": lambda a: delete_asset(asset=file(a)),
    "delete several": lambda a: delete_assets(account=a, file_ids=[file(a).file_id]),
    "unpublish": publish,
    "unpublish all versions": lambda a: publish(a, publish_versions=True),
    "tags": lambda a: add_tags(account=a, file_ids=[file(a).file_id], tags=["new tag"], now=now()),
    "rename a folder": lambda a: ask(request_rename, account=a, path="/a", name="z", purge_cache=False),
    "copy a folder": lambda a: ask(request_copy, account=a, source="/a", destination="/b", include_versions=True),
    "delete a folder": lambda a: ask(request_delete, account=a, path="/a"),
    "merge trees": merge_trees,
    "embedded": lambda a: record_embedded(
        version=file(a).current_version, data={"DateTimeOriginal": "1999-01-01", "Keywords": "sea"}
    ),
    "no embedded": lambda a: file(a).versions.get(number=1).embedded.delete(),
    "save a stale copy": save_a_stale_copy,
    "facts by a query": lambda a: Asset.objects.update(mime="nonsense", width=F("width"), original_at=now()),
    "facts of a version": lambda a: AssetVersion.objects.update(width=11, height=12, has_alpha=True),
    "created": lambda a: Asset.objects.update(created_at=now()),
    "no version": lambda a: Asset.objects.update(current_version=None),
    "rows in bulk": write_in_bulk,
    "name and words in bulk": lambda a: Asset.objects.filter(pk=file(a).pk).update(name="x y", name_words=" x y "),
}


@pytest.mark.parametrize("current", [2, 1], ids=["newest", "restored"])
@pytest.mark.parametrize("name", WRITES)
def test_what_is_derived_is_right_after_each_write(two, name, current):
    if current == 1:
        restore(two)
    assert_right()
    WRITES[name](two)
    assert_right()


def test_a_name_does_not_change_by_a_query_without_its_words(two):
    with pytest.raises(TypeError, match="name_words"):
        Asset.objects.update(name="x")
    chair = file(two)
    chair.name = "x"
    with pytest.raises(TypeError, match="name_words"):
        Asset.objects.bulk_update([chair], ["name"])
