"""Uploads with a JSON Web Token over their own form, v2 (API 1.4, 2.8; REL A6)."""

import base64
import json

import jwt
import pytest

from library.models import ApiKey, Asset, SpentToken
from library.services.accounts import create_api_key
from mediahub.lib import clock
from tests.signed_uploads import UPLOAD_V2, post, seconds, signed, token_for, upload_v2
from tests.uploading import assert_refused, picture

pytestmark = pytest.mark.django_db
FORM = {"fileName": "chair.jpg", "tags": "furniture,oak", "useUniqueFileName": "true"}
REPEAT = {"x-stainless-retry-count": "1"}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture
def key(new_account):
    return new_account


def segment(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def test_a_token_over_the_form_uploads_it(key):
    response = upload_v2(key, FORM)
    assert response.status_code == 200, response.content
    assert Asset.objects.get().account == key.account


def test_every_field_of_the_form_may_be_there(key):
    fields = {
        "fileName": "a.png",
        "description": "two\nlines",
        "extensions": '[{"name": "aws-auto-tagging", "minConfidence": 70, "maxTags": 3}]',
        "unheardOf": "é",
    }
    form = {**fields, "description": "two\r\nlines", "token": token_for(key, fields)}
    body = post(form, path=UPLOAD_V2, data=picture()).json()
    assert body["extensionStatus"] == {"aws-auto-tagging": "pending"}


def test_a_private_key_works_there_too(api):
    assert post({"fileName": "a.bin"}, path=UPLOAD_V2, client=api).status_code == 200


def test_a_private_key_and_a_token_together_are_refused(api, key):
    form = {"fileName": "a.bin", "token": token_for(key, {"fileName": "a.bin"})}
    assert_refused(post(form, path=UPLOAD_V2, client=api), field="token")


@pytest.mark.parametrize("name", ["publicKey", "signature", "expire"])
def test_the_fields_of_v1_do_not_exist(api, key, name):
    form = {"fileName": "a.bin", name: signed(key)[name]}
    assert_refused(post(form, path=UPLOAD_V2, client=api), field=name)
    assert_refused(post({**form, "token": token_for(key, form)}, path=UPLOAD_V2), field=name)
    assert not SpentToken.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tags": "furniture"}, "tags"),
        ({"tags": None}, "tags"),
        ({"tags": "furniture,oak "}, "tags"),
        ({"useUniqueFileName": "false"}, "useUniqueFileName"),
        ({"folder": "/elsewhere"}, "folder"),
        ({"iat": "1"}, "iat"),
        ({"x" * 500: "1"}, "x" * 60),
    ],
)
def test_a_form_that_differs_is_refused_by_the_name_of_its_field(key, change, field):
    form = {name: value for name, value in {**FORM, **change}.items() if value is not None}
    body = assert_refused(post({**form, "token": token_for(key, FORM)}, path=UPLOAD_V2), field=field)
    assert field in body["message"]
    assert "oak" not in body["message"]
    assert not SpentToken.objects.exists()


@pytest.mark.parametrize("claims", [{"useUniqueFileName": True}, {"tags": ["furniture", "oak"]}, {"tags": 5}])
def test_values_are_the_texts_of_the_form(key, claims):
    form = {**FORM, "token": token_for(key, {**FORM, **claims})}
    assert_refused(post(form, path=UPLOAD_V2), field=next(iter(claims)))


def test_a_field_sent_twice_is_refused(key):
    form = {**FORM, "tags": ["furniture,oak", "furniture,oak"], "token": token_for(key, FORM)}
    assert_refused(post(form, path=UPLOAD_V2), field="tags")


@pytest.mark.parametrize("name", ["file", "token"])
def test_what_a_token_cannot_cover_may_not_be_in_it(key, name):
    assert_refused(post({**FORM, "token": token_for(key, {**FORM, name: "x"})}, path=UPLOAD_V2), field=name)


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": None},
        {"exp": None},
        {"iat": True},
        {"iat": "1700000000"},
        {"exp": 1.5},
        {"iat": -5},
        {"exp": 10**17, "iat": 10**17 - 5},
        {"exp": 10**30},
    ],
    ids=str,
)
def test_the_times_are_whole_unix_seconds(key, claims):
    now = {"iat": seconds(), "exp": seconds(600), **claims}
    payload = {**FORM, **{name: value for name, value in now.items() if value is not None}}
    token = jwt.encode({}, key.private_key, algorithm="HS256", headers={"kid": key.public_key})
    signing = f"{token.split('.')[0]}.{segment(payload)}"
    signature = jwt.get_algorithm_by_name("HS256").sign(signing.encode(), key.private_key.encode())
    assert_refused(post({**FORM, "token": f"{signing}.{segment(signature)}"}, path=UPLOAD_V2), field="token")


@pytest.mark.parametrize(
    ("issued", "expires", "status"),
    [(0, 3600, 200), (0, 3601, 400), (-600, -1, 400), (200, 900, 200), (400, 900, 400), (100, 100, 400)],
)
def test_a_token_lives_an_hour_at_most(key, issued, expires, status):
    token = token_for(key, FORM, iat=seconds(issued), exp=seconds(expires))
    assert post({**FORM, "token": token}, path=UPLOAD_V2).status_code == status


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b",
        "a.b.c",
        "..",
        "a.b.c.d",
        "é.é.é",
        segment([]) + ".e30.x",
        segment(b"\xff") + ".e30.x",
        segment(b"[" * 100_000) + ".e30.x",
        segment({"alg": "HS256"}) + ".e30.x",
        segment({"alg": "HS256", "kid": 5}) + ".e30.x",
        segment({"alg": "HS256", "kid": ["a"]}) + ".e30.x",
    ],
    ids=range(12),
)
def test_what_is_no_token_is_refused(db, token):
    assert_refused(post({**FORM, "token": token}, path=UPLOAD_V2), field="token")


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'{"a": NaN}'])
def test_a_payload_that_is_no_object_is_refused(key, payload):
    signing = f"{segment({'alg': 'HS256', 'kid': key.public_key})}.{segment(payload)}"
    signature = jwt.get_algorithm_by_name("HS256").sign(signing.encode(), key.private_key.encode())
    assert_refused(post({**FORM, "token": f"{signing}.{segment(signature)}"}, path=UPLOAD_V2), field="token")


@pytest.mark.parametrize("alg", ["none", "HS512", "RS256", "hs256", None, 5])
def test_only_one_algorithm_is_taken(key, alg):
    head, payload, signature = token_for(key, FORM).split(".")
    head = segment({"typ": "JWT", "kid": key.public_key, "alg": alg})
    for end in (signature, ""):
        assert_refused(post({**FORM, "token": f"{head}.{payload}.{end}"}, path=UPLOAD_V2), field="token")


def test_a_token_signed_by_another_key_is_refused(key):
    other = create_api_key(account=key.account, label="other")
    token = token_for(other, FORM, headers={"kid": key.public_key})
    assert_refused(post({**FORM, "token": token}, path=UPLOAD_V2), field="token")


def test_a_token_altered_in_its_payload_is_refused(key):
    head, _, signature = token_for(key, FORM).split(".")
    payload = segment({**FORM, "tags": "mine", "iat": seconds(), "exp": seconds(600)})
    assert_refused(post({**FORM, "tags": "mine", "token": f"{head}.{payload}.{signature}"}, path=UPLOAD_V2))


def test_an_unknown_or_disabled_key_is_refused(key):
    assert_refused(upload_v2(key, token=token_for(key, FORM, headers={"kid": "public_unknown"})), status=403)
    ApiKey.objects.update(disabled_at=clock.now())
    assert_refused(upload_v2(key), status=403)


@pytest.mark.rel("A3")
def test_a_token_gives_the_rights_of_its_key(key):
    ApiKey.objects.update(is_restricted=True, rights={"media": "read"})
    assert_refused(upload_v2(key), status=403)


@pytest.mark.rel("A6")
def test_a_token_is_good_for_one_upload(key):
    form = {**FORM, "token": token_for(key, FORM)}
    assert post(form, path=UPLOAD_V2).status_code == 200
    second = post(form, path=UPLOAD_V2)
    assert (second.status_code, second.json()["field"]) == (400, "token")
    assert Asset.objects.count() == 1


@pytest.mark.rel("A6")
def test_another_spelling_of_the_signature_is_the_same_token(key):
    """The last character of 32 bytes in base64url has two bits that count for nothing."""
    token = token_for(key, FORM)
    twin = token[:-1] + ALPHABET[ALPHABET.index(token[-1]) ^ 1]
    assert post({**FORM, "token": token}, path=UPLOAD_V2).status_code == 200
    for spelling in (twin, token + "=", token[:-1] + "*" + token[-1]):
        assert post({**FORM, "token": spelling}, path=UPLOAD_V2).status_code == 400
    assert Asset.objects.count() == 1


@pytest.mark.rel("U15")
def test_a_repeat_gets_the_first_ones_answer(key):
    form = {**FORM, "token": token_for(key, FORM)}
    first = post(form, path=UPLOAD_V2).json()
    assert post(form, path=UPLOAD_V2, **REPEAT).json() == first
    assert post(form, path=UPLOAD_V2, data=b"other", **REPEAT).status_code == 400
    assert Asset.objects.count() == 1
