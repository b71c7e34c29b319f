"""Real assets with real bytes for the delivery tests."""

import hashlib
from pathlib import Path

import pytest

from library.services.assets import UploadFields, upload_asset
from library.services.blobs import store_bytes
from mediahub.lib.clock import now

FORMATS = Path(__file__).parents[2] / "files" / "photos" / "formats"


@pytest.fixture
def upload(new_account):
    """Store bytes, or a sample file by its name, as the current version of `/folder/name` and return the version."""

    def _upload(name: str, data: bytes | None = None, *, folder: str = "/", **fields):
        data = (FORMATS / name).read_bytes() if data is None else data
        version = upload_asset(
            account=new_account.account,
            blob=store_bytes(data=data, name=name),
            fields=UploadFields(file_name=name, folder=folder, use_unique_file_name=False, **fields),
            now=now(),
        )
        assert version.sha256 == hashlib.sha256(data).hexdigest()
        return version

    return _upload


@pytest.fixture
def visitor():
    """Someone with a browser and no account."""
    from django.test import Client

    return Client(raise_request_exception=False)
