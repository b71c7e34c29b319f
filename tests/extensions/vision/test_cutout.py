"""Composing a cut-out: masks, own alpha, backgrounds, and what must never be in the result."""

import numpy as np
import pytest
from PIL import Image

from extensions.vision.cutout import (
    Background,
    Picture,
    cut_out,
    network_input,
    open_picture,
    read_background,
    small_mask,
)
from extensions.vision.errors import VisionError
from mediahub.lib import imaging
from mediahub.lib.imaging import ImageError
from tests.photos import FORMATS, encoded, gradient, opened, oval, photo


def mask_of(picture):
    return oval()


def solid(picture):
    return Image.new("L", (8, 8), 255)


def never_fetched(address):
    raise AssertionError(address)


def test_the_mask_becomes_alpha_and_colours_stay_straight():
    result = opened(cut_out(encoded(gradient(300, 200)), mask_of).data)
    wanted = np.asarray(gradient(300, 200))
    pixels = np.asarray(result)
    seen = pixels[..., 3] > 0
    assert result.mode == "RGBA"
    assert pixels[100, 150, 3] == 255
    assert pixels[0, 0, 3] == 0
    assert np.array_equal(pixels[..., :3][seen], wanted[seen])


def test_nothing_of_the_hidden_background_remains():
    pixels = np.asarray(opened(cut_out(encoded(gradient(300, 200)), mask_of).data))
    assert not pixels[pixels[..., 3] == 0].any()


def test_strips_join_without_a_seam():
    image = gradient(200, 600)
    alpha = np.asarray(opened(cut_out(encoded(image), mask_of).data).getchannel("A"), np.int16)
    whole = np.asarray(oval().resize(image.size, Image.Resampling.BICUBIC), np.int16)
    clear = (whole >= 8) & (whole <= 247)
    assert np.abs(alpha - whole)[clear].max() <= 1


def test_haze_and_near_solid_parts_are_clipped():
    def faint(picture):
        return Image.fromarray(np.repeat(np.array([[3, 7, 8, 247, 248, 255]], np.uint8), 6, axis=0))

    image = Image.new("RGB", (96, 96), "red")
    alpha = np.asarray(opened(cut_out(encoded(image), faint).data).getchannel("A"))
    assert not set(np.unique(alpha)) & {*range(1, 8), *range(248, 255)}


def test_the_result_is_never_more_opaque_than_the_input():
    own = np.asarray(opened(photo("formats/transparent.png")).getchannel("A"), np.int16)
    result = opened(cut_out(photo("formats/transparent.png"), solid).data)
    assert (np.asarray(result.getchannel("A"), np.int16) <= own).all()
    assert np.asarray(result.getchannel("A")).any()


@pytest.mark.rel("U8", "B21")
@pytest.mark.parametrize("name", ["exif_gps.jpg", "exif_orientation_6.jpg"])
def test_the_result_is_upright_and_carries_no_exif(name):
    result = opened(cut_out((FORMATS / name).read_bytes(), solid).data)
    assert result.size == (1024, 768)
    assert result.info == {}
    assert not result.getexif()


@pytest.mark.rel("U8", "B21")
@pytest.mark.parametrize("turn", range(1, 9))
def test_every_orientation_gives_the_same_cutout(turn):
    turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what undoes each EXIF turn, as Pillow numbers them
    exif = Image.Exif()
    exif[0x0112] = turn
    stored = gradient(90, 60).transpose(Image.Transpose(turned[turn])) if turn > 1 else gradient(90, 60)
    assert cut_out(encoded(stored, exif=exif), mask_of).data == cut_out(encoded(gradient(90, 60)), mask_of).data


@pytest.mark.rel("U8", "B21")
@pytest.mark.parametrize("turn", range(1, 9))
def test_the_network_sees_every_orientation_upright(turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    data = encoded(gradient(90, 60), exif=exif)
    upright = imaging.upright(imaging.open_checked(data, imaging.Limits()))
    picture = open_picture(data, keep_profile=True)
    assert picture.size == upright.size
    assert np.abs(network_input(picture) - network_input(Picture(upright))).max() < 0.03


def test_a_wide_gamut_profile_goes_with_the_result():
    result = opened(cut_out((FORMATS / "display_p3.jpg").read_bytes(), solid).data)
    source = opened((FORMATS / "display_p3.jpg").read_bytes())
    assert result.info["icc_profile"] == source.info["icc_profile"]
    assert np.array_equal(np.asarray(result)[..., :3], np.asarray(source))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
def test_every_kind_of_pixel_can_be_cut_out(mode):
    name = "TIFF" if mode == "CMYK" else "PNG"
    result = cut_out(encoded(Image.new(mode, (40, 30)), name), solid)
    assert (result.width, result.height, result.has_alpha) == (40, 30, True)


def test_an_opaque_colour_gives_an_image_without_alpha():
    result = cut_out(encoded(gradient(64, 64)), mask_of, Background(colour=(10, 20, 30, 255)))
    image = opened(result.data)
    assert (image.mode, result.has_alpha, image.getpixel((0, 0))) == ("RGB", False, (10, 20, 30))
    assert image.getpixel((32, 32)) == gradient(64, 64).getpixel((32, 32))


def test_a_translucent_colour_shows_where_the_subject_is_not():
    result = cut_out(encoded(gradient(64, 64)), mask_of, Background(colour=(10, 20, 30, 119)))
    assert result.has_alpha
    assert opened(result.data).getpixel((0, 0)) == (10, 20, 30, 119)


def test_soft_edges_mix_both_colours_in_proportion():
    def half(picture):
        return Image.new("L", (8, 8), 128)

    red = encoded(Image.new("RGB", (32, 32), (200, 0, 0)))
    mixed = opened(cut_out(red, half, Background(colour=(0, 0, 200, 255))).data).getpixel((16, 16))
    assert mixed == pytest.approx((100, 0, 100), abs=2)


def test_a_picture_covers_the_canvas_and_keeps_its_shape():
    picture = Image.new("RGB", (400, 100), "blue")
    picture.paste("red", (0, 0, 100, 100))
    background = read_background({"bg_image_url": "https://example.com/a.png"}, lambda address: encoded(picture))

    def nothing(picture):
        mask = Image.new("L", (64, 64))
        mask.putpixel((32, 32), 255)
        return mask

    image = opened(cut_out(encoded(gradient(100, 300)), nothing, background).data)
    assert (image.mode, image.size) == ("RGB", (100, 300))
    assert image.getpixel((1, 1)) == (0, 0, 255)
    assert image.getpixel((98, 298)) == (0, 0, 255)


@pytest.mark.parametrize(
    "options",
    [
        {"bg_color": "fff", "bg_image_url": "https://example.com/a.png"},
        {"bg_color": "nocolour"},
        {"bg_color": 5},
        {"bg_image_url": "ftp://example.com/a.png"},
        {"bg_image_url": ""},
        {"bg_image_url": 7},
    ],
)
def test_malformed_options_are_refused_before_anything_is_fetched(options):
    with pytest.raises(VisionError) as caught:
        read_background(options, never_fetched)
    assert caught.value.code == "invalid_options"


def test_a_background_that_is_no_image_is_an_invalid_option():
    with pytest.raises(VisionError) as caught:
        read_background({"bg_image_url": "https://example.com/"}, lambda address: b"<html>")
    assert caught.value.code == "invalid_options"


def test_the_small_mask_is_kept_with_the_result():
    kept = opened(cut_out(photo("teacup.jpg"), lambda picture: small_mask(picture, "u2netp-int8")).mask)
    assert (kept.mode, kept.size, kept.getextrema()) == ("L", (320, 320), (0, 255))


def test_webp_is_a_smaller_form_of_the_same_cutout():
    png, webp = (cut_out(photo("coffee.jpg"), mask_of, mime=f"image/{kind}") for kind in ("png", "webp"))
    assert opened(webp.data).format == "WEBP"
    assert opened(webp.data).size == opened(png.data).size
    assert len(webp.data) < len(png.data) / 3


def test_the_network_sees_a_normalised_square():
    feed = network_input(Picture(Image.new("RGB", (500, 100), (255, 255, 255))))
    assert (feed.shape, feed.dtype) == ((1, 3, 320, 320), np.float32)
    assert feed[0, :, 0, 0] == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], rel=1e-4)


@pytest.mark.parametrize("model", ["u2netp", "u2netp-int8"])
def test_a_flat_image_has_no_clear_subject(model):
    with pytest.raises(VisionError) as caught:
        cut_out((FORMATS / "flat.jpg").read_bytes(), lambda picture: small_mask(picture, model))
    assert caught.value.code == "no_clear_subject"


def test_black_does_not_divide_by_zero():
    assert np.isfinite(network_input(Picture(Image.new("RGB", (20, 20))))).all()


@pytest.mark.rel("U7")
def test_a_truncated_image_is_corrupt():
    with pytest.raises(ImageError) as caught:
        cut_out((FORMATS / "truncated.jpg").read_bytes(), mask_of)
    assert caught.value.code == "corrupt_image"
