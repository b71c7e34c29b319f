"""Moving, copying and renaming one file: versions and bytes go along, names that are taken become history."""

import pytest

from library.models import AITag, Asset, AssetVersion, Tag
from library.services.moving import copy_asset, move_asset, rename_asset
from library.services.versions import VersionLimitExceeded, restore_version
from library.signals import asset_deleting, asset_updated, version_added
from library.storage import blob_exists
from mediahub.lib.clock import now
from mediahub.lib.errors import Conflict, DomainError
from tests.factories import AITagFactory, AssetVersionFactory
from tests.library.stored import at, contents, paths, put


@pytest.fixture
def heard():
    """Names of the signals sent, in order."""
    names = []

    def listen(name):
        def note(**kwargs):
            names.append((name, kwargs["asset"].name))

        return note

    listeners = {
        signal: listen(name)
        for name, signal in (("updated", asset_updated), ("added", version_added), ("deleting", asset_deleting))
    }
    for signal, listener in listeners.items():
        signal.connect(listener)
    yield names
    for signal, listener in listeners.items():
        signal.disconnect(listener)


def test_moved_file_keeps_id_versions_and_bytes(account, heard):
    put(account, "/a/x.txt", b"one", tags=("t",))
    asset = put(account, "/a/x.txt", b"two", tags=("t",))

    moved = move_asset(asset=asset, folder_path="/b c/d", now=now())

    assert paths(account) == ["/b_c/d/x.txt"]
    assert moved.file_id == asset.file_id
    assert contents(moved) == [b"one", b"two"]
    assert list(Tag.objects.values_list("name", flat=True)) == ["t"]
    assert heard == [("updated", "x.txt")]


def test_moving_to_a_taken_name_appends_the_versions(account, heard):
    there = put(account, "/b/x.txt", b"old", tags=("kept",), description="kept")
    put(account, "/a/x.txt", b"one", tags=("lost",))
    asset = put(account, "/a/x.txt", b"two", is_private=True)
    AITagFactory(asset=there, name="Old")
    AITagFactory(asset=asset, name="New")
    ids = set(asset.versions.values_list("version_id", flat=True))
    heard.clear()

    move_asset(asset=asset, folder_path="/b", now=now())

    left = at(account, "/b/x.txt")
    assert paths(account) == ["/b/x.txt"]
    assert left.file_id == there.file_id
    assert contents(left) == [b"old", b"one", b"two"]
    assert left.current_version.number == 3
    assert ids < set(left.versions.values_list("version_id", flat=True))
    assert left.is_private
    assert left.description == "kept"
    assert [tag.name for tag in left.tags.all()] == ["kept"]
    assert [tag.name for tag in AITag.objects.all()] == ["New"]
    assert heard == [("deleting", "x.txt"), ("added", "x.txt"), ("added", "x.txt")]


def test_appended_history_keeps_the_version_that_was_current(account):
    put(account, "/b/x.txt", b"old")
    first = put(account, "/a/x.txt", b"one").current_version
    asset = put(account, "/a/x.txt", b"two")
    restore_version(asset=asset, version=first, now=now())

    move_asset(asset=asset, folder_path="/b", now=now())

    assert at(account, "/b/x.txt").current_version.version_id == first.version_id


@pytest.mark.parametrize("act", ["move", "copy"])
def test_beyond_a_hundred_versions_nothing_changes(account, act):
    there = put(account, "/b/x.txt", b"old")
    for _ in range(99):
        AssetVersionFactory(asset=there)
    asset = put(account, "/a/x.txt", b"one")

    with pytest.raises(VersionLimitExceeded) as refused:
        if act == "move":
            move_asset(asset=asset, folder_path="/b", now=now())
        else:
            copy_asset(asset=asset, folder_path="/b", include_versions=False, now=now())

    assert refused.value.reason == "VERSION_LIMIT_EXCEEDED"
    assert paths(account) == ["/a/x.txt", "/b/x.txt"]
    assert there.versions.count() == 100


def test_copies_that_are_refused_leave_no_bytes(account, blobs_in_tmp_path):
    there = put(account, "/b/x.txt", b"old")
    for _ in range(99):
        AssetVersionFactory(asset=there)
    asset = put(account, "/a/x.txt", b"one")
    before = sorted(blobs_in_tmp_path.rglob("*"))

    with pytest.raises(VersionLimitExceeded):
        copy_asset(asset=asset, folder_path="/b", include_versions=False, now=now())

    assert [path for path in sorted(blobs_in_tmp_path.rglob("*")) if path.is_file()] == [
        path for path in before if path.is_file()
    ]


@pytest.mark.rel("U12")
def test_copy_owns_its_bytes(account):
    put(account, "/a/x.txt", b"one")
    asset = put(account, "/a/x.txt", b"two", tags=("t",), description="d", custom_coordinates="1,2,3,4")
    AITagFactory(asset=asset, name="No", state=AITag.State.REJECTED)

    made = copy_asset(asset=asset, folder_path="/b", include_versions=False, now=now())

    copy = at(account, "/b/x.txt")
    assert copy.pk == made.pk != asset.pk
    assert contents(copy) == [b"two"]
    assert copy.current_version.version_id == copy.file_id
    assert copy.current_version.origin == AssetVersion.Origin.COPY
    assert copy.current_version.blob_key != at(account, "/a/x.txt").current_version.blob_key
    assert (copy.description, copy.custom_coordinates) == ("d", "1,2,3,4")
    assert [tag.name for tag in copy.tags.all()] == ["t"]
    assert [(tag.name, tag.state) for tag in copy.ai_tags.all()] == [("No", "rejected")]


def test_copy_with_versions_takes_all_and_keeps_the_current_one(account):
    first = put(account, "/a/x.txt", b"one").current_version
    asset = put(account, "/a/x.txt", b"two")
    restore_version(asset=asset, version=first, now=now())

    copy = copy_asset(asset=asset, folder_path="/b", include_versions=True, now=now())

    assert contents(copy) == [b"one", b"two"]
    assert copy.current_version.number == 1


def test_copying_to_a_taken_name_appends(account):
    put(account, "/b/x.txt", b"old")
    asset = put(account, "/a/x.txt", b"new", is_private=True)

    copy_asset(asset=asset, folder_path="/b", include_versions=False, now=now())

    assert contents(at(account, "/b/x.txt")) == [b"old", b"new"]
    assert at(account, "/b/x.txt").is_private
    assert contents(at(account, "/a/x.txt")) == [b"new"]


def test_a_draft_stays_a_draft_where_it_goes(account):
    asset = put(account, "/a/x.txt", b"draft", is_published=False)

    copy = copy_asset(asset=asset, folder_path="/b", include_versions=False, now=now())

    assert not copy.current_version.is_published


@pytest.mark.parametrize("act", [move_asset, copy_asset])
def test_same_folder_is_refused(account, act):
    asset = put(account, "/a/x.txt")
    extra = {"include_versions": False} if act is copy_asset else {}

    with pytest.raises(DomainError) as refused:
        act(asset=asset, folder_path="//a/", now=now(), **extra)

    assert refused.value.reason == "SAME_SOURCE_AND_DESTINATION"


def test_rename_changes_the_name_and_nothing_else(account, heard):
    asset = put(account, "/a/x.txt", b"one")
    heard.clear()

    rename_asset(asset=asset, name="neu é.txt", now=now())

    assert paths(account) == ["/a/neu_é.txt"]
    assert heard == [("updated", "neu_é.txt")]


def test_rename_to_a_taken_name_is_a_conflict(account):
    put(account, "/a/y.txt")
    asset = put(account, "/a/x.txt")

    with pytest.raises(Conflict) as refused:
        rename_asset(asset=asset, name="y.txt", now=now())

    assert refused.value.reason == "FILE_ALREADY_EXISTS"
    assert paths(account) == ["/a/x.txt", "/a/y.txt"]


def test_moved_bytes_stay_and_derived_ones_go(account, django_capture_on_commit_callbacks):
    from library.models import Rendition
    from library.services.blobs import store_bytes

    put(account, "/b/x.txt", b"old")
    asset = put(account, "/a/x.txt", b"new")
    derived = store_bytes(data=b"thumb", name="t").blob_key
    Rendition.objects.create(
        version=asset.current_version, spec="s", state="ready", blob_key=derived, due_at=now(), created_at=now()
    )

    with django_capture_on_commit_callbacks(execute=True):
        move_asset(asset=asset, folder_path="/b", now=now())

    assert contents(at(account, "/b/x.txt")) == [b"old", b"new"]
    assert not blob_exists(derived)


def test_deleted_source_is_not_found(account):
    asset = put(account, "/a/x.txt")
    Asset.objects.filter(pk=asset.pk).update(current_version=None)
    Asset.objects.filter(pk=asset.pk).delete()

    with pytest.raises(DomainError, match="does not exist"):
        move_asset(asset=asset, folder_path="/b", now=now())
