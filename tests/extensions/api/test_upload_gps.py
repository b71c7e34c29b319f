"""The setting that takes the place out of uploaded photos."""

import errno
import hashlib
import io
from ipaddress import ip_network
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from library.models import AssetVersion
from library.storage import read_blob
from tests.receivers import Receiver, answer
from tests.uploading import assert_nothing_stored, upload

PHOTO = Path(__file__).parents[2] / "files" / "photos" / "formats" / "exif_gps.jpg"


@pytest.mark.rel("U8")
@pytest.mark.parametrize("strip", [True, False])
def test_the_stored_original_has_its_place_only_if_the_setting_lets_it(api, settings, strip):
    settings.MEDIAHUB_STRIP_GPS = strip
    response = upload(api, PHOTO.read_bytes())

    stored = read_blob(AssetVersion.objects.get().blob_key)
    place = Image.open(io.BytesIO(stored)).getexif().get_ifd(ExifTags.IFD.GPSInfo)
    assert response.status_code == 200
    assert bool(place) is not strip
    assert (stored == PHOTO.read_bytes()) is not strip
    assert AssetVersion.objects.get().sha256 == hashlib.sha256(stored).hexdigest()


@pytest.mark.rel("U14")
def test_a_fetched_file_that_cannot_be_worked_on_is_not_left_behind(api, settings, monkeypatch):
    def no_memory(*_):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    settings.MEDIAHUB_STRIP_GPS = True
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = (ip_network("127.0.0.1/32"),)
    monkeypatch.setattr("library.gps.mmap.mmap", no_memory)
    with Receiver(answer(200, body=PHOTO.read_bytes())) as server:
        assert upload(api, server.url, fileName="x.jpg").status_code == 500
    assert_nothing_stored()
