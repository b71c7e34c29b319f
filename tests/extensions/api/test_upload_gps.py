"""The setting that takes the place out of uploaded photos."""

import hashlib
import io
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from library.models import AssetVersion
from library.storage import read_blob
from tests.uploading import upload

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
