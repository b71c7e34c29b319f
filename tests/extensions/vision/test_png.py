"""The PNG writer against Pillow as reader."""

import numpy as np
import pytest
from PIL import ImageCms

from extensions.vision.png import STRIP_ROWS, encode_png
from tests.photos import opened


def strips_of(pixels):
    return [pixels[top : top + STRIP_ROWS] for top in range(0, len(pixels), STRIP_ROWS)]


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", [(1, 1), (17, 127), (31, 128), (64, 129), (5, 400)])
def test_pixels_survive_the_round_trip(size, channels):
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], channels), np.uint8)
    image = opened(encode_png(size, strips_of(pixels)))
    assert image.size == size
    assert np.array_equal(np.asarray(image), pixels)


def test_a_colour_profile_is_embedded_whole():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = np.zeros((4, 4, 3), np.uint8)
    assert opened(encode_png((4, 4), [pixels], profile)).info["icc_profile"] == profile


def test_nothing_but_pixels_is_written():
    assert opened(encode_png((4, 4), [np.zeros((4, 4, 4), np.uint8)])).info == {}
