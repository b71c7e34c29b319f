"""The upload parser as the API uses it: every form of `file`, every limit, and nothing left behind."""

import base64
import hashlib
import io
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.test import RequestFactory
from rest_framework.response import Response
from rest_framework.views import APIView
from urllib3 import encode_multipart_formdata  # noqa: TID251 - the encoder of many clients, not its HTTP

from library.api.file_part import UrlSource
from library.api.multipart import SpoolingMultiPartParser
from mediahub.lib.base64_stream import BadBase64
from mediahub.lib.errors import DomainError
from mediahub.lib.multipart import BadMultipart, TooLarge
from mediahub.lib.spool import FileTooLarge

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
LIMIT = 20_000


def parse(fields=None, *, body=None, content_type=None, length=None, limit=LIMIT, stream=None):
    if body is None:
        body, content_type = encode_multipart_formdata(fields)
    request = RequestFactory().post("/")
    request.META["CONTENT_LENGTH"] = str(len(body)) if length is None else length
    context = {"request": request, "max_file_bytes": limit}
    return SpoolingMultiPartParser().parse(stream or io.BytesIO(body), content_type, context)


def spooled(settings) -> list[Path]:
    return list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())


def raw(*parts: bytes, end: bytes = b"--B--\r\n") -> dict[str, object]:
    return {
        "body": b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + end,
        "content_type": "multipart/form-data; boundary=B",
    }


def test_bytes_are_spooled_beside_their_fields(settings):
    form = parse([("fileName", "a.png"), ("file", ("b.png", PNG, "image/png")), ("tags", "a,b"), ("tags", "c")])

    file = form.files["file"]
    assert (file.size, file.sha256, file.head) == (len(PNG), hashlib.sha256(PNG).hexdigest(), PNG[:4096])
    assert file.path.read_bytes() == PNG
    assert form.data.getlist("tags") == ["a,b", "c"]
    assert form.data["fileName"] == "a.png"
    file.close()
    assert not spooled(settings)


@pytest.mark.rel("U16", "B17")
@pytest.mark.parametrize(
    "prefix", [b"", b"data:image/png;base64,", b"DATA:image/png;name=a.png;base64,", b"data:;base64,"]
)
@pytest.mark.parametrize("encode", [base64.b64encode, base64.encodebytes])
def test_base64_text_is_decoded_into_the_spool(prefix, encode):
    file = parse([("file", prefix + encode(PNG)), ("fileName", "a.png")]).files["file"]

    assert file.path.read_bytes() == PNG


@pytest.mark.rel("B17")
@pytest.mark.parametrize(
    "text",
    [
        b"A",
        b"AAA",
        b"AA=A",
        b"not base64!",
        b"data:image/png,%89PNG",
        b"data:image/png;base64",
        b"data:;base64,A",
        b"",
        b" \r\n",
    ],
)
def test_text_that_is_neither_url_nor_base64_is_refused(text, settings):
    with pytest.raises(DomainError) as refused:
        parse([("file", text), ("fileName", "a.png")])

    assert isinstance(refused.value, BadBase64 | BadMultipart)
    assert refused.value.status == 400
    assert not spooled(settings)


@pytest.mark.rel("B17", "B19", "U16")
def test_base64_counts_decoded_against_the_file_limit(settings):
    parse([("file", base64.b64encode(b"x" * LIMIT))]).files["file"].close()
    with pytest.raises(FileTooLarge):
        parse([("file", base64.b64encode(b"x" * (LIMIT + 1)))])
    assert not spooled(settings)


@pytest.mark.parametrize(
    "url", ["https://x.test/a.jpg", "HTTP://x.test/a b".replace(" ", "%20"), "  https://x.test/ü.jpg\n"]
)
def test_a_url_is_handed_on_and_nothing_is_spooled(url, settings):
    assert parse([("file", url)]).files["file"] == UrlSource(url.strip())
    assert not spooled(settings)


@pytest.mark.parametrize(
    "url", [b"https://x.test/" + b"a" * 9000, b"https://x.test/\xff", b"https://x.test/a b", b"http://x\n.test/"]
)
def test_an_unusable_url_is_refused(url, settings):
    with pytest.raises(BadMultipart):
        parse([("file", url)])
    assert not spooled(settings)


@pytest.mark.parametrize(
    "headers",
    [
        b'Content-Disposition: form-data; name="file"; filename="a.png"',
        b'Content-Disposition: form-data; name="file"; filename=""',
        b'Content-Disposition: form-data; name="file"; filename="."',
        b'Content-Disposition: form-data; name="file"; filename=".."',
        b'Content-Disposition: form-data; name="file"; filename="\xff\xfe"',
        b"Content-Disposition: form-data; name=file; filename*=UTF-8''a.png\r\nContent-Type: text/plain",
        b'Content-Disposition: form-data; name="file"\r\nContent-Type: application/octet-stream',
        b'Content-Disposition: form-data; name="file"\r\nContent-Type: image/png',
    ],
)
@pytest.mark.rel("U16", "B14")
def test_no_file_part_is_dropped_whatever_its_name(headers):
    file = parse(**raw(headers + b"\r\n\r\nhttps://not-a-url-but-bytes")).files["file"]

    assert file.path.read_bytes() == b"https://not-a-url-but-bytes"


def test_a_part_that_says_it_is_base64_is_decoded():
    headers = b'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n'

    assert parse(**raw(headers + base64.b64encode(PNG))).files["file"].path.read_bytes() == PNG


def test_a_text_part_may_carry_its_own_content_type():
    form = parse(
        **raw(b"Content-Type: text/plain; charset=UTF-8\r\nContent-Disposition: form-data; name=tags\r\n\r\na,b")
    )

    assert form.data["tags"] == "a,b"


def test_a_json_field_may_come_as_a_blob_with_a_name():
    form = parse([("extensions", ("blob", b'[{"name":"remove-bg"}]', "application/json"))])

    assert json.loads(form.data["extensions"]) == [{"name": "remove-bg"}]


@pytest.mark.rel("B15")
@pytest.mark.parametrize("other", ["photo", "fileName"])
def test_a_file_under_another_name_is_refused(other, settings):
    with pytest.raises(BadMultipart):
        parse([("file", ("a", PNG)), (other, ("b.png", PNG, "image/png"))])
    assert not spooled(settings)


@pytest.mark.rel("B15")
def test_150_files_are_refused(settings):
    with pytest.raises(BadMultipart):
        parse([("file", (f"{n}.png", b"x")) for n in range(150)])
    assert not spooled(settings)


@pytest.mark.rel("B15")
def test_two_files_are_refused_also_when_one_is_a_url(settings):
    with pytest.raises(BadMultipart) as refused:
        parse([("file", "https://x.test/a"), ("file", ("a", PNG))])
    assert refused.value.field == "file"
    assert not spooled(settings)


@pytest.mark.rel("B15")
@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ([("file", ("a", PNG)), *((f"f{n}", "x") for n in range(2000))], LIMIT),
        ([("file", ("a", PNG)), ("description", "x" * (3 << 20))], LIMIT),
        ([("file", ("a", PNG)), *((f"f{n}", "x" * 1_000_000) for n in range(5))], LIMIT),
        ([("file", ("a", PNG)), ("x" * 100_000, "1")], LIMIT),
    ],
    ids=["2000 fields", "3 MB of text", "5 MB in all fields", "100 kB of headers"],
)
def test_fields_and_headers_beyond_their_limits_are_413(fields, limit, settings):
    with pytest.raises(TooLarge) as refused:
        parse(fields, limit=limit)
    assert refused.value.status == 413
    assert not spooled(settings)


@pytest.mark.rel("U1", "B15", "B19")
def test_an_announced_length_beyond_the_limit_is_refused_before_reading():
    class Untouchable:
        def read(self, size):
            raise AssertionError("the body was read")

    with pytest.raises(TooLarge):
        parse(**raw(b""), length=str(2 << 30), stream=Untouchable())


@pytest.mark.rel("B15")
@pytest.mark.parametrize("length", ["", "abc", "-5", "1e3"])
def test_a_length_that_is_none_is_refused(length):
    with pytest.raises(BadMultipart):
        parse(**raw(b""), length=length)


@pytest.mark.rel("B15")
@pytest.mark.parametrize("change", [-9, -2000, 10])
def test_a_length_that_lies_is_refused_and_leaves_nothing(change, settings):
    body, content_type = encode_multipart_formdata([("file", ("a", PNG))])

    with pytest.raises(BadMultipart):
        parse(body=body, content_type=content_type, length=str(len(body) + change))
    assert not spooled(settings)


@pytest.mark.rel("B15")
def test_a_body_that_is_cut_off_leaves_nothing(settings):
    body, content_type = encode_multipart_formdata([("file", ("a", PNG))])
    for cut in range(0, len(body) - 4, 97):
        with pytest.raises(BadMultipart):
            parse(body=body[:cut], content_type=content_type)
    assert not spooled(settings)


@pytest.mark.rel("B3", "B4", "B7")
@pytest.mark.parametrize("value", [b"a\0b", b"\xff", b"\xed\xa0\x80"])
def test_fields_that_no_database_stores_alike_are_refused(value, settings):
    for fields in ([("file", ("a", PNG)), ("tags", value)],):
        with pytest.raises(BadMultipart) as refused:
            parse(fields)
        assert refused.value.status == 400
    assert not spooled(settings)


@pytest.mark.rel("B19")
def test_an_empty_file_is_a_file_of_no_bytes():
    assert parse([("file", ("a", b""))]).files["file"].size == 0


@pytest.mark.rel("U16")
def test_the_view_gets_fields_and_file_together_and_the_file_goes_with_the_request(settings):
    class View(APIView):
        authentication_classes = ()
        permission_classes = ()
        parser_classes = (SpoolingMultiPartParser,)

        def post(self, request):
            file = request.data["file"]
            return Response({"size": file.size, "name": request.data["fileName"], "there": file.path.exists()})

    body, content_type = encode_multipart_formdata([("fileName", "a.png"), ("file", ("a", PNG))])
    request = RequestFactory().generic("POST", "/", body, content_type=content_type)
    response = View.as_view()(request)

    assert response.data == {"size": len(PNG), "name": "a.png", "there": True}
    request.close()
    assert not spooled(settings)


MEMORY = """
    import base64, io, os, resource
    import django
    django.setup()
    from django.test import RequestFactory
    from library.api.multipart import SpoolingMultiPartParser

    class Body:
        '''Makes the body as it is read, so that only the parser's own memory counts.'''
        def __init__(self, head, piece, count, tail):
            self.pieces = iter([head, *([piece] * count), tail])
            self.rest = b""
        def read(self, size):
            while not self.rest:
                self.rest = next(self.pieces, None)
                if self.rest is None:
                    return b""
            out, self.rest = self.rest[:size], self.rest[size:]
            return out

    def run(head, piece, count):
        tail = b"\\r\\n--B--\\r\\n"
        request = RequestFactory().post("/")
        request.META["CONTENT_LENGTH"] = str(len(head) + len(piece) * count + len(tail))
        form = SpoolingMultiPartParser().parse(
            Body(head, piece, count, tail), "multipart/form-data; boundary=B", {"request": request}
        )
        file = form.files["file"]
        size = file.size
        file.close()
        return size

    head = b'--B\\r\\nContent-Disposition: form-data; name="file"HOW\\r\\n\\r\\n'
    binary = head.replace(b"HOW", b'; filename="a"'), os.urandom(1 << 18)
    text = head.replace(b"HOW", b""), base64.encodebytes(os.urandom(57 * 4000))
    for one in (binary, text):
        run(*one, 4)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sizes = [run(*binary, 200), run(*text, 220)]
    print(*sizes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.rel("U1", "U16")
def test_50_mb_add_less_than_20_mb_to_the_process_as_bytes_and_as_base64():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(MEMORY)], capture_output=True, text=True, check=True)

    binary, text, added_kib = map(int, done.stdout.split())
    assert binary == 200 << 18
    assert text == 220 * 57 * 4000
    assert added_kib < 20_000
