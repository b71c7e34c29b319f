"""Uploads that are refused: the answer names the fault, and nothing of them is left (REL section 9)."""

import json
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from rest_framework.test import APIClient

from library import storage
from mediahub.lib import diskspace
from tests.uploading import (
    END,
    UPLOAD,
    assert_nothing_stored,
    assert_refused,
    files_under,
    part,
    picture,
    post_raw,
    upload,
)

pytestmark = pytest.mark.django_db
FILE = part("file", b"bytes", b'; filename="x"')
NAME = part("fileName", b"x.bin")


@pytest.mark.parametrize("field", ["customMetadata", "transformation"])
@pytest.mark.parametrize("value", ["{}", " { } ", ""])
def test_an_empty_object_counts_as_absent(api, field, value):
    assert upload(api, picture(), **{field: value}).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("useUniqueFileName", "yes"),
        ("overwriteFile", "True"),
        ("overwriteAITags", "1"),
        ("overwriteTags", "null"),
        ("overwriteCustomMetadata", "0"),
        ("isPrivateFile", "TRUE"),
        ("isPublished", "false "),
        ("customCoordinates", "10,20,30"),
        ("responseFields", "tags,secrets"),
        ("tags", "50%"),
        ("tags", "x" * 501),
        ("tags", ",".join(str(n) for n in range(10_000))),
        ("folder", "/a/../b"),
        ("folder", "/a" * 51),
        ("description", "x" * 10_001),
        ("webhookUrl", "ftp://shop.example/hook"),
        ("webhookUrl", "https://user:secret@shop.example/hook"),
        ("webhookUrl", "http://127.0.0.1/hook"),
        ("webhookUrl", "http://[::ffff:7f00:1]/hook"),
        ("webhookUrl", "https://shop.example/" + "x" * 2048),
        ("webhookUrl", "not a url"),
    ],
)
@pytest.mark.rel("B5", "B22", "W20")
def test_malformed_values_are_refused_by_name(api, field, value):
    assert_refused(upload(api, picture(), **{field: value}), field=field)


@pytest.mark.rel("U2", "B14")
@pytest.mark.parametrize("name", [".", "..", "x" * 3000, "   ", "../../etc/passwd", "..\\..\\x", ".env"])
def test_file_names_that_cannot_be_cleaned_are_refused(api, name):
    assert_refused(upload(api, fileName=name), field="fileName")


@pytest.mark.rel("B3", "B4", "B7", "B14")
@pytest.mark.parametrize(
    "name", [b"a\0.png", b"\xff\xfe.png", b"\xed\xa0\x80.png"], ids=["NUL", "not UTF-8", "surrogate"]
)
@pytest.mark.parametrize("field", ["fileName", "folder", "tags", "description"])
def test_text_that_no_database_stores_alike_is_refused(api, field, name):
    fields = FILE + (NAME if field != "fileName" else b"")
    assert_refused(post_raw(api, fields + part(field, name) + END))


@pytest.mark.rel("B10", "B12", "B13")
@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("not json", "extensions"),
        ("{}", "extensions"),
        ('"x"', "extensions"),
        ("null", None),
        ("[null]", "extensions[0]"),
        ("[[]]", "extensions[0]"),
        ("[{}]", "extensions[0].name"),
        ('[{"name": 5}]', "extensions[0].name"),
        ('[{"name": "paint-it-black"}]', "extensions[0].name"),
        ('[{"name": "remove-bg"}, {"name": "google-auto-tagging"}]', "extensions[1].minConfidence"),
        ('[{"name": "google-auto-tagging", "minConfidence": 101, "maxTags": 5}]', "extensions[0].minConfidence"),
        ('[{"name": "google-auto-tagging", "minConfidence": "80", "maxTags": 5}]', "extensions[0].minConfidence"),
        ('[{"name": "google-auto-tagging", "minConfidence": true, "maxTags": 5}]', "extensions[0].minConfidence"),
        ('[{"name": "google-auto-tagging", "minConfidence": 80, "maxTags": 1000000000}]', "extensions[0].maxTags"),
        ('[{"name": "remove-bg"}, {"name": "remove-bg"}]', "extensions[1].name"),
        (json.dumps([{"name": "remove-bg"}] * 10_000), "extensions"),
        ("[" * 100_000, "extensions"),
        ('[{"name": "google-auto-tagging", "minConfidence": 1e400, "maxTags": 5}]', "extensions"),
        ('[{"name": "google-auto-tagging", "minConfidence": NaN, "maxTags": 5}]', "extensions"),
        ('[{"name": "google-auto-tagging", "minConfidence": 80, "maxTags": ' + "9" * 5000 + "}]", "extensions"),
        ('[{"name": "remove-bg\\ud800"}]', "extensions"),
        ('[{"name": "remove-bg\\u0000"}]', "extensions"),
    ],
)
def test_a_bad_extension_block_is_named_and_nothing_remains(api, text, field):
    response = upload(api, picture(), extensions=text)
    if field is None:
        assert response.status_code == 200
    else:
        assert_refused(response, field=field)


@pytest.mark.rel("B1", "B2")
def test_deep_nesting_in_any_part_of_the_extensions_is_bad_json(api):
    deep = '[{"name": "remove-bg", "options": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}]"
    assert_refused(upload(api, picture(), extensions=deep), field="extensions")


def test_file_is_required(api):
    assert_refused(upload(api, None), field="file")


def test_file_name_is_required(api):
    assert_refused(upload(api, fileName=None), field="fileName")


@pytest.mark.rel("B15")
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (FILE + NAME + END, "multipart/form-data"),
        (FILE + NAME + END, "multipart/form-data; boundary=other"),
        ((FILE + NAME + END)[:-20], None),
        ((FILE + NAME)[: len(FILE) - 4], None),
        (NAME + END, None),
        (FILE + FILE + NAME + END, None),
        (FILE + NAME + part("avatar", b"x", b'; filename="y.png"\r\nContent-Type: image/png') + END, None),
        (b"", None),
        (END, None),
    ],
    ids=[
        "no boundary",
        "wrong boundary",
        "truncated at the end",
        "truncated in the file",
        "no file part",
        "two file parts",
        "a file under another name",
        "empty",
        "nothing but the end",
    ],
)
def test_broken_multipart_is_refused(api, body, content_type):
    response = post_raw(api, body, content_type) if content_type else post_raw(api, body)
    assert_refused(response)


@pytest.mark.rel("B15")
@pytest.mark.parametrize(
    "body",
    [
        FILE + NAME + b"".join(part(f"f{n}", b"x") for n in range(2000)) + END,
        part("file", b"x", b'; filename="' + b"y" * 100_000 + b'"') + NAME + END,
        FILE + NAME + part("description", b"x" * 3_000_000) + END,
    ],
    ids=["2000 fields", "part headers of 100 kB", "3 MB of text"],
)
def test_multipart_beyond_our_limits_is_refused_as_too_large(api, body):
    assert_refused(post_raw(api, body), status=413)


@pytest.mark.rel("B15")
@pytest.mark.parametrize("length", ["", "-5", "abc"])
def test_unusable_content_length_is_refused(api, length):
    assert_refused(post_raw(api, FILE + NAME + END, CONTENT_LENGTH=length))


@pytest.mark.rel("U1", "B19")
def test_two_gigabytes_announced_are_refused_before_a_byte_is_read(api):
    assert_refused(post_raw(api, FILE, CONTENT_LENGTH=str(2 << 30)), status=413)


@pytest.mark.rel("B16")
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_other_content_types_are_refused(api, content_type):
    assert_refused(post_raw(api, b'{"file": "x", "fileName": "y"}', content_type), status=415)


@pytest.mark.rel("B17")
@pytest.mark.parametrize("text", ["SGVsbG8", "SGVs*G8=", "data:text/plain,hello", "", "data:;base64,"])
def test_base64_that_is_none_is_refused(api, text):
    assert_refused(upload(api, text))


@pytest.mark.rel("B17", "B19")
def test_size_limit_holds_to_the_byte(api, settings):
    import base64

    settings.MEDIAHUB_MAX_UPLOAD_BYTES = 1024
    assert_refused(upload(api, b"x" * 1025), field="file")
    assert_refused(upload(api, base64.b64encode(b"x" * 1025).decode()), field="file")
    assert upload(api, b"x" * 1024).status_code == 200
    assert upload(api, base64.b64encode(b"x" * 1024).decode()).status_code == 200


@pytest.mark.rel("B19")
def test_empty_file_is_refused(api):
    assert_refused(post_raw(api, part("file", b"", b'; filename="x"') + NAME + END), field="file")


@pytest.mark.rel("U1")
@pytest.mark.parametrize(
    ("headers", "status"), [({"Authorization": "Bearer x"}, 401), ({"Authorization": "Basic private_unknown"}, 403)]
)
def test_with_a_wrong_key_the_body_is_not_even_read(db, monkeypatch, headers, status):
    def read_nothing(*args, **kwargs):
        raise AssertionError("the body was read")

    monkeypatch.setattr("library.api.multipart.SpoolingMultiPartParser.parse", read_nothing)
    assert_refused(upload(APIClient(), headers=headers), status=status)


@pytest.mark.rel("U1")
@pytest.mark.parametrize("path", [UPLOAD, "/api/v2/files/upload"])
def test_without_any_credentials_nothing_is_kept(db, path):
    data = {"file": SimpleUploadedFile("part.bin", b"bytes"), "fileName": "a.bin"}
    assert_refused(APIClient().post(path, data, format="multipart"), status=401)


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain"])
def test_without_credentials_and_form_it_is_the_key_that_is_missing(db, content_type):
    assert_refused(post_raw(APIClient(), b"{}", content_type), status=401)


@pytest.mark.rel("U1")
def test_a_stranger_is_refused_by_the_length_as_everybody_is(db):
    assert_refused(post_raw(APIClient(), b"", CONTENT_LENGTH=str(2 << 30)), status=413)


def _full_disk(monkeypatch):
    full = SimpleNamespace(f_bavail=1, f_frsize=4096, f_blocks=1_000_000)
    monkeypatch.setattr(diskspace.os, "statvfs", lambda path: full)


@pytest.mark.rel("U14")
def test_a_nearly_full_disk_answers_507(api, monkeypatch):
    _full_disk(monkeypatch)
    assert_refused(upload(api), status=507)


@pytest.mark.rel("U14")
def test_a_nearly_full_disk_still_reads_and_deletes(api, monkeypatch):
    file_id = upload(api).json()["fileId"]
    _full_disk(monkeypatch)
    assert api.get(f"/v1/files/{file_id}/details").status_code == 200
    assert api.delete(f"/v1/files/{file_id}").status_code == 204


@pytest.mark.rel("F29")
def test_a_store_that_refuses_answers_503_and_no_row_is_written(api, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("the store is away")

    monkeypatch.setattr(storage.DiskStorage, "_write", refuse)
    response = upload(api)
    assert response["Retry-After"]
    assert_refused(response, status=503)


@pytest.mark.rel("U12")
def test_the_blob_goes_when_the_transaction_fails(api, monkeypatch):
    def fail(**kwargs):
        assert len(files_under(settings.STORAGES["blobs"]["OPTIONS"]["location"])) == 1
        raise RuntimeError("something unforeseen")

    monkeypatch.setattr("extensions.api.uploads.write_receipt", fail)
    assert upload(api).status_code == 500
    assert_nothing_stored()


def test_an_unforeseen_error_has_the_error_body_too(api, monkeypatch):
    def fail(**kwargs):
        raise RuntimeError("something unforeseen")

    monkeypatch.setattr("extensions.api.uploads.write_receipt", fail)
    assert_refused(upload(api), status=500)


@pytest.mark.rel("F23", "F26")
def test_a_database_that_does_not_answer_is_a_503_to_try_again(api, monkeypatch):
    def fail(**kwargs):
        raise OperationalError("database is locked")

    monkeypatch.setattr("extensions.api.uploads.write_receipt", fail)
    response = upload(api)
    assert response["Retry-After"]
    assert_refused(response, status=503)


def test_get_is_not_allowed_here(api):
    assert_refused(api.get(UPLOAD), status=405)
