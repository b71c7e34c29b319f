"""Changed pictures, on real photos: their size, that they show what they should, and that they carry nothing else."""

import io
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageFilter, ImageOps

from library.transforming.drawing import LONGEST_SIDE, Step, target, transform
from library.transforming.steps import CROPS, parse_steps
from mediahub.lib.imaging import ImageError, Limits

PHOTOS = Path(__file__).parents[2] / "files" / "photos"
FORMATS = PHOTOS / "formats"


def changed(path: Path, text: str, limits: Limits | None = None) -> Image.Image:
    data = transform(path.read_bytes(), parse_steps(text), limits=limits or Limits())
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of the pixels of two pictures of one size, 0 to 255, without fine detail."""
    assert one.size == other.size
    arrays = [
        numpy.asarray(image.convert("RGB").filter(ImageFilter.BoxBlur(2)), dtype=numpy.float32)
        for image in (one, other)
    ]
    return float(numpy.abs(arrays[0] - arrays[1]).mean())


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("w-300", (300, 225)),
        ("h-300", (400, 300)),
        ("w-0.5", (512, 384)),
        ("h-0.25", (256, 192)),
        ("w-0.5,h-0.25", (512, 192)),
        ("w-300,h-300", (300, 300)),
        ("w-300,h-300,c-maintain_ratio", (300, 300)),
        ("w-300,h-300,c-force", (300, 300)),
        ("w-300,h-300,c-at_max", (300, 225)),
        ("w-300,h-300,c-at_least", (400, 300)),
        ("w-2000", (2000, 1500)),
        ("w-2000,c-at_max", (1024, 768)),
        ("w-2000,h-3000,c-at_max", (1024, 768)),
        ("w-2048,h-3000,c-at_max_enlarge", (2048, 1536)),
        ("w-2048,h-3000,c-at_least", (4000, 3000)),
        ("w-500:h-0.5,w-0.5", (250, 188)),
        ("q-50", (1024, 768)),
        ("w-1", (1, 1)),
    ],
)
def test_a_photo_of_1024_by_768_gets_the_size_asked_for(text, size):
    assert changed(PHOTOS / "cat.jpg", text).size == size


@pytest.mark.parametrize("name", ["cat.jpg", "dog.jpg", "coffee.jpg", "eiffel_tower.jpg", "astronaut.jpg"])
@pytest.mark.parametrize("crop", ["maintain_ratio", "force", "at_max"])
def test_the_picture_shows_what_an_independent_scaling_shows(name, crop):
    original = Image.open(PHOTOS / name).convert("RGB")
    got = changed(PHOTOS / name, f"w-200,h-160,c-{crop},q-95")
    if crop == "maintain_ratio":
        expected = ImageOps.fit(original, (200, 160), Image.Resampling.BICUBIC)
    elif crop == "force":
        expected = original.resize((200, 160), Image.Resampling.BICUBIC)
    else:
        expected = ImageOps.contain(original, (200, 160), Image.Resampling.BICUBIC)
    assert likeness(got, expected) < 2
    assert likeness(got, ImageOps.mirror(expected)) > 8


@pytest.mark.parametrize("fmt", ["jpg", "png", "webp", "avif"])
def test_each_format_is_what_it_says_and_shows_the_photo(fmt):
    image = changed(PHOTOS / "dahlia.jpg", f"w-320,f-{fmt},q-85")
    assert image.format == {"jpg": "JPEG"}.get(fmt, fmt.upper())
    expected = Image.open(PHOTOS / "dahlia.jpg").resize(image.size, Image.Resampling.LANCZOS)
    assert likeness(image, expected) < 3


@pytest.mark.parametrize(
    ("name", "fmt"),
    [
        ("exif_gps.jpg", "JPEG"),
        ("transparent.png", "PNG"),
        ("photo.avif", "AVIF"),
        ("photo.heic", "JPEG"),
        ("photo.tiff", "JPEG"),
        ("photo.bmp", "JPEG"),
        ("palette.png", "PNG"),
        ("cmyk.jpg", "JPEG"),
    ],
)
@pytest.mark.parametrize("text", ["w-100", "w-100,f-auto"])
def test_without_a_format_a_picture_stays_what_it_was_or_becomes_one_that_browsers_show(name, fmt, text):
    assert changed(FORMATS / name, text).format == fmt


def test_a_lower_quality_is_a_smaller_file():
    data = (PHOTOS / "kingfisher.jpg").read_bytes()
    sizes = [len(transform(data, parse_steps(f"w-600,q-{q}"), limits=Limits())) for q in (20, 50, 80, 95)]
    assert sizes == sorted(sizes)
    assert sizes[0] * 3 < sizes[3]
    assert len(transform(data, parse_steps("w-600"), limits=Limits())) == sizes[2]


def test_blur_takes_detail_and_keeps_colour():
    plain, blurred = changed(PHOTOS / "bee.jpg", "w-300,q-95"), changed(PHOTOS / "bee.jpg", "w-300,bl-10,q-95")
    detail = [
        numpy.abs(numpy.diff(numpy.asarray(image.convert("L"), dtype=float))).mean() for image in (plain, blurred)
    ]
    assert detail[1] < detail[0] / 4
    means = [numpy.asarray(image, dtype=float).mean(axis=(0, 1)) for image in (plain, blurred)]
    assert numpy.abs(means[0] - means[1]).max() < 3


def test_blur_does_not_draw_invisible_colours_into_sight():
    picture = Image.new("RGBA", (100, 100), (0, 0, 255, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 50, 100))
    out = io.BytesIO()
    picture.save(out, "PNG")
    blurred = Image.open(io.BytesIO(transform(out.getvalue(), parse_steps("bl-10"), limits=Limits())))
    seen = numpy.asarray(blurred)
    assert seen[seen[:, :, 3] > 30][:, 2].max() < 20


def test_transparency_stays_or_becomes_white():
    kept = changed(FORMATS / "transparent.png", "w-200,f-webp")
    assert kept.mode == "RGBA"
    assert kept.getchannel("A").getextrema()[0] == 0
    flat = changed(FORMATS / "transparent.png", "w-200,f-jpg")
    clear = numpy.asarray(kept.getchannel("A")) == 0
    assert numpy.asarray(flat)[clear].mean() > 245


@pytest.mark.rel("U8", "B21")
@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("fmt", ["jpg", "png", "webp", "avif"])
def test_each_orientation_is_applied_and_nothing_of_exif_is_kept(turn, fmt):
    upright = Image.open(PHOTOS / "teacup.jpg").convert("RGB").resize((120, 80))
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[turn]
    stored = upright if undo is None else upright.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    exif[ExifTags.Base.Copyright] = "SECRET WORDS"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    out = io.BytesIO()
    stored.save(out, "JPEG", quality=95, exif=exif, comment=b"SECRET WORDS")
    data = transform(out.getvalue(), parse_steps(f"w-60,f-{fmt},q-95"), limits=Limits())
    image = Image.open(io.BytesIO(data))
    assert image.size == (60, 40)
    assert likeness(image, upright.resize((60, 40))) < 4
    assert not image.getexif()
    assert b"SECRET" not in data
    assert "icc_profile" not in image.info


@pytest.mark.rel("U8", "B21")
def test_a_photo_with_a_place_loses_it():
    data = transform((FORMATS / "exif_gps.jpg").read_bytes(), parse_steps("q-90"), limits=Limits())
    assert b"Exif" not in data
    assert not Image.open(io.BytesIO(data)).getexif()


@pytest.mark.rel("U7", "B20")
@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("truncated.jpg", "w-100", "corrupt_image"),
        ("not_an_image.jpg", "w-100", "unsupported_file_type"),
        ("script.svg", "w-100", "unsupported_file_type"),
        ("animated.gif", "w-100", "animated_not_supported"),
        ("animated.webp", "w-100", "animated_not_supported"),
        ("bomb_144mp.png", "w-100", "file_not_processable"),
        ("bomb_900mp.png", "w-100", "file_not_processable"),
        ("photo.tiff", "w-16385", "result_too_large"),
        ("photo.tiff", "w-16000,h-16000", "result_too_large"),
        ("photo.tiff", "w-200:w-90000", "result_too_large"),
    ],
)
def test_what_cannot_be_drawn_is_an_error_with_a_code(name, text, code):
    with pytest.raises(ImageError) as caught:
        changed(FORMATS / name, text)
    assert caught.value.code == code


@pytest.mark.parametrize("fmt", ["jpg", "webp", "avif"])
def test_a_side_beyond_what_the_format_has_is_too_large(fmt):
    line = io.BytesIO()
    Image.new("RGB", (4, 1)).save(line, "PNG")
    steps = parse_steps(f"w-{LONGEST_SIDE[fmt] + 1},h-1,c-force,f-{fmt}")
    with pytest.raises(ImageError) as caught:
        transform(line.getvalue(), steps, limits=Limits(side=70_000))
    assert caught.value.code == "result_too_large"


def test_an_encoder_that_finds_no_memory_does_not_call_the_picture_damaged():
    script = (
        "import resource, sys; from library.transforming import drawing; from library.transforming.steps import *;"
        "from mediahub.lib.imaging import ImageError, Limits\n"
        "resource.setrlimit(resource.RLIMIT_AS, (900 << 20,) * 2)\n"
        "try: drawing.transform(open(sys.argv[1], 'rb'), parse_steps('w-6500,f-avif'), limits=Limits())\n"
        "except (ImageError, MemoryError) as error: print(getattr(error, 'code', 'memory'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, FORMATS / "large_12mp.jpg"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "file_not_processable"


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (7, 7), (1366, 768)])
def test_no_box_begins_outside_the_picture(size):
    for width in range(10, 2000, 10):
        for height in (100, 150, 200, 300, 1080):
            _, (left, top, right, bottom) = target(size, Step(width=width, height=height))
            assert 0 <= left < right <= size[0]
            assert 0 <= top < bottom <= size[1]


@given(
    st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
    st.one_of(st.none(), st.integers(1, 9999), st.floats(0.001, 0.999)),
    st.one_of(st.none(), st.integers(1, 9999), st.floats(0.001, 0.999)),
    st.sampled_from([None, *CROPS]),
)
def test_sizes_keep_their_promises(size, width, height, crop):
    (across, down), (left, top, right, bottom) = target(size, Step(width=width, height=height, crop=crop))
    assert across >= 1
    assert down >= 1
    assert left >= 0
    assert top >= 0
    assert left < right <= size[0] + 1e-6
    assert top < bottom <= size[1] + 1e-6
    asked = [
        None if value is None else max(1, round(value * have)) if value < 1 else value
        for value, have in ((width, size[0]), (height, size[1]))
    ]
    if None not in asked and crop in (None, "maintain_ratio", "force"):
        assert [across, down] == asked
    if None not in asked and crop in ("at_max", "at_max_enlarge"):
        assert across <= asked[0]
        assert down <= asked[1]
    if None not in asked and crop == "at_least":
        assert across >= asked[0]
        assert down >= asked[1]
    if crop == "at_max":
        assert across <= size[0]
        assert down <= size[1]
