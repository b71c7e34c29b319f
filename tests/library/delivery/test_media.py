"""Files over HTTP as anyone may ask for them: what is answered, with which headers, and what is kept back."""

import hashlib
from urllib.parse import quote, urlsplit

import pytest

from library.models import Account, ApiKey, Asset
from library.services.accounts import create_account, create_api_key
from library.signing import delivery_signature
from library.storage import delete_blob
from library.wire import file_object
from mediahub.lib import clock
from mediahub.lib.clock import now
from tests.library.delivery.conftest import FORMATS

pytestmark = pytest.mark.django_db

WEBP = FORMATS / "photo.webp"


def body(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


@pytest.mark.rel("S2", "S8")
def test_an_original_is_served_by_content_with_its_hash_as_tag(upload, visitor):
    version = upload("photo.webp", folder="/a/b")
    response = visitor.get("/media/acme/a/b/photo.webp")

    data = WEBP.read_bytes()
    assert response.status_code == 200
    assert body(response) == data
    assert response["Content-Type"] == "image/webp"
    assert response["Content-Length"] == str(len(data))
    assert response["ETag"] == f'"{version.sha256}"' == f'"{hashlib.sha256(data).hexdigest()}"'
    assert response["Content-Disposition"] == 'inline; filename="photo.webp"'
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert response["Referrer-Policy"] == "no-referrer"
    assert not response.cookies


@pytest.mark.rel("S3", "S4", "U9", "B20")
@pytest.mark.parametrize(
    ("name", "data", "mime"),
    [
        ("script.svg", None, "image/svg+xml"),
        ("not_an_image.jpg", None, "text/html; charset=utf-8"),
        ("a.pdf", b"%PDF-1.7 x", "application/pdf"),
        ("a.png", b"<html><script>alert(1)</script>", "text/html; charset=utf-8"),
    ],
)
def test_what_can_run_is_a_download_in_a_sandbox(upload, visitor, name, data, mime):
    upload(name, data)
    response = visitor.get(f"/media/acme/{name}")

    assert response["Content-Type"] == mime
    assert response["Content-Disposition"].startswith("attachment")
    assert response["Content-Security-Policy"].endswith("sandbox")
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.rel("S8")
def test_head_answers_without_a_body_and_without_opening_the_file(upload, visitor):
    version = upload("photo.webp")
    delete_blob(version.blob_key)
    response = visitor.head("/media/acme/photo.webp")

    assert response.status_code == 200
    assert response["Content-Length"] == str(version.size_bytes)
    assert body(response) == b""


@pytest.mark.rel("S8")
@pytest.mark.parametrize(
    ("header", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=100-199", 100, 200), ("bytes=-7", -7, None), ("bytes=50-", 50, None)],
)
def test_a_range_is_answered_with_that_part(upload, visitor, header, start, end):
    upload("photo.webp")
    data = WEBP.read_bytes()
    response = visitor.get("/media/acme/photo.webp", headers={"Range": header})

    assert response.status_code == 206
    assert body(response) == data[start:end]
    assert response["Content-Length"] == str(len(data[start:end]))
    first = start if start >= 0 else len(data) + start
    assert response["Content-Range"] == f"bytes {first}-{first + len(data[start:end]) - 1}/{len(data)}"


@pytest.mark.rel("S8")
def test_a_range_beyond_the_end_is_416_and_several_are_answered_with_the_whole(upload, visitor):
    version = upload("photo.webp")
    beyond = visitor.get("/media/acme/photo.webp", headers={"Range": f"bytes={version.size_bytes}-"})
    several = visitor.get("/media/acme/photo.webp", headers={"Range": "bytes=0-1,4-5"})

    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{version.size_bytes}")
    assert (several.status_code, len(body(several))) == (200, version.size_bytes)


@pytest.mark.rel("S8")
def test_a_range_of_something_that_has_changed_gets_the_whole(upload, visitor):
    version = upload("photo.webp")

    def status(condition):
        headers = {"Range": "bytes=0-1", "If-Range": condition}
        return visitor.get("/media/acme/photo.webp", headers=headers).status_code

    modified = visitor.head("/media/acme/photo.webp")["Last-Modified"]
    assert status(f'"{version.sha256}"') == 206
    assert status(modified) == 206
    assert status('"other"') == 200
    assert status(f'W/"{version.sha256}"') == 200
    assert status("Wed, 21 Oct 2015 07:28:00 GMT") == 200


@pytest.mark.rel("S8", "S2")
def test_what_the_client_has_already_is_304(upload, visitor):
    version = upload("photo.webp")
    first = visitor.head("/media/acme/photo.webp")

    for headers in (
        {"If-None-Match": f'"{version.sha256}"'},
        {"If-None-Match": f'"x", W/"{version.sha256}"'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": first["Last-Modified"]},
    ):
        response = visitor.get("/media/acme/photo.webp", headers=headers)
        assert response.status_code == 304
        assert body(response) == b""
        assert response["ETag"] == first["ETag"]
        assert response["Cache-Control"] == first["Cache-Control"]
    changed = {"If-None-Match": '"other"', "If-Modified-Since": first["Last-Modified"]}
    assert visitor.get("/media/acme/photo.webp", headers=changed).status_code == 200


FOR_EVER = "public, max-age=31536000, immutable"
FOR_NOW = "public, max-age=60, must-revalidate"


@pytest.mark.rel("S8")
def test_the_url_of_these_very_bytes_may_be_kept_for_ever(upload, visitor):
    older = upload("a.txt", b"first")
    upload("a.txt", b"second")
    asset = Asset.objects.with_details().get()
    objects = [file_object(asset), file_object(asset, older)]

    for url in (*(item["url"] for item in objects), f"/media/acme/a.txt?ik-obj-version={older.version_id}"):
        parts = urlsplit(url)
        assert "updatedAt=" in url or "ik-obj-version=" in url
        assert visitor.head(f"{parts.path}?{parts.query}")["Cache-Control"] == FOR_EVER


@pytest.mark.rel("S8")
@pytest.mark.parametrize(
    "query",
    ["", "?updatedAt=1710277127313", "?updatedAt=", "?updatedAt=x", "?updatedAt=%00", "?v=3", "?ik-obj-version="],
)
def test_a_url_that_names_a_path_only_may_not_be_kept_for_ever(upload, visitor, query):
    upload("photo.webp")

    assert visitor.head(f"/media/acme/photo.webp{query}")["Cache-Control"] == FOR_NOW


@pytest.mark.rel("S8")
def test_the_time_of_another_version_makes_no_url_immutable(upload, visitor):
    older = upload("a.txt", b"first")
    clock.shift(10)
    upload("a.txt", b"second")
    old_time = int(older.created_at.timestamp() * 1000)

    assert visitor.head(f"/media/acme/a.txt?updatedAt={old_time}")["Cache-Control"] == FOR_NOW


@pytest.mark.rel("S3", "B20")
@pytest.mark.parametrize(
    ("name", "mime"), [("a.js", "text/javascript"), ("a.mjs", "text/javascript"), ("a.css", "text/css")]
)
def test_an_uploaded_script_or_style_is_plain_text_beside_the_admin(upload, visitor, settings, name, mime):
    upload(name, b"alert(1)")
    assert visitor.get(f"/media/acme/{name}")["Content-Type"] == "text/plain; charset=utf-8"

    settings.MEDIAHUB_DELIVERY_URL = "https://files.example.test"
    settings.ALLOWED_HOSTS = ["files.example.test"]
    own = visitor.get(f"/acme/{name}", headers={"host": "files.example.test"})
    assert own["Content-Type"] == f"{mime}; charset=utf-8"


def test_an_older_version_is_served_by_its_id(upload, visitor):
    first = upload("a.txt", b"first")
    upload("a.txt", b"second")

    assert body(visitor.get("/media/acme/a.txt")) == b"second"
    assert body(visitor.get(f"/media/acme/a.txt?ik-obj-version={first.version_id}")) == b"first"


@pytest.mark.rel("S6", "A4")
def test_a_version_of_another_asset_is_not_served_under_this_path(upload, visitor):
    other = upload("private.txt", b"secret", is_private=True)
    upload("a.txt", b"public")

    for version_id in (other.version_id, "0" * 24, "x", ""):
        response = visitor.get(f"/media/acme/a.txt?ik-obj-version={version_id}")
        assert response.status_code == (404 if version_id else 200)
        assert b"secret" not in body(response)


def test_a_download_can_be_asked_for(upload, visitor):
    upload("photo.webp")

    response = visitor.head("/media/acme/photo.webp?ik-attachment=true")
    assert response["Content-Disposition"] == 'attachment; filename="photo.webp"'


@pytest.mark.rel("S6")
def test_what_does_not_exist_is_not_published_or_belongs_to_nobody_is_one_and_the_same_404(upload, visitor):
    upload("draft.txt", b"draft", is_published=False)
    create_account(slug="other")
    asked = ["/media/acme/nothing.txt", "/media/acme/draft.txt", "/media/nobody/a.txt", "/media/other/draft.txt"]
    answers = [visitor.get(url) for url in asked]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["message"] == "The requested file does not exist."


@pytest.mark.rel("S6")
def test_a_disabled_account_serves_nothing(upload, visitor):
    upload("a.txt", b"x")
    Account.objects.update(disabled_at=now())

    assert visitor.get("/media/acme/a.txt").status_code == 404


@pytest.mark.rel("B27")
@pytest.mark.parametrize(
    "path",
    [
        "/media/acme/%2e%2e/%2e%2e/etc/passwd",
        "/media/acme/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/media/acme/../../etc/passwd",
        "/media/acme//a.txt",
        "/media/acme/a.txt/",
        "/media/acme/./a.txt",
        "/media/acme/folder%5ca.txt",
        "/media/acme/..%5c..%5ca.txt",
        "/media/acme/a.txt%00",
        "/media/acme/%00",
        "/media/acme/%ff%fe.txt",
        "/media/acme/a%0d%0aX:1.txt",
        "/media/acme/%ed%a0%80.txt",
        "/media/acme/" + "a" * 5000,
        "/media/acme/" + "a/" * 2000 + "b",
        "/media/acme/",
        "/media/",
        "/media/acme/tr:",
        "/media/acme/tr:n-ik_ml_thumbnail",
        "/media/acme/tr:w-300/a.txt",
        "/media/acme/tr:n-unknown/a.txt",
        "/media/%00/a.txt",
        "/media/acme/a.txt?tr=w-300,h-300",
        "/media/acme/a.txt?ik-obj-version=%00",
        "/media/acme/a.txt?tr=%00",
        "/media/acme/a.txt?" + "a=1&" * 1000,
    ],
)
def test_strange_paths_are_400_or_404(upload, visitor, path):
    upload("a.txt", b"x")

    assert visitor.get(path).status_code in (400, 404)


@pytest.mark.rel("B27", "B14")
def test_both_normal_forms_of_a_name_are_one_file(upload, visitor):
    upload("caf\u00e9.txt", b"x")

    assert visitor.get("/media/acme/" + quote("caf\u00e9.txt")).status_code == 200
    assert visitor.get("/media/acme/" + quote("cafe\u0301.txt")).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_files_can_only_be_read_here(upload, visitor, method):
    upload("a.txt", b"x")

    assert getattr(visitor, method)("/media/acme/a.txt").status_code == 405


def test_a_file_whose_bytes_are_lost_is_an_error_of_ours_in_words(upload, visitor):
    delete_blob(upload("a.txt", b"x").blob_key)
    response = visitor.get("/media/acme/a.txt")

    assert response.status_code == 404
    assert response.json()["message"] == "The file's content is missing from the storage."


class TestPrivate:
    """Private files: by signature only, on every path to the bytes."""

    @pytest.fixture
    def secret(self, upload):
        return upload("photo.webp", folder="/in", is_private=True)

    @pytest.fixture
    def key(self, new_account):
        return new_account.private_key

    @pytest.mark.rel("S5", "S6")
    @pytest.mark.parametrize(
        "tail",
        [
            "",
            "?ik-s=",
            "?ik-s=0d09eed46a05bf9724ef0b33676e99e1ec33417f",
            "?updatedAt=1",
            "?ik-attachment=true",
            "?ik-t=9999999999",
        ],
    )
    @pytest.mark.parametrize("before", ["", "tr:n-ik_ml_thumbnail/", "tr:n-preview/"])
    def test_unsigned_and_wrongly_signed_are_401_without_saying_which(self, secret, visitor, tail, before):
        response = visitor.get(f"/media/acme/{before}in/photo.webp{tail}")

        assert response.status_code == 401
        assert response.json()["message"] == "This file is private; its URL needs a valid signature."
        assert "no-store" in response["Cache-Control"]

    @pytest.mark.rel("S5", "S2")
    def test_a_signed_url_opens_it_for_this_client_only(self, secret, visitor, key):
        response = visitor.get(f"/media/acme/in/photo.webp?ik-s={delivery_signature(key, 'in/photo.webp')}")

        assert response.status_code == 200
        assert response["Cache-Control"].startswith("private")
        assert response["Cross-Origin-Resource-Policy"] == "same-site"

    @pytest.mark.rel("S5")
    @pytest.mark.parametrize(("ahead_s", "status"), [(100, 200), (-1, 401)])
    def test_a_signature_with_a_time_ends_with_it(self, secret, visitor, key, ahead_s, status):
        expire = str(int(now().timestamp()) + ahead_s)
        signature = delivery_signature(key, "in/photo.webp?updatedAt=5", expire)
        response = visitor.get(f"/media/acme/in/photo.webp?updatedAt=5&ik-t={expire}&ik-s={signature}")

        assert response.status_code == status

    @pytest.mark.rel("S5")
    def test_a_signature_is_for_one_path_and_query(self, secret, upload, visitor, key):
        upload("other.txt", b"x", folder="/in", is_private=True)
        signature = delivery_signature(key, "in/photo.webp")

        assert visitor.get(f"/media/acme/in/other.txt?ik-s={signature}").status_code == 401
        assert (
            visitor.get(f"/media/acme/in/photo.webp?ik-obj-version={secret.version_id}&ik-s={signature}").status_code
            == 401
        )
        assert visitor.get(f"/media/acme/tr:n-preview/in/photo.webp?ik-s={signature}").status_code == 401

    @pytest.mark.rel("S5")
    @pytest.mark.parametrize("name", ["tr", "ik-obj-version"])
    def test_a_signed_parameter_counts_only_where_it_is_one(self, secret, visitor, key, name):
        """`?tr%3D...` reads as `tr=...` when decoded, but names one odd parameter and so asks for the original."""
        value = secret.version_id if name == "ik-obj-version" else "n-ik_ml_thumbnail"
        signature = delivery_signature(key, f"in/photo.webp?{name}={value}")

        assert visitor.get(f"/media/acme/in/photo.webp?{name}={value}&ik-s={signature}").status_code in (200, 503)
        assert visitor.get(f"/media/acme/in/photo.webp?{name}%3D{value}&ik-s={signature}").status_code == 401

    @pytest.mark.rel("S5")
    def test_a_query_may_be_signed_before_it_is_encoded(self, secret, visitor, key):
        signature = delivery_signature(key, "in/photo.webp?note=a/b c")

        assert visitor.get(f"/media/acme/in/photo.webp?note=a%2Fb%20c&ik-s={signature}").status_code == 200

    @pytest.mark.rel("S5", "A3")
    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({}, 200),
            ({"disabled_at": "2020-01-01T00:00Z"}, 401),
            ({"expires_at": "2020-01-01T00:00Z"}, 401),
            ({"is_restricted": True}, 401),
            ({"is_restricted": True, "rights": {"media": "read"}}, 200),
        ],
    )
    def test_only_a_live_key_with_the_right_to_read_may_sign(self, secret, visitor, new_account, change, status):
        second = create_api_key(account=new_account.account, label="second")
        ApiKey.objects.filter(pk=second.api_key.pk).update(**change)
        signature = delivery_signature(second.private_key, "in/photo.webp")

        assert visitor.get(f"/media/acme/in/photo.webp?ik-s={signature}").status_code == status

    @pytest.mark.rel("S5", "A4")
    def test_the_key_of_another_account_signs_nothing_here(self, secret, visitor):
        other = create_account(slug="other").private_key

        assert (
            visitor.get(f"/media/acme/in/photo.webp?ik-s={delivery_signature(other, 'in/photo.webp')}").status_code
            == 401
        )

    @pytest.mark.parametrize("sign_encoded", [True, False])
    def test_the_encoded_and_the_plain_spelling_of_a_name_may_be_signed(self, upload, visitor, key, sign_encoded):
        upload("naïve.txt", b"x", is_private=True)
        encoded = quote("naïve.txt")
        signature = delivery_signature(key, encoded if sign_encoded else "naïve.txt")

        assert visitor.get(f"/media/acme/{encoded}?ik-s={signature}").status_code == 200

    def test_the_sdk_signs_what_we_accept(self, secret, visitor, key):
        from imagekitio import ImageKit

        url = ImageKit(private_key=key).helper.build_url(
            url_endpoint="http://testserver/media/acme", src="/in/photo.webp", signed=True, expires_in=300
        )
        parts = urlsplit(url)

        assert visitor.get(f"{parts.path}?{parts.query}").status_code == 200


@pytest.mark.rel("S1", "S4")
class TestDeliveryHost:
    """A host of its own for files."""

    @pytest.fixture(autouse=True)
    def host(self, settings):
        settings.MEDIAHUB_DELIVERY_URL = "https://files.example.test"
        settings.ALLOWED_HOSTS = ["testserver", "files.example.test"]

    def test_it_serves_files_and_nothing_else(self, upload, visitor):
        upload("photo.webp")

        def status(path):
            return visitor.get(path, headers={"host": "files.example.test"}).status_code

        assert status("/acme/photo.webp") == 200
        for path in ("/admin/", "/admin/login/", "/v1/files", "/api/v1/files/upload", "/"):
            assert status(path) == 404

    @pytest.mark.parametrize(
        "spelling", ["files.example.test.", "FILES.example.test", "files.example.test:8000", "Files.Example.Test.:443"]
    )
    def test_no_spelling_of_its_name_opens_the_rest(self, upload, visitor, spelling):
        upload("photo.webp")

        assert visitor.get("/acme/photo.webp", headers={"host": spelling}).status_code == 200
        for path in ("/admin/login/", "/v1/files", "/api/health/live"):
            assert visitor.get(path, headers={"host": spelling}).status_code == 404

    def test_on_one_name_the_port_tells_the_hosts_apart(self, upload, visitor, settings):
        settings.MEDIAHUB_PUBLIC_URL = "https://files.example.test"
        settings.MEDIAHUB_DELIVERY_URL = "https://files.example.test:8443"

        def status(host):
            return visitor.get("/api/health/live", headers={"host": host}).status_code

        assert (status("files.example.test:8443"), status("files.example.test.:8443")) == (404, 404)
        assert (status("files.example.test"), status("files.example.test:443")) == (200, 200)

    def test_svg_is_shown_there_in_its_sandbox(self, upload, visitor):
        upload("script.svg")
        response = visitor.get("/acme/script.svg", headers={"host": "files.example.test"})

        assert response["Content-Disposition"].startswith("inline")
        assert response["Content-Security-Policy"].endswith("sandbox")

    def test_elsewhere_everything_is_as_before(self, upload, visitor):
        upload("script.svg")

        assert visitor.get("/media/acme/script.svg")["Content-Disposition"].startswith("attachment")
