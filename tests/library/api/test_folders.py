"""Folders and bulk jobs on the wire: exact codes, bodies and reasons (API 3.8)."""

import pytest

from library.models import Asset, BulkJob, Folder
from mediahub.lib.clock import now
from tests.conftest import client_for
from tests.factories import ApiKeyFactory, AssetFactory, BulkJobFactory, FolderFactory
from tests.library.jobs.conftest import work_all
from tests.library.stored import folders, paths, put

JOBS = "/v1/bulkJobs"


@pytest.fixture
def account(new_account):
    return new_account.account


def assert_error(answer, status, reason=None):
    """ImageKit's error body with this status and reason."""
    body = answer.json()
    assert answer.status_code == status, body
    assert body.get("reason") == reason
    assert body["message"]
    assert body["help"]
    assert answer["x-ik-requestId"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_create_folder(api, account, slash):
    body = {"folderName": "new shoes/2", "parentFolderPath": "products"}
    answer = api.post(f"/v1/folder{slash}", body, format="json")

    assert (answer.status_code, answer.json()) == (201, {})
    assert folders(account) == ["/products", "/products/new_shoes_2"]
    assert api.post(f"/v1/folder{slash}", body, format="json").status_code == 201
    assert Folder.objects.filter(depth__gt=0).count() == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"parentFolderPath": "/"}, "MISSING_PARAMETER"),
        ({"folderName": "a"}, "MISSING_PARAMETER"),
        ({"folderName": "", "parentFolderPath": "/"}, "MISSING_PARAMETER"),
        ({"folderName": 5, "parentFolderPath": "/"}, "INVALID_PARAMETER"),
        ({"folderName": ["a"], "parentFolderPath": "/"}, "INVALID_PARAMETER"),
        ({"folderName": "x" * 5000, "parentFolderPath": "/"}, "INVALID_PARAMETER"),
        ({"folderName": ".", "parentFolderPath": "/"}, "INVALID_FOLDER_PATH"),
        ({"folderName": "..", "parentFolderPath": "/"}, "INVALID_FOLDER_PATH"),
        ({"folderName": "   ", "parentFolderPath": "/"}, "INVALID_FOLDER_PATH"),
        ({"folderName": "a", "parentFolderPath": "/x/../y"}, "INVALID_FOLDER_PATH"),
        ({"folderName": "a", "parentFolderPath": "/x" * 50}, "INVALID_FOLDER_PATH"),
        ({"folderName": "x" * 256, "parentFolderPath": "/"}, "INVALID_FOLDER_PATH"),
    ],
)
def test_create_folder_refusals(api, account, body, reason):
    assert_error(api.post("/v1/folder", body, format="json"), 400, reason)
    assert folders(account) == []


@pytest.mark.parametrize("slash", ["", "/"])
def test_delete_folder(api, account, slash):
    put(account, "/a/b/1.txt")
    put(account, "/c/1.txt")
    answer = api.delete(f"/v1/folder{slash}", {"folderPath": "/a/"}, format="json")

    assert (answer.status_code, answer.content) == (204, b"")
    assert paths(account) == ["/c/1.txt"]
    assert folders(account) == ["/c"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({}, 400, "MISSING_PARAMETER"),
        ({"folderPath": 1}, 400, "INVALID_PARAMETER"),
        ({"folderPath": "/"}, 400, "SOURCE_IS_ROOT"),
        ({"folderPath": "/a/.."}, 400, "INVALID_FOLDER_PATH"),
        ({"folderPath": "/none"}, 404, "FOLDER_NOT_FOUND"),
        ({"folderPath": "/A"}, 404, "FOLDER_NOT_FOUND"),
    ],
)
def test_delete_folder_refusals(api, account, body, status, reason):
    put(account, "/a/1.txt")

    assert_error(api.delete("/v1/folder", body, format="json"), status, reason)
    assert paths(account) == ["/a/1.txt"]


def test_a_deletion_that_takes_long_goes_on_in_the_background(api, account, monkeypatch):
    monkeypatch.setattr("library.services.jobs.working.IN_REQUEST_S", 0.0)
    put(account, "/a/1.txt")

    assert api.delete("/v1/folder", {"folderPath": "/a"}, format="json").status_code == 204
    assert BulkJob.objects.get().state == "queued"
    assert_error(api.delete("/v1/folder", {"folderPath": "/a"}, format="json"), 423)
    work_all()
    assert paths(account) == []


@pytest.mark.parametrize(
    ("path", "body", "status", "kind"),
    [
        (
            "copyFolder",
            {"sourceFolderPath": "/a", "destinationPath": "/x", "includeVersions": True},
            200,
            "COPY_FOLDER",
        ),
        ("moveFolder/", {"sourceFolderPath": "/a", "destinationPath": "/x"}, 200, "MOVE_FOLDER"),
        ("renameFolder", {"folderPath": "/a", "newFolderName": "x", "purgeCache": False}, 202, "RENAME_FOLDER"),
    ],
)
def test_job_from_pending_to_completed(api, account, path, body, status, kind):
    put(account, "/a/1.txt")
    answer = api.post(f"{JOBS}/{path}", body, format="json")

    assert answer.status_code == status
    job_id = answer.json()["jobId"]
    assert set(answer.json()) == {"jobId"}
    assert api.get(f"{JOBS}/{job_id}").json() == {"jobId": job_id, "type": kind, "status": "Pending"}
    work_all()
    assert api.get(f"{JOBS}/{job_id}/").json() == {"jobId": job_id, "type": kind, "status": "Completed"}


@pytest.mark.parametrize("name", ["includeVersions", "includeFileVersions"])
def test_copy_folder_takes_both_spellings_of_the_switch(api, account, name):
    put(account, "/a/1.txt")
    body = {"sourceFolderPath": "/a", "destinationPath": "/x", name: True}

    assert api.post(f"{JOBS}/copyFolder", body, format="json").status_code == 200
    assert BulkJob.objects.get().include_versions


def test_rename_with_purge_names_the_purge(api, account):
    put(account, "/a/1.txt")
    body = {"folderPath": "/a", "newFolderName": "x", "purgeCache": True}
    job_id = api.post(f"{JOBS}/renameFolder", body, format="json").json()["jobId"]
    work_all()
    job = api.get(f"{JOBS}/{job_id}").json()

    assert job["status"] == "Completed"
    assert api.get(f"/v1/files/purge/{job['purgeRequestId']}").json() == {"status": "Completed"}


def test_a_failed_job_is_visible(api, account):
    job = BulkJobFactory(
        account=account, state="failed", finished_at=now(), error_code="worker_lost", error_message="It ended."
    )

    answer = api.get(f"{JOBS}/{job.job_id}")
    assert answer.status_code == 200
    assert answer.json() == {
        "jobId": job.job_id,
        "type": "RENAME_FOLDER",
        "status": "Completed",
        "error": {"code": "worker_lost", "message": "It ended.", "files": []},
    }


@pytest.mark.rel("B26")
def test_unknown_jobs_all_look_the_same(api):
    answers = [api.get(f"{JOBS}/{name}") for name in ("x", "0" * 24, BulkJobFactory().job_id)]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize("job", ["copyFolder", "moveFolder"])
@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"destinationPath": "/x"}, 400, "MISSING_PARAMETER"),
        ({"sourceFolderPath": "/a"}, 400, "MISSING_PARAMETER"),
        ({"sourceFolderPath": {}, "destinationPath": "/x"}, 400, "INVALID_PARAMETER"),
        ({"sourceFolderPath": "/a", "destinationPath": 5}, 400, "INVALID_PARAMETER"),
        ({"sourceFolderPath": "/", "destinationPath": "/x"}, 400, "SOURCE_IS_ROOT"),
        ({"sourceFolderPath": "/a", "destinationPath": "/"}, 400, "SAME_SOURCE_AND_DESTINATION"),
        ({"sourceFolderPath": "/a", "destinationPath": "/a/b"}, 400, "INVALID_DESTINATION_PATH"),
        ({"sourceFolderPath": "/a", "destinationPath": "/x/.."}, 400, "INVALID_FOLDER_PATH"),
        ({"sourceFolderPath": "/none", "destinationPath": "/x"}, 404, "NO_FILES_FOLDER"),
    ],
)
def test_job_refusals(api, account, job, body, status, reason):
    put(account, "/a/1.txt")

    assert_error(api.post(f"{JOBS}/{job}", body, format="json"), status, reason)
    assert not BulkJob.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"newFolderName": "x"}, 400, "MISSING_PARAMETER"),
        ({"folderPath": "/a"}, 400, "MISSING_PARAMETER"),
        ({"folderPath": "/a", "newFolderName": "x", "purgeCache": "yes"}, 400, "INVALID_PARAMETER"),
        ({"folderPath": "/a", "newFolderName": "a"}, 400, "SAME_SOURCE_AND_DESTINATION"),
        ({"folderPath": "/a", "newFolderName": ".."}, 400, "INVALID_FOLDER_PATH"),
        ({"folderPath": "/", "newFolderName": "x"}, 400, "SOURCE_IS_ROOT"),
        ({"folderPath": "/none", "newFolderName": "x"}, 404, None),
        ({"folderPath": "/a", "newFolderName": "b"}, 409, None),
    ],
)
def test_rename_refusals(api, account, body, status, reason):
    put(account, "/a/1.txt")
    put(account, "/b/1.txt")

    answer = api.post(f"{JOBS}/renameFolder", body, format="json")
    assert_error(answer, status, reason)
    assert answer.get("x-should-retry") == ("false" if status == 409 else None)
    assert not BulkJob.objects.exists()


def test_too_many_objects(api, account, monkeypatch):
    monkeypatch.setattr("library.services.jobs.sizes.MAX_OBJECTS", 1)
    put(account, "/a/1.txt")
    put(account, "/a/2.txt")

    assert_error(api.delete("/v1/folder", {"folderPath": "/a"}, format="json"), 400, "TOO_MANY_OBJECTS")
    assert Asset.objects.count() == 2


def test_second_job_on_an_overlapping_folder_is_423(api, account):
    put(account, "/a/b/1.txt")
    api.post(f"{JOBS}/renameFolder", {"folderPath": "/a", "newFolderName": "n"}, format="json")

    answer = api.post(f"{JOBS}/moveFolder", {"sourceFolderPath": "/a/b", "destinationPath": "/x"}, format="json")
    assert_error(answer, 423)
    assert answer["Retry-After"] == "5"


@pytest.mark.parametrize(
    "name",
    ["\ud800", "a\u0000b"],
)
@pytest.mark.rel("B3", "B4")
def test_text_that_no_database_stores_is_refused(api, account, name):
    import json

    body = json.dumps({"folderName": name, "parentFolderPath": "/"})
    assert_error(api.post("/v1/folder", body, content_type="application/json"), 400)
    assert folders(account) == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/v1/folder", {"folderName": "a", "parentFolderPath": "/"}),
        ("delete", "/v1/folder", {"folderPath": "/a"}),
        ("post", f"{JOBS}/copyFolder", {"sourceFolderPath": "/a", "destinationPath": "/x"}),
        ("post", f"{JOBS}/moveFolder", {"sourceFolderPath": "/a", "destinationPath": "/x"}),
        ("post", f"{JOBS}/renameFolder", {"folderPath": "/a", "newFolderName": "x"}),
        ("post", "/v1/files/copy", {"sourceFilePath": "/a/1.txt", "destinationPath": "/x"}),
        ("post", "/v1/files/move", {"sourceFilePath": "/a/1.txt", "destinationPath": "/x"}),
        ("put", "/v1/files/rename", {"filePath": "/a/1.txt", "newFileName": "x"}),
        ("post", "/v1/files/addTags", {"fileIds": ["0" * 24], "tags": ["a"]}),
        ("post", "/v1/files/removeTags", {"fileIds": ["0" * 24], "tags": ["a"]}),
        ("post", "/v1/files/removeAITags", {"fileIds": ["0" * 24], "AITags": ["a"]}),
        ("post", "/v1/files/batch/deleteByFileIds", {"fileIds": ["0" * 24]}),
        ("post", "/v1/files/purge", {"url": "http://x/"}),
    ],
)
def test_keys_that_may_only_read_are_refused_and_nobody_else_gets_in(account, method, path, body):
    put(account, "/a/1.txt")
    key = ApiKeyFactory(
        account=account, is_restricted=True, rights={"media": "read", "cache": "read"}, public_key="public_reader"
    )

    assert_error(getattr(client_for("private_reader"), method)(path, body, format="json"), 403)
    assert_error(getattr(client_for(""), method)(path, body, format="json"), 401)
    assert key.account == account
    assert paths(account) == ["/a/1.txt"]


def test_other_accounts_trees_are_out_of_reach(api):
    other = put(AssetFactory().account, "/a/1.txt").account
    FolderFactory(account=other, path="/b")

    assert_error(api.delete("/v1/folder", {"folderPath": "/a"}, format="json"), 404, "FOLDER_NOT_FOUND")
    body = {"sourceFilePath": "/a/1.txt", "destinationPath": "/x"}
    assert_error(api.post("/v1/files/move", body, format="json"), 404, "SOURCE_FILE_MISSING")
    assert "/a/1.txt" in paths(other)
