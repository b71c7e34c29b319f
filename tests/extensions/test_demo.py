"""The demo's own judgement: it must be able to say no to a wrong signature, a wrong tag and a wrong cut-out."""

import io
import time
import urllib.request  # noqa: TID251 - plays the sender

import pytest
from PIL import Image, ImageChops

from extensions.demo.account import prepare_account
from extensions.demo.checks import demo_photos, mask_iou, missing_tags
from extensions.demo.receiver import Receiver
from extensions.units import services as units
from extensions.webhooks.signing import new_secret, sign
from library.models import Account, ApiKey
from mediahub.lib import clock

BODY = b'{"service":"remove-bg","status":"SUCCESS","fileObject":{"fileId":"0123456789abcdef01234567"}}'


def call(receiver: Receiver, *, secret: str, body: bytes = BODY) -> None:
    headers = sign(message_id="msg_1", timestamp=int(time.time()), body=BODY, secrets=[secret])
    urllib.request.urlopen(urllib.request.Request(receiver.url, data=body, headers=headers), timeout=10)  # noqa: TID251


@pytest.mark.rel("W11")
def test_both_libraries_accept_our_signature():
    secret = new_secret()
    with Receiver(secret) as receiver:
        call(receiver, secret=secret)
    assert [one.verified for one in receiver.calls] == [{"standardwebhooks": "verified", "imagekitio": "verified"}]
    assert receiver.calls[0].file_id == "0123456789abcdef01234567"


@pytest.mark.parametrize("fault", ["secret", "body"])
def test_both_libraries_refuse_a_wrong_secret_and_a_changed_body(fault: str):
    secret = new_secret()
    with Receiver(secret) as receiver:
        call(
            receiver,
            secret=new_secret() if fault == "secret" else secret,
            body=BODY if fault == "secret" else BODY.replace(b"SUCCESS", b"FAILURE"),
        )
    assert not receiver.calls[0].is_verified
    assert all(result.startswith("refused") for result in receiver.calls[0].verified.values())


def test_six_photos_are_there_and_five_have_a_mask():
    photos = demo_photos()
    assert len(photos) == 6
    assert sum(photo.mask is not None and photo.mask.exists() for photo in photos) == 5
    assert all(photo.path.exists() and photo.required_tags for photo in photos)


def test_missing_tag_is_named():
    assert missing_tags(demo_photos()[0], ["Animal"]) == ["Dog"]


def test_cut_out_by_the_mask_matches_and_its_inverse_does_not():
    photo = demo_photos()[0]

    def cut_out_by(mask: Image.Image) -> bytes:
        out = io.BytesIO()
        with Image.open(photo.path) as image:
            image.putalpha(mask)
            image.save(out, "PNG")
        return out.getvalue()

    with Image.open(photo.mask) as image:
        mask = image.convert("L")
    assert mask_iou(cut_out_by(mask), photo.mask) == 1.0
    assert mask_iou(cut_out_by(ImageChops.invert(mask)), photo.mask) < 0.1


@pytest.mark.django_db
def test_account_is_found_again_with_units_for_another_run(settings, tmp_path):
    settings.MEDIAHUB_DATA_DIR = tmp_path
    first = prepare_account(units_needed=780)
    again = prepare_account(units_needed=9_000)
    assert again == first
    assert (tmp_path / "demo.json").stat().st_mode & 0o777 == 0o600
    assert ApiKey.objects.count() == 1
    assert units.balance(Account.objects.get(), now=clock.now()).available == 10_000
