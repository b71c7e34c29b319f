"""imagekitio 5, unmodified, against a server whose limits it meets (API 1.7, 1.8)."""

import time

import pytest
from imagekitio import ImageKit, PermissionDeniedError, RateLimitError

from mediahub.lib.env import Rate

pytestmark = pytest.mark.process


def client_of(server, key, **options):
    return ImageKit(private_key=key, base_url=server, _strict_response_validation=True, **options)


def test_beyond_the_limit_it_raises_with_our_sentence(server, key, settings):
    settings.MEDIAHUB_RATE_LIMITS = {"read": Rate(0.05, 1)}
    with client_of(server, key, max_retries=0) as client:
        client.assets.list()
        with pytest.raises(RateLimitError, match="Too many requests") as refused:
            client.assets.list()
    assert list(refused.value.body) == ["message"]
    assert int(refused.value.response.headers["retry-after"]) <= 20
    assert int(refused.value.response.headers["x-ratelimit-interval"]) == 20_000


def test_with_retries_it_waits_as_long_as_it_is_told_and_goes_on(server, key, settings):
    settings.MEDIAHUB_RATE_LIMITS = {"read": Rate(0.5, 1)}
    with client_of(server, key, max_retries=2) as client:
        client.assets.list()
        started = time.monotonic()
        answer = client.assets.with_raw_response.list()
        waited = time.monotonic() - started
    assert answer.status_code == 200
    # Its own guess would have been half a second, then one.
    assert answer.retries_taken == 1
    assert 1.5 < waited < 8


def test_uploads_are_not_limited(server, key, settings):
    settings.MEDIAHUB_RATE_LIMITS = {"read": Rate(0.05, 1), "write": Rate(0.05, 1)}
    with client_of(server, key, max_retries=0) as client:
        for number in range(4):
            client.files.upload(file=b"text", file_name=f"{number}.txt")


@pytest.mark.rel("A6")
def test_a_wrong_key_is_not_tried_again_once_it_is_slowed(server, key, settings):
    settings.MEDIAHUB_FAILURES_BEFORE_SLOWING = 2
    with client_of(server, "private_wrong", max_retries=2) as client:
        for _ in range(2):
            with pytest.raises(PermissionDeniedError):
                client.assets.list()
        started = time.monotonic()
        with pytest.raises(RateLimitError):
            client.assets.list()
    assert time.monotonic() - started < 0.4
    with client_of(server, key) as client:
        assert client.assets.list() == []
