"""remove.bg as a provider: what it sends, how it reads the answer, and what becomes of each way to fail."""

import tracemalloc
from typing import Any

import pytest
from PIL import Image

from extensions.providers.base import (
    ImageProduced,
    PermanentProviderError,
    ProviderUnavailable,
    TransientProviderError,
    prepare_for,
)
from extensions.providers.registry import get_provider
from mediahub.lib import imaging
from tests import receivers
from tests.contracts.provider import READABLE, REFUSED, ProviderContract, run_input
from tests.photos import encoded, gradient, opened, photo
from tests.standins.removebg import (
    KEY,
    RemoveBg,
    bomb_png,
    html_answer,
    picture_answer,
    refusal_answer,
    small_png,
)


@pytest.fixture
def supplier(settings):
    with RemoveBg() as supplier:
        settings.MEDIAHUB_REMOVEBG_URL = supplier.url
        settings.MEDIAHUB_REMOVEBG_API_KEY = KEY
        yield supplier


class TestRemoveBg(ProviderContract):
    slug = "remove.bg"

    @pytest.fixture
    def available(self, supplier):
        """The stand-in is there and its key is set."""


def remove(data: bytes | None = None, *, deadline_s: float = 20, **options: Any) -> ImageProduced:
    provider = get_provider("remove.bg")
    image, mime = prepare_for(provider, data or photo("teacup.jpg"), "image/jpeg")
    params = {"options": options} if options else {}
    return provider.run(run_input("remove-bg", image, mime=mime, params=params, deadline_s=deadline_s))


def failed(error: type[Exception], *args: Any, **options: Any) -> Any:
    with pytest.raises(error) as caught:
        remove(*args, **options)
    assert KEY not in caught.value.message
    return caught.value


# --- what is sent -------------------------------------------------------------------------------------------------


def test_the_picture_goes_out_with_the_key_and_the_best_size_as_png(supplier):
    remove()
    [call] = supplier.calls
    assert call.fields == {"size": "auto", "format": "png"}
    assert call.form.files["image_file"] == ("image.jpg", "image/jpeg", photo("teacup.jpg"))
    assert supplier.requests[0].headers["x-api-key"] == KEY


def test_options_go_on_unchanged(supplier):
    options = {
        "semitransparency": False,
        "add_shadow": True,
        "bg_color": "f4f1ea",
        "type": "product",
        "type_level": 2,
        "crop_margin": "10px 5%",
        "crop": True,
        "bg_colour": 'Grün; "quoted"\r\nX: y',
        'na"me\r\nX-Evil: 1': "kept",
        "scale": "original",
        "shadow_opacity": 12.5,
        "labels": ["a", {"b": None}],
    }
    remove(**options)
    sent = supplier.calls[0].fields
    assert sent.pop("size") == "auto"
    assert sent.pop("format") == "png"
    assert sent == {
        "semitransparency": "false",
        "add_shadow": "true",
        "bg_color": "f4f1ea",
        "type": "product",
        "type_level": "2",
        "crop_margin": "10px 5%",
        "crop": "true",
        "bg_colour": 'Grün; "quoted"\r\nX: y',
        'na"me%0D%0AX-Evil: 1': "kept",
        "scale": "original",
        "shadow_opacity": "12.5",
        "labels": '["a", {"b": null}]',
    }


def test_an_option_that_is_null_counts_as_not_given(supplier):
    remove(bg_color=None, size=None)
    assert supplier.calls[0].fields == {"size": "auto", "format": "png"}


def test_size_and_format_of_the_request_stand_before_ours(supplier, settings):
    settings.MEDIAHUB_REMOVEBG_SIZE = "full"
    output = remove(size="preview", format="webp")
    assert supplier.calls[0].fields == {"size": "preview", "format": "webp"}
    assert output.mime == "image/webp"
    assert output.facts["credits_charged"] == 0.25


def test_the_size_of_the_operator_is_asked_for(supplier, settings):
    settings.MEDIAHUB_REMOVEBG_SIZE = "preview"
    output = remove(encoded(gradient(1200, 800), "JPEG"))
    assert output.width * output.height <= 250_000


@pytest.mark.parametrize(
    ("options", "wanted"),
    [({}, "webp"), ({"size": "50MP"}, "webp"), ({"size": "hd"}, "png"), ({"size": "preview"}, "png")],
)
def test_webp_is_asked_for_where_png_would_be_scaled_down(supplier, options, wanted):
    output = remove(photo("formats/large_12mp.jpg"), **options)
    assert output.mime == f"image/{wanted}"
    assert output.has_alpha
    if wanted == "webp":
        original = imaging.open_checked(photo("formats/large_12mp.jpg"), imaging.Limits())
        assert (output.width, output.height) == imaging.upright_size(original)


@pytest.mark.parametrize(
    "options",
    [
        {"image_url": "http://127.0.0.1/"},
        {"image_file": "x"},
        {"image_file_b64": "eA=="},
        {"image_url[]": "http://127.0.0.1/"},
        {" Image_URL ": "http://127.0.0.1/"},
        {"bg_image_file": "x"},
        {"format": "zip"},
        {"format": "jpg"},
        {"channels": "alpha"},
        {"bg_color": "\ud800"},
    ],
)
def test_options_that_could_not_be_kept_are_refused_before_they_cost(supplier, options):
    error = failed(PermanentProviderError, **options)
    assert error.code == "invalid_options"
    assert supplier.connections == 0


def test_a_jpg_on_a_colour_is_taken(supplier):
    output = remove(format="jpg", bg_color="fff")
    assert (output.mime, output.has_alpha) == ("image/jpeg", False)


# --- pictures beyond its limits -------------------------------------------------------------------------------------


@pytest.mark.rel("U8", "B20")
@pytest.mark.parametrize("name", READABLE)
def test_an_awkward_file_goes_out_upright_as_jpeg_or_png(supplier, name):
    output = remove(photo(f"formats/{name}"))
    sent = supplier.calls[0].picture
    original = imaging.open_checked(photo(f"formats/{name}"), imaging.Limits())
    assert sent.format in ("JPEG", "PNG")
    assert not sent.getexif()
    assert (output.width, output.height) == sent.size == imaging.upright_size(original)


@pytest.mark.rel("U5", "U7")
@pytest.mark.parametrize(("name", "code"), REFUSED.items())
def test_a_file_that_cannot_be_used_is_refused_and_not_sent(supplier, name, code):
    assert failed(PermanentProviderError, photo(f"formats/{name}")).code == code
    assert supplier.connections == 0


def test_a_picture_of_more_than_50_megapixels_is_scaled(supplier):
    large = Image.linear_gradient("L").resize((9000, 6000))
    output = remove(encoded(large, "JPEG"), size="preview")
    width, height = supplier.calls[0].picture.size
    assert 49_000_000 < width * height <= 50_000_000
    assert abs(width / height - 1.5) < 0.001
    assert output.has_alpha


def test_a_file_of_more_than_22_mb_is_made_smaller(supplier):
    noise = Image.effect_noise((5000, 5000), 80)
    data = encoded(noise, compress_level=1)
    assert len(data) > 22_000_000
    remove(data, size="preview")
    assert len(supplier.calls[0].form.files["image_file"][2]) <= 22_000_000


# --- what comes back ------------------------------------------------------------------------------------------------


def test_credits_type_and_sizes_are_facts(supplier):
    output = remove(type="product")
    facts = dict(output.facts)
    width, height = opened(photo("teacup.jpg")).size
    assert facts.pop("ms") >= 0
    assert facts.pop("foreground").keys() == {"left", "top", "width", "height"}
    assert facts == {
        "type": "product",
        "credits_charged": 1,
        "max_width": width,
        "max_height": height,
        "width": width,
        "height": height,
    }
    assert opened(output.data).size == (output.width, output.height) == (width, height)


def test_headers_that_are_no_numbers_are_left_out_of_the_facts(supplier):
    supplier.fail(
        picture_answer(
            small_png(), X_Credits_Charged="NaN", X_Max_Width="1e999", X_Max_Height="-1", X_Type="a\x00b" + "c" * 99
        )
    )
    facts = remove().facts
    assert set(facts) == {"type", "ms", "width", "height"}
    assert len(facts["type"]) == 40


@pytest.mark.rel("U8", "U11")
def test_metadata_of_a_result_is_dropped_and_its_turn_applied(supplier):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "somebody's cellar"
    supplier.fail(picture_answer(encoded(opened(small_png(size=(64, 48))), exif=exif)))
    output = remove()
    assert (output.width, output.height) == (48, 64)
    assert b"cellar" not in output.data


GARBAGE = {
    "HTML": b"<html>",
    "nothing": b"",
    "a cut PNG": small_png(size=(300, 300))[:-400],
    "a header alone": b"\x89PNG\r\n\x1a\n",
    "an opaque picture": small_png("RGB"),
    "an image bomb": bomb_png(),
    "JSON": b'{"data": {"result_b64": "iVBORw0KGgo="}}',
    "a script": b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
}


@pytest.mark.rel("F37", "U11")
@pytest.mark.parametrize("name", GARBAGE)
def test_an_answer_that_is_no_cut_out_is_a_bad_result(supplier, name):
    supplier.fail(picture_answer(GARBAGE[name]))
    error = failed(PermanentProviderError)
    assert error.code == "bad_provider_result"
    assert "charged 1 credits" in error.message


@pytest.mark.rel("F37")
def test_a_proxys_page_is_a_bad_result(supplier):
    supplier.fail(html_answer())
    assert failed(PermanentProviderError).code == "bad_provider_result"


@pytest.mark.rel("U11")
def test_an_opaque_result_is_right_where_a_background_was_asked_for(supplier):
    output = remove(bg_color="fff")
    assert not output.has_alpha
    assert opened(output.data).getpixel((0, 0)) == (255, 255, 255)


# --- ways to fail ---------------------------------------------------------------------------------------------------

WRONG_OPTIONS = {
    "invalid_size": {"size": "huge"},
    "invalid_format": {"format": "gif"},
    "invalid_channels": {"channels": "cmyk"},
    "invalid_roi": {"roi": "here"},
    "roi_exceeds_bounds": {"roi": "0px 0px 9999px 9999px"},
    "roi_region_empty": {"roi": "0px 0px 0px 0px"},
    "invalid_crop_margin": {"crop_margin": "51%"},
    "invalid_scale": {"scale": "200%"},
    "invalid_position": {"position": "left"},
    "invalid_semitransparency": {"semitransparency": "perhaps"},
    "invalid_bg_color": {"bg_color": "fffff"},
    "invalid_bg_image_url": {"bg_image_url": "ftp://example.com/"},
    "failed_bg_download": {"bg_image_url": "http://127.0.0.1:9/"},
    "multiple_bg_sources": {"bg_color": "fff", "bg_image_url": "http://127.0.0.1:9/"},
}


@pytest.mark.rel("F35")
@pytest.mark.parametrize(("code", "options"), WRONG_OPTIONS.items())
def test_a_refused_option_is_permanent_with_the_suppliers_code(supplier, code, options):
    error = failed(PermanentProviderError, **options)
    assert error.code == code
    assert error.message.startswith("remove.bg refused")
    assert len(supplier.calls) == 1


@pytest.mark.rel("F35")
def test_a_picture_without_a_subject_is_permanent_with_title_and_detail(supplier):
    error = failed(PermanentProviderError, photo("formats/flat.jpg"))
    assert error.code == "unknown_foreground"
    assert "No clear foreground found: The picture shows nothing that stands out." in error.message


@pytest.mark.rel("F35")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"errors": []}',
        b'{"errors": ["no"]}',
        b'{"errors": {"code": "x"}}',
        b'{"errors": [{"code": ["x"], "title": null}]}',
        b'{"errors": [{"code": "DROP TABLE; --"}]}',
        b"[" * 100_000,
    ],
)
def test_a_refusal_of_another_shape_is_permanent_too(supplier, body):
    supplier.fail(receivers.answer(400, body))
    error = failed(PermanentProviderError)
    assert error.code == "provider_refused"
    assert error.message == "remove.bg refused the image or its options: status 400"


def test_what_the_supplier_says_is_shown_without_the_key(supplier):
    supplier.fail(refusal_answer(400, "invalid_type", f"{KEY} may not do this\n" + "x" * 5000))
    message = failed(PermanentProviderError).message
    assert "*** may not do this" in message
    assert len(message) < 400


@pytest.mark.rel("F36")
def test_a_wrong_key_makes_it_unavailable(supplier, settings):
    settings.MEDIAHUB_REMOVEBG_API_KEY = "another-key"
    assert failed(ProviderUnavailable).code == "provider_key_refused"


@pytest.mark.rel("F36")
def test_too_few_credits_make_it_unavailable(supplier):
    supplier.credits = 0
    assert failed(ProviderUnavailable).code == "provider_out_of_credits"


@pytest.mark.parametrize("path", ["/v2", "/v1.0/account"])
def test_a_wrong_address_makes_it_unavailable_and_names_the_setting(supplier, settings, path):
    settings.MEDIAHUB_REMOVEBG_URL = supplier.url_for("127.0.0.1").removesuffix("/v1.0") + path
    error = failed(ProviderUnavailable)
    assert error.code == "provider_not_configured"
    assert "MEDIAHUB_REMOVEBG_URL" in error.message


@pytest.mark.rel("F34")
def test_beyond_the_rate_it_waits_as_long_as_asked(supplier):
    supplier.rate_limit = 0
    error = failed(TransientProviderError)
    assert error.code == "provider_rate_limited"
    assert 1 <= error.retry_after_s <= 60


@pytest.mark.rel("F33")
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_of_the_supplier_is_transient(supplier, status):
    supplier.fail(receivers.answer(status, b"<html>"))
    assert failed(TransientProviderError).code == "provider_error"


@pytest.mark.rel("F38", "F40")
@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (receivers.answer(after_s=30), "provider_timeout"),
        (receivers.drip_body(), "provider_timeout"),
        (receivers.reset(), "provider_unreachable"),
        (receivers.raw(b""), "provider_unreachable"),
        (receivers.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhalf"), "provider_unreachable"),
    ],
)
def test_no_whole_answer_is_transient(supplier, behaviour, code):
    supplier.fail(behaviour)
    assert failed(TransientProviderError, deadline_s=1).code == code


@pytest.mark.rel("F38")
def test_a_body_without_end_is_cut_off_with_bounded_memory(supplier):
    supplier.fail(receivers.endless_body(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n"))
    tracemalloc.start()
    try:
        error = failed(TransientProviderError)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.code == "provider_answer_too_large"
    assert peak < 100 << 20


# --- whether it can be asked ----------------------------------------------------------------------------------------


def test_without_a_key_it_says_which_setting_to_set(settings):
    settings.MEDIAHUB_REMOVEBG_API_KEY = ""
    state = get_provider("remove.bg").availability()
    assert not state.available
    assert "MEDIAHUB_REMOVEBG_API_KEY" in state.reason


@pytest.mark.parametrize("key", ["ключ", "two\nlines"])
def test_a_key_that_cannot_be_one_is_told_without_showing_it(settings, key):
    settings.MEDIAHUB_REMOVEBG_API_KEY = key
    state = get_provider("remove.bg").availability()
    assert not state.available
    assert "MEDIAHUB_REMOVEBG_API_KEY" in state.reason
    assert key not in state.reason


@pytest.mark.parametrize("url", ["", "api.remove.bg", "ftp://api.remove.bg/v1.0"])
def test_an_address_that_cannot_be_called_is_told(settings, url):
    settings.MEDIAHUB_REMOVEBG_API_KEY = KEY
    settings.MEDIAHUB_REMOVEBG_URL = url
    state = get_provider("remove.bg").availability()
    assert not state.available
    assert state.reason.startswith("MEDIAHUB_REMOVEBG_URL: ")


def test_its_description_does_not_show_the_key(supplier):
    assert KEY not in str(get_provider("remove.bg").describe())
