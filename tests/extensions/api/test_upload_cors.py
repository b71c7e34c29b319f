"""Pages of other sites: what browsers are told about the two upload addresses, and what pages may not do."""

import pytest
from django.test import Client

from library.models import Asset
from tests.signed_uploads import UPLOAD_V2, post, signed
from tests.uploading import UPLOAD, assert_refused

pytestmark = pytest.mark.django_db
SHOP = "https://shop.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Origin": SHOP}


def ask(path: str = UPLOAD, **headers: str):
    return Client().options(path, headers={**PREFLIGHT, **headers})


@pytest.mark.parametrize("path", [UPLOAD, f"{UPLOAD}/", UPLOAD_V2])
def test_a_preflight_is_answered_without_any_key(path):
    answer = ask(path, **{"Access-Control-Request-Headers": "content-type, x-requested-with"})
    assert answer.status_code == 204
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert answer["Access-Control-Allow-Headers"] == "content-type, x-requested-with"
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("asked", ["Authorization", "authorization, x-a", "a b", "x\u00e9", "x" * 65])
def test_a_private_key_and_odd_headers_are_not_allowed(asked):
    answer = ask(**{"Access-Control-Request-Headers": asked})
    assert "authorization" not in answer.get("Access-Control-Allow-Headers", "").lower()
    assert answer.get("Access-Control-Allow-Headers", "") in ("", "x-a")


def test_an_upload_from_a_page_can_be_read_by_it(new_account):
    response = post({"fileName": "a.bin", **signed(new_account)}, Origin=SHOP)
    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == "*"
    assert "x-ik-requestId" in response["Access-Control-Expose-Headers"]


def test_errors_can_be_read_too(new_account, monkeypatch):
    assert post({}, Origin=SHOP)["Access-Control-Allow-Origin"] == "*"
    refused = post({"fileName": "a.bin", **signed(new_account, signature="0")}, Origin=SHOP)
    assert (refused.status_code, refused["Access-Control-Allow-Origin"]) == (400, "*")

    def fail(*args, **kwargs):
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("extensions.api.uploads.store_file", fail)
    broken = post({"fileName": "a.bin", **signed(new_account)}, Origin=SHOP)
    assert (broken.status_code, broken["Access-Control-Allow-Origin"]) == (500, "*")
    assert broken["x-ik-requestId"]


@pytest.mark.parametrize("path", ["/v1/files", "/api/runs", "/api/health/live", "/v1/files/upload"])
def test_nothing_else_is_open_to_pages(path):
    assert "Access-Control-Allow-Origin" not in ask(path)
    assert "Access-Control-Allow-Origin" not in Client().get(path, headers={"Origin": SHOP})


def test_without_an_origin_nothing_is_said(api):
    response = post({"fileName": "a.bin"}, client=api)
    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response


class TestNamedOrigins:
    """MEDIAHUB_UPLOAD_ORIGINS names the sites whose pages may upload."""

    @pytest.fixture(autouse=True)
    def only_the_shop(self, settings):
        settings.MEDIAHUB_UPLOAD_ORIGINS = [SHOP]

    def test_a_named_one_may_upload_and_caches_are_told(self, new_account):
        response = post({"fileName": "a.bin", **signed(new_account)}, Origin=SHOP)
        assert response.status_code == 200
        assert response["Access-Control-Allow-Origin"] == SHOP
        assert "Origin" in response["Vary"]
        assert ask()["Access-Control-Allow-Origin"] == SHOP

    @pytest.mark.parametrize("origin", ["https://other.example", "https://shop.example.evil.example", "null", "*"])
    def test_another_one_may_not_though_its_signature_is_good(self, new_account, origin):
        response = post({"fileName": "a.bin", **signed(new_account)}, Origin=origin)
        assert_refused(response, status=403)
        assert "Access-Control-Allow-Origin" not in response
        assert ask(Origin=origin).status_code == 403

    def test_our_own_pages_may(self, new_account, settings):
        for origin in ("http://testserver", settings.MEDIAHUB_PUBLIC_URL):
            assert post({"fileName": "a.bin", **signed(new_account)}, Origin=origin).status_code == 200

    def test_programs_say_no_origin_and_may(self, api):
        assert post({"fileName": "a.bin"}, client=api).status_code == 200


@pytest.mark.parametrize("origin", [SHOP, "null"])
def test_a_private_key_that_a_browser_adds_for_a_foreign_page_opens_nothing(api, origin):
    """A form of any site could otherwise upload into the account of whoever once typed a key at a log-in prompt."""
    response = post({"fileName": "a.bin"}, client=api, Origin=origin)
    assert_refused(response, status=403)


def test_a_private_key_from_a_page_of_our_own_is_taken(api):
    assert post({"fileName": "a.bin"}, client=api, Origin="http://testserver").status_code == 200
    assert Asset.objects.count() == 1
