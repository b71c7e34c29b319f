"""Both kinds of webhook receiver verify what we sign, and the known vectors come out."""

import base64
import datetime
import json
import re
import time
from typing import Any

import pytest
from imagekitio import ImageKit
from standardwebhooks import Webhook, WebhookVerificationError

from extensions.webhooks.signing import new_message_id, new_secret, sign

VECTOR_SECRET = "whsec_abc123XYZ"
VECTOR_BODY = (
    b'{"type":"file.deleted","id":"evt_0001","created_at":"2023-11-14T22:13:20.000Z",'
    b'"data":{"fileId":"6673f88237b244ef54d60180"}}'
)


def sdk_accepts(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    client = ImageKit(private_key="private_x", webhook_secret=secret)
    try:
        client.webhooks.unwrap(body.decode(), headers=headers)
    except WebhookVerificationError:
        return False
    return True


def standard_accepts(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def signed_now(secrets: list[str], body: bytes = VECTOR_BODY) -> dict[str, str]:
    return sign(message_id=new_message_id(), timestamp=int(time.time()), body=body, secrets=secrets)


@pytest.mark.rel("W10", "W11")
def test_vector_of_todays_signature() -> None:
    headers = sign(message_id="evt_0001", timestamp=1700000000, body=VECTOR_BODY, secrets=[VECTOR_SECRET])
    assert headers["webhook-id"] == "evt_0001"
    assert headers["webhook-timestamp"] == "1700000000"
    assert "v1,zIvUb/S1vfuar2VLpJKXBV/Fbup6dSD/OosVeiMkQJ8=" in headers["webhook-signature"].split(" ")


@pytest.mark.rel("W10")
def test_vector_of_the_older_signature() -> None:
    headers = sign(message_id="evt_0001", timestamp=1700000000, body=VECTOR_BODY, secrets=[VECTOR_SECRET])
    assert headers["x-ik-signature"] == (
        "t=1700000000000,v1=3be0b83b8250519ce1e1d82de62e7822b001ad1badbf1670ab5e25282c1a0551"
    )


@pytest.mark.rel("W11")
def test_the_imagekit_sdk_verifies() -> None:
    secret = new_secret()
    assert sdk_accepts(secret, VECTOR_BODY, signed_now([secret]))


@pytest.mark.rel("W11")
def test_the_standard_webhooks_library_verifies() -> None:
    secret = new_secret()
    assert standard_accepts(secret, VECTOR_BODY, signed_now([secret]))


@pytest.mark.rel("W11")
def test_each_kind_of_receiver_needs_its_own_value() -> None:
    secret = new_secret()
    headers = signed_now([secret])
    whole, decoded = headers["webhook-signature"].split(" ")
    assert not standard_accepts(secret, VECTOR_BODY, {**headers, "webhook-signature": whole})
    assert not sdk_accepts(secret, VECTOR_BODY, {**headers, "webhook-signature": decoded})


@pytest.mark.rel("W11")
def test_the_body_of_an_extension_webhook_verifies_in_the_sdk() -> None:
    secret = new_secret()
    body = json.dumps({"service": "remove-bg", "status": "FAILURE", "fileId": "65f0", "error": {"message": "é"}})
    assert sdk_accepts(secret, body.encode(), signed_now([secret], body.encode()))


@pytest.mark.rel("W12", "F67")
@pytest.mark.parametrize("accepts", [sdk_accepts, standard_accepts])
def test_during_a_rotation_old_and_new_secret_verify(accepts: Any) -> None:
    old, new = new_secret(), new_secret()
    headers = signed_now([new, old])
    assert accepts(old, VECTOR_BODY, headers)
    assert accepts(new, VECTOR_BODY, headers)


@pytest.mark.rel("W12", "F67")
@pytest.mark.parametrize("accepts", [sdk_accepts, standard_accepts])
def test_after_a_rotation_the_old_secret_no_longer_verifies(accepts: Any) -> None:
    old, new = new_secret(), new_secret()
    assert not accepts(old, VECTOR_BODY, signed_now([new]))


@pytest.mark.rel("W12")
def test_the_older_signature_is_made_with_the_newest_secret() -> None:
    old, new = new_secret(), new_secret()
    moment = {"message_id": "m", "timestamp": 1700000000, "body": b"{}"}
    both = sign(**moment, secrets=[new, old])
    assert both["x-ik-signature"] == sign(**moment, secrets=[new])["x-ik-signature"]


@pytest.mark.rel("W1")
@pytest.mark.parametrize("accepts", [sdk_accepts, standard_accepts])
def test_an_altered_body_is_refused(accepts: Any) -> None:
    secret = new_secret()
    assert not accepts(secret, VECTOR_BODY.replace(b"evt_0001", b"evt_0002"), signed_now([secret]))


def test_a_secret_that_is_not_base64_signs_in_one_reading() -> None:
    assert len(signed_now([VECTOR_SECRET])["webhook-signature"].split(" ")) == 1


def test_signing_without_a_secret_is_an_error() -> None:
    with pytest.raises(ValueError, match="secret"):
        signed_now([])


@pytest.mark.rel("W12")
def test_a_secret_holds_32_random_bytes() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert all(len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) == 32 for text in secrets)


@pytest.mark.rel("W13")
def test_ids_hold_no_full_stop_and_do_not_repeat() -> None:
    ids = {new_message_id() for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"msg_[0-9a-f]{32}", text) for text in ids)


def test_libraries_refuse_a_signature_of_yesterday() -> None:
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    secret = new_secret()
    headers = sign(message_id="m", timestamp=int(yesterday.timestamp()), body=VECTOR_BODY, secrets=[secret])
    assert not standard_accepts(secret, VECTOR_BODY, headers)
