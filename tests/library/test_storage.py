"""Blobs on a real disk: there completely or not at all."""

import io
import os
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.config import Config

from library.storage import (
    BlobMissing,
    DiskStorage,
    StorageFull,
    StorageUnavailable,
    blob_exists,
    blob_key,
    delete_blob,
    free_space_check,
    open_blob,
    put_blob,
    read_blob,
    sweep_blobs,
)
from mediahub.lib.spool import Spool

SHA = "ab12" + "0" * 60
KEY = blob_key(SHA, "65f0c2a1e4b0a1b2c3d4e5f6")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.rel("U12")
def test_a_key_is_made_of_hash_and_version_alone():
    assert f"ab/12/{SHA}-65f0c2a1e4b0a1b2c3d4e5f6" == KEY


@pytest.mark.rel("U2", "U12")
@pytest.mark.parametrize(
    ("sha", "version"), [("../../etc", "1"), (SHA.upper(), "1"), (SHA, "../x"), (SHA, ""), (SHA, "a\n")]
)
def test_no_key_is_made_of_anything_else(sha, version):
    with pytest.raises(ValueError, match="no blob key"):
        blob_key(sha, version)


def test_what_is_put_can_be_read_until_it_is_deleted():
    put_blob(KEY, io.BytesIO(b"content"))

    assert blob_exists(KEY)
    assert read_blob(KEY) == b"content"
    with open_blob(KEY) as file:
        assert file.read() == b"content"
    delete_blob(KEY)
    delete_blob(KEY)
    assert not blob_exists(KEY)


def test_a_spooled_file_is_put_and_stays_the_callers(tmp_path):
    spool = Spool(max_bytes=100, directory=tmp_path)
    spool.write(b"content")
    with spool.finish() as file:
        put_blob(KEY, file)
        assert file.path.exists()
    assert read_blob(KEY) == b"content"


def test_putting_the_same_key_again_keeps_one_file(blobs_in_tmp_path):
    put_blob(KEY, b"content")
    put_blob(KEY, b"content")

    assert files(blobs_in_tmp_path) == [KEY.rpartition("/")[2]]


def test_a_missing_blob_is_said_to_be_missing():
    for ask in (read_blob, open_blob):
        with pytest.raises(BlobMissing):
            ask(KEY)


@pytest.mark.rel("U13")
def test_an_error_while_writing_leaves_nothing(blobs_in_tmp_path):
    class Breaking(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= 1 << 20:
                raise OSError(5, "the source is gone")
            return super().read(size)

    with pytest.raises(StorageUnavailable):
        put_blob(KEY, Breaking(b"x" * (3 << 20)))
    assert files(blobs_in_tmp_path) == []


@pytest.mark.rel("U13")
def test_a_full_disk_is_507_and_leaves_nothing(tmp_path):
    script = f"""
        import resource
        from pathlib import Path
        import django
        from django.conf import settings
        settings.STORAGES["blobs"]["OPTIONS"]["location"] = {str(tmp_path / "blobs")!r}
        django.setup()
        from library.storage import StorageFull, put_blob
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        try:
            put_blob({KEY!r}, b"x" * (3 << 20))
        except StorageFull as error:
            left = [path for path in Path({str(tmp_path / "blobs")!r}).rglob("*") if path.is_file()]
            print(error.status, len(left))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["507", "0"]


@pytest.mark.rel("U13", "U12")
def test_a_writer_killed_in_the_middle_leaves_no_blob(tmp_path, blobs_in_tmp_path):
    script = f"""
        import io, os, signal
        import django
        from django.conf import settings
        settings.STORAGES["blobs"]["OPTIONS"]["location"] = {str(blobs_in_tmp_path)!r}
        django.setup()
        from library.storage import put_blob

        class Deadly(io.BytesIO):
            def read(self, size=-1):
                if self.tell() >= 1 << 20:
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().read(size)

        put_blob({KEY!r}, Deadly(b"x" * (3 << 20)))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True)

    assert done.returncode == -9
    assert not blob_exists(KEY)
    [leftover] = files(blobs_in_tmp_path)
    sweep_blobs(lambda keys: set(), older_than=datetime.now(UTC) + timedelta(minutes=1))
    assert files(blobs_in_tmp_path) == [], leftover


def test_names_are_never_altered_to_find_a_free_one(tmp_path):
    storage = DiskStorage(location=str(tmp_path / "s"))
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a").write_bytes(b"old")

    assert storage.save("a", io.BytesIO(b"new")) == "a"
    assert (tmp_path / "s" / "a").read_bytes() == b"new"


@pytest.mark.rel("B27")
@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a/../../outside"])
def test_no_key_leads_out_of_the_store(key):
    from django.core.exceptions import SuspiciousOperation

    for use in (read_blob, delete_blob, blob_exists, lambda name: put_blob(name, b"x")):
        with pytest.raises(SuspiciousOperation):
            use(key)


@pytest.mark.rel("U14")
def test_uploads_are_refused_when_the_disk_is_nearly_full(settings):
    free_space_check()
    settings.MEDIAHUB_MIN_FREE_BYTES = 1 << 62
    with pytest.raises(StorageFull) as refused:
        free_space_check()
    assert refused.value.status == 507


@pytest.mark.rel("U12")
def test_the_sweep_removes_old_blobs_without_a_row_and_nothing_else(blobs_in_tmp_path):
    kept, orphan, young = (blob_key(SHA, version) for version in ("kept", "orphan", "young"))
    for key in (kept, orphan, young):
        put_blob(key, b"x")
    strange = blobs_in_tmp_path / "ab" / "12" / "README"
    elsewhere = blobs_in_tmp_path / "notes.txt"
    for path in (strange, elsewhere):
        path.write_text("not a blob")
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    for path in (blobs_in_tmp_path / kept, blobs_in_tmp_path / orphan, strange, elsewhere):
        os.utime(path, (hour_ago.timestamp() - 60,) * 2)

    removed = sweep_blobs(lambda keys: {kept} & set(keys), older_than=hour_ago)

    assert removed == 1
    assert not blob_exists(orphan)
    assert blob_exists(kept)
    assert blob_exists(young)
    assert strange.exists()
    assert elsewhere.exists()


def test_the_sweep_asks_in_batches(blobs_in_tmp_path):
    for number in range(1201):
        path = blobs_in_tmp_path / blob_key(SHA, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    asked: list[int] = []

    sweep_blobs(lambda keys: asked.append(len(keys)) or set(keys), older_than=datetime.now(UTC))

    assert asked == [500, 500, 201]


def test_a_store_that_never_took_a_blob_is_swept_in_peace():
    assert sweep_blobs(lambda keys: set(), older_than=datetime.now(UTC)) == 0


class TestAnotherStore:
    """The same functions over a store that is no disk, as a supplier's would be."""

    @pytest.fixture(autouse=True)
    def store(self, settings):
        memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
        settings.STORAGES = {**settings.STORAGES, "blobs": memory}

    def test_blobs_are_put_read_and_deleted(self):
        put_blob(KEY, io.BytesIO(b"content"))

        assert read_blob(KEY) == b"content"
        delete_blob(KEY)
        with pytest.raises(BlobMissing):
            read_blob(KEY)

    @pytest.mark.rel("U14")
    def test_no_free_space_is_asked_for(self, settings):
        settings.MEDIAHUB_MIN_FREE_BYTES = 1 << 62
        free_space_check()

    @pytest.mark.rel("U12")
    def test_orphans_are_swept(self):
        for version in ("kept", "orphan"):
            put_blob(blob_key(SHA, version), b"x")

        ahead = datetime.now(UTC) + timedelta(minutes=1)
        assert sweep_blobs(lambda keys: {blob_key(SHA, "kept")}, older_than=ahead) == 1
        assert blob_exists(blob_key(SHA, "kept"))
        assert not blob_exists(blob_key(SHA, "orphan"))

    def test_what_a_supplier_raises_becomes_our_error(self, settings):
        # A store behind an address where nobody listens: the real client, a real refusal.
        settings.STORAGES = {
            **settings.STORAGES,
            "blobs": {
                "BACKEND": "storages.backends.s3.S3Storage",
                "OPTIONS": {
                    "bucket_name": "none",
                    "endpoint_url": "http://127.0.0.1:9",
                    "access_key": "a",
                    "secret_key": "b",
                    "client_config": Config(retries={"max_attempts": 0}, connect_timeout=1),
                },
            },
        }
        for use in (read_blob, delete_blob, blob_exists, lambda key: put_blob(key, b"x")):
            with pytest.raises(StorageUnavailable) as refused:
                use(KEY)
            assert refused.value.status == 503
