"""Byte ranges: which are answered, and files cut to them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.delivery.ranges import FileSlice, Unsatisfiable, parse_range


@pytest.mark.rel("S8")
@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-99", (0, 100)),
        ("bytes=0-500", (0, 100)),
        ("bytes=10-", (10, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes= 5-6 ", (5, 7)),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("bytes=6-5", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        ("bytes=" + "9" * 5000 + "-", None),
        ("", None),
    ],
)
def test_a_range_of_100_bytes(header, span):
    assert parse_range(header, 100) == span


@pytest.mark.rel("S8")
@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=100-", 100), ("bytes=200-300", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-5", 0)],
)
def test_a_range_beyond_the_end_cannot_be_satisfied(header, size):
    with pytest.raises(Unsatisfiable):
        parse_range(header, size)


@given(st.binary(max_size=50), st.data())
def test_a_slice_reads_like_the_bytes_it_stands_for(content, data):
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    piece, expected = FileSlice(io.BytesIO(content), start, end), io.BytesIO(content[start:end])

    for _ in range(5):
        at = data.draw(st.integers(0, end - start))
        assert piece.seek(at) == expected.seek(at)
        amount = data.draw(st.integers(-1, 20))
        assert piece.read(amount) == expected.read(amount)
        assert piece.tell() == expected.tell()
    assert piece.seek(0, io.SEEK_END) == end - start


def test_closing_a_slice_closes_its_file():
    file = io.BytesIO(b"abc")
    FileSlice(file, 0, 1).close()

    assert file.closed


def test_a_slice_hides_the_file_number_so_that_no_server_bypasses_it(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    with FileSlice((tmp_path / "a").open("rb"), 0, 1) as piece, pytest.raises(OSError, match="fileno"):
        piece.fileno()
