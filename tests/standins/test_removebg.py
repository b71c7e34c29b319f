"""The stand-in for remove.bg keeps to API 6.1: it refuses what the API does not allow; what it makes has its form."""

import io
import json
import urllib.error
import urllib.request  # noqa: TID251
import zipfile

import pytest
from PIL import Image
from urllib3.filepost import encode_multipart_formdata  # noqa: TID251 - a client's own encoder

from tests.photos import encoded, gradient, opened, photo
from tests.receivers import Receiver, answer
from tests.standins.removebg import KEY, RemoveBg
from tests.standins.removebg_request import Refusal, open_picture

PICTURE = ("cup.jpg", photo("teacup.jpg"), "image/jpeg")


@pytest.fixture
def supplier():
    with RemoveBg() as supplier:
        yield supplier


def call(url, data=None, **headers):
    """(status, headers, body) of a plain client's request."""
    request = urllib.request.Request(url, data, {"X-Api-Key": KEY} | headers)  # noqa: TID251
    try:
        with urllib.request.urlopen(request, timeout=20) as found:  # noqa: TID251
            return found.status, found.headers, found.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def ask(supplier, *fields, picture=PICTURE, **headers):
    parts = [("image_file", picture)] if picture else []
    body, kind = encode_multipart_formdata([*parts, *fields])
    return call(f"{supplier.url}/removebg", body, **{"Content-Type": kind} | headers)


def code_of(body):
    [error] = json.loads(body)["errors"]
    assert error["title"]
    return error["code"]


NO_PICTURE = ("cup.txt", b"plain text", "image/jpeg")
WRONG = {
    "missing_source": {"picture": None},
    "multiple_sources": {"fields": [("image_url", "http://127.0.0.1:9/x.jpg")]},
    "invalid_image_url": {"picture": None, "fields": [("image_url", "ftp://example.com/x.jpg")]},
    "failed_image_download": {"picture": None, "fields": [("image_url", "http://127.0.0.1:9/x.jpg")]},
    "failed_to_read_image": {"picture": ("cup.jpg", photo("formats/truncated.jpg"), "image/jpeg")},
    "invalid_file_type": {"picture": NO_PICTURE},
    "file_too_large": {"picture": ("cup.jpg", PICTURE[1] + bytes(22_000_000), "image/jpeg")},
    "invalid_dimensions": {"picture": ("dot.png", photo("formats/one_pixel.png"), "image/png")},
    "unknown_foreground": {"picture": ("flat.jpg", photo("formats/flat.jpg"), "image/jpeg")},
    "invalid_size": {"fields": [("size", "huge")]},
    "invalid_type": {"fields": [("type", "dragon")]},
    "invalid_type_level": {"fields": [("type_level", "7")]},
    "invalid_format": {"fields": [("format", "gif")]},
    "invalid_channels": {"fields": [("channels", "cmyk")]},
    "invalid_crop": {"fields": [("crop", "True")]},
    "invalid_add_shadow": {"fields": [("add_shadow", "yes")]},
    "invalid_semitransparency": {"fields": [("semitransparency", "1")]},
    "invalid_roi": {"fields": [("roi", "0% 0% 50%")]},
    "roi_exceeds_bounds": {"fields": [("roi", "0px 0px 9000px 10px")]},
    "roi_region_empty": {"fields": [("roi", "10% 10% 10% 50%")]},
    "invalid_crop_margin": {"fields": [("crop_margin", "60%")]},
    "invalid_scale": {"fields": [("scale", "5%")]},
    "invalid_position": {"fields": [("position", "left")]},
    "invalid_bg_color": {"fields": [("bg_color", "fffff")]},
    "invalid_bg_image_url": {"fields": [("bg_image_url", "file:///etc/passwd")]},
    "failed_bg_download": {"fields": [("bg_image_url", "http://127.0.0.1:9/x.jpg")]},
    "multiple_bg_sources": {"fields": [("bg_color", "fff"), ("bg_image_url", "http://127.0.0.1:9/x.jpg")]},
}


@pytest.mark.parametrize(("code", "wrong"), WRONG.items())
def test_a_wrong_request_is_a_400_with_its_code_and_costs_nothing(supplier, code, wrong):
    status, _, body = ask(supplier, *wrong.get("fields", ()), picture=wrong.get("picture", PICTURE))
    assert (status, code_of(body)) == (400, code)
    assert supplier.credits == 200


def test_more_than_50_megapixels_are_too_many():
    with pytest.raises(Refusal) as caught:
        open_picture(encoded(Image.new("L", (8000, 6300)), compress_level=1))
    assert caught.value.code == "resolution_too_high"


@pytest.mark.parametrize("key", ["", "somebody's"])
def test_a_missing_or_wrong_key_is_a_403(supplier, key):
    status, _, body = ask(supplier, **{"X-Api-Key": key})
    assert (status, code_of(body)) == (403, "auth_failed")


def test_too_few_credits_are_a_402():
    with RemoveBg(credits=0.5) as supplier:
        status, _, body = ask(supplier, ("size", "full"))
        assert (status, code_of(body)) == (402, "insufficient_credits")
        assert ask(supplier, ("size", "auto"))[1]["X-Credits-Charged"] == "0.25"


def test_beyond_the_rate_it_says_how_long_to_wait():
    with RemoveBg(rate_limit=1) as supplier:
        first = ask(supplier)
        status, headers, body = ask(supplier)
    assert first[0] == 200
    assert (status, code_of(body)) == (429, "rate_limit_exceeded")
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("1", "0")


def test_a_large_picture_counts_as_its_megapixels():
    with RemoveBg(rate_limit=3) as supplier:
        body = encoded(gradient(2000, 1600), "JPEG")
        assert ask(supplier, picture=("large.jpg", body, "image/jpeg"))[0] == 429


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "removebg", 405), ("POST", "nothing", 404)])
def test_other_ways_in_are_closed(supplier, method, path, status):
    assert call(f"{supplier.url}/{path}", b"x" if method == "POST" else None)[0] == status


def test_a_body_that_is_no_form_has_no_source(supplier):
    status, _, body = call(f"{supplier.url}/removebg", PICTURE[1], **{"Content-Type": "image/jpeg"})
    assert (status, code_of(body)) == (400, "missing_source")


def test_a_success_is_a_png_of_the_right_size_with_an_oval_left(supplier):
    status, headers, body = ask(supplier, ("size", "full"), ("format", "png"))
    image = opened(body)
    assert (status, headers["Content-Type"], image.mode) == (200, "image/png", "RGBA")
    assert image.size == opened(PICTURE[1]).size == (int(headers["X-Width"]), int(headers["X-Height"]))
    assert image.getpixel((0, 0))[3] == 0
    assert image.getpixel((image.width // 2, image.height // 2))[3] == 255
    assert (headers["X-Credits-Charged"], headers["X-Type"]) == ("1", "other")


def test_without_a_size_it_is_a_preview_of_a_quarter_megapixel(supplier):
    large = encoded(gradient(1200, 800), "JPEG")
    _, headers, body = ask(supplier, picture=("large.jpg", large, "image/jpeg"))
    width, height = opened(body).size
    assert 240_000 < width * height <= 250_000
    assert (headers["X-Credits-Charged"], headers["X-Max-Width"]) == ("0.25", "1200")


def test_crop_and_margin_leave_the_subject_and_its_surroundings(supplier):
    _, headers, body = ask(supplier, ("crop", "true"), ("crop_margin", "10px 20px"))
    box = [int(headers[f"X-Foreground-{side}"]) for side in ("Left", "Top", "Width", "Height")]
    assert box[:2] == [20, 10]
    assert opened(body).size == (box[2] + 40, box[3] + 20)


def test_scale_and_position_move_the_subject_on_its_canvas(supplier):
    _, headers, body = ask(supplier, ("scale", "50%"), ("position", "0% 100%"))
    assert opened(body).size == opened(PICTURE[1]).size
    assert headers["X-Foreground-Left"] == "0"
    assert int(headers["X-Foreground-Height"]) <= opened(body).height / 2


@pytest.mark.parametrize(
    ("colour", "wanted"), [("0a0", (0, 170, 0)), ("#f4f1ea", (244, 241, 234)), ("red", (255, 0, 0))]
)
def test_a_colour_lies_behind_the_subject(supplier, colour, wanted):
    _, headers, body = ask(supplier, ("bg_color", colour), ("format", "png"))
    assert headers["Content-Type"] == "image/png"
    assert opened(body).convert("RGB").getpixel((0, 0)) == wanted


def test_a_picture_that_it_fetches_lies_behind_the_subject(supplier):
    with Receiver(answer(200, encoded(Image.new("RGB", (50, 50), "blue")))) as receiver:
        _, headers, body = ask(supplier, ("bg_image_url", receiver.url))
    assert headers["Content-Type"] == "image/jpeg"
    assert opened(body).getpixel((0, 0))[2] > 240


def test_a_zip_holds_colour_and_mask(supplier):
    _, headers, body = ask(supplier, ("format", "zip"))
    assert headers["Content-Type"] == "application/zip"
    assert zipfile.ZipFile(io.BytesIO(body)).namelist() == ["color.jpg", "alpha.png"]


def test_who_accepts_json_gets_the_picture_inside_it(supplier):
    _, _, body = ask(supplier, Accept="application/json")
    data = json.loads(body)["data"]
    assert set(data) == {"result_b64", *(f"foreground_{side}" for side in ("top", "left", "width", "height"))}


def test_json_and_urlencoded_bodies_are_read_too(supplier):
    with Receiver(answer(200, PICTURE[1])) as receiver:
        url = f"{supplier.url}/removebg"
        encoded_form = call(
            url, f"image_url={receiver.url}&crop=true".encode(), **{"Content-Type": "application/x-www-form-urlencoded"}
        )
        as_json = call(
            url, json.dumps({"image_url": receiver.url, "crop": True}).encode(), **{"Content-Type": "application/json"}
        )
    assert (encoded_form[0], as_json[0]) == (200, 200)
    assert encoded_form[2] == as_json[2]


def test_the_account_shows_what_is_left(supplier):
    ask(supplier, ("size", "full"))
    attributes = json.loads(call(f"{supplier.url}/account")[2])["data"]["attributes"]
    assert attributes["credits"]["total"] == 199
