"""Images are opened by content, with limits before decoding, and are turned upright."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, PngImagePlugin

from mediahub.lib import imaging
from mediahub.lib.imageheaders import TooManyBlocks, gif_frames, tiff_pages, webp_size
from mediahub.lib.imaging import ImageError, Limits
from tests.photos import FORMATS, encoded, gradient, opened, photo

DEFAULTS = Limits()


def refusal(data: bytes, limits: Limits = DEFAULTS) -> str:
    with pytest.raises(ImageError) as caught:
        imaging.load(imaging.open_checked(data, limits))
    return caught.value.code


@pytest.mark.rel("U4")
@pytest.mark.parametrize(
    ("name", "mime", "size"),
    [
        ("exif_orientation_6.jpg", "image/jpeg", (1024, 768)),
        ("cmyk.jpg", "image/jpeg", (960, 540)),
        ("progressive.jpg", "image/jpeg", (1024, 768)),
        ("grey16.png", "image/png", (512, 384)),
        ("palette.png", "image/png", (512, 384)),
        ("animated.gif", "image/gif", (320, 180)),
        ("animated.webp", "image/webp", (320, 180)),
        ("photo.heic", "image/heic", (1024, 768)),
        ("photo.avif", "image/avif", (1024, 768)),
        ("photo.tiff", "image/tiff", (256, 192)),
        ("photo.bmp", "image/bmp", (256, 192)),
    ],
)
def test_each_known_format_is_named_and_measured_without_decoding(name, mime, size):
    image = imaging.open_checked((FORMATS / name).read_bytes(), Limits())
    assert (imaging.MIMES[image.format], imaging.upright_size(image)) == (mime, size)


@pytest.mark.rel("U4", "B20")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"8BPS\x00\x01" + b"\x00" * 40,
        b"\x00\x00\x01\x00\x01\x00" + b"\x00" * 40,
        b"SIMPLE  =                    T" + b" " * 50,
    ],
)
def test_a_format_outside_the_list_is_not_opened(data):
    assert refusal(data) == "unsupported_file_type"


@pytest.mark.rel("U5", "U6", "B20")
@pytest.mark.parametrize("name", ["bomb_144mp.png", "bomb_900mp.png"])
def test_a_bomb_is_refused_from_its_header(name):
    assert refusal((FORMATS / name).read_bytes()) == "file_not_processable"


@pytest.mark.rel("U6")
def test_a_warning_of_pillow_about_size_is_an_error():
    assert refusal(encoded(Image.new("L", (150, 100))), Limits(pixels=10_000)) == "file_not_processable"


@pytest.mark.rel("U5")
@pytest.mark.parametrize("limits", [Limits(side=100), Limits(pixels=9_999), Limits(frame_pixels=9_999)])
def test_an_image_beyond_one_limit_is_refused(limits):
    assert refusal(encoded(Image.new("L", (200, 50))), limits) == "file_not_processable"


@pytest.mark.rel("U5")
def test_an_image_at_the_limits_is_opened():
    limits = Limits(pixels=10_000, side=200, frames=1, frame_pixels=10_000)
    assert imaging.open_checked(encoded(Image.new("L", (200, 50))), limits).size == (200, 50)


@pytest.mark.rel("U5", "B20")
def test_a_webp_canvas_is_measured_before_its_decoder_allocates_it():
    head = b"RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00" + b"\xfe\x3f\x00" * 2
    assert webp_size(head) == (16_383, 16_383)
    assert refusal(head + b"\x00" * 64) == "file_not_processable"


@pytest.mark.parametrize("options", [{"lossless": True}, {"lossless": False}])
def test_a_plain_webp_is_measured_from_its_header(options):
    assert webp_size(encoded(Image.new("RGB", (33, 21)), "WEBP", **options)[:64]) == (33, 21)


@pytest.mark.rel("U5", "B20")
def test_a_gif_with_many_large_frames_is_refused_by_their_sum():
    frames = [Image.new("L", (200, 200), shade) for shade in range(30)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert gif_frames(io.BytesIO(data), at_most=500) == 30
    assert refusal(data, Limits(frame_pixels=1_000_000)) == "file_not_processable"
    assert refusal(data, Limits(frames=29)) == "file_not_processable"


@pytest.mark.rel("U5", "B20")
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_of_ten_thousand_pages_is_counted_no_further_than_the_limit(order):
    mark = b"II*\x00" if order == "<" else b"MM\x00*"
    pages = b"".join(struct.pack(f"{order}HL", 0, 8 + 6 * (page + 1)) for page in range(10_000))
    data = mark + struct.pack(f"{order}L", 8) + pages
    assert tiff_pages(io.BytesIO(data), at_most=500) == 501


def test_pages_of_a_tiff_are_counted():
    pages = [Image.new("L", (20, 20), shade) for shade in range(3)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert tiff_pages(io.BytesIO(data), at_most=500) == 3
    assert not imaging.is_animated(imaging.open_checked(data, Limits()))


def tiff_with_second_directory(entries: list[tuple[int, int, int, int]]) -> bytes:
    """A small grey TIFF followed by a directory of the given (tag, type, count, value) entries."""
    first = [
        (256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1),
        (262, 3, 1, 1), (273, 4, 1, 8), (278, 3, 1, 1), (279, 4, 1, 1),
    ]  # fmt: skip
    start = 10
    second = start + 2 + 12 * len(first) + 4

    def directory(rows, following):
        return (
            struct.pack("<H", len(rows))
            + b"".join(struct.pack("<HHLL", *row) for row in rows)
            + struct.pack("<L", following)
        )

    return struct.pack("<2sHLH", b"II", 42, start, 0) + directory(first, second) + directory(entries, 0)


def bigtiff_with_next(offset: int) -> bytes:
    """A BigTIFF of one pixel whose next directory is at `offset`."""
    rows = [
        (256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1),
        (262, 3, 1, 1), (273, 4, 1, 8), (278, 3, 1, 1), (279, 4, 1, 1),
    ]  # fmt: skip
    body = struct.pack("<Q", len(rows)) + b"".join(struct.pack("<HHQQ", *row) for row in rows)
    return struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) + body + struct.pack("<Q", offset)


@pytest.mark.rel("U4", "B20")
@pytest.mark.parametrize("entries", [[], [(256, 2, 4, 0)], [(273, 4, 1, 8)]])
def test_a_tiff_with_a_senseless_second_page_is_measured_by_its_first(entries):
    image = imaging.open_checked(tiff_with_second_directory(entries), DEFAULTS)
    assert (imaging.upright_size(image), imaging.frame_count(image)) == ((1, 1), 2)


@pytest.mark.rel("U4", "B20")
@pytest.mark.parametrize("offset", [2**62, 2**63 - 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_tiff_that_points_beyond_every_file_is_corrupt_and_no_error_of_ours(offset, kind, tmp_path):
    path = tmp_path / "x.tiff"
    path.write_bytes(bigtiff_with_next(offset))
    with path.open("rb") as file:
        source = path.read_bytes() if kind == "memory" else file
        try:
            assert imaging.open_checked(source, DEFAULTS).size == (1, 1)
        except ImageError as error:
            assert error.code == "corrupt_image"


@pytest.mark.rel("U4", "B20")
@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=300, deadline=None)
@given(
    data=st.sampled_from([tiff_with_second_directory([]), bigtiff_with_next(0), bigtiff_with_next(2**62)]),
    damage=st.lists(st.tuples(st.integers(0, 260), st.integers(0, 255)), max_size=8),
)
def test_a_damaged_tiff_raises_nothing_but_image_errors(data, damage):
    broken = bytearray(data)
    for at, value in damage:
        broken[at % len(broken)] = value
    try:
        imaging.frame_count(imaging.open_checked(bytes(broken), DEFAULTS))
    except ImageError as error:
        assert error.code in {"corrupt_image", "file_not_processable", "unsupported_file_type"}


@pytest.mark.rel("U5", "B20")
@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "body",
    [b",\0\0\0\0\1\0\1\0\0\2" + b"\1\0" * 2_000_000, b"!\xfe" + b"\1x" * 2_000_000, b"!\xfe\0" * 1_000_000],
    ids=["of pixels", "of a comment", "comments"],
)
def test_a_gif_of_countless_tiny_blocks_is_not_walked_to_its_end(body):
    source = io.BytesIO(b"GIF89a\1\0\1\0\0\0\0" + body + b"\0;")
    with pytest.raises(ImageError) as caught:
        imaging.open_checked(source, DEFAULTS)
    assert caught.value.code == "file_not_processable"
    source.seek(0)
    with pytest.raises(TooManyBlocks):
        gif_frames(source, at_most=500)
    assert source.tell() < len(body) / 2


@pytest.mark.rel("U5", "B20")
def test_frames_behind_stray_bytes_count_too():
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    data = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff" + frame + b"\7\7\7" + frame * 20 + b";"
    assert gif_frames(io.BytesIO(data), at_most=500) == 21
    assert refusal(data, Limits(frames=20)) == "file_not_processable"


@pytest.mark.rel("U6")
@pytest.mark.parametrize("name", ["grey16.png", "transparent.png", "palette.png", "animated.gif", "photo.tiff"])
def test_reading_facts_decodes_no_pixel(name, monkeypatch):
    def decode(self, *_):
        raise AssertionError("pixels are decoded")

    for kind in (PngImagePlugin.PngImageFile, ImageFile.ImageFile):
        monkeypatch.setattr(kind, "load", decode)
    image = imaging.open_checked((FORMATS / name).read_bytes(), DEFAULTS)
    assert imaging.upright_size(image)[0] > 0
    assert imaging.frame_count(image) > 0


@pytest.mark.rel("U8", "B21")
def test_the_orientation_of_a_png_counts_if_it_stands_before_the_pixels():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = imaging.open_checked(encoded(gradient(48, 32), "PNG", exif=exif), DEFAULTS)
    assert (imaging.orientation(image), imaging.upright(image).size) == (6, (32, 48))


@pytest.mark.rel("U5", "B20")
def test_packed_text_beyond_the_limit_is_refused_without_unpacking_it():
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a" * 900_000, zip=True)
    text.add_text("Again", "b" * 900_000, zip=True)
    data = encoded(Image.new("L", (20, 20)), pnginfo=text)
    assert len(data) < 10_000
    assert refusal(data) == "file_not_processable"


@pytest.mark.rel("U5", "B20")
def test_one_huge_packed_text_is_refused():
    packed = zlib.compress(b"a" * 80_000_000)
    chunk = b"zTXtComment\x00\x00" + packed
    whole = encoded(Image.new("L", (20, 20)))
    piece = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert refusal(whole[:33] + piece + whole[33:]) == "file_not_processable"


@pytest.mark.rel("U7", "B20")
@pytest.mark.parametrize("name", ["dog.jpg", "formats/grey16.png", "formats/photo.webp", "formats/photo.heic"])
def test_an_image_cut_in_half_is_corrupt(name):
    data = photo(name)
    assert refusal(data[: len(data) // 2]) == "corrupt_image"


@pytest.mark.rel("U7")
def test_a_damaged_header_is_corrupt_and_not_unknown():
    assert refusal(b"\x89PNG\r\n\x1a\n" + b"\x00" * 40) == "corrupt_image"


@pytest.mark.rel("B20")
def test_an_image_without_pixels_is_corrupt():
    data = bytearray(encoded(Image.new("L", (20, 20))))
    data[16:20] = b"\x00\x00\x00\x00"
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    assert refusal(bytes(data)) == "corrupt_image"


@pytest.mark.rel("U8", "B21")
@pytest.mark.parametrize("turn", range(1, 9))
def test_each_orientation_comes_out_upright(turn):
    upright = gradient(48, 32)
    undo = {**imaging._TRANSPOSE, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    stored = upright.transpose(undo[turn]) if turn > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = turn
    image = imaging.open_checked(encoded(stored, exif=exif), Limits())
    assert imaging.upright_size(image) == (48, 32)
    assert imaging.upright(image).tobytes() == upright.tobytes()


@pytest.mark.rel("U8", "B21")
@pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Truncated")
@pytest.mark.parametrize(
    "exif", [b"Exif\x00\x00MM\x00*\xff\xff\xff\xff", b"Exif\x00\x00", b"Exif\x00\x00II*\x00" + b"\xff" * 60]
)
def test_unreadable_exif_means_no_turn(exif):
    data = encoded(gradient(48, 32), "JPEG", exif=exif)
    image = imaging.open_checked(data, Limits())
    assert imaging.upright(image).size == (48, 32)


def test_a_tiff_with_an_orientation_is_turned_once():
    data = encoded(gradient(48, 32), "TIFF", tiffinfo={274: 6})
    image = imaging.open_checked(data, Limits())
    assert imaging.upright_size(image) == (32, 48)
    assert imaging.upright(image).size == (32, 48)


@pytest.mark.parametrize(("name", "moves"), [("animated.gif", True), ("animated.webp", True), ("photo.webp", False)])
def test_moving_images_are_told_from_still_ones(name, moves):
    assert imaging.is_animated(imaging.open_checked((FORMATS / name).read_bytes(), Limits())) is moves


@pytest.mark.rel("B20")
def test_a_jpeg_with_a_zip_behind_it_is_the_jpeg():
    data = photo("teacup.jpg") + b"PK\x03\x04" + b"\x00" * 100
    assert imaging.upright(imaging.open_checked(data, Limits())).size == opened(photo("teacup.jpg")).size
