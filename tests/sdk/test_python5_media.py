"""imagekitio 5, unmodified and strict about answers: files, versions, tags, folders, jobs, purges (API 3.1)."""

import time

import pytest
from imagekitio import BadRequestError, ConflictError, NotFoundError

pytestmark = pytest.mark.process


def upload(client, path, data=b"text", **fields):
    folder, _, name = path.rpartition("/")
    return client.files.upload(file=data, file_name=name, folder=folder or "/", use_unique_file_name=False, **fields)


def paths(client):
    return sorted(item.file_path for item in client.assets.list(type="file"))


def finished(client, job_id):
    end = time.monotonic() + 30
    while (job := client.folders.job.get(job_id)).status != "Completed":
        assert time.monotonic() < end
        time.sleep(0.1)
    return job


@pytest.mark.sdk("files.copy", "files.move", "files.rename", "assets.list", "cache.invalidation.get")
def test_copy_move_and_rename_a_file(client):
    upload(client, "/a/x.txt", b"one")
    upload(client, "/a/x.txt", b"two")

    assert client.files.copy(source_file_path="/a/x.txt", destination_path="/b", include_file_versions=True) is None
    assert client.files.move(source_file_path="/a/x.txt", destination_path="/c") is None
    renamed = client.files.rename(file_path="/c/x.txt", new_file_name="y.txt", purge_cache=True)

    assert paths(client) == ["/b/x.txt", "/c/y.txt"]
    assert client.cache.invalidation.get(renamed.purge_request_id).status == "Completed"
    assert client.files.rename(file_path="/c/y.txt", new_file_name="z.txt").purge_request_id is None
    with pytest.raises(ConflictError) as refused:
        upload(client, "/b/y.txt")
        client.files.rename(file_path="/b/x.txt", new_file_name="y.txt")
    assert refused.value.body["reason"] == "FILE_ALREADY_EXISTS"
    with pytest.raises(NotFoundError):
        client.files.move(source_file_path="/none.txt", destination_path="/c")


@pytest.mark.sdk("files.versions.list", "files.versions.get", "files.versions.delete", "files.versions.restore")
def test_versions(client):
    first = upload(client, "/a/x.txt", b"one")
    second = upload(client, "/a/x.txt", b"three")

    listed = client.files.versions.list(first.file_id)
    assert [item.version_info.name for item in listed] == ["Version 2", "Version 1"]
    assert client.files.versions.get(first.file_id, file_id=first.file_id).type == "file-version"
    with pytest.raises(BadRequestError, match="You cannot delete current version"):
        client.files.versions.delete(second.version_info.id, file_id=first.file_id)
    assert client.files.versions.restore(first.file_id, file_id=first.file_id).version_info.name == "Version 1"
    client.files.versions.delete(second.version_info.id, file_id=first.file_id)
    assert len(client.files.versions.list(first.file_id)) == 1


@pytest.mark.sdk("files.bulk.add_tags", "files.bulk.remove_tags", "files.bulk.remove_ai_tags", "files.bulk.delete")
def test_bulk_tags_and_bulk_deletion(client):
    ids = [upload(client, f"/a/{number}.txt", tags=["old"]).file_id for number in range(3)]

    assert client.files.bulk.add_tags(file_ids=ids, tags=["new"]).successfully_updated_file_ids == ids
    assert client.files.bulk.remove_tags(file_ids=ids, tags=["old"]).successfully_updated_file_ids == ids
    assert client.files.bulk.remove_ai_tags(file_ids=ids, ai_tags=["Car"]).successfully_updated_file_ids == ids
    assert client.files.get(ids[0]).tags == ["new"]
    with pytest.raises(NotFoundError) as refused:
        client.files.bulk.delete(file_ids=[*ids, "0" * 24])
    assert refused.value.body["missingFileIds"] == ["0" * 24]
    assert len(paths(client)) == 3
    assert client.files.bulk.delete(file_ids=ids).successfully_deleted_file_ids == ids
    assert paths(client) == []


@pytest.mark.sdk(
    "folders.create", "folders.copy", "folders.move", "folders.rename", "folders.delete", "folders.job.get"
)
def test_folders_and_their_jobs(client, job_worker):
    client.folders.create(folder_name="shoes", parent_folder_path="/products")
    upload(client, "/products/shoes/1.txt")

    copied = client.folders.copy(source_folder_path="/products", destination_path="/copies", include_versions=True)
    job = finished(client, copied.job_id)
    assert (job.type, job.purge_request_id) == ("COPY_FOLDER", None)
    moved = client.folders.move(source_folder_path="/products/shoes", destination_path="/")
    assert finished(client, moved.job_id).type == "MOVE_FOLDER"
    renamed = client.folders.rename(folder_path="/shoes", new_folder_name="boots", purge_cache=True)
    job = finished(client, renamed.job_id)
    assert job.type == "RENAME_FOLDER"
    assert client.cache.invalidation.get(job.purge_request_id).status == "Completed"
    assert paths(client) == ["/boots/1.txt", "/copies/products/shoes/1.txt"]
    folders = [item.folder_path for item in client.assets.list(type="folder")]
    assert sorted(folders) == ["/boots", "/copies", "/copies/products", "/copies/products/shoes", "/products"]

    assert client.folders.delete(folder_path="/copies") is None
    assert paths(client) == ["/boots/1.txt"]
    with pytest.raises(NotFoundError) as refused:
        client.folders.delete(folder_path="/copies")
    assert refused.value.body["reason"] == "FOLDER_NOT_FOUND"
    with pytest.raises(NotFoundError):
        client.folders.job.get("0" * 24)


@pytest.mark.sdk("cache.invalidation.create", "cache.invalidation.get")
def test_purge(client):
    url = client.files.get(upload(client, "/a/x.txt").file_id).url
    made = client.cache.invalidation.create(url=url)

    assert client.cache.invalidation.get(made.request_id).status == "Completed"
    with pytest.raises(BadRequestError):
        client.cache.invalidation.get("0" * 24)
