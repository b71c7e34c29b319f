"""Text that no database takes and lengths that no page needs are answered, never a server error (REL B4)."""

import pytest

from library.models import Asset

NUL = "a\0b"


@pytest.fixture
def signed_in(client, owner):
    client.force_login(owner)
    return client


@pytest.mark.rel("B4")
@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("file-details", {"tags": NUL}),
        ("file-details", {"description": NUL}),
        ("members", {"username": NUL, "role": "editor"}),
        ("keys", {"label": NUL}),
        ("units-plan", {"units_per_month": NUL}),
        ("switch", {"account": NUL}),
        ("folders", {"path": NUL}),
        ("run-retry", {NUL: "x"}),
    ],
)
def test_a_posted_nul_is_a_bad_request(signed_in, scene, name, fields):
    assert signed_in.post(scene.url(name), fields).status_code == 400


@pytest.mark.rel("B4")
@pytest.mark.parametrize("name", ["files", "files-news"])
def test_a_nul_in_the_query_is_a_bad_request(signed_in, scene, name):
    assert signed_in.get(scene.url(name), {"ids": NUL, "q": NUL}).status_code == 400


@pytest.mark.rel("B4")
@pytest.mark.parametrize("version_id", ["a%00b", "not-an-id", "0" * 24])
def test_a_version_that_cannot_be_is_404(signed_in, scene, version_id):
    address = f"/admin/files/{scene.asset.file_id}/versions/{version_id}/restore/"

    assert signed_in.post(address).status_code == 404


def test_a_description_beyond_the_apis_limit_is_refused(signed_in, scene):
    answer = signed_in.post(scene.url("file-details"), {"description": "x" * 10_001}, follow=True)

    assert "10000 characters" in answer.content.decode()
    assert Asset.objects.get(pk=scene.asset.pk).description == ""


@pytest.mark.parametrize("field", ["q", "folder"])
def test_a_very_long_search_finds_nothing(signed_in, scene, field):
    answer = signed_in.get("/admin/files/", {field: "x" * 60_000})

    assert answer.status_code == 200
    assert answer.context["page"].paginator.count == 0


@pytest.mark.parametrize(
    "target", ["foo", "runs", "admin:nope", "//evil.example/", "https://evil.example/", "/" * 9000]
)
def test_the_way_back_that_is_no_path_of_ours_is_ignored(signed_in, scene, target):
    answer = signed_in.post(scene.url("run-cancel"), {"next": target})

    assert answer.status_code == 302
    assert answer.url == scene.url("run")


def test_the_way_back_keeps_filters(signed_in, scene):
    answer = signed_in.post(scene.url("run-cancel"), {"next": "/admin/runs/?state=failed"})

    assert answer.url == "/admin/runs/?state=failed"
