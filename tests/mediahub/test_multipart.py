"""The push parser, against encoders that are not ours, with input split anywhere."""

import email.mime.application
import email.mime.multipart
import email.policy
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3 import encode_multipart_formdata  # noqa: TID251 - the encoder of many clients, not its HTTP
from urllib3.fields import RequestField  # noqa: TID251

from mediahub.lib.multipart import BadMultipart, MultipartScanner, TooLarge, boundary_of
from mediahub.lib.multipart_headers import BadHeader, PartHeaders, parse_part_headers


class Collected:
    """A handler that keeps everything."""

    def __init__(self):
        self.parts: list[tuple[PartHeaders, bytes]] = []
        self.pieces = 0

    def begin(self, headers):
        self.headers, self.content = headers, b""

    def data(self, piece):
        self.pieces += 1
        self.content += piece

    def end(self):
        self.parts.append((self.headers, self.content))


def scan(body: bytes, boundary: bytes = b"B", *, cuts=(), **limits) -> Collected:
    handler = Collected()
    scanner = MultipartScanner(boundary, handler, **limits)
    edges = [0, *sorted({min(cut, len(body)) for cut in cuts}), len(body)]
    for start, end in itertools.pairwise(edges):
        scanner.feed(body[start:end])
    scanner.close()
    return handler


def contents(handler: Collected) -> list[tuple[str, bytes]]:
    return [(headers.name, content) for headers, content in handler.parts]


def part(name: str, content: bytes, extra: str = "") -> bytes:
    return f'--B\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + content + b"\r\n"


# Bytes that are likely to look like parts of a delimiter.
awkward = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", b"B", b"\r\n--", b"\r\n--B", b" ", b"x", b"\0\xff"])
)
cuts = st.lists(st.integers(0, 4000), max_size=40)
names = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters='"\\\r\n\0'), min_size=1, max_size=20)


@pytest.mark.rel("B15")
@settings(max_examples=150, deadline=None)
@given(fields=st.lists(st.tuples(names, st.binary(max_size=300)), min_size=1, max_size=5), cuts=cuts)
def test_what_urllib3_encodes_is_read_back_wherever_the_input_is_cut(fields, cuts):
    parts = [RequestField(name=name, data=data) for name, data in fields]
    for field in parts:
        field.make_multipart()
    body, content_type = encode_multipart_formdata(parts)

    assert contents(scan(body, boundary_of(content_type), cuts=cuts)) == fields


@pytest.mark.rel("B15")
@settings(max_examples=100, deadline=None)
@given(payloads=st.lists(st.binary(max_size=200), min_size=1, max_size=4), cuts=cuts)
def test_what_the_email_package_encodes_is_read_back(payloads, cuts):
    message = email.mime.multipart.MIMEMultipart("form-data")
    for number, payload in enumerate(payloads):
        piece = email.mime.application.MIMEApplication(payload, _encoder=lambda message: None)
        piece["Content-Disposition"] = f'form-data; name="f{number}"; filename="{number}.bin"'
        message.attach(piece)
    head, _, _ = message.as_bytes(policy=email.policy.HTTP).partition(b"\r\n\r\n")
    boundary = message.get_boundary().encode()
    # The package rewrites line ends inside parts, so the bytes are put between its own headers and delimiters.
    body = b""
    for piece, payload in zip(message.get_payload(), payloads, strict=True):
        lines = b"".join(f"{key}: {value}\r\n".encode() for key, value in piece.items())
        body += b"--" + boundary + b"\r\n" + lines + b"\r\n" + payload + b"\r\n"
    body += b"--" + boundary + b"--\r\n"

    found = scan(body, boundary_of(message["Content-Type"]), cuts=cuts)

    assert contents(found) == [(f"f{number}", payload) for number, payload in enumerate(payloads)]
    assert b"multipart/form-data" in head


@pytest.mark.rel("B15")
@settings(max_examples=300, deadline=None)
@given(pieces=awkward, cuts=cuts)
def test_content_that_looks_like_a_delimiter_stays_content(pieces, cuts):
    content = b"".join(pieces)
    delimiter = b"\r\n--long-and-certainly-absent"
    body = (
        b"--long-and-certainly-absent\r\nContent-Disposition: form-data; name=a\r\n\r\n" + content + delimiter + b"--"
    )

    assert contents(scan(body, delimiter[4:], cuts=cuts)) == [("a", content)]


@pytest.mark.rel("B15")
@settings(max_examples=300, deadline=None)
@given(pieces=awkward, cuts=cuts)
def test_where_the_input_is_cut_changes_nothing(pieces, cuts):
    body = part("a", b"".join(pieces)) + b"--B--\r\n"

    def outcome(cuts):
        try:
            return contents(scan(body, cuts=cuts))
        except (BadMultipart, TooLarge) as error:
            return type(error), error.message

    assert outcome(cuts) == outcome(())


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=500))
def test_no_input_raises_anything_but_our_errors(body):
    try:
        scan(b"--B\r\n" + body)
    except (BadMultipart, TooLarge):
        pass


def test_a_line_that_only_begins_like_the_boundary_is_content():
    assert contents(scan(part("a", b"1\r\n--Banana\r\n2") + b"--B--")) == [("a", b"1\r\n--Banana\r\n2")]


def test_blanks_after_a_boundary_are_padding():
    assert contents(scan(b"--B \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B--  \r\n")) == [("a", b"1")]


def test_an_empty_part_is_an_empty_value():
    assert contents(scan(part("a", b"") + part("b", b"2") + b"--B--")) == [("a", b""), ("b", b"2")]


def test_preamble_and_epilogue_are_skipped():
    assert contents(scan(b"hello\r\n" + part("a", b"1") + b"--B--\r\nbye")) == [("a", b"1")]


def test_the_boundary_of_the_python_4_sdk_is_understood():
    boundary = boundary_of("multipart/form-data; boundary=--randomBoundary---------------------")
    head = b'\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    body = b"--" + boundary + head + b"1\r\n--" + boundary + b"--\r\n"

    assert contents(scan(body, boundary, cuts=range(len(body)))) == [("a", b"1")]


def test_large_content_is_handed_on_in_pieces_not_collected():
    handler = Collected()
    scanner = MultipartScanner(b"B", handler)
    scanner.feed(b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\n")
    for _ in range(50):
        scanner.feed(b"x" * 1000)
        assert len(scanner._buffer) < 100
    scanner.feed(b"\r\n--B--")
    scanner.close()

    assert len(handler.parts[0][1]) == 50_000


@pytest.mark.rel("B15")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--B",
        b"--B\r\n",
        b"no boundary here",
        b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1",
        b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B\r\n",
        b"--B\r\nContent-Disposition: form-data\r\n\r\n1\r\n--B--",
        b"--B\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--B--",
        b"--B\r\n\r\n1\r\n--B--",
        b"--B\r\nno colon\r\n\r\n1\r\n--B--",
        b"--B\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: x-zip\r\n\r\n1\r\n--B--",
        part("a", b"1").replace(b"\r\n", b"\n") + b"--B--",
    ],
)
def test_what_is_not_multipart_is_refused(body):
    with pytest.raises(BadMultipart) as refused:
        scan(body)
    assert refused.value.status == 400


@pytest.mark.rel("B15")
def test_more_parts_than_allowed_are_too_large():
    with pytest.raises(TooLarge) as refused:
        scan(part("a", b"1") * 11 + b"--B--", max_parts=10)
    assert refused.value.status == 413


@pytest.mark.rel("B15")
@pytest.mark.parametrize("ended", [True, False])
def test_part_headers_beyond_their_limit_are_too_large_even_unfinished(ended):
    body = b"--B\r\nX: " + b"x" * 100_000 + (b"\r\n\r\n1\r\n--B--" if ended else b"")

    with pytest.raises(TooLarge):
        scan(body, cuts=range(0, 100_000, 5000))


@pytest.mark.rel("B15")
@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "x" * 201,
        "multipart/form-data; boundary=é",
        'multipart/form-data; boundary="a "',
    ],
)
def test_a_boundary_that_is_none_is_refused(content_type):
    with pytest.raises(BadMultipart):
        boundary_of(content_type)


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ("multipart/form-data; BOUNDARY=abc; charset=utf-8", b"abc"),
        ('multipart/form-data; charset=utf-8; boundary="a b;c"', b"a b;c"),
    ],
)
def test_a_boundary_is_read_in_each_of_its_forms(header, boundary):
    assert boundary_of(header) == boundary


@pytest.mark.rel("B14")
@pytest.mark.parametrize(
    ("parameters", "filename"),
    [
        ('filename="a.png"', "a.png"),
        ("filename=a.png", "a.png"),
        ("filename=two words.png", "two words.png"),
        ('filename=""', ""),
        ('filename="."', "."),
        ('filename=".."', ".."),
        (r'filename="quo\"te.png"', 'quo"te.png'),
        (r'filename="C:\Users\new\photo.png"', "photo.png"),
        ('filename="/etc/passwd"', "passwd"),
        ('filename="semi;colon.png"', "semi;colon.png"),
        ("filename*=UTF-8''na%C3%AFve.png; filename=plain.png", "naïve.png"),
        ("filename=plain.png; filename*=UTF-8''na%C3%AFve.png", "naïve.png"),
        ("filename*=bogus; filename=plain.png", "plain.png"),
        ('filename="ünï.png"', "ünï.png"),
    ],
)
def test_file_names_are_read_as_clients_write_them(parameters, filename):
    headers = parse_part_headers(f'Content-Disposition: form-data; name="file"; {parameters}'.encode())

    assert (headers.name, headers.filename) == ("file", filename)


@pytest.mark.rel("B14")
def test_a_file_name_of_undecodable_bytes_is_kept_readable():
    headers = parse_part_headers(b'Content-Disposition: form-data; name="file"; filename="\xff\xfe.png"')

    assert headers.filename == "\ufffd\ufffd.png"


def test_a_part_may_have_its_own_content_type_and_folded_headers():
    headers = parse_part_headers(
        b"content-type: Text/Plain; charset=utf-8\r\nContent-Disposition: form-data;\r\n\tname=tags\r\nX-Other: 1"
    )

    assert headers == PartHeaders(name="tags", filename=None, content_type="text/plain", is_base64=False)


def test_a_part_without_a_name_is_refused():
    with pytest.raises(BadHeader):
        parse_part_headers(b"Content-Disposition: form-data; filename=a.png")
