"""Versions added, restored and deleted, and the blobs behind them."""

import uuid

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import DatabaseError

from library.models import AssetVersion
from library.services.blobs import discard, discarded_unless_written, store_bytes
from library.services.versions import (
    CurrentVersion,
    VersionLimitExceeded,
    add_version,
    delete_version,
    restore_version,
)
from library.signals import version_added
from library.storage import StorageUnavailable, blob_exists
from mediahub.lib import clock
from mediahub.lib.errors import NotFound
from tests.factories import AssetFactory, AssetVersionFactory, RenditionFactory
from tests.uploading import picture

pytestmark = pytest.mark.django_db
EXTENSION = AssetVersion.Origin.EXTENSION


@pytest.fixture
def asset(db):
    return AssetFactory()


def add(asset, **kwargs):
    blob = store_bytes(data=picture(mode="RGBA"), name="x.png")
    options = {"origin": EXTENSION, "run_id": uuid.uuid4(), "make_current": True, "is_published": True}
    options |= {"now": clock.now(), **kwargs}
    return add_version(asset=asset, blob=blob, **options)


def test_a_result_becomes_the_current_version(asset):
    version = add(asset)
    asset.refresh_from_db()
    assert asset.current_version == version
    assert (version.number, version.origin, version.mime, version.has_alpha) == (2, "extension", "image/png", True)
    assert asset.updated_at == version.created_at


def test_a_result_can_be_kept_beside_the_current_version(asset):
    before = (asset.current_version_id, asset.updated_at)
    assert add(asset, make_current=False).number == 2
    asset.refresh_from_db()
    assert (asset.current_version_id, asset.updated_at) == before


def test_results_are_announced_with_their_asset(asset):
    heard = []

    def receiver(**kwargs):
        heard.append((kwargs["asset"], kwargs["version"]))

    version_added.connect(receiver)
    version = add(asset)
    version_added.disconnect(receiver)
    assert heard == [(asset, version)]


def test_one_run_makes_one_version(asset):
    run_id = uuid.uuid4()
    add(asset, run_id=run_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        add(asset, run_id=run_id)


def test_there_are_a_hundred_versions_and_no_more(asset):
    for _ in range(99):
        AssetVersionFactory(asset=asset)
    with pytest.raises(VersionLimitExceeded) as caught:
        add(asset)
    assert caught.value.code == "version_limit_exceeded"


def test_numbers_go_on_after_a_deletion_in_between(asset):
    second = add(asset, make_current=False)
    third = add(asset)
    delete_version(asset=asset, version=second)
    assert add(asset).number == third.number + 1


def test_nothing_is_added_to_an_asset_that_is_gone(asset):
    gone = type(asset)(pk=asset.pk + 1000)
    with pytest.raises(NotFound):
        add(gone)


def test_restoring_points_back_and_changes_no_bytes(asset):
    first = asset.current_version
    add(asset)
    restore_version(asset=asset, version=first, now=clock.now())
    asset.refresh_from_db()
    assert asset.current_version == first
    assert asset.versions.count() == 2


def test_a_version_of_another_asset_cannot_be_restored(asset):
    with pytest.raises(NotFound):
        restore_version(asset=asset, version=AssetVersionFactory(), now=clock.now())


def test_the_current_version_cannot_be_deleted(asset):
    with pytest.raises(CurrentVersion):
        delete_version(asset=asset, version=asset.current_version)


@pytest.mark.rel("U12")
def test_deleting_a_version_removes_its_bytes_and_renditions_after_commit(asset, django_capture_on_commit_callbacks):
    version = add(asset, make_current=False)
    thumbnail = store_bytes(data=b"thumb", name="t")
    RenditionFactory(version=version, spec="preview", state="ready", blob_key=thumbnail.blob_key)
    with django_capture_on_commit_callbacks() as callbacks:
        delete_version(asset=asset, version=version)
    assert blob_exists(version.blob_key)
    for callback in callbacks:
        callback()
    assert not blob_exists(version.blob_key)
    assert not blob_exists(thumbnail.blob_key)


def test_the_database_refuses_to_change_bytes_and_to_point_elsewhere(asset):
    stranger = AssetVersionFactory()
    with pytest.raises(DatabaseError), transaction.atomic():
        AssetVersion.objects.filter(asset=asset).update(sha256="0" * 64)
    with pytest.raises(DatabaseError), transaction.atomic():
        type(asset).objects.filter(pk=asset.pk).update(current_version=stranger)


@pytest.mark.rel("U12")
class TestBlobs:
    def test_equal_bytes_have_keys_of_their_own(self):
        one, two = (store_bytes(data=b"same", name="x") for _ in range(2))
        assert one.sha256 == two.sha256
        assert one.blob_key != two.blob_key

    def test_a_blob_goes_when_its_row_was_not_written(self):
        blob = store_bytes(data=b"x", name="x")
        with pytest.raises(RuntimeError), discarded_unless_written(blob):
            raise RuntimeError("before the end of the transaction")
        assert not blob_exists(blob.blob_key)

    def test_a_blob_stays_when_the_commit_may_have_happened(self):
        blob = store_bytes(data=b"x", name="x")
        with pytest.raises(RuntimeError), discarded_unless_written(blob) as about_to_commit:
            about_to_commit()
            raise RuntimeError("the connection broke during the commit")
        assert blob_exists(blob.blob_key)

    def test_what_the_store_does_not_remove_is_left_to_the_sweep(self, monkeypatch):
        def refuse(key):
            raise StorageUnavailable("away")

        monkeypatch.setattr("library.services.blobs.delete_blob", refuse)
        discard("a", "b")
