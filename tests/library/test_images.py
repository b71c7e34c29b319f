"""Sizes from headers, and thumbnails that carry nothing but the picture."""

import io
import tracemalloc
from pathlib import Path

import numpy
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from library.images import ImageFacts, inspect, sniff, thumbnail
from mediahub.lib.imaging import ImageError, Limits

FORMATS = Path(__file__).parents[1] / "files" / "photos" / "formats"
LIMITS = Limits()


def facts(name: str) -> ImageFacts:
    data = (FORMATS / name).read_bytes()
    return inspect(io.BytesIO(data), sniff(data[:4096], name), LIMITS)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def encoded(image: Image.Image, fmt: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, fmt, **options)
    return out.getvalue()


@pytest.mark.rel("U5", "U7", "U8", "B20")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exif_orientation_6.jpg", ImageFacts(width=1024, height=768, orientation=6)),
        ("exif_gps.jpg", ImageFacts(width=1024, height=768)),
        ("cmyk.jpg", ImageFacts(width=960, height=540)),
        ("grey.jpg", ImageFacts(width=1024, height=768)),
        ("grey16.png", ImageFacts(width=512, height=384)),
        ("transparent.png", ImageFacts(width=512, height=384, has_alpha=True)),
        ("palette.png", ImageFacts(width=512, height=384, has_alpha=True)),
        ("animated.gif", ImageFacts(width=320, height=180, animated=True, frames=5)),
        ("animated.webp", ImageFacts(width=320, height=180, has_alpha=True, animated=True, frames=5)),
        ("photo.heic", ImageFacts(width=1024, height=768)),
        ("photo.avif", ImageFacts(width=1024, height=768)),
        ("photo.tiff", ImageFacts(width=256, height=192)),
        ("photo.bmp", ImageFacts(width=256, height=192)),
        ("large_12mp.jpg", ImageFacts(width=4000, height=3000)),
        ("one_pixel.png", ImageFacts(width=1, height=1)),
        ("truncated.jpg", ImageFacts(width=1024, height=768)),
        ("bomb_144mp.png", ImageFacts(problem="file_not_processable")),
        ("bomb_900mp.png", ImageFacts(problem="file_not_processable")),
        ("not_an_image.jpg", ImageFacts(problem="unsupported_file_type")),
        ("script.svg", ImageFacts(problem="unsupported_file_type")),
    ],
)
def test_a_sample_file_has_the_facts_of_its_header(name, expected):
    assert facts(name) == expected


@pytest.mark.rel("U5", "U6")
def test_a_bomb_costs_no_memory():
    tracemalloc.start()
    facts("bomb_900mp.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 16 << 20


@pytest.mark.rel("U7")
@pytest.mark.parametrize("keep", [9, 12, 20])
def test_a_header_that_is_cut_off_is_flagged_as_corrupt(keep):
    png = encoded(Image.new("RGB", (8, 8)), "PNG")[:keep]

    assert inspect(png, sniff(png, "a.png"), LIMITS) == ImageFacts(problem="corrupt_image")


@pytest.mark.rel("U5")
@pytest.mark.parametrize(
    "limits",
    [Limits(pixels=99), Limits(side=15), Limits(metadata_bytes=10)],
)
def test_each_limit_is_checked(limits):
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "longer than ten bytes")
    png = encoded(Image.new("RGB", (16, 8)), "PNG", pnginfo=text)

    assert inspect(png, "image/png", LIMITS).width == 16
    assert inspect(png, "image/png", limits) == ImageFacts(problem="file_not_processable")


@pytest.mark.rel("U5", "B20")
def test_an_animation_of_too_many_frames_is_not_processable():
    frames = [Image.new("RGB", (8, 8), (colour * 25, 0, 0)) for colour in range(10)]
    gif = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    assert inspect(gif, "image/gif", LIMITS).frames == 10
    assert inspect(gif, "image/gif", Limits(frames=9)).problem == "file_not_processable"
    assert inspect(gif, "image/gif", Limits(frame_pixels=639)).problem == "file_not_processable"


@pytest.mark.parametrize("fmt", ["WEBP", "JPEG", "PNG"])
def test_a_thumbnail_fits_its_box_and_keeps_its_shape(fmt):
    image = opened(thumbnail((FORMATS / "large_12mp.jpg").read_bytes(), 480, 300, fmt, limits=LIMITS))

    assert image.format == fmt
    assert image.size == (400, 300)


def test_a_small_picture_is_not_enlarged():
    assert opened(thumbnail((FORMATS / "one_pixel.png").read_bytes(), 480, 480, "WEBP", limits=LIMITS)).size == (1, 1)


@pytest.mark.rel("U8", "B21")
@pytest.mark.parametrize("turn", range(1, 9))
def test_every_orientation_is_drawn_upright(turn):
    # Red at the top left when seen upright; stored as a camera held otherwise would.
    upright = Image.new("RGB", (64, 32), "blue")
    upright.paste("red", (0, 0, 32, 16))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[turn]) if turn in undo else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    data = encoded(stored, "JPEG", quality=95, exif=exif)

    found = inspect(data, "image/jpeg", LIMITS)
    drawn = opened(thumbnail(data, 64, 64, "PNG", limits=LIMITS))

    assert (found.width, found.height, found.orientation) == (64, 32, turn)
    assert drawn.size == (64, 32)
    assert drawn.getpixel((8, 4))[0] > 200 > 60 > drawn.getpixel((56, 28))[0]


@pytest.mark.rel("U8", "B21")
@pytest.mark.parametrize("fmt", ["WEBP", "JPEG", "PNG"])
@pytest.mark.parametrize("name", ["exif_gps.jpg", "display_p3.jpg", "exif_orientation_6.jpg"])
def test_a_thumbnail_has_no_exif_no_profile_no_comment(name, fmt):
    data = thumbnail((FORMATS / name).read_bytes(), 200, 200, fmt, limits=LIMITS)
    image = opened(data)

    assert not dict(image.getexif())
    assert not {"exif", "icc_profile", "comment", "xmp", "photoshop"} & image.info.keys()
    assert b"Exif" not in data
    assert b"GPS" not in data


@pytest.mark.rel("U8")
def test_a_comment_and_text_do_not_get_into_a_thumbnail():
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "home address")
    png = encoded(Image.new("RGB", (30, 30)), "PNG", pnginfo=text)
    jpeg = encoded(Image.new("RGB", (30, 30)), "JPEG", comment=b"home address")

    for data in (png, jpeg):
        for fmt in ("WEBP", "JPEG", "PNG"):
            assert b"home address" not in thumbnail(data, 20, 20, fmt, limits=LIMITS)


def test_colours_are_converted_to_srgb_by_the_profile():
    original = Image.open(FORMATS / "display_p3.jpg")
    profile = ImageCms.ImageCmsProfile(io.BytesIO(original.info["icc_profile"]))
    expected = ImageCms.profileToProfile(original, profile, ImageCms.createProfile("sRGB"))
    drawn = opened(thumbnail((FORMATS / "display_p3.jpg").read_bytes(), 5000, 5000, "PNG", limits=LIMITS))

    difference = numpy.abs(numpy.asarray(drawn, int) - numpy.asarray(expected, int))
    ignored = numpy.abs(numpy.asarray(original, int) - numpy.asarray(expected, int))
    assert difference.max() <= 2
    assert ignored.max() > 10


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "CMYK"])
def test_colours_are_converted_when_the_picture_is_small_already(mode, monkeypatch):
    sizes = []
    convert = ImageCms.profileToProfile

    def measured(image, *args, **kwargs):
        sizes.append(image.size)
        return convert(image, *args, **kwargs)

    monkeypatch.setattr(ImageCms, "profileToProfile", measured)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    fmt = "TIFF" if mode == "CMYK" else "PNG"
    data = encoded(Image.new(mode, (2000, 1000), "white"), fmt, icc_profile=profile)

    assert opened(thumbnail(data, 100, 100, "PNG", limits=LIMITS)).size == (100, 50)
    assert sizes == [(100, 50)]


@pytest.mark.parametrize("profile", [b"no profile", b"\0" * 500])
def test_a_broken_profile_counts_as_absent(profile):
    data = encoded(Image.new("RGB", (20, 20), "red"), "JPEG", icc_profile=profile)

    assert opened(thumbnail(data, 20, 20, "PNG", limits=LIMITS)).getpixel((5, 5))[0] > 240


@pytest.mark.rel("B20")
@pytest.mark.parametrize(
    "name", ["cmyk.jpg", "grey.jpg", "grey16.png", "palette.png", "photo.heic", "photo.avif", "animated.gif"]
)
def test_every_kind_of_pixel_becomes_a_picture_of_like_brightness(name):
    data = (FORMATS / name).read_bytes()
    drawn = numpy.asarray(opened(thumbnail(data, 200, 200, "PNG", limits=LIMITS)).convert("L"), float)

    assert 20 < drawn.mean() < 235
    assert drawn.std() > 10


@pytest.mark.rel("B20")
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_png_mode_is_drawn(mode):
    data = encoded(
        Image.new("RGB", (40, 40), "white").convert("L").convert(mode)
        if mode != "I;16"
        else Image.fromarray(numpy.full((40, 40), 65535, "uint16")),
        "PNG",
    )

    for fmt in ("WEBP", "JPEG", "PNG"):
        assert opened(thumbnail(data, 20, 20, fmt, limits=LIMITS)).convert("RGB").getpixel((10, 10)) == (255, 255, 255)


def test_what_is_transparent_stays_so_or_becomes_white_in_jpeg():
    data = encoded(Image.new("RGBA", (20, 20), (0, 0, 0, 0)), "PNG")

    assert opened(thumbnail(data, 20, 20, "WEBP", limits=LIMITS)).getpixel((5, 5))[3] == 0
    assert opened(thumbnail(data, 20, 20, "JPEG", limits=LIMITS)).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.rel("U7", "B20")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("truncated.jpg", "corrupt_image"),
        ("bomb_144mp.png", "file_not_processable"),
        ("not_an_image.jpg", "unsupported_file_type"),
        ("script.svg", "unsupported_file_type"),
    ],
)
def test_what_cannot_be_drawn_says_why(name, code):
    with pytest.raises(ImageError) as refused:
        thumbnail((FORMATS / name).read_bytes(), 200, 200, "WEBP", limits=LIMITS)
    assert refused.value.code == code
