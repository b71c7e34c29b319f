"""The bytes behind the upload page: treated as the API treats them, and removed only while nothing points at them."""

import io
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from PIL import ExifTags, Image

from library.models import Asset, AssetVersion, Membership
from library.services.accounts import create_account
from library.signals import asset_uploaded
from library.storage import read_blob
from tests.extensions.scenes import picture

PHOTO = Path(__file__).parents[2] / "files" / "photos" / "formats" / "exif_gps.jpg"


def left_over(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.rel("U8")
@pytest.mark.parametrize("strip", [True, False])
def test_the_place_of_a_photo_is_taken_out_only_if_the_setting_asks(client, editor, settings, strip):
    settings.MEDIAHUB_STRIP_GPS = strip
    client.force_login(editor)

    client.post("/admin/upload/", {"files": SimpleUploadedFile("photo.jpg", PHOTO.read_bytes())})

    stored = read_blob(AssetVersion.objects.get().blob_key)
    assert bool(Image.open(io.BytesIO(stored)).getexif().get_ifd(ExifTags.IFD.GPSInfo)) is not strip
    assert left_over(settings.MEDIAHUB_TMP_DIR) == []


def test_an_empty_file_is_refused(client, editor, blobs_in_tmp_path, settings):
    client.force_login(editor)

    response = client.post("/admin/upload/", {"files": SimpleUploadedFile("empty.txt", b"")})

    assert "The file is empty." in response.content.decode()
    assert not Asset.objects.exists()
    assert left_over(blobs_in_tmp_path) == left_over(settings.MEDIAHUB_TMP_DIR) == []


@pytest.mark.rel("U12")
def test_a_committed_file_keeps_its_bytes_whatever_fails_afterwards(committed_db):
    user = get_user_model().objects.create_user("edda")
    Membership.objects.create(account=create_account(slug="acme").account, user=user, role="editor")
    client = Client(raise_request_exception=False)
    client.force_login(user)

    def fail_after_commit(**_):
        transaction.on_commit(lambda: 1 / 0)

    asset_uploaded.connect(fail_after_commit)
    try:
        response = client.post("/admin/upload/", {"files": SimpleUploadedFile("crab.png", picture())})
    finally:
        asset_uploaded.disconnect(fail_after_commit)

    assert response.status_code == 500
    assert read_blob(AssetVersion.objects.get().blob_key) == picture()
