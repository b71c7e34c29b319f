"""The path of the public URL: which are taken, and that the delivery host's own paths are left alone."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import RequestFactory

from mediahub.lib.prefix import path_prefix
from mediahub.paths import PathMiddleware


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("https://example.com", ""),
        ("https://example.com/", ""),
        ("https://example.com/hub", "/hub"),
        ("https://example.com/a/b-1_2.3~/", "/a/b-1_2.3~"),
    ],
)
def test_the_prefix_is_the_path_of_the_public_url(url, prefix):
    assert path_prefix(url) == prefix


@pytest.mark.parametrize("path", ["/media", "/API/x", "/v1", "/admin/x", "/static"])
def test_a_path_of_our_own_cannot_be_the_prefix(path):
    with pytest.raises(ImproperlyConfigured, match="must not begin with one of admin, api, media, static, v1"):
        path_prefix(f"https://example.com{path}")


@pytest.mark.parametrize("path", ["/a//b", "/a b", "/%41", "/..", "/é", "/a;b"])
def test_a_path_that_needs_quoting_cannot_be_the_prefix(path):
    with pytest.raises(ImproperlyConfigured, match="letters, digits"):
        path_prefix(f"https://example.com{path}")


@pytest.mark.parametrize(
    ("sent", "path_info", "path"),
    [
        ("/hub/v1/files", "/v1/files", "/hub/v1/files"),
        ("/v1/files", "/v1/files", "/hub/v1/files"),
        ("/hub", "/", "/hub"),
    ],
)
def test_the_prefix_is_taken_off_where_it_is(settings, sent, path_info, path):
    settings.FORCE_SCRIPT_NAME = "/hub"
    request = RequestFactory().get(sent)
    PathMiddleware(lambda request: HttpResponse())(request)
    assert (request.path_info, request.path) == (path_info, path)


@pytest.mark.parametrize("sent", ["/hub/photo.jpg", "/api/a%2Fb.jpg"])  # accounts may be called hub and api
def test_paths_of_the_delivery_host_are_left_alone(settings, sent):
    settings.FORCE_SCRIPT_NAME = "/hub"
    settings.MEDIAHUB_DELIVERY_URL = "https://files.example.test"
    settings.ALLOWED_HOSTS = ["files.example.test"]
    request = RequestFactory().get(sent, REQUEST_URI=sent, HTTP_HOST="files.example.test")
    path = request.path_info
    assert PathMiddleware(lambda request: HttpResponse())(request).status_code == 200
    assert request.path_info == path


@pytest.mark.parametrize("name", ["REQUEST_URI", "RAW_URI"])
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("/v1/files/a%2Fversions%2Fb", 404),
        ("/v1/files/a%2fdetails", 404),
        ("/v1/files/a/details?url=https%3A%2F%2Fa.example", 200),
        ("/media/acme/a%2Fb.jpg", 200),
    ],
)
def test_an_id_with_a_slash_is_not_taken_for_another_route(name, sent, status):
    request = RequestFactory().get(sent, **{name: sent})
    assert PathMiddleware(lambda request: HttpResponse())(request).status_code == status
