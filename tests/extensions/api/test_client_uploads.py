"""Uploads that browsers send with what the account's back end has signed, v1 (API 1.3, 2.8; REL A6)."""

from datetime import timedelta

import pytest
from imagekitio import ImageKit

from library.models import ApiKey, Asset, SpentToken
from library.services.accounts import create_api_key
from library.signing import upload_signature
from library.tasks import sweep_tokens
from mediahub.lib import clock
from tests.signed_uploads import post, signed, upload_v1
from tests.uploading import assert_nothing_stored, assert_refused, picture, upload

pytestmark = pytest.mark.django_db
BLOCKS = '[{"name": "aws-auto-tagging", "minConfidence": 70, "maxTags": 3}]'
REPEAT = {"x-stainless-retry-count": "1"}


@pytest.fixture
def key(new_account):
    return new_account


def test_a_signed_upload_is_stored_in_the_account_of_its_key(key):
    response = upload_v1(key)
    assert response.status_code == 200, response.content
    assert Asset.objects.get().account == key.account
    assert response.json()["fileId"] == Asset.objects.get().file_id


def test_it_takes_every_field_of_the_form(key):
    fields = {
        "fileName": "a.png",
        "folder": "/in",
        "tags": "a,b",
        "isPrivateFile": "true",
        "extensions": BLOCKS,
        "responseFields": "tags,isPrivateFile",
    }
    body = upload_v1(key, fields=fields, data=picture()).json()
    assert (body["tags"], body["isPrivateFile"]) == (["a", "b"], True)
    assert body["filePath"].startswith("/in/")
    assert body["extensionStatus"] == {"aws-auto-tagging": "pending"}


def test_the_parameters_of_the_sdk_are_taken_as_they_are(key):
    parameters = ImageKit(private_key=key.private_key).helper.get_authentication_parameters()
    fields = {"fileName": "a.bin", "publicKey": key.public_key, **parameters}
    assert post(fields).status_code == 200


def test_the_vector_of_the_api_definition_is_the_signature():
    assert upload_signature("private_k", "tok", "1700000000") == "fd6e58c181ec750bc684413e87b200e58eb4723c"


@pytest.mark.rel("A6")
def test_a_token_is_good_for_one_upload(key):
    fields = {"fileName": "a.bin", **signed(key)}
    assert post(fields).status_code == 200
    second = post(fields)
    assert second.status_code == 400
    assert second.json()["field"] == "token"
    assert Asset.objects.count() == 1


@pytest.mark.rel("A6")
def test_a_token_signed_anew_with_another_time_is_the_same_token(key):
    assert upload_v1(key, token="one").status_code == 200
    assert upload_v1(key, token="one", ahead_s=1200).status_code == 400


@pytest.mark.rel("A6")
@pytest.mark.parametrize("fault", [{"isPrivateFile": "perhaps"}, {"extensions": "{"}, {"fileName": ""}])
def test_a_refused_upload_has_spent_its_token(key, fault):
    fields = {"fileName": "a.bin", **signed(key)}
    assert post({**fields, **fault}).status_code == 400
    assert_refused(post(fields), field="token")


@pytest.mark.rel("A6")
@pytest.mark.parametrize("name", ["publicKey", "token", "expire", "signature"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_field_is_named(key, name, value):
    fields = {"fileName": "a.bin", **signed(key), name: value}
    body = assert_refused(post({n: v for n, v in fields.items() if v is not None}), field=name)
    assert name in body["message"]
    assert not SpentToken.objects.exists()


@pytest.mark.rel("A6")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"token": "another"}, "signature"),
        ({"signature": "0" * 40}, "signature"),
        ({"signature": "é"}, "signature"),
        ({"expire": "1"}, "signature"),
        ({"expire": "soon"}, "signature"),
    ],
)
def test_what_was_altered_is_refused_and_spends_nothing(key, change, field):
    fields = {"fileName": "a.bin", **signed(key)}
    assert_refused(post({**fields, **change}), field=field)
    assert post(fields).status_code == 200


@pytest.mark.parametrize("ahead_s", [-1, 0, 3700, 100_000])
def test_the_time_must_be_in_the_next_hour(key, ahead_s):
    assert_refused(post({"fileName": "a.bin", **signed(key, ahead_s=ahead_s)}), field="expire")


@pytest.mark.parametrize("expire", ["soon", "", "-1", "1e9", "9" * 30, "१७"])
def test_a_time_that_is_none_is_refused_though_it_was_signed(key, expire):
    signature = upload_signature(key.private_key, "tok", expire)
    fields = {"publicKey": key.public_key, "token": "tok", "expire": expire, "signature": signature}
    assert_refused(post({"fileName": "a.bin", **fields}), field="expire")


@pytest.mark.rel("A6")
def test_digits_moved_from_the_token_into_its_time_do_not_make_a_new_token(key):
    """The signature covers both without a mark between them."""
    fields = {"fileName": "a.bin", **signed(key, token="token-0")}
    assert post(fields).status_code == 200
    assert post({**fields, "token": "token-", "expire": "0" + fields["expire"]}).status_code == 400
    assert post({**fields, "token": "token-0" + fields["expire"][0], "expire": fields["expire"][1:]}).status_code == 400


def test_an_unknown_public_key_is_refused(key):
    assert_refused(post({"fileName": "a.bin", **signed(key, publicKey="public_unknown")}), status=403)


@pytest.mark.rel("A2")
def test_the_private_key_is_no_public_key(key):
    assert_refused(post({"fileName": "a.bin", **signed(key, publicKey=key.private_key)}), status=403)


def test_the_signature_of_another_key_is_refused(key):
    other = create_api_key(account=key.account, label="other")
    assert_refused(post({"fileName": "a.bin", **signed(key, publicKey=other.public_key)}), field="signature")


@pytest.mark.parametrize("what", ["disabled key", "expired key", "disabled account"])
def test_a_key_out_of_use_signs_nothing(key, what):
    if what == "disabled account":
        key.account.disabled_at = clock.now()
        key.account.save()
    else:
        column = "disabled_at" if what == "disabled key" else "expires_at"
        ApiKey.objects.update(**{column: clock.now() - timedelta(seconds=1)})
    assert_refused(post({"fileName": "a.bin", **signed(key)}), status=403)


@pytest.mark.rel("A3")
@pytest.mark.parametrize(
    ("rights", "status"), [({}, 403), ({"media": "read"}, 403), ({"account": "write"}, 403), ({"media": "write"}, 200)]
)
def test_a_signature_gives_the_rights_of_its_key(key, rights, status):
    ApiKey.objects.update(is_restricted=True, rights=rights)
    response = upload_v1(key)
    assert response.status_code == status
    if status == 403:
        assert_nothing_stored()


@pytest.mark.rel("A3")
def test_a_signature_opens_nothing_but_the_upload(key):
    upload_v1(key)
    assert post(signed(key), path="/v1/files/purge").status_code == 401


@pytest.mark.parametrize("name", ["signature", "token"])
def test_a_private_key_and_a_signature_together_are_refused(api, key, name):
    assert_refused(upload(api, **{name: signed(key)[name]}), field=name)
    assert_refused(upload(api, **signed(key)), field="signature")
    assert not SpentToken.objects.exists()


@pytest.mark.rel("U15")
def test_a_repeat_with_the_spent_token_gets_the_first_ones_answer(key):
    fields = {"fileName": "a.bin", **signed(key)}
    first = post(fields).json()
    again = post(fields, **REPEAT)
    assert (again.status_code, again.json()) == (200, first)
    assert Asset.objects.count() == 1


@pytest.mark.rel("U15")
def test_a_repeat_gets_it_though_the_token_has_expired_meanwhile(key):
    fields = {"fileName": "a.bin", **signed(key, ahead_s=10)}
    first = post(fields).json()
    clock.shift(60)
    assert post(fields, **REPEAT).json() == first


@pytest.mark.rel("U15", "A6")
@pytest.mark.parametrize("change", [{"tags": "x"}, {"fileName": "b.bin"}, {"data": b"other bytes"}])
def test_a_repeat_that_differs_cannot_use_the_token_again(key, change):
    fields = {"fileName": "a.bin", **signed(key)}
    data = change.pop("data", b"some bytes") if "data" in change else b"some bytes"
    assert post(fields).status_code == 200
    refused = post({**fields, **change}, data=data, **REPEAT)
    assert refused.status_code == 400
    assert refused.json()["field"] == "token"
    assert Asset.objects.count() == 1


@pytest.mark.rel("U15", "A6")
def test_a_repeat_of_an_upload_that_was_refused_is_refused_too(key):
    fields = {"fileName": "a.bin", **signed(key)}
    post({**fields, "extensions": "{"})
    assert_refused(post(fields, **REPEAT), field="token")


@pytest.mark.rel("A6")
def test_the_first_request_with_a_token_may_call_itself_a_repeat(key):
    fields = {"fileName": "a.bin", **signed(key)}
    assert post(fields, **REPEAT).status_code == 200
    assert post(fields).status_code == 400


def test_spent_tokens_are_forgotten_once_no_repeat_can_come(key):
    upload_v1(key, ahead_s=60)
    clock.shift(60 + 9 * 60)
    assert sweep_tokens() == 0
    clock.shift(60 + 11 * 60)
    assert sweep_tokens() == 1
    assert not SpentToken.objects.exists()


@pytest.mark.rel("A6")
def test_wrong_signatures_and_unknown_keys_are_told_to_wait_at_last(key, settings):
    settings.MEDIAHUB_FAILURES_BEFORE_SLOWING = 2
    wrong = {"fileName": "a.bin", **signed(key), "signature": "0" * 40}
    unknown = {**wrong, "publicKey": "public_nobody"}
    assert [post(wrong).status_code, post(unknown).status_code, post(wrong).status_code] == [400, 403, 429]
    assert post({"fileName": "a.bin", **signed(key)}).status_code == 200
