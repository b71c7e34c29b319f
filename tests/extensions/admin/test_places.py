"""Names and places in the admin: rename, move and copy assets and folders, act on ticked assets, watch jobs."""

import pytest
from django.urls import reverse

from library.models import Asset, BulkJob
from tests.factories import AssetFactory, BulkJobFactory
from tests.library.jobs.conftest import work_all
from tests.library.stored import at, contents, folders, paths, put


@pytest.fixture
def account(new_account):
    return new_account.account


@pytest.fixture
def desk(client, editor):
    """A browser of an editor."""
    client.force_login(editor)
    return client


def said(answer):
    return [str(message) for message in answer.context["messages"]]


def test_rename_an_asset(desk, account):
    asset = put(account, "/a/x.txt")
    answer = desk.post(reverse("admin:file-rename", args=[asset.file_id]), {"name": "y.txt"}, follow=True)

    assert paths(account) == ["/a/y.txt"]
    assert said(answer) == ["Renamed."]


def test_a_refused_rename_says_why(desk, account):
    asset = put(account, "/a/x.txt")
    put(account, "/a/y.txt")
    answer = desk.post(reverse("admin:file-rename", args=[asset.file_id]), {"name": "y.txt"}, follow=True)

    assert said(answer) == ["A file with the name y.txt exists already in this folder."]


def test_moving_to_a_taken_name_shows_the_asset_there(desk, account):
    asset, there = put(account, "/a/x.txt", b"new"), put(account, "/b/x.txt", b"old")
    url = reverse("admin:file-move", args=[asset.file_id])
    answer = desk.post(url, {"destination": "/b", "act": "move"})

    assert answer.url == reverse("admin:file", args=[there.file_id])
    assert contents(at(account, "/b/x.txt")) == [b"old", b"new"]


@pytest.mark.parametrize(("versions", "count"), [("", 1), ("1", 2)])
def test_copy_an_asset(desk, account, versions, count):
    put(account, "/a/x.txt", b"one")
    asset = put(account, "/a/x.txt", b"two")
    url = reverse("admin:file-move", args=[asset.file_id])
    desk.post(url, {"destination": "/b", "act": "copy", "versions": versions})

    assert len(contents(at(account, "/b/x.txt"))) == count
    assert desk.post(url, {"destination": "/a", "act": "copy"}, follow=True).status_code == 200


def tick(desk, *assets, **fields):
    return desk.post(
        reverse("admin:files-selection"), {"file": [asset.file_id for asset in assets], **fields}, follow=True
    )


def test_ticked_assets_are_tagged_and_untagged(desk, account):
    one, two = put(account, "/1.txt", tags=("old",)), put(account, "/2.txt")
    assert said(tick(desk, one, two, act="add-tags", tags="new, newer")) == ["2 assets tagged."]
    tick(desk, one, act="remove-tags", tags="old")

    assert [tag.name for tag in one.tags.all()] == ["new", "newer"]
    assert [tag.name for tag in two.tags.all()] == ["new", "newer"]


def test_ticked_assets_are_moved_and_refusals_named(desk, account):
    one, there = put(account, "/a/1.txt"), put(account, "/b/2.txt")
    answer = tick(desk, one, there, act="move", destination="/b")

    assert paths(account) == ["/b/1.txt", "/b/2.txt"]
    assert said(answer) == ["1 asset moved.", "2.txt: The file is in that folder already."]


def test_ticked_assets_are_deleted(desk, account):
    one, kept = put(account, "/1.txt"), put(account, "/2.txt")
    tick(desk, one, act="delete")

    assert list(Asset.objects.all()) == [kept]


@pytest.mark.parametrize(
    "fields",
    [{"act": "add-tags", "tags": " , "}, {"act": "move"}, {"act": "format"}, {}, {"act": "add-tags", "tags": "%"}],
)
def test_what_makes_no_sense_changes_nothing(desk, account, fields):
    one = put(account, "/1.txt")
    (message,) = said(tick(desk, one, **fields))

    assert message
    assert paths(account) == ["/1.txt"]
    assert said(tick(desk, act="delete")) == ["Tick 1 to 50 assets."]


def test_other_accounts_assets_cannot_be_ticked(desk, account):
    other = AssetFactory()
    for act in ("delete", "move", "add-tags"):
        tick(desk, other, act=act, tags="x", destination="/b")

    other.refresh_from_db()
    assert other.folder.path == "/"
    assert not other.tags.exists()


def folder_url(account, path, name):
    return reverse(f"admin:{name}", args=[account.folders.get(path=path).folder_id])


def test_rename_move_and_copy_a_folder(desk, account):
    put(account, "/a/1.txt")
    answer = desk.post(folder_url(account, "/a", "folder-rename"), {"name": "b"}, follow=True)
    assert said(answer) == ["Asked for: rename folder /a."]
    assert b'hx-trigger="every 2s"' in answer.content
    work_all()
    desk.post(folder_url(account, "/b", "folder-move"), {"destination": "/x", "act": "move"})
    work_all()
    desk.post(folder_url(account, "/x/b", "folder-move"), {"destination": "/y", "act": "copy"})
    work_all()

    assert paths(account) == ["/x/b/1.txt", "/y/b/1.txt"]
    assert b"hx-trigger" not in desk.get(reverse("admin:folder-jobs")).content
    assert {job.actor for job in BulkJob.objects.all()} == {"edda"}


def test_delete_a_folder(desk, account):
    put(account, "/a/b/1.txt")
    desk.post(folder_url(account, "/a", "folder-delete"))

    assert folders(account) == []


def test_a_refused_job_says_why(desk, account):
    put(account, "/a/1.txt")
    answer = desk.post(folder_url(account, "/a", "folder-move"), {"destination": "/a/b"}, follow=True)

    assert said(answer) == ["A folder cannot go into a folder inside itself."]
    root = desk.post(folder_url(account, "/", "folder-delete"), follow=True)
    assert "cannot be" in said(root)[0]


def test_a_failed_job_shows_its_reason(desk, account):
    BulkJobFactory(
        account=account,
        state="failed",
        error_code="x",
        error_message="It <b>ended</b>.",
        finished_at="2026-01-01T00:00Z",
    )

    assert b"It &lt;b&gt;ended&lt;/b&gt;." in desk.get(reverse("admin:folders")).content
