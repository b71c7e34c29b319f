"""Repeats of uploads by SDKs: one file, one answer, and no error after the commit (REL U15)."""

import pytest
from django.db import OperationalError

from extensions.models import ExtensionRun
from library.models import Asset, UploadReceipt
from mediahub.lib import clock
from tests.conftest import client_for
from tests.uploading import picture, upload

pytestmark = [pytest.mark.django_db, pytest.mark.rel("U15")]
REPEAT = {"x-stainless-retry-count": "1"}
BLOCKS = '[{"name": "aws-auto-tagging", "minConfidence": 70, "maxTags": 3}]'


def test_a_repeat_gets_the_first_ones_answer(api):
    first = upload(api, picture(), tags="a,b", responseFields="tags", extensions=BLOCKS).json()
    again = upload(api, picture(), headers=REPEAT, tags="a,b", responseFields="tags", extensions=BLOCKS)
    assert again.status_code == 200
    assert again.json() == first
    assert Asset.objects.count() == 1
    assert ExtensionRun.objects.count() == 1


def test_a_repeat_of_an_overwrite_makes_no_further_version(api):
    fields = {"fileName": "a.bin", "useUniqueFileName": "false"}
    upload(api, b"one", **fields)
    second = upload(api, b"two", **fields).json()
    assert upload(api, b"two", headers=REPEAT, **fields).json() == second
    assert Asset.objects.get().versions.count() == 2


def test_a_repeat_is_known_whatever_the_order_of_its_fields(api):
    first = upload(api, tags="a", folder="/x").json()
    assert upload(api, headers=REPEAT, folder="/x", tags="a").json() == first


def test_the_same_upload_without_the_header_is_a_second_file(api):
    upload(api)
    upload(api)
    upload(api, headers={"x-stainless-retry-count": "0"})
    assert Asset.objects.count() == 3


@pytest.mark.parametrize("count", ["", "-1", "one", "²"])
def test_a_header_that_is_no_count_is_no_repeat(api, count):
    upload(api)
    assert upload(api, headers={"x-stainless-retry-count": count}).status_code == 200
    assert Asset.objects.count() == 2


@pytest.mark.parametrize(
    ("data", "fields"),
    [(b"other bytes", {}), (b"some bytes", {"tags": "x"}), (b"some bytes", {"overwriteFile": "false"})],
    ids=["content", "tags", "overwrite switch"],
)
def test_a_repeat_that_differs_is_an_upload_of_its_own(api, data, fields):
    upload(api)
    upload(api, data, headers=REPEAT, **fields)
    assert Asset.objects.count() == 2


def test_a_repeat_of_something_never_committed_is_done_now(api):
    assert upload(api, headers=REPEAT).status_code == 200
    assert Asset.objects.count() == 1


def test_a_repeat_with_another_key_is_an_upload_of_its_own(api, new_account):
    from library.services.accounts import create_api_key

    upload(api)
    other = client_for(create_api_key(account=new_account.account, label="other").private_key)
    upload(other, headers=REPEAT)
    assert Asset.objects.count() == 2


def test_after_five_minutes_a_repeat_is_a_new_upload(api):
    first = upload(api).json()
    clock.shift(299)
    assert upload(api, headers=REPEAT).json()["fileId"] == first["fileId"]
    clock.shift(301)
    assert upload(api, headers=REPEAT).json()["fileId"] != first["fileId"]


def test_a_repeat_after_the_file_was_deleted_stores_it_again(api):
    first = upload(api).json()
    api.delete(f"/v1/files/{first['fileId']}")
    assert upload(api, headers=REPEAT).json()["fileId"] != first["fileId"]


def test_a_refused_upload_leaves_no_receipt(api):
    upload(api, extensions='[{"name": "nothing"}]')
    assert not UploadReceipt.objects.exists()


def test_nothing_that_fails_after_the_commit_fails_the_answer(api, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("the database went away")

    monkeypatch.setattr("extensions.api.uploads.wait_for", fail)
    response = upload(api, picture(), extensions=BLOCKS)
    assert response.status_code == 200
    assert response.json()["fileId"] == Asset.objects.get().file_id
    assert response.json()["extensionStatus"] == {"aws-auto-tagging": "pending"}


def test_an_answer_that_cannot_be_read_again_is_the_one_of_the_commit(api, monkeypatch):
    def settle(runs):
        Asset.objects.all().delete()
        return {run.extension: "success" for run in runs}

    monkeypatch.setattr("extensions.api.uploads.wait_for", settle)
    response = upload(api, picture(), tags="a", responseFields="tags", extensions=BLOCKS)
    assert response.status_code == 200
    assert response.json()["tags"] == ["a"]
    assert response.json()["extensionStatus"] == {"aws-auto-tagging": "success"}
