"""ImageKit's signatures, with the vectors that its SDKs compute."""

from datetime import UTC, datetime, timedelta

import pytest

from library.signing import (
    delivery_signature,
    delivery_signature_is_valid,
    upload_expiry_is_valid,
    upload_signature,
    upload_signature_is_valid,
)

NOW = datetime(2024, 5, 1, tzinfo=UTC)
SIGNED = "0d09eed46a05bf9724ef0b33676e99e1ec33417f"


def test_the_upload_signature_is_the_sdks():
    assert upload_signature("private_k", "tok", "1700000000") == "fd6e58c181ec750bc684413e87b200e58eb4723c"


@pytest.mark.rel("A6")
@pytest.mark.parametrize(
    "change", [{"token": "tok2"}, {"expire": "1700000001"}, {"signature": "0" * 40}, {"signature": "é\ud800"}]
)
def test_an_altered_upload_signature_is_refused(change):
    fields = {"token": "tok", "expire": "1700000000", "signature": "fd6e58c181ec750bc684413e87b200e58eb4723c"}

    assert upload_signature_is_valid("private_k", **fields)
    assert not upload_signature_is_valid("private_k", **{**fields, **change})


@pytest.mark.parametrize(
    ("ahead_s", "valid"), [(-1, False), (0, False), (1, True), (3599, True), (3600, False), (10**8, False)]
)
def test_an_upload_token_lives_less_than_an_hour(ahead_s, valid):
    assert upload_expiry_is_valid(str(int(NOW.timestamp()) + ahead_s), now=NOW) is valid


@pytest.mark.parametrize("expire", ["", "soon", "1e9", "-5", "١٧", "9" * 5000, "1714521700.5"])
def test_an_expiry_that_is_no_number_is_refused(expire):
    assert not upload_expiry_is_valid(expire, now=NOW)


def test_the_delivery_signature_is_the_sdks():
    assert delivery_signature("private_k", "a/b.jpg") == SIGNED


@pytest.mark.rel("S5")
def test_a_signature_without_expiry_holds_for_ever():
    assert delivery_signature_is_valid(["other", "private_k"], ["a/b.jpg"], signature=SIGNED, expire="", now=NOW)


@pytest.mark.rel("S5")
@pytest.mark.parametrize(
    ("keys", "paths", "signature", "expire"),
    [
        (["other"], ["a/b.jpg"], SIGNED, ""),
        ([], ["a/b.jpg"], SIGNED, ""),
        (["private_k"], ["a/c.jpg"], SIGNED, ""),
        (["private_k"], ["a/b.jpg?tr=n-x"], SIGNED, ""),
        (["private_k"], ["a/b.jpg"], SIGNED.upper(), ""),
        (["private_k"], ["a/b.jpg"], "", ""),
        (["private_k"], ["a/b.jpg"], SIGNED, "1800000000"),
        (["private_k"], ["a/b.jpg"], SIGNED, "later"),
    ],
)
def test_an_altered_delivery_signature_is_refused(keys, paths, signature, expire):
    assert not delivery_signature_is_valid(keys, paths, signature=signature, expire=expire, now=NOW)


@pytest.mark.rel("S5")
def test_a_signature_ends_at_its_time():
    expire = str(int(NOW.timestamp()))
    signature = delivery_signature("k", "a.jpg", expire)

    def valid(now):
        return delivery_signature_is_valid(["k"], ["a.jpg"], signature=signature, expire=expire, now=now)

    assert valid(NOW - timedelta(seconds=1))
    assert not valid(NOW)
