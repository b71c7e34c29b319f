"""Checks of uploads as a pure matter: what an expression says of given facts, and what is wrong with it."""

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.checks.errors import BadChecks, ChecksNotMet
from library.checks.evaluate import require_checks
from library.checks.operands import OPERANDS
from library.checks.parse import parse_checks

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PHOTO = {
    "request.folder": "/incoming/2026",
    "request.fileName": "Arm_Chair-2.png",
    "request.tags": ["oak", "Arm Chair"],
    "request.isPrivateFile": False,
    "request.customMetadata.price": 12.5,
    "request.customMetadata.sold": True,
    "request.customMetadata.sizes": ["S", "XL"],
    "request.customMetadata.made": "2026-03-01",
    "request.customMetadata.maker": "Thonet",
    "file.name": "Arm_Chair-2.png",
    "file.size": 3 * 1024 * 1024,
    "file.mime": "image/png",
    "mediaMetadata.width": 640,
    "mediaMetadata.height": 480,
}
PDF = {"request.folder": "/", "request.tags": [], "file.size": 10, "file.mime": "application/pdf", "file.name": "a.pdf"}


def holds(text: str, facts: dict = PHOTO) -> bool:
    try:
        require_checks(parse_checks(text), facts, now=NOW)
    except ChecksNotMet:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    [
        '"file.size" <= "3mb" AND "mediaMetadata.width" >= 640',
        "'file.size' < '4mb' and 'mediaMetadata.height' = 480",
        "file.size = 3145728",
        "file.size > 3000kb OR mediaMetadata.width < 1",
        '"request.folder" : "incoming/"',
        "'request.folder' : '/incoming/2026/'",
        'request.folder = "/incoming/2026/"',
        "request.folder = 'incoming/2026'",
        "request.folder IN [other, 'incoming/2026']",
        'request.folder : "/"',
        "file.mime = image/png",
        "file.mime : image/",
        'file.mime IN ["IMAGE/PNG", image/jpeg]',
        "request.tags IN [oak]",
        "request.tags HAS 'chair arm'",
        "request.tags = 'Arm Chair'",
        "request.tags NOT IN ['walnut']",
        "request.tags EXISTS",
        "file.name HAS cha",
        "file.name : 'Arm_'",
        "request.isPrivateFile = false",
        "request.customMetadata.price > 12 AND request.customMetadata.price NOT = 13",
        "request.customMetadata.sold = true",
        "request.customMetadata.sizes IN [XL]",
        "request.customMetadata.made > 2026-02-28 AND 'request.customMetadata.made' <= '2026-03-01'",
        "request.customMetadata.made > '10d'",
        "request.customMetadata.maker : Tho",
        "request.customMetadata.weight NOT EXISTS",
        "(file.size > 9mb OR request.tags = oak) AND (mediaMetadata.width > 600)",
        "file.size > 9mb OR request.tags = oak AND mediaMetadata.width > 600",
    ],
)
def test_these_hold_for_the_photo(text):
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        '"file.size" < "3mb"',
        "request.folder = incoming",
        'request.folder : "incoming/2025"',
        "file.mime : video/",
        "request.tags IN [OAK]",
        "request.tags HAS 'chair oak'",
        "request.tags NOT IN [oak, walnut]",
        "request.tags NOT EXISTS",
        "request.customMetadata.price = '12.5'",
        "request.customMetadata.sold = 1",
        "request.customMetadata.weight > 0",
        "request.customMetadata.made > 2026-03-01",
        "mediaMetadata.frames >= 1",
        "(file.size > 9mb OR request.tags = oak) AND mediaMetadata.width > 700",
    ],
)
def test_these_do_not(text):
    assert not holds(text)


@pytest.mark.parametrize("operator", ["=", "<", "<=", ">", ">="])
def test_what_a_file_does_not_have_makes_comparisons_false(operator):
    assert not holds(f"mediaMetadata.width {operator} 10", PDF)


@pytest.mark.parametrize("text", ["mediaMetadata.width NOT = 10", "mediaMetadata.width NOT IN [10]"])
def test_and_their_negations_true(text):
    assert holds(text, PDF)
    assert holds("mediaMetadata.width NOT EXISTS AND request.tags NOT EXISTS", PDF)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("file.size <", 12, "ends too soon"),
        ("", 1, "ends too soon"),
        ("file.size < 3mb OR", 19, "ends too soon"),
        ("(file.size < 3mb", 17, "ends too soon"),
        ("file.size << 3", 12, "Not expected"),
        ("file.size 3", 11, "Not expected"),
        ("file.name = 'abc", 13, "not closed"),
        ('file.name = "abc', 13, "not closed"),
        ("file.size > 1 AND colour = red", 19, "There is no operand 'colour'"),
        ("width > 3", 1, "mediaMetadata.width"),
        ("file.size : 3mb", 1, "does not go with :"),
        ("file.size < '3 parsecs'", 1, '"3mb"'),
        ("mediaMetadata.width > wide", 1, "takes a number"),
        ("request.folder = 3", 1, "takes a text"),
        ("request.isPrivateFile = no", 1, "true or false"),
        ("file.size = [1, 2]", 1, "a list needs IN"),
        ("request.customMetadata.x HAS 3", 1, "a text with HAS"),
        ("request.customMetadata. = 3", 1, "There is no operand"),
        ("x" * 10_001, 10_001, "10000 characters"),
        ("(" * 51 + "file.size > 1" + ")" * 51, 51, "nested 50 deep"),
        ("file.name = '\"' AND " + "(" * 51 + "file.size > 1" + ")" * 51, 71, "nested 50 deep"),
        (" AND ".join(["file.size > 1"] * 101), 1801, "100 clauses"),
        ("file.size IN [" + ",".join(["1"] * 501) + "]", 1, "500 values"),
    ],
)
def test_what_is_wrong_is_said_with_its_position(text, position, says):
    with pytest.raises(BadChecks) as caught:
        parse_checks(text)
    assert caught.value.errors == {"position": position}
    assert says in caught.value.message
    assert caught.value.field == "checks"
    assert caught.value.status == 400


def test_what_is_not_met_names_the_operand_and_its_place():
    with pytest.raises(ChecksNotMet) as caught:
        require_checks(parse_checks('file.size > 1 AND "mediaMetadata.width" >= 641'), PHOTO, now=NOW)
    assert caught.value.errors == {"position": 19, "operand": "mediaMetadata.width"}
    assert "mediaMetadata.width" in caught.value.message


@given(st.text(alphabet=st.sampled_from("()[]\"'\\ =:<>,ANDORINHSXTfile.size3mbwd-\0é\n"), max_size=60))
def test_any_text_is_an_expression_or_a_fault_with_a_position(text):
    try:
        expr = parse_checks(text)
    except BadChecks as error:
        assert 1 <= error.errors["position"] <= len(text) + 1
        return
    for facts in (PHOTO, PDF, {}):
        try:
            require_checks(expr, facts, now=NOW)
        except ChecksNotMet as error:
            assert error.errors["operand"]


@given(st.integers(0, 2**40), st.sampled_from(["<", "<=", ">", ">=", "=", "NOT ="]), st.integers(0, 2**40))
def test_sizes_compare_as_numbers(size, operator, value):
    expected = {
        "<": size < value,
        "<=": size <= value,
        ">": size > value,
        ">=": size >= value,
        "=": size == value,
        "NOT =": size != value,
    }[operator]
    assert holds(f"file.size {operator} {value}", {"file.size": size}) == expected


def test_every_operand_can_be_asked_for():
    for name, operand in OPERANDS.items():
        value = {"flag": "true", "number": "1", "size": "1kb"}.get(operand.kind, "'x'")
        parse_checks(f'"{name}" = {value}')


@pytest.mark.rel("B14")
def test_both_normal_forms_of_a_text_are_one():
    facts = {"request.folder": "/Bücher", "request.tags": ["über"]}
    assert holds(unicodedata.normalize("NFD", '"request.folder" = "Bücher" AND "request.tags" = "über"'), facts)
