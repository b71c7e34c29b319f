"""An original becomes what a supplier accepts."""

import numpy as np
import pytest
from PIL import Image

from extensions.vision.errors import VisionError
from extensions.vision.prepare import ImageLimits, prepare_image
from mediahub.lib.imaging import ImageError
from tests.photos import FORMATS, encoded, gradient, opened, photo

JPEG_AND_PNG = ImageLimits(mimes=("image/jpeg", "image/png"), max_bytes=5_000_000, max_pixels=2_000_000)


def test_a_file_that_fits_is_not_touched():
    data = encoded(gradient(200, 100), "PNG")
    assert prepare_image(data, JPEG_AND_PNG) == (data, "image/png")


@pytest.mark.rel("U8", "B21")
@pytest.mark.parametrize("name", ["exif_gps.jpg", "exif_orientation_6.jpg", "display_p3.jpg"])
def test_exif_and_profiles_are_left_behind_and_the_image_is_upright(name):
    data, mime = prepare_image((FORMATS / name).read_bytes(), JPEG_AND_PNG)
    image = opened(data)
    assert mime == "image/jpeg"
    assert image.width > image.height
    assert not {"exif", "icc_profile", "xmp", "comment"} & set(image.info)


@pytest.mark.parametrize("name", ["photo.heic", "photo.avif", "photo.tiff", "photo.bmp", "animated.gif", "cmyk.jpg"])
def test_other_formats_become_jpeg(name):
    data, mime = prepare_image((FORMATS / name).read_bytes(), JPEG_AND_PNG)
    assert (mime, opened(data).format, opened(data).mode) == ("image/jpeg", "JPEG", "RGB")


def test_pixels_are_reduced_to_the_limit_with_the_shape_kept():
    image = opened(prepare_image((FORMATS / "large_12mp.jpg").read_bytes(), JPEG_AND_PNG)[0])
    assert 1_900_000 < image.width * image.height <= 2_000_000
    assert image.width / image.height == pytest.approx(4 / 3, abs=0.01)


def test_bytes_are_reduced_to_the_limit():
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (900, 900, 3), np.uint8))
    limits = ImageLimits(mimes=("image/jpeg",), max_bytes=100_000)
    data, _ = prepare_image(encoded(noise), limits)
    assert len(data) <= 100_000


def test_transparency_is_kept_where_png_is_accepted():
    limits = ImageLimits(mimes=("image/jpeg", "image/png"), max_bytes=5_000_000, max_pixels=50_000)
    data, mime = prepare_image((FORMATS / "transparent.png").read_bytes(), limits)
    assert (mime, opened(data).mode) == ("image/png", "RGBA")


def test_transparency_is_laid_on_white_where_it_is_not():
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    data, _ = prepare_image(encoded(clear), ImageLimits(mimes=("image/jpeg",), max_bytes=100_000))
    assert opened(data).getpixel((10, 10)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("truncated.jpg", "corrupt_image"),
        ("bomb_144mp.png", "file_not_processable"),
        ("not_an_image.jpg", "unsupported_file_type"),
        ("one_pixel.png", "image_too_small"),
    ],
)
def test_what_cannot_be_prepared_says_why(name, code):
    with pytest.raises((ImageError, VisionError)) as caught:
        prepare_image((FORMATS / name).read_bytes(), JPEG_AND_PNG)
    assert caught.value.code == code


def test_a_truncated_file_that_would_fit_is_still_corrupt():
    data = photo("teacup.jpg")
    with pytest.raises(ImageError) as caught:
        prepare_image(data[: len(data) // 2], JPEG_AND_PNG)
    assert caught.value.code == "corrupt_image"


def test_an_image_that_would_become_too_thin_is_refused():
    limits = ImageLimits(mimes=("image/jpeg",), max_bytes=5_000_000, max_side=1000, min_side=80)
    assert opened(prepare_image(encoded(gradient(2000, 170)), limits)[0]).size == (1000, 85)
    with pytest.raises(VisionError) as caught:
        prepare_image(encoded(gradient(2000, 150)), limits)
    assert caught.value.code == "image_too_small"
