"""Every sample photo and every awkward file goes through the API and through both local extensions.

What each must get is the table in `tests/files/photos/formats/README.md`.
"""

import io

import pytest
from PIL import Image

from extensions.models import ExtensionRun
from extensions.runs import pipeline
from library.models import Asset, AssetVersion
from library.storage import read_blob
from tests.photos import FORMATS, PHOTOS
from tests.uploading import upload

pytestmark = pytest.mark.django_db
OK = "runs"
TABLE = {
    # file: mime, (width, height), remove-bg, tagging
    "exif_orientation_6.jpg": ("image/jpeg", (1024, 768), OK, OK),
    "exif_gps.jpg": ("image/jpeg", "as stored", OK, OK),
    "display_p3.jpg": ("image/jpeg", "as stored", OK, OK),
    "cmyk.jpg": ("image/jpeg", "as stored", OK, OK),
    "grey.jpg": ("image/jpeg", "as stored", OK, OK),
    "progressive.jpg": ("image/jpeg", "as stored", OK, OK),
    "grey16.png": ("image/png", "as stored", OK, OK),
    "palette.png": ("image/png", "as stored", OK, OK),
    "transparent.png": ("image/png", "as stored", OK, OK),
    "animated.gif": ("image/gif", "as stored", "animated_not_supported", OK),
    "animated.webp": ("image/webp", "as stored", "animated_not_supported", OK),
    "photo.heic": ("image/heic", "as stored", OK, OK),
    "photo.avif": ("image/avif", "as stored", OK, OK),
    "photo.webp": ("image/webp", "as stored", OK, OK),
    "photo.tiff": ("image/tiff", "as stored", OK, OK),
    "photo.bmp": ("image/bmp", "as stored", OK, OK),
    "large_12mp.jpg": ("image/jpeg", (4000, 3000), OK, OK),
    "bomb_144mp.png": ("image/png", None, "file_not_processable", "file_not_processable"),
    "bomb_900mp.png": ("image/png", None, "file_not_processable", "file_not_processable"),
    "truncated.jpg": ("image/jpeg", "from its header", "corrupt_image", "corrupt_image"),
    "not_an_image.jpg": ("text/html", None, "unsupported_file_type", "unsupported_file_type"),
    "script.svg": ("image/svg+xml", None, "unsupported_file_type", "unsupported_file_type"),
    "one_pixel.png": ("image/png", (1, 1), "image_too_small", "image_too_small"),
    "flat.jpg": ("image/jpeg", "as stored", "no_clear_subject", "no tags"),
}
BOTH = '[{"name":"remove-bg"},{"name":"local-auto-tagging"}]'


def stored_size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def assert_ended(extension: str, expected: str) -> ExtensionRun:
    run = ExtensionRun.objects.get(extension=extension)
    if expected in {OK, "no tags"}:
        assert run.state == "succeeded" or run.error_code == "no_clear_subject", run.error_message
    else:
        assert (run.state, run.error_code) == ("failed", expected)
        assert run.error_message
    return run


@pytest.mark.rel("U3", "U5", "U7")
@pytest.mark.parametrize("name", sorted(TABLE))
def test_an_awkward_file_gets_what_the_table_says(api, name, settings, tmp_path):
    settings.MEDIAHUB_REMBG_PRECISION = "int8"
    mime, size, remove_bg, tagging = TABLE[name]
    data = (FORMATS / name).read_bytes()
    answer = upload(api, data, fileName=name, extensions=BOTH)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["fileType"] == ("image" if mime.startswith("image/") else "non-image")
    expected = stored_size(data) if isinstance(size, str) else size
    assert (body.get("width"), body.get("height")) == (expected or (None, None))
    version = AssetVersion.objects.get()
    assert version.mime == mime
    assert read_blob(version.blob_key) == data

    pipeline.work("images")
    pipeline.work("tagging")
    run = assert_ended("remove-bg", remove_bg)
    assert_ended("local-auto-tagging", tagging)
    asset = Asset.objects.get()
    if tagging == "no tags":
        assert not asset.ai_tags.exists()
    if name == "exif_orientation_6.jpg":
        assert asset.ai_tags.filter(name="Dog").exists()
    if run.state == "succeeded":
        assert_clean_result(run, expected)


def assert_clean_result(run: ExtensionRun, size: tuple[int, int]) -> None:
    """The cut-out is upright, as large as the original, has alpha and carries no EXIF (REL U8)."""
    version = AssetVersion.objects.get(run_id=run.pk)
    assert (version.width, version.height, version.has_alpha) == (*size, True)
    with Image.open(io.BytesIO(read_blob(version.blob_key))) as image:
        assert not image.getexif()
        assert image.size == size


def test_the_table_names_every_awkward_file():
    assert {path.name for path in FORMATS.iterdir() if path.suffix != ".md"} == set(TABLE)


@pytest.mark.parametrize("path", sorted(PHOTOS.glob("*.jpg")), ids=lambda path: path.name)
def test_a_photo_is_stored_as_it_came(api, path):
    answer = upload(api, path.read_bytes(), fileName=path.name).json()
    assert (answer["fileType"], answer["size"]) == ("image", path.stat().st_size)
    assert (answer["width"], answer["height"]) == stored_size(path.read_bytes())
