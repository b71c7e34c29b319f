"""Colours of every kind of input as 8-bit sRGB, and the colours people write."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from extensions.vision.colour import parse_colour, to_rgb_with_profile, to_srgb
from extensions.vision.errors import VisionError
from tests.photos import FORMATS, encoded, gradient, opened


def by_profile(image):
    """The correct conversion, made by the colour engine alone."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    return ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")


@pytest.mark.parametrize("name", ["display_p3.jpg", "cmyk.jpg"])
def test_a_profile_is_applied_within_two_grey_levels(name):
    image = Image.open(FORMATS / name)
    wanted = np.asarray(by_profile(image), np.int16)
    assert np.abs(np.asarray(to_srgb(image), np.int16) - wanted).max() <= 2


def test_an_rgb_profile_can_be_handed_on_with_untouched_colours():
    image = Image.open(FORMATS / "display_p3.jpg")
    kept, icc = to_rgb_with_profile(image)
    assert icc == image.info["icc_profile"]
    assert np.array_equal(np.asarray(kept), np.asarray(image))


def test_a_profile_of_another_colour_space_is_never_handed_on():
    converted, icc = to_rgb_with_profile(Image.open(FORMATS / "cmyk.jpg"))
    assert (converted.mode, icc) == ("RGB", None)


def test_a_broken_profile_is_ignored():
    image = gradient(20, 20)
    image.info["icc_profile"] = b"not a profile"
    assert to_srgb(image).tobytes() == gradient(20, 20).tobytes()


def test_grey_of_16_bits_keeps_its_high_byte():
    levels = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)
    image = opened(encoded(Image.fromarray(levels)))
    assert np.array_equal(np.asarray(to_srgb(image))[..., 0].ravel(), np.arange(256))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "I", "F", "LAB", "HSV"])
def test_opaque_modes_become_rgb(mode):
    assert to_srgb(Image.new(mode, (20, 20))).mode == "RGB"


@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA"])
def test_modes_with_alpha_become_rgba(mode):
    assert to_srgb(Image.new(mode, (20, 20))).mode == "RGBA"


def test_a_palette_with_a_transparent_colour_keeps_the_hole():
    image = Image.new("P", (4, 4), 1)
    image.putpixel((0, 0), 0)
    image.info["transparency"] = 0
    alpha = to_srgb(image).getchannel("A")
    assert (alpha.getpixel((0, 0)), alpha.getpixel((1, 1))) == (0, 255)


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("fff", (255, 255, 255, 255)),
        ("#81d4fa", (0x81, 0xD4, 0xFA, 255)),
        ("81D4FA77", (0x81, 0xD4, 0xFA, 0x77)),
        ("#f008", (255, 0, 0, 0x88)),
        ("Green", (0, 128, 0, 255)),
        ("rebeccapurple", (0x66, 0x33, 0x99, 255)),
        ("transparent", (0, 0, 0, 0)),
    ],
)
def test_written_colours_are_read(text, colour):
    assert parse_colour(text) == colour


@pytest.mark.parametrize("text", ["", "#12", "12345", "gren", "rgb(1,2,3)", "#ggg", 7, None, ["fff"], "fff\n#fff"])
def test_anything_else_is_not_a_colour(text):
    with pytest.raises(VisionError) as caught:
        parse_colour(text)
    assert caught.value.code == "invalid_options"
