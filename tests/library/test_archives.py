"""Archives are files like any other: stored as they came, never unpacked (REL U10)."""

import io
import zipfile

import pytest

from library.models import AssetVersion
from library.storage import read_blob
from tests.photos import photo
from tests.uploading import files_under, upload


@pytest.mark.django_db
@pytest.mark.rel("U10")
def test_an_archive_is_stored_as_one_file_whatever_it_holds(api, blobs_in_tmp_path, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../outside.txt", "escaped")
        archive.writestr("photo.jpg", photo("volleyball.jpg"))
        archive.writestr("bomb.txt", b"\0" * 20_000_000)
    data = buffer.getvalue()

    answer = upload(api, data, fileName="bundle.zip").json()

    assert (answer["fileType"], answer["size"]) == ("non-image", len(data))
    version = AssetVersion.objects.get()
    assert version.mime == "application/zip"
    assert read_blob(version.blob_key) == data
    assert [path.stat().st_size for path in files_under(blobs_in_tmp_path)] == [len(data)]
    assert not list(tmp_path.rglob("outside.txt"))
