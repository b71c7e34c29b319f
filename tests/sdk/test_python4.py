"""imagekitio 4, unmodified: it takes one exact status per operation for success, and breaks on what is not JSON.

Its origins are constants; a proxy ends their TLS with the suite's own authority and leads them here.
"""

import base64
import time
from pathlib import Path

import pytest

from library.signing import upload_signature
from tests.receivers import Receiver
from tests.sdk.python4.client import Sdk4, Sdk4Error, data, opened, options
from tests.sdk.relay import IMAGEKIT, intercepting
from tests.sdk.surface import Recorder, checked, marked

pytestmark = [pytest.mark.process, pytest.mark.one_database]
PHOTOS = Path(__file__).parents[1] / "files" / "photos"


@pytest.fixture
def proxy(server, settings):
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, *IMAGEKIT]
    with Receiver(intercepting(server), path="") as receiver:
        yield receiver


@pytest.fixture
def sdk(proxy, account, request):
    made = Sdk4(
        proxy=proxy.url,
        private_key=account.private_key,
        public_key=account.public_key,
        url_endpoint="http://127.0.0.1:8000/media/acme",
    )
    try:
        with checked(request) as called:
            yield Recorder(made, called)
    finally:
        made.close()


def upload(sdk, path, content=b"text", **fields):
    folder, _, name = path.rpartition("/")
    given = options("UploadFileRequestOptions", folder=folder or "/", use_unique_file_name=False, **fields)
    return sdk.upload_file(file=data(content), file_name=name, options=given)


def paths(sdk):
    return sorted(item["file_path"] for item in sdk.list_files().list)


def finished(sdk, job_id):
    end = time.monotonic() + 30
    while (job := sdk.get_bulk_job_status(job_id)).raw["status"] != "Completed":
        assert time.monotonic() < end
        time.sleep(0.1)
    return job


@pytest.mark.sdk("phash_distance")
def test_every_method_is_called_by_a_test(sdk):
    methods = set(sdk.methods().value)
    assert len(methods) > 35
    assert methods == marked("test_python4*.py")
    assert sdk.phash_distance("f06830ca9f1e3e90", "f06830ca9f1e3e91").value == 1


@pytest.mark.sdk("upload", "upload_file", "get_file_details")
def test_uploads_of_an_open_file_base64_and_a_url(sdk, proxy, server, settings):
    whole = options(
        "UploadFileRequestOptions",
        use_unique_file_name=False,
        tags=["a", "b"],
        folder="/x",
        custom_coordinates="1,2,3,4",
        response_fields=["tags", "custom_coordinates", "is_private_file"],
        overwrite_file=True,
        overwrite_ai_tags=False,
        overwrite_tags=False,
    )
    made = sdk.upload_file(file=opened(PHOTOS / "coffee.jpg"), file_name="coffee cup.jpg", options=whole)
    assert (made.status, made.file_path, made.tags) == (200, "/x/coffee_cup.jpg", ["a", "b"])
    assert (made.version_info["id"], made.ai_tags[0]["name"]) == (made.file_id, None)
    assert made.custom_coordinates == "1,2,3,4"
    found = sdk.get_file_details(made.file_id)
    assert (found.status, found.width, found.height, found.mime) == (200, made.width, made.height, "image/jpeg")

    text = base64.b64encode((PHOTOS / "cat.jpg").read_bytes()).decode()
    assert sdk.upload(text, "cat.jpg").width == 1024
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = ("127.0.0.0/8",)
    assert sdk.upload(found.url.replace("http://127.0.0.1:8000", server), "again.jpg").size == made.size
    assert {request.path for request in proxy.requests if request.method == "CONNECT"} == {
        "upload.imagekit.io:443",
        "api.imagekit.io:443",
    }


def test_extensions_are_sent_as_json_and_answered_by_name(sdk):
    made = upload(
        sdk,
        "/cat.jpg",
        (PHOTOS / "cat.jpg").read_bytes(),
        extensions=[{"name": "google-auto-tagging", "minConfidence": 70, "maxTags": 5}, {"name": "remove-bg"}],
    )
    assert made.raw["extensionStatus"] == {"google-auto-tagging": "pending", "remove-bg": "pending"}


@pytest.mark.sdk("list_files", "update_file_details")
def test_lists_and_updates(sdk):
    ids = [upload(sdk, f"/x/{name}.txt", tags=[name, "all"]).file_id for name in ("a", "b")]
    listed = sdk.list_files(options=options("ListAndSearchFileRequestOptions", tags=["a", "none"], path="/x"))
    assert (listed.status, [item["file_id"] for item in listed.list]) == (200, ids[:1])
    searched = options("ListAndSearchFileRequestOptions", search_query='name = "b.txt"', sort="DESC_NAME", limit=1)
    assert [item["file_id"] for item in sdk.list_files(options=searched).list] == ids[1:]

    changed = sdk.update_file_details(
        ids[0],
        options=options("UpdateFileRequestOptions", tags=["new"], remove_ai_tags=["Car"], custom_coordinates="1,2,3,4"),
    )
    assert (changed.status, changed.tags, changed.custom_coordinates) == (200, ["new"], "1,2,3,4")
    hidden = options("UpdateFileRequestOptions", publish={"isPublished": False, "includeFileVersions": True})
    assert sdk.update_file_details(ids[0], options=hidden).raw["isPublished"] is False


@pytest.mark.sdk("get_file_versions", "get_file_version_details", "restore_file_version", "delete_file_version")
def test_versions(sdk):
    first, second = upload(sdk, "/a.txt", b"one"), upload(sdk, "/a.txt", b"three")
    versions = sdk.get_file_versions(first.file_id)
    assert (versions.status, [item["version_info"]["name"] for item in versions.list]) == (
        200,
        ["Version 2", "Version 1"],
    )
    one = (first.file_id, first.file_id)
    assert (sdk.get_file_version_details(*one).type, sdk.get_file_version_details(*one).size) == ("file-version", 3)
    assert sdk.restore_file_version(*one).status == 200
    assert sdk.delete_file_version(first.file_id, second.version_info["id"]).status == 204
    for act in (sdk.get_file_version_details, sdk.restore_file_version, sdk.delete_file_version):
        with pytest.raises(Sdk4Error) as refused:
            act(first.file_id, "0" * 24)
        assert (refused.value.kind, refused.value.status) == ("NotFoundException", 404)
        assert refused.value.help
    with pytest.raises(Sdk4Error, match="BadRequestException: You cannot delete current version"):
        sdk.delete_file_version(*one)


@pytest.mark.sdk("add_tags", "remove_tags", "remove_ai_tags", "bulk_delete", "bulk_file_delete", "delete_file")
def test_bulk_tags_and_deletions(sdk):
    ids = [upload(sdk, f"/{name}.txt", tags=["old"]).file_id for name in "abcde"]
    assert sdk.add_tags(file_ids=ids, tags=["new"]).successfully_updated_file_ids == ids
    assert sdk.remove_tags(file_ids=ids, tags=["old"]).status == 200
    assert sdk.remove_ai_tags(file_ids=ids, ai_tags=["Car"]).status == 200
    assert sdk.get_file_details(ids[0]).tags == ["new"]
    for act in (sdk.add_tags, sdk.remove_tags):
        with pytest.raises(Sdk4Error) as refused:
            act(file_ids=["0" * 24], tags=["x"])
        assert (refused.value.kind, refused.value.raw["missingFileIds"]) == ("NotFoundException", ["0" * 24])
    assert sdk.bulk_delete(ids[:2]).successfully_deleted_file_ids == ids[:2]
    assert sdk.bulk_file_delete(ids[2:4]).status == 200
    assert sdk.delete_file(ids[4]).status == 204
    with pytest.raises(Sdk4Error) as refused:
        sdk.bulk_delete(ids)
    assert refused.value.kind == "NotFoundException"
    assert paths(sdk) == []


@pytest.mark.sdk("copy_file", "move_file", "rename_file", "get_purge_cache_status", "get_purge_file_cache_status")
def test_copies_moves_and_renames(sdk):
    upload(sdk, "/a/x.txt")
    copied = options(
        "CopyFileRequestOptions", source_file_path="/a/x.txt", destination_path="/b", include_file_versions=True
    )
    assert sdk.copy_file(options=copied).status == 204
    moved = options("MoveFileRequestOptions", source_file_path="/a/x.txt", destination_path="/c")
    assert sdk.move_file(options=moved).status == 204
    renamed = options("RenameFileRequestOptions", file_path="/c/x.txt", new_file_name="y.txt", purge_cache=True)
    answer = sdk.rename_file(options=renamed)
    assert answer.status == 200
    assert sdk.get_purge_cache_status(answer.purge_request_id).raw == {"status": "Completed"}
    assert sdk.get_purge_file_cache_status(answer.purge_request_id).raw == {"status": "Completed"}
    assert paths(sdk) == ["/b/x.txt", "/c/y.txt"]
    for act, given in ((sdk.copy_file, copied), (sdk.move_file, moved), (sdk.rename_file, renamed)):
        with pytest.raises(Sdk4Error) as refused:
            act(options=given)
        assert (refused.value.kind, refused.value.status) == ("NotFoundException", 404)
    upload(sdk, "/b/y.txt")
    with pytest.raises(Sdk4Error, match="ConflictException"):
        sdk.rename_file(options=options("RenameFileRequestOptions", file_path="/b/x.txt", new_file_name="y.txt"))


@pytest.mark.sdk("create_folder", "delete_folder", "copy_folder", "move_folder", "get_bulk_job_status")
def test_folders(sdk, job_worker):
    made = options("CreateFolderRequestOptions", folder_name="new", parent_folder_path="/top")
    assert sdk.create_folder(options=made).status == 201
    upload(sdk, "/top/new/x.txt")
    copied = sdk.copy_folder(
        options=options(
            "CopyFolderRequestOptions", source_folder_path="/top", destination_path="/to", include_file_versions=True
        )
    )
    assert (copied.status, finished(sdk, copied.job_id).status) == (200, 200)
    moved = sdk.move_folder(
        options=options("MoveFolderRequestOptions", source_folder_path="/top/new", destination_path="/moved")
    )
    assert finished(sdk, moved.job_id).type == "MOVE_FOLDER"
    assert paths(sdk) == ["/moved/new/x.txt", "/to/top/new/x.txt"]
    gone = options("DeleteFolderRequestOptions", folder_path="/to")
    assert sdk.delete_folder(options=gone).status == 204
    for act, given in (
        (sdk.delete_folder, gone),
        (
            sdk.copy_folder,
            options("CopyFolderRequestOptions", source_folder_path="/none", destination_path="/to"),
        ),
        (
            sdk.move_folder,
            options("MoveFolderRequestOptions", source_folder_path="/none", destination_path="/to"),
        ),
    ):
        with pytest.raises(Sdk4Error) as refused:
            act(options=given)
        assert (refused.value.kind, refused.value.status) == ("NotFoundException", 404)
    with pytest.raises(Sdk4Error, match="UnknownException"):
        sdk.create_folder(options=options("CreateFolderRequestOptions", folder_name="..", parent_folder_path="/"))


@pytest.mark.sdk("purge_cache", "purge_file_cache")
def test_purges(sdk):
    url = sdk.get_file_details(upload(sdk, "/a.txt").file_id).url
    for act in (sdk.purge_cache, sdk.purge_file_cache):
        made = act(url)
        assert made.status == 201
        assert sdk.get_purge_cache_status(made.request_id).status == 200
    with pytest.raises(Sdk4Error, match="BadRequestException"):
        sdk.purge_cache("https://other.example/a.txt")


def test_errors_have_the_class_of_their_status(sdk, proxy, account):
    with pytest.raises(Sdk4Error) as refused:
        sdk.list_files(options=options("ListAndSearchFileRequestOptions", limit=0))
    assert (refused.value.kind, refused.value.status) == ("BadRequestException", 400)
    with pytest.raises(Sdk4Error) as refused:
        sdk.get_file_details("0" * 24)
    assert (refused.value.kind, refused.value.status) == ("UnknownException", 404)
    stranger = Sdk4(
        proxy=proxy.url, private_key="private_wrong", public_key="public_wrong", url_endpoint="http://127.0.0.1"
    )
    with pytest.raises(Sdk4Error, match="ForbiddenException: Your account cannot be authenticated"):
        stranger.list_files()
    stranger.close()


@pytest.mark.sdk("url", "get_authentication_parameters")
def test_signed_urls_and_upload_signatures_are_what_the_server_expects(sdk, account, server):
    import httpx  # noqa: TID251 - tests are clients

    made = upload(sdk, "/x/a.txt", b"secret", is_private_file=True)
    signed = sdk.url(
        {"path": made.file_path, "url_endpoint": f"{server}/media/acme", "signed": True, "expire_seconds": 60}
    ).value
    assert httpx.get(signed).content == b"secret"
    assert httpx.get(signed.partition("?")[0]).status_code == 401
    parameters = sdk.get_authentication_parameters("tok", 1700000000)
    assert parameters.signature == upload_signature(account.private_key, "tok", "1700000000")


def field_schema(kind, **rules):
    return options("CustomMetadataFieldsSchema", type={"$field_type": kind}, **rules)


@pytest.mark.sdk(
    "create_custom_metadata_fields",
    "get_custom_metadata_fields",
    "update_custom_metadata_fields",
    "delete_custom_metadata_field",
)
def test_custom_metadata_fields_and_values(sdk):
    given = {"name": "seat_height", "label": "Seat height", "schema": field_schema("Number", min_value=3, max_value=9)}
    made = sdk.create_custom_metadata_fields(options=options("CreateCustomMetadataFieldsRequestOptions", **given))
    assert (made.status, made.name, made.schema["min_value"]) == (201, "seat_height", 3)
    given = {"name": "wood", "label": "Wood", "schema": field_schema("SingleSelect", select_options=["oak", "ash"])}
    sdk.create_custom_metadata_fields(options=options("CreateCustomMetadataFieldsRequestOptions", **given))
    assert [item["name"] for item in sdk.get_custom_metadata_fields().list] == ["seat_height", "wood"]

    uploaded = upload(
        sdk, "/a.txt", custom_metadata={"seat_height": 4, "wood": "oak"}, response_fields=["custom_metadata"]
    )
    assert uploaded.custom_metadata == {"seat_height": 4, "wood": "oak"}
    changed = sdk.update_file_details(
        uploaded.file_id, options=options("UpdateFileRequestOptions", custom_metadata={"seat_height": None})
    )
    assert changed.custom_metadata == {"wood": "oak"}

    renamed = options(
        "UpdateCustomMetadataFieldsRequestOptions", label="Height", schema=field_schema("Number", min_value=2)
    )
    assert sdk.update_custom_metadata_fields(made.id, options=renamed).label == "Height"
    with pytest.raises(Sdk4Error) as refused:
        sdk.create_custom_metadata_fields(
            options=options(
                "CreateCustomMetadataFieldsRequestOptions",
                name="bad",
                label="Bad",
                schema=field_schema("Number", min_length=3),
            )
        )
    assert (refused.value.kind, list(refused.value.raw["errors"])) == ("BadRequestException", ["minLength"])
    with pytest.raises(Sdk4Error, match="NotFoundException"):
        sdk.update_custom_metadata_fields("0" * 24, options=renamed)
    assert sdk.delete_custom_metadata_field(made.id).status == 204
    assert [item["name"] for item in sdk.get_custom_metadata_fields().list] == ["wood"]
    assert len(sdk.get_custom_metadata_fields(include_deleted=True).list) == 2


@pytest.mark.sdk(
    "get_metadata", "get_file_metadata", "get_remote_url_metadata", "get_remote_file_url_metadata", "phash_distance"
)
def test_metadata_of_pictures(sdk):
    made = upload(sdk, "/cat.jpg", (PHOTOS / "cat.jpg").read_bytes())
    found = sdk.get_metadata(made.file_id)
    assert (found.status, found.width, found.height, found.size) == (200, made.width, made.height, made.size)
    assert found.format == "jpg"
    assert sdk.get_file_metadata(made.file_id).raw == found.raw
    assert sdk.get_remote_url_metadata(made.url).raw == found.raw
    assert sdk.get_remote_file_url_metadata(made.url).raw == found.raw
    assert sdk.phash_distance(found.p_hash, found.p_hash).value == 0
    with pytest.raises(Sdk4Error):
        sdk.get_metadata("0" * 24)


def test_checks_and_transformations_of_uploads(sdk):
    made = upload(
        sdk, "/cat.jpg", (PHOTOS / "cat.jpg").read_bytes(), transformation={"pre": "w-64"}, checks='"file.size" > "1kb"'
    )
    assert made.width == 64
    with pytest.raises(Sdk4Error, match="BadRequestException"):
        upload(sdk, "/small.txt", checks='"file.size" > "1kb"')
