"""Renditions: asked for once, made once, whoever dies."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from library.models import AssetVersion, Rendition
from library.renditions import (
    LEASE,
    MAX_ATTEMPTS,
    NoRendition,
    claim_rendition,
    make_rendition,
    request_rendition,
    wake_due_renditions,
)
from library.services.accounts import create_account
from library.services.assets import UploadFields, delete_asset, upload_asset
from library.services.blobs import store_bytes
from library.storage import blob_exists, delete_blob, read_blob
from library.tasks import known_blob_keys, renditions_work, sweep_blobs, sweep_renditions
from mediahub.lib import clock, waking
from mediahub.lib.clock import now
from tests.library.delivery.conftest import FORMATS

THUMB = "ik_ml_thumbnail"


def uploaded(name: str = "exif_orientation_6.jpg", account=None) -> AssetVersion:
    return upload_asset(
        account=account or create_account(slug="acme").account,
        blob=store_bytes(data=(FORMATS / name).read_bytes(), name=name),
        fields=UploadFields(file_name=name, use_unique_file_name=False),
        now=now(),
    )


@pytest.fixture
def version(db) -> AssetVersion:
    return uploaded()


def test_an_upload_asks_for_its_thumbnail_and_for_no_other(version):
    rendition = Rendition.objects.get()

    assert (rendition.version, rendition.spec, rendition.state) == (version, THUMB, "queued")


@pytest.mark.rel("J12")
def test_beyond_the_ceiling_rows_wait_for_the_sweep(version):
    moment = now()
    Rendition.objects.all().delete()
    Rendition.objects.bulk_create(
        Rendition(version=version, spec=f"s{number}", due_at=moment, woken_at=moment, created_at=moment)
        for number in range(1000)
    )

    assert request_rendition(version=version, spec=THUMB).woken_at is None


@pytest.mark.rel("S7")
def test_asking_twice_makes_one_row(version):
    first = request_rendition(version=version, spec=THUMB)
    second = request_rendition(version=version, spec="media_library_thumbnail")

    assert first.pk == second.pk
    assert Rendition.objects.count() == 1


@pytest.mark.rel("S7")
def test_only_named_specifications_exist(version):
    with pytest.raises(NoRendition):
        request_rendition(version=version, spec="w-9999")


@pytest.mark.rel("U5", "U9")
@pytest.mark.parametrize("name", ["bomb_144mp.png", "script.svg", "not_an_image.jpg"])
def test_what_must_not_be_decoded_has_no_rendition(db, name):
    with pytest.raises(NoRendition):
        request_rendition(version=uploaded(name), spec=THUMB)
    assert not Rendition.objects.exists()


@pytest.mark.rel("U8", "S7")
def test_a_worker_makes_it_and_the_visitor_gets_it(version):
    request_rendition(version=version, spec=THUMB)
    renditions_work()
    rendition = Rendition.objects.get()
    response = Client().get("/media/acme/tr:n-ik_ml_thumbnail/exif_orientation_6.jpg")

    assert rendition.state == Rendition.State.READY
    assert response.status_code == 200
    assert response["Content-Type"] == "image/webp"
    assert response["ETag"] == f'"{rendition.sha256}"'
    assert response["Content-Disposition"] == 'inline; filename="exif_orientation_6.webp"'
    assert b"".join(response.streaming_content) == read_blob(rendition.blob_key)
    assert Client().get("/media/acme/exif_orientation_6.jpg?tr=n-ik_ml_thumbnail")["ETag"] == response["ETag"]


def test_work_without_anything_due_is_no_error(db):
    renditions_work()


@pytest.mark.rel("U7")
def test_a_damaged_image_ends_failed_with_its_code_and_404(db):
    version = uploaded("truncated.jpg")
    request_rendition(version=version, spec=THUMB)
    renditions_work()

    assert Rendition.objects.get().state == Rendition.State.FAILED
    assert Rendition.objects.get().error_code == "corrupt_image"
    assert Client().get("/media/acme/tr:n-ik_ml_thumbnail/truncated.jpg").status_code == 404


def test_lost_bytes_end_it_failed(version):
    request_rendition(version=version, spec=THUMB)
    delete_blob(version.blob_key)
    renditions_work()

    assert Rendition.objects.get().error_code == "blob_missing"


@pytest.mark.rel("J11")
def test_a_store_that_does_not_answer_puts_it_off_without_costing_an_attempt(version, blobs_in_tmp_path):
    request_rendition(version=version, spec=THUMB)
    claim = claim_rendition(now=now())
    path = blobs_in_tmp_path / version.blob_key
    content = path.read_bytes()
    path.unlink()
    path.mkdir()
    assert make_rendition(claim)

    rendition = Rendition.objects.get()
    assert (rendition.state, rendition.error_code, rendition.attempts) == ("queued", "storage_unavailable", 0)
    assert claim_rendition(now=now()) is None
    path.rmdir()
    path.write_bytes(content)
    assert make_rendition(claim_rendition(now=now() + timedelta(minutes=1)))
    assert Rendition.objects.get().state == Rendition.State.READY


@pytest.mark.rel("J4")
def test_a_claimed_rendition_is_nobody_elses_until_its_lease_runs_out(version):
    request_rendition(version=version, spec=THUMB)
    moment = now()

    assert claim_rendition(now=moment) is not None
    assert claim_rendition(now=moment + LEASE - timedelta(seconds=1)) is None
    assert claim_rendition(now=moment + LEASE) is not None


@pytest.mark.rel("J7", "U12")
def test_a_worker_that_was_overtaken_writes_nothing_and_leaves_no_blob(version, blobs_in_tmp_path):
    request_rendition(version=version, spec=THUMB)
    slow = claim_rendition(now=now())
    quick = claim_rendition(now=now() + LEASE)

    assert make_rendition(quick)
    kept = Rendition.objects.get()
    assert not make_rendition(slow)

    assert Rendition.objects.get().blob_key == kept.blob_key
    stored = [path for path in blobs_in_tmp_path.rglob("*") if path.is_file()]
    assert len(stored) == 2


@pytest.mark.rel("J10")
def test_a_rendition_that_kills_its_workers_ends(version):
    request_rendition(version=version, spec=THUMB)
    moment = now()
    for _ in range(MAX_ATTEMPTS):
        assert claim_rendition(now=moment) is not None
        moment += LEASE

    assert claim_rendition(now=moment) is None
    assert (Rendition.objects.get().state, Rendition.objects.get().error_code) == ("failed", "worker_lost")


@pytest.mark.rel("J12")
def test_the_sweep_wakes_a_rendition_at_most_every_30_s(version, monkeypatch):
    rendition = request_rendition(version=version, spec=THUMB)
    monkeypatch.setattr(waking, "waiting", lambda queue: 1)
    monkeypatch.setattr(waking, "publish", lambda queue, count: count)
    later = rendition.due_at + timedelta(minutes=1)

    assert wake_due_renditions(now=rendition.due_at) == 0
    assert wake_due_renditions(now=later) == 1
    assert Rendition.objects.get().woken_at == later
    assert wake_due_renditions(now=later + timedelta(seconds=5)) == 0


@pytest.mark.rel("J2", "J3")
def test_the_sweep_survives_a_dead_broker_and_tries_again(version):
    request_rendition(version=version, spec=THUMB)
    clock.shift(60)

    assert sweep_renditions() == 0


@pytest.mark.rel("S7")
def test_a_deleted_asset_takes_its_renditions_along_and_the_sweep_their_bytes(version):
    request_rendition(version=version, spec=THUMB)
    renditions_work()
    key = Rendition.objects.get().blob_key
    assert known_blob_keys([key, version.blob_key, "x"]) == {key, version.blob_key}

    delete_asset(asset=version.asset)
    clock.shift(25 * 3600)
    assert sweep_blobs() == 2

    assert not Rendition.objects.exists()
    assert not blob_exists(key)


@pytest.mark.rel("U12")
def test_the_sweep_keeps_every_byte_that_a_row_points_at(version):
    request_rendition(version=version, spec=THUMB)
    renditions_work()
    clock.shift(25 * 3600)

    assert sweep_blobs() == 0
    assert blob_exists(version.blob_key)
    assert blob_exists(Rendition.objects.get().blob_key)


@pytest.mark.rel("J18")
def test_a_visitor_who_comes_first_is_asked_to_come_again_when_no_worker_does_it(version):
    response = Client().get("/media/acme/tr:n-ik_ml_thumbnail/exif_orientation_6.jpg")

    assert response.status_code == 503
    assert response["Retry-After"] == "2"
    assert "no-store" in response["Cache-Control"]


@pytest.mark.rel("J18")
def test_a_visitor_who_comes_first_gets_it_as_soon_as_a_worker_has_made_it(committed_db):
    uploaded()

    def worker():
        try:
            deadline = time.monotonic() + 30
            while not Rendition.objects.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            renditions_work()
        finally:
            connection.close()

    thread = threading.Thread(target=worker)
    thread.start()
    response = Client().get("/media/acme/tr:n-ik_ml_thumbnail/exif_orientation_6.jpg")
    thread.join()

    assert response.status_code == 200


@pytest.mark.rel("J4")
def test_many_workers_share_the_work_without_doing_any_twice(committed_db):
    account = create_account(slug="acme").account
    names = ["one_pixel.png", "flat.jpg", "grey16.png", "photo.bmp", "photo.tiff", "palette.png"]
    for name in names:
        request_rendition(version=uploaded(name, account), spec=THUMB)
    made: list[bool] = []

    def worker():
        try:
            while claim := claim_rendition(now=now()):
                made.append(make_rendition(claim))
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while claim := claim_rendition(now=now()):
        made.append(make_rendition(claim))

    assert made == [True] * len(names)
    assert set(Rendition.objects.values_list("state", "attempts")) == {("ready", 1)}


@pytest.mark.rel("S7")
def test_visitors_asking_at_once_make_one_row(committed_db):
    version = uploaded()
    errors: list[Exception] = []

    def ask():
        try:
            request_rendition(version=version, spec=THUMB)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors
    assert Rendition.objects.count() == 1
