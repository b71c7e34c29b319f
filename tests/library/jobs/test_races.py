"""Uploads, moves and jobs at the same moment, on several connections: nothing is lost and no tree is torn."""

import threading

import pytest
from django.db import connection, connections

from library.models import Asset, BulkJob, Folder
from library.services.accounts import create_account
from library.services.folders import FolderLocked
from library.services.moving import move_asset
from mediahub.lib.clock import now
from mediahub.lib.errors import DomainError
from tests.library.jobs.conftest import work_all
from tests.library.jobs.test_folder_jobs import delete, move, rename
from tests.library.stored import assert_tree_is_whole, at, paths, put


def together(*acts):
    """Run functions at once, each on its own connection; returns what they raised."""
    start, errors = threading.Barrier(len(acts)), []

    def run(act):
        try:
            start.wait()
            act()
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.fixture
def account(committed_db):
    return create_account(slug="acme").account


@pytest.mark.parametrize("kind", ["rename", "merge"])
def test_uploads_into_a_tree_that_moves_are_all_there_and_the_tree_is_whole(account, kind):
    for number in range(8):
        put(account, f"/a/{number}/first.txt")
    if kind == "merge":
        put(account, "/x/a/3/first.txt")
        job = move(account, "/a", "/x")
    else:
        job = rename(account, "/a", "n")

    def upload(worker):
        def act():
            for number in range(12):
                put(account, f"/a/{number}/{worker}/{number}.txt", f"{worker} {number}".encode())

        return act

    errors = together(*(upload(worker) for worker in range(3)), lambda: work_all(stretch_s=0.0))
    work_all()

    assert errors == []
    assert_tree_is_whole(account)
    job.refresh_from_db()
    assert job.state == BulkJob.State.COMPLETED, job.error_message
    for worker in range(3):
        for number in range(12):
            assert Asset.objects.filter(name=f"{number}.txt", folder__name=str(worker)).count() >= 1
    everything = Asset.objects.exclude(name="first.txt")
    assert everything.count() == 36


def test_uploads_into_a_tree_that_is_deleted_are_kept_or_gone_but_never_torn(account):
    for number in range(8):
        put(account, f"/a/{number}/first.txt")
    job = delete(account, "/a")

    def upload():
        for number in range(20):
            put(account, f"/a/{number % 8}/later-{number}.txt")

    errors = together(upload, upload, lambda: work_all(stretch_s=0.0))
    work_all()

    assert errors == []
    assert_tree_is_whole(account)
    job.refresh_from_db()
    assert job.state == BulkJob.State.COMPLETED
    assert len(paths(account)) == 20
    assert not any(path.endswith("first.txt") for path in paths(account))


def test_of_two_jobs_asked_for_at_once_one_is_locked_out(account):
    put(account, "/a/b/1.txt")
    errors = together(lambda: rename(account, "/a", "n"), lambda: move(account, "/a/b", "/x"))

    assert [type(error) for error in errors] == [FolderLocked]
    assert BulkJob.objects.count() == 1


def test_opposite_moves_of_two_files_end_with_both_histories(account):
    put(account, "/a/x.txt", b"a")
    put(account, "/b/x.txt", b"b")
    one, other = at(account, "/a/x.txt"), at(account, "/b/x.txt")

    errors = together(
        lambda: move_asset(asset=one, folder_path="/b", now=now()),
        lambda: move_asset(asset=other, folder_path="/a", now=now()),
    )

    assert all(isinstance(error, DomainError) for error in errors), errors
    assert sum(asset.versions.count() for asset in Asset.objects.all()) == 2
    assert_tree_is_whole(account)


def test_many_make_the_same_folders_at_once(account):
    errors = together(*(lambda n=n: put(account, f"/p/q/r/{n}.txt") for n in range(4)))

    assert errors == []
    assert Folder.objects.filter(depth__gt=0).count() == 3
    assert len(paths(account)) == 4
    connection.close()
