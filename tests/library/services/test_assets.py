"""Assets written, changed and deleted by the services, also by several connections at once."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from library.models import Account, Asset, AssetVersion, Folder
from library.services.accounts import create_account
from library.services.assets import AssetChanges, FileExists, UploadFields, delete_asset, update_asset, upload_asset
from library.services.blobs import store_bytes
from library.signals import asset_deleting, asset_updated, asset_uploaded
from mediahub.lib import clock
from mediahub.lib.errors import NotFound
from tests.factories import AccountFactory, AssetFactory
from tests.uploading import picture


def put(account: Account, data: bytes = b"bytes", **fields) -> AssetVersion:
    fields = {"file_name": "a.bin", "use_unique_file_name": False, **fields}
    blob = store_bytes(data=data, name=fields["file_name"])
    return upload_asset(account=account, blob=blob, fields=UploadFields(**fields), now=clock.now())


@pytest.fixture
def heard():
    """Names of the signals sent, in order."""
    heard: list[str] = []
    names = {asset_uploaded: "uploaded", asset_updated: "updated", asset_deleting: "deleting"}

    def receiver(signal, **kwargs):
        heard.append(names[signal])

    for signal in names:
        signal.connect(receiver)
    yield heard
    for signal in names:
        signal.disconnect(receiver)


@pytest.mark.django_db
class TestUpload:
    def test_first_version_has_the_id_of_the_file(self, account):
        version = put(account, picture())
        assert version.version_id == version.asset.file_id
        assert version.asset.current_version == version
        assert (version.number, version.width, version.height, version.mime) == (1, 64, 48, "image/png")

    def test_missing_folders_are_made_on_the_way(self, account):
        put(account, folder="/a/b/c")
        rows = Folder.objects.of_account(account).order_by("depth").values_list("path", "name", "depth", "parent__path")
        assert list(rows) == [
            ("/", "", 0, None),
            ("/a", "a", 1, "/"),
            ("/a/b", "b", 2, "/a"),
            ("/a/b/c", "c", 3, "/a/b"),
        ]

    def test_one_path_in_two_accounts_is_two_files(self, account):
        other = AccountFactory()
        assert put(account).asset != put(other).asset

    def test_same_name_in_two_folders_is_two_files(self, account):
        assert put(account, folder="/x").asset != put(account, folder="/y").asset

    def test_facts_that_a_text_does_not_have_stay_unknown(self, account):
        version = put(account)
        assert (version.width, version.height, version.orientation, version.has_alpha) == (None, None, None, False)

    def test_a_transparent_picture_is_known_as_one(self, account):
        assert put(account, picture(mode="RGBA")).has_alpha is True

    def test_overwriting_is_refused_when_unwanted(self, account):
        put(account)
        with pytest.raises(FileExists):
            put(account, overwrite_file=False)
        assert put(account, overwrite_file=False, use_unique_file_name=True).number == 1

    def test_a_suffix_that_is_taken_is_drawn_again(self, account, monkeypatch):
        drawn = iter(["a_1.bin", "a_1.bin", "a_2.bin"])
        monkeypatch.setattr("library.services.assets.with_random_suffix", lambda name: next(drawn))
        assert put(account, use_unique_file_name=True).asset.name == "a_1.bin"
        assert put(account, use_unique_file_name=True).asset.name == "a_2.bin"

    def test_uploads_are_announced(self, account, heard):
        put(account)
        put(account)
        assert heard == ["uploaded", "uploaded"]


@pytest.mark.django_db
class TestUpdateAndDelete:
    def test_none_leaves_and_empty_clears(self, account, heard):
        asset = put(account, tags=("a",), description="x", custom_coordinates="1,2,3,4").asset
        update_asset(asset=asset, changes=AssetChanges(description=""), now=clock.now())
        asset = Asset.objects.get()
        assert (asset.description, asset.custom_coordinates) == ("", "1,2,3,4")
        assert [tag.name for tag in asset.tags.all()] == ["a"]
        assert heard == ["uploaded", "updated"]

    def test_updating_what_is_gone_says_so(self):
        asset = AssetFactory()
        Asset.objects.get(pk=asset.pk)
        delete_asset(asset=Asset.objects.get(pk=asset.pk))
        with pytest.raises(NotFound):
            update_asset(asset=asset, changes=AssetChanges(description="x"), now=clock.now())

    def test_deleting_twice_says_so(self, heard):
        asset = AssetFactory()
        again = Asset.objects.get(pk=asset.pk)
        delete_asset(asset=asset)
        with pytest.raises(NotFound):
            delete_asset(asset=again)
        assert heard == ["deleting"]

    def test_the_folder_stays_when_its_last_file_goes(self, account):
        asset = put(account, folder="/x").asset
        delete_asset(asset=asset)
        assert Folder.objects.filter(path="/x").exists()


def at_once(work, count: int) -> list:
    """Run `work(n)` in threads with connections of their own, all starting together; results or exceptions."""
    barrier = threading.Barrier(count)

    def run(n: int):
        try:
            barrier.wait()
            return work(n)
        except Exception as error:  # the test asserts on it
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


class TestAtOnce:
    """Several connections, committed."""

    @pytest.fixture
    def account(self, committed_db):
        return create_account(slug="acme").account

    def test_uploads_to_one_new_path_end_as_versions_of_one_file(self, account):
        results = at_once(lambda n: put(account, str(n).encode(), folder="/new/folder"), 6)
        assert sorted(version.number for version in results) == [1, 2, 3, 4, 5, 6]
        asset = Asset.objects.get()
        assert asset.current_version.number == 6
        assert Folder.objects.count() == 3

    @pytest.mark.rel("F49")
    def test_uploads_updates_and_deletions_of_one_file_leave_no_half_work(self, account):
        asset = put(account).asset

        def work(n: int):
            mine = Asset.objects.get(pk=asset.pk)
            if n == 5:
                return delete_asset(asset=mine)
            if n % 2:
                return update_asset(asset=mine, changes=AssetChanges(tags=(f"t{n}",)), now=clock.now())
            return put(account, str(n).encode())

        results = at_once(work, 8)
        assert all(
            error is None or isinstance(error, (AssetVersion, NotFound, Asset.DoesNotExist)) for error in results
        )
        for asset in Asset.objects.all():
            assert asset.current_version.asset_id == asset.pk
        assert not AssetVersion.objects.exclude(asset__in=Asset.objects.all()).exists()

    def test_the_limit_of_versions_holds(self, account, monkeypatch):
        monkeypatch.setattr("library.services.versions.MAX_VERSIONS", 4)
        put(account)
        results = at_once(lambda n: put(account, str(n).encode()), 6)
        assert Asset.objects.get().versions.count() == 4
        assert sum(isinstance(result, AssetVersion) for result in results) == 3
        assert {str(result) for result in results if isinstance(result, Exception)} == {"A file may have 4 versions."}

    def test_unique_names_never_meet(self, account):
        results = at_once(lambda n: put(account, use_unique_file_name=True), 6)
        assert len({version.asset.name for version in results}) == 6
        assert all(re.fullmatch(r"a_[A-Za-z0-9_-]{9}\.bin", version.asset.name) for version in results)
