"""Technical metadata from a header, and the hash that says whether two pictures look alike."""

import io
from pathlib import Path

import imagehash
import pytest
from PIL import Image

from library.file_metadata import format_of, perceptual_hash, read_header
from library.images import thumbnail
from mediahub.lib.imaging import Limits
from tests.library.embedded.making import exif, image

PHOTOS = Path(__file__).parents[1] / "files" / "photos"
LIMITS = Limits()


@pytest.mark.parametrize("name", ["cat.jpg", "dog.jpg", "bee.jpg", "cameraman_grey.jpg", "formats/transparent.png"])
def test_the_hash_is_imagehashs_and_that_of_the_thumbnail_is_next_to_the_originals(name):
    data = (PHOTOS / name).read_bytes()
    small = thumbnail(data, 480, 480, "WEBP", limits=LIMITS)
    opened = Image.open(io.BytesIO(small))
    if opened.mode == "RGBA":
        opened = Image.alpha_composite(Image.new("RGBA", opened.size, "white"), opened)
    found = perceptual_hash(small, LIMITS)
    assert len(found) == 16
    assert found == str(imagehash.phash(opened))
    if not name.endswith("png"):
        assert imagehash.hex_to_hash(found) - imagehash.phash(Image.open(io.BytesIO(data))) <= 2


def test_pictures_that_differ_have_hashes_that_differ():
    hashes = [
        imagehash.hex_to_hash(
            perceptual_hash(thumbnail((PHOTOS / name).read_bytes(), 480, 480, "WEBP", limits=LIMITS), LIMITS)
        )
        for name in ("cat.jpg", "bee.jpg")
    ]
    assert hashes[0] - hashes[1] > 10


@pytest.mark.parametrize("quality", [1, 30, 50, 75, 90, 95, 100])
def test_the_quality_of_a_jpeg_is_found_in_its_tables(quality):
    assert read_header(io.BytesIO(image(quality=quality)), LIMITS)["quality"] == quality


def test_what_the_header_says():
    profile = Image.open(PHOTOS / "formats/display_p3.jpg").info["icc_profile"]
    block = exif(orientation=6, place=True, date="2019:10:16 19:01:03", Make="Acme")
    found = read_header(io.BytesIO(image(exif=block, dpi=(300, 300), icc_profile=profile)), LIMITS)
    assert (found["hasColorProfile"], found["density"]) == (True, 300)
    assert found["exif"]["image"]["Orientation"] == 6
    assert found["exif"]["exif"] == {"DateTimeOriginal": "2019:10:16 19:01:03"}
    assert found["exif"]["gps"]["GPSLatitude"] == [33, 51, 24.84]
    assert set(found["exif"]) == {"image", "thumbnail", "exif", "gps", "interoperability", "makernote"}


def test_a_header_that_says_nothing():
    found = read_header(io.BytesIO(image("PNG")), LIMITS)
    assert (found["hasColorProfile"], found["quality"], found["density"]) == (False, 0, 72)
    assert not any(found["exif"].values())


@pytest.mark.parametrize(
    ("mime", "name", "found"),
    [
        ("image/jpeg", "a.png", "jpg"),
        ("video/mp4", "a", "mp4"),
        ("application/octet-stream", "a.BLEND", "blend"),
        ("application/octet-stream", "a", ""),
    ],
)
def test_the_format_comes_from_the_content(mime, name, found):
    assert format_of(mime, name) == found
