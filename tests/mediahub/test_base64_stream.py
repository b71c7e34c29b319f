"""Base64 in pieces gives the same bytes, or the same refusal, as base64 in one."""

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediahub.lib.base64_stream import BadBase64, Base64Decoder


def decode(text: bytes, cuts=()) -> bytes:
    decoder = Base64Decoder()
    edges = [0, *sorted({min(cut, len(text)) for cut in cuts}), len(text)]
    decoded = b"".join(decoder.decode(text[start:end]) for start, end in itertools.pairwise(edges))
    decoder.close()
    return decoded


@pytest.mark.rel("B17")
@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 600)), lines=st.booleans())
def test_decoding_is_the_inverse_of_encoding_wherever_it_is_cut(data, cuts, lines):
    text = base64.encodebytes(data) if lines else base64.b64encode(data)

    assert decode(text, cuts) == data


@pytest.mark.rel("B17")
@pytest.mark.parametrize(
    "text",
    [
        b"A",
        b"AA",
        b"AAA",
        b"AA=",
        b"AAA=A",
        b"AA==AAAA",
        b"=AAA",
        b"A=AA",
        b"AA=A",
        b"====",
        b"AA-_",
        b"AA*A",
        b"AAAA\xff",
        b"AAAA!",
    ],
)
@pytest.mark.parametrize("cuts", [(), range(10)])
def test_wrong_padding_or_alphabet_is_refused(text, cuts):
    with pytest.raises(BadBase64) as refused:
        decode(text, cuts)
    assert refused.value.status == 400
