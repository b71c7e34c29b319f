"""Jobs on folder trees: what they do, what they announce, what they leave alone."""

import pytest

from library.models import Asset, AssetVersion, BulkJob, Folder
from library.services.folders import FolderLocked, create_folder
from library.services.jobs import sizes
from library.services.jobs.requests import request_copy, request_delete, request_move, request_rename
from library.services.jobs.sizes import BadFolderRequest
from library.services.moving import copy_asset, move_asset
from library.storage import delete_blob
from mediahub.lib import clock
from mediahub.lib.clock import now
from mediahub.lib.errors import Conflict, DomainError, NotFound
from tests.factories import AssetFactory, AssetVersionFactory, FolderFactory
from tests.library.jobs.conftest import work_all
from tests.library.stored import assert_tree_is_whole, at, contents, folders, paths, put


def copy(account, source, destination, *, include_versions=False):
    return request_copy(
        account=account,
        source=source,
        destination=destination,
        include_versions=include_versions,
        actor="a",
        now=now(),
    )


def move(account, source, destination):
    return request_move(account=account, source=source, destination=destination, actor="a", now=now())


def rename(account, path, name):
    return request_rename(account=account, path=path, name=name, purge_cache=False, actor="a", now=now())


def delete(account, path):
    return request_delete(account=account, path=path, actor="a", now=now())


def done(job):
    job.refresh_from_db()
    assert job.state == BulkJob.State.COMPLETED, (job.error_code, job.error_message)
    return job


@pytest.fixture
def library(account):
    """A small tree beside others whose paths look like it."""
    for path in ("/a/1.txt", "/a/b/2.txt", "/a/b/c/3.txt", "/ab/x.txt", "/A/y.txt", "/a-/z.txt"):
        put(account, path, path.encode())
    create_folder(account=account, parent_path="/a", name="empty", now=now())
    return account


OTHERS = ["/A/y.txt", "/a-/z.txt", "/ab/x.txt"]


def test_rename_gives_the_tree_new_paths(library, heard):
    ids = dict(Folder.objects.values_list("path", "folder_id"))
    heard.clear()
    job = rename(library, "/a/", "new name")
    work_all()

    assert paths(library) == sorted([*OTHERS, "/new_name/1.txt", "/new_name/b/2.txt", "/new_name/b/c/3.txt"])
    assert_tree_is_whole(library)
    assert done(job).objects_done == job.objects_total == 7
    assert sorted(heard) == [
        ("updated", "/new_name"),
        ("updated", "/new_name/b"),
        ("updated", "/new_name/b/c"),
        ("updated", "/new_name/empty"),
    ]
    assert Folder.objects.get(path="/new_name/b").folder_id == ids["/a/b"]


def test_move_gives_folders_new_ids_and_files_keep_theirs(library, heard):
    ids = dict(Folder.objects.values_list("path", "folder_id"))
    file_id = at(library, "/a/b/2.txt").file_id
    heard.clear()
    job = move(library, "/a/b", "/x/y")
    work_all()

    assert paths(library) == sorted([*OTHERS, "/a/1.txt", "/x/y/b/2.txt", "/x/y/b/c/3.txt"])
    assert_tree_is_whole(library)
    done(job)
    assert at(library, "/x/y/b/2.txt").file_id == file_id
    assert heard[:2] == [("created", "/x"), ("created", "/x/y")]
    assert set(heard[2:]) == {
        ("deleted", ids["/a/b"]),
        ("deleted", ids["/a/b/c"]),
        ("created", "/x/y/b"),
        ("created", "/x/y/b/c"),
    }
    assert Folder.objects.get(path="/x/y/b").folder_id != ids["/a/b"]


def test_move_into_a_folder_that_is_there_merges(library, heard):
    put(library, "/x/a/1.txt", b"there")
    put(library, "/x/a/b/other.txt", b"there")
    old = Folder.objects.get(path="/a").folder_id
    heard.clear()
    job = move(library, "/a", "/x")
    work_all()

    assert paths(library) == sorted([*OTHERS, "/x/a/1.txt", "/x/a/b/2.txt", "/x/a/b/c/3.txt", "/x/a/b/other.txt"])
    assert "/a" not in folders(library)
    assert "/x/a/empty" in folders(library)
    assert contents(at(library, "/x/a/1.txt")) == [b"there", b"/a/1.txt"]
    assert_tree_is_whole(library)
    done(job)
    assert ("deleted", old) in heard
    assert ("created", "/x/a/b/c") in heard
    assert ("created", "/x/a") not in heard


def test_merge_leaves_out_what_has_too_many_versions(library):
    there = put(library, "/x/a/1.txt", b"there")
    for _ in range(99):
        AssetVersionFactory(asset=there)
    job = move(library, "/a", "/x")
    work_all()

    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "files_left_out")
    assert [item["fileId"] for item in job.left_out] == [at(library, "/a/1.txt").file_id]
    assert paths(library) == sorted([*OTHERS, "/a/1.txt", "/x/a/1.txt", "/x/a/b/2.txt", "/x/a/b/c/3.txt"])


def test_copy_takes_current_versions_with_their_bytes(library, heard):
    put(library, "/a/1.txt", b"second")
    heard.clear()
    job = copy(library, "/a", "/x")
    work_all()

    copies = ["/x/a/1.txt", "/x/a/b/2.txt", "/x/a/b/c/3.txt"]
    assert paths(library) == sorted([*OTHERS, "/a/1.txt", "/a/b/2.txt", "/a/b/c/3.txt", *copies])
    assert contents(at(library, "/x/a/1.txt")) == [b"second"]
    assert "/x/a/empty" in folders(library)
    assert_tree_is_whole(library)
    assert done(job).objects_done == job.objects_total
    assert sorted(heard) == [("created", path) for path in ("/x", "/x/a", "/x/a/b", "/x/a/b/c", "/x/a/empty")]


def test_copy_with_versions_takes_them_all(library):
    put(library, "/a/1.txt", b"second")
    copy(library, "/a", "/x", include_versions=True)
    work_all()

    assert contents(at(library, "/x/a/1.txt")) == [b"/a/1.txt", b"second"]


def test_copy_leaves_out_a_file_whose_bytes_are_gone(library):
    delete_blob(at(library, "/a/b/2.txt").current_version.blob_key)
    job = copy(library, "/a", "/x")
    work_all()

    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "files_left_out")
    assert "/x/a/b/2.txt" not in paths(library)
    assert "/x/a/b/c/3.txt" in paths(library)


def test_delete_takes_the_tree_and_nothing_else(library, heard, django_capture_on_commit_callbacks, blobs_in_tmp_path):
    ids = {row.folder_id for row in Folder.objects.filter(path__in=["/a", "/a/b", "/a/b/c", "/a/empty"])}
    heard.clear()
    with django_capture_on_commit_callbacks(execute=True):
        job = delete(library, "/a")
        work_all()

    assert paths(library) == OTHERS
    assert folders(library) == ["/A", "/a-", "/ab"]
    assert {item for _, item in heard} == ids
    assert len([path for path in blobs_in_tmp_path.rglob("*") if path.is_file()]) == 3
    done(job)


def test_delete_spares_what_was_uploaded_since(library):
    job = delete(library, "/a")
    clock.shift(1)
    put(library, "/a/b/new.txt")
    put(library, "/a/b/2.txt", b"overwritten since")
    work_all()

    done(job)
    assert paths(library) == sorted([*OTHERS, "/a/b/2.txt", "/a/b/new.txt"])
    assert_tree_is_whole(library)


def test_nothing_moves_into_a_tree_that_is_being_deleted(library):
    delete(library, "/a")

    for act in (
        lambda asset: move_asset(asset=asset, folder_path="/a/b", now=now()),
        lambda asset: copy_asset(asset=asset, folder_path="/a/b", include_versions=False, now=now()),
    ):
        with pytest.raises(FolderLocked):
            act(at(library, "/ab/x.txt"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda a: rename(a, "/a", "n"), lambda a: copy(a, "/a/b", "/x")),
        (lambda a: rename(a, "/a/b", "n"), lambda a: move(a, "/a", "/x")),
        (lambda a: copy(a, "/ab", "/x"), lambda a: delete(a, "/x")),
        (lambda a: copy(a, "/ab", "/x"), lambda a: copy(a, "/A", "/x/ab")),
        (lambda a: move(a, "/a", "/x"), lambda a: rename(a, "/ab", "x")),
        (lambda a: delete(a, "/a/b"), lambda a: copy(a, "/ab", "/a/b/c")),
    ],
)
def test_second_job_on_an_overlapping_tree_is_locked_out(library, first, second):
    create_folder(account=library, parent_path="/", name="x", now=now())
    first(library)

    with pytest.raises(FolderLocked) as refused:
        second(library)

    assert refused.value.status == 423
    work_all()
    assert_tree_is_whole(library)


def test_jobs_on_trees_apart_and_of_other_accounts_go_together(library):
    other = put(AssetFactory().account, "/a/1.txt").account
    rename(library, "/a", "n")
    rename(library, "/ab", "m")
    rename(other, "/a", "n")
    work_all()

    assert "/n/1.txt" in paths(library)
    assert "/m/x.txt" in paths(library)
    assert "/n/1.txt" in paths(other)


def test_a_tree_is_free_again_when_its_job_has_ended(library):
    rename(library, "/a", "n")
    work_all()
    rename(library, "/n", "a")
    work_all()

    assert "/a/1.txt" in paths(library)


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda a: copy(a, "/none", "/x"), "NO_FILES_FOLDER"),
        (lambda a: move(a, "/none", "/x"), "NO_FILES_FOLDER"),
        (lambda a: rename(a, "/none", "x"), None),
        (lambda a: delete(a, "/none"), "FOLDER_NOT_FOUND"),
        (lambda a: copy(a, "/", "/x"), "SOURCE_IS_ROOT"),
        (lambda a: delete(a, "//"), "SOURCE_IS_ROOT"),
        (lambda a: copy(a, "/a", "/"), "SAME_SOURCE_AND_DESTINATION"),
        (lambda a: move(a, "/a/b", "/a"), "SAME_SOURCE_AND_DESTINATION"),
        (lambda a: rename(a, "/a", "a"), "SAME_SOURCE_AND_DESTINATION"),
        (lambda a: move(a, "/a", "/a/b"), "INVALID_DESTINATION_PATH"),
        (lambda a: copy(a, "/a", "/a/b/c"), "INVALID_DESTINATION_PATH"),
        (lambda a: copy(a, "/a", "/x/../y"), "INVALID_FOLDER_PATH"),
        (lambda a: rename(a, "/a", ".."), "INVALID_FOLDER_PATH"),
        (lambda a: move(a, "/a", "/x" * 48), "INVALID_FOLDER_PATH"),
        (lambda a: move(a, "/a", ("/" + "x" * 255) * 7 + "/" + "y" * 250), "INVALID_FOLDER_PATH"),
    ],
)
def test_refusals_carry_their_reason_and_make_no_job(library, ask, reason):
    with pytest.raises(DomainError) as refused:
        ask(library)

    assert refused.value.reason == reason
    assert refused.value.status == (404 if reason in (None, "NO_FILES_FOLDER", "FOLDER_NOT_FOUND") else 400)
    assert not BulkJob.objects.exists()


def test_rename_to_a_taken_name_is_a_conflict(library):
    with pytest.raises(Conflict):
        rename(library, "/a", "ab")


def test_rename_ends_failed_if_the_name_is_taken_meanwhile(library):
    job = rename(library, "/a", "n")
    put(library, "/n/x.txt")
    work_all()

    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "folder_exists")
    assert "/a/1.txt" in paths(library)


@pytest.mark.parametrize(
    "ask", [lambda a: rename(a, "/a", "n"), lambda a: delete(a, "/a"), lambda a: move(a, "/a", "/x")]
)
def test_too_many_objects_are_refused(library, monkeypatch, ask):
    monkeypatch.setattr(sizes, "MAX_OBJECTS", 5)

    with pytest.raises(BadFolderRequest) as refused:
        ask(library)

    assert refused.value.reason == "TOO_MANY_OBJECTS"
    monkeypatch.setattr(sizes, "MAX_OBJECTS", 6)
    ask(library)


def test_other_accounts_folder_is_not_found(library):
    with pytest.raises(NotFound):
        rename(FolderFactory().account, "/a", "n")


@pytest.mark.parametrize("kind", ["rename", "merge", "copy", "delete"])
def test_two_thousand_objects(account, kind):
    root = FolderFactory(account=account, path="/")
    moment = now()
    asked = [f"/t/{index:02d}" for index in range(40)]
    for path in asked:
        FolderFactory(account=account, path=path, created_at=moment)
    rows = {row.path: row for row in Folder.objects.filter(account=account)}
    assets = Asset.objects.bulk_create(
        Asset(account=account, folder=rows[asked[n % 40]], name=f"{n}.txt", created_at=moment, updated_at=moment)
        for n in range(2000)
    )
    from library.services.blobs import store_bytes

    for asset in assets if kind == "copy" else ():
        blob = store_bytes(data=b"x", name="x.txt")
        asset.current_version = AssetVersion.objects.create(
            version_id=asset.file_id, asset=asset, number=1, blob_key=blob.blob_key, sha256=blob.sha256,
            size_bytes=1, mime="text/plain", origin="upload", created_at=moment,
        )  # fmt: skip
    Asset.objects.bulk_update(assets, ["current_version"], batch_size=500)
    if kind == "merge":
        FolderFactory(account=account, path="/x/t")
    clock.shift(1)
    job = {
        "rename": lambda: rename(account, "/t", "n"),
        "merge": lambda: move(account, "/t", "/x"),
        "copy": lambda: copy(account, "/t", "/x"),
        "delete": lambda: delete(account, "/t"),
    }[kind]()
    work_all(stretch_s=0.0)

    done(job)
    assert job.objects_total == 2041
    assert job.objects_done == 2041
    assert_tree_is_whole(account)
    held = {"rename": "/n", "merge": "/x/t", "copy": "/x/t", "delete": "/t"}[kind]
    assert Asset.objects.in_tree(held).count() == (0 if kind == "delete" else 2000)
    assert root.assets.count() == 0
