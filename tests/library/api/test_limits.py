"""Rate limits of the API: classes, headers, the 429, and what is not limited (API 1.7)."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.urls import get_resolver

from library.api.limits import rate_class
from library.services.accounts import create_account, create_api_key
from mediahub.lib.env import Rate
from tests.conftest import client_for

HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Reset", "X-RateLimit-Interval")
NOBODY = "0" * 24


@pytest.fixture(autouse=True)
def limits(settings):
    """Two of each class at once, and one more after twenty seconds."""
    settings.MEDIAHUB_RATE_LIMITS = {name: Rate(0.05, 2) for name in ("read", "write", "bulk")}
    return settings.MEDIAHUB_RATE_LIMITS


def headers(response):
    return {name: int(response[name]) for name in HEADERS if name in response}


@pytest.mark.django_db
class TestAnAnswer:
    def test_has_whole_numbers_on_success(self, api):
        assert headers(api.get("/v1/files")) == {HEADERS[0]: 2, HEADERS[1]: 0, HEADERS[2]: 40_000}

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("get", f"/v1/files/{NOBODY}/details", 404),
            ("get", "/v1/files?limit=0", 400),
            ("put", "/v1/files", 405),
            ("get", "/v1/accounts/origins", 501),
            ("get", "/api/runs", 200),
        ],
    )
    def test_has_them_whatever_its_status(self, api, method, path, status):
        response = getattr(api, method)(path)
        assert response.status_code == status
        assert len(headers(response)) == 3

    def test_beyond_the_limit_is_a_429_with_a_sentence_and_nothing_else(self, api):
        for _ in range(2):
            assert api.get("/v1/files").status_code == 200
        response = api.get("/v1/files")
        assert response.status_code == 429
        assert list(response.json()) == ["message"]
        assert 1 <= int(response["Retry-After"]) <= 20
        assert 0 < headers(response)["X-RateLimit-Reset"] <= 20_000
        assert response["x-ik-requestId"]

    def test_tells_how_long_to_wait_before_it_refuses(self, api):
        api.get("/v1/files")
        assert 0 < headers(api.get("/v1/files"))["X-RateLimit-Reset"] <= 20_000

    def test_never_asks_an_sdk_to_wait_longer_than_it_would(self, api, limits):
        limits["read"] = Rate(0.001, 1)
        api.get("/v1/files")
        assert api.get("/v1/files")["Retry-After"] == "60"

    def test_serves_again_after_the_wait(self, api, limits):
        limits["read"] = Rate(1, 1)
        while api.get("/v1/files").status_code == 200:
            pass
        time.sleep(1.01)
        assert api.get("/v1/files").status_code == 200

    def test_to_a_key_without_the_right_counts_too(self, api, new_account):
        from library.models import ApiKey

        ApiKey.objects.update(is_restricted=True, rights={})
        assert [api.get("/v1/files").status_code for _ in range(3)] == [403, 403, 429]


@pytest.mark.django_db
class TestWhatIsCounted:
    def spend(self, api):
        while api.get("/v1/files").status_code == 200:
            pass

    def test_all_keys_of_an_account_count_together(self, api, new_account):
        self.spend(api)
        other = create_api_key(account=new_account.account, label="second")
        assert client_for(other.private_key).get("/v1/files").status_code == 429

    def test_accounts_do_not_count_for_each_other(self, api):
        self.spend(api)
        other = create_account(slug="other")
        assert client_for(other.private_key).get("/v1/files").status_code == 200

    def test_reads_writes_and_bulk_changes_are_counted_apart(self, api):
        self.spend(api)
        assert [api.delete(f"/v1/files/{NOBODY}").status_code for _ in range(3)] == [404, 404, 429]
        body = {"fileIds": [NOBODY], "tags": ["x"]}
        tagging = [api.post("/v1/files/addTags", body, format="json").status_code for _ in range(3)]
        assert tagging == [404, 404, 429]

    def test_a_question_asked_by_post_is_a_read(self, api):
        self.spend(api)
        assert api.post("/api/estimates", {}, format="json").status_code == 429

    def test_uploads_are_not_limited_and_say_nothing(self, api):
        for _ in range(5):
            response = api.post("/api/v1/files/upload", {"fileName": "x"})
            assert response.status_code == 400
            assert not headers(response)

    def test_uploads_can_be_limited(self, api, limits):
        limits["upload"] = Rate(0.05, 1)
        answers = [api.post("/api/v1/files/upload", {"fileName": "x"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [400, 429]
        assert headers(answers[0])["X-RateLimit-Limit"] == 1

    def test_a_limit_of_nothing_is_none(self, api, settings):
        settings.MEDIAHUB_RATE_LIMITS = {}
        answers = [api.get("/v1/files") for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200}
        assert not any(headers(answer) for answer in answers)

    def test_health_is_not_limited(self, client):
        answers = [client.get("/api/health/live") for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200}
        assert not any(headers(answer) for answer in answers)

    def test_the_admin_is_not_limited(self, client, owner):
        client.force_login(owner)
        answers = [client.get("/admin/files/") for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200}
        assert not any(headers(answer) for answer in answers)

    def test_delivery_is_not_limited(self, client, new_account):
        answers = [client.get("/media/acme/none.png") for _ in range(5)]
        assert {answer.status_code for answer in answers} == {404}
        assert not any(headers(answer) for answer in answers)


def test_every_upload_and_every_bulk_change_has_its_class():
    """By address, so that a route added later cannot be forgotten."""
    wanted = {"upload": "upload", "addTags": "bulk", "removeTags": "bulk", "removeAITags": "bulk"}
    found = {}
    for pattern in _api_patterns(get_resolver().url_patterns):
        route = str(pattern.pattern)
        last = route.removesuffix("$").removesuffix("/?").rpartition("/")[2]
        if last in wanted or "customMetadataFields" in route:
            found[route] = rate_class(pattern.callback.view_class, "POST") == wanted.get(last, "bulk")
    assert len(found) >= len(wanted)
    assert all(found.values()), found


def _api_patterns(patterns):
    for item in patterns:
        if hasattr(item, "url_patterns"):
            if not str(item.pattern).startswith("admin"):
                yield from _api_patterns(item.url_patterns)
        elif hasattr(item.callback, "view_class"):
            yield item


def test_threads_together_get_what_one_account_may_have(committed_db, settings):
    from django.db import connections

    settings.MEDIAHUB_RATE_LIMITS = {"read": Rate(1, 20)}
    key = create_account(slug="acme").private_key

    def ask(_):
        try:
            return client_for(key).get("/v1/bulkJobs/none").status_code
        finally:
            connections.close_all()

    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(60)))
    granted = answers.count(404)
    assert set(answers) == {404, 429}
    assert 20 <= granted <= 21 + (time.monotonic() - started)
