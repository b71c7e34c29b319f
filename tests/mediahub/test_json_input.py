"""JSON from outside: what is refused, and what is read."""

import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediahub.lib.json_input import BadJSON, BodyTooLarge, StrictJSONParser, loads_strict


def refused(source) -> BadJSON:
    with pytest.raises(BadJSON) as info:
        loads_strict(source)
    assert info.value.status == 400
    return info.value


@pytest.mark.rel("B1")
@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("closed", [True, False])
def test_deep_nesting_is_refused(opening, closed):
    end = ("]" if opening == "[" else "}") if closed else ""

    assert "nested" in refused(opening * 100_000 + "1" + end * 100_000).message


@pytest.mark.rel("B1")
def test_nesting_counts_to_the_limit_and_not_in_strings():
    assert loads_strict("[" * 32 + "]" * 32)
    assert loads_strict('["' + "[" * 100 + '", "\\"' + "{" * 100 + '"]')
    refused("[" * 33 + "]" * 33)


@pytest.mark.rel("B1")
def test_many_brackets_side_by_side_are_not_deep():
    assert len(loads_strict("[" + ",".join(["[]"] * 5000) + "]")) == 5000


@pytest.mark.rel("B1")
@pytest.mark.parametrize("text", ['"' + '\\"' * 500_000, '"' * 1_000_001, '"' + "\\" * 1_000_001, '[" ' * 300_000])
def test_hostile_quotes_cost_no_more_than_reading_them(text):
    started = time.process_time()
    refused(text)
    assert time.process_time() - started < 5


@pytest.mark.rel("B2")
@pytest.mark.parametrize(
    "text", ["1e400", "-1e400", "NaN", "Infinity", "-Infinity", "1" * 5000, "[1e999]", '{"a": NaN}']
)
def test_numbers_that_are_none_are_refused(text):
    refused(text)


@pytest.mark.rel("B6")
@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_integers_outside_64_bits_are_refused(number):
    refused(str(number))


@pytest.mark.rel("B6")
def test_the_largest_integers_are_read():
    assert loads_strict(f"[{2**63 - 1}, {-(2**63)}]") == [2**63 - 1, -(2**63)]


@pytest.mark.rel("B3")
@pytest.mark.parametrize("text", [r'"\ud800"', r'{"\udfff": 1}', r'[{"a": ["\ud83d x"]}]', '"\ud800"'])
def test_unpaired_surrogates_are_refused_in_values_and_keys(text):
    assert "surrogates" in refused(text).message


@pytest.mark.rel("B3")
def test_a_pair_of_surrogates_is_one_character():
    assert loads_strict(r'"\ud83d\ude00"') == "😀"


@pytest.mark.rel("B4")
@pytest.mark.parametrize("text", [r'"\u0000"', r'{"a\u0000": 1}', '"\0"', '{"a": 1}\0'])
def test_nul_is_refused_with_one_sentence(text):
    assert refused(text).message == "Text may not contain the NUL character."


@pytest.mark.rel("B7")
@pytest.mark.parametrize(
    "body", [b'"\xff"', '{"a": 1}'.encode("utf-16"), '{"a": 1}'.encode("utf-16-be"), b'"\xed\xa0\x80"']
)
def test_bytes_that_are_not_utf8_are_refused(body):
    refused(body)


@pytest.mark.rel("B7")
@pytest.mark.parametrize("source", [b'\xef\xbb\xbf{"a": 1}', '\ufeff{"a": 1}'])
def test_a_byte_order_mark_is_accepted(source):
    assert loads_strict(source) == {"a": 1}


@pytest.mark.rel("B8")
@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"true"])
def test_a_body_that_is_no_object_is_refused(body):
    with pytest.raises(BadJSON):
        StrictJSONParser().parse(io.BytesIO(body))


@pytest.mark.rel("B9")
def test_the_last_of_duplicate_keys_counts():
    assert loads_strict('{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_an_empty_body_is_an_empty_object(body):
    assert StrictJSONParser().parse(io.BytesIO(body)) == {}


def test_a_huge_body_is_refused_without_being_read_whole():
    with pytest.raises(BodyTooLarge) as info:
        StrictJSONParser().parse(io.BytesIO(b" " * (5 << 20)))
    assert info.value.status == 413


def test_the_field_is_named_in_the_error():
    with pytest.raises(BadJSON) as info:
        loads_strict("{", field="extensions")
    assert info.value.field == "extensions"


@given(st.text())
def test_no_text_raises_anything_else(text):
    try:
        loads_strict(text)
    except BadJSON:
        pass


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('ab[{"\\'), inner, max_size=4),
    max_leaves=15,
)


@given(json_values)
def test_ordinary_values_are_read_as_they_are(value):
    import json

    assert loads_strict(json.dumps(value)) == value
    assert loads_strict(json.dumps(value, ensure_ascii=False).encode()) == value
