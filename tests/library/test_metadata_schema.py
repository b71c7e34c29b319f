"""What a custom metadata field may demand, and which values meet it (API 3.10, 1.6)."""

import pytest

from library.metadata_schema import check_schema, check_value

SIZES = {"type": "SingleSelect", "selectOptions": ["S", 44, True]}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "Text"},
        {"type": "Textarea", "minLength": 0, "maxLength": 10_000},
        {"type": "Number", "minValue": 300, "maxValue": 900.5},
        {"type": "Number", "minValue": 5, "maxValue": 5, "isValueRequired": True, "defaultValue": 5},
        {"type": "Date", "minValue": "2024-01-01", "maxValue": "2024-01-01T10:00:00Z"},
        {"type": "Boolean", "isValueRequired": True, "defaultValue": False},
        SIZES,
        {"type": "SingleSelect", "selectOptions": ["1", 1, True]},
        {"type": "MultiSelect", "selectOptions": ["a", "b"], "defaultValue": ["b"], "isValueRequired": True},
        {"type": "MultiSelect", "selectOptions": ["a"], "defaultValue": []},
    ],
)
def test_a_right_schema_has_no_errors(schema):
    assert check_schema(schema) == {}


@pytest.mark.parametrize(
    ("schema", "errors"),
    [
        (None, {"schema": "should be an object"}),
        ([], {"schema": "should be an object"}),
        ({}, {"type": "should be one of Text, Textarea, Number, Date, Boolean, SingleSelect, MultiSelect"}),
        (
            {"type": "text"},
            {"type": "should be one of Text, Textarea, Number, Date, Boolean, SingleSelect, MultiSelect"},
        ),
        (
            {"type": "Number", "maxValue": "900", "minLength": 3},
            {"maxValue": "should be of type number", "minLength": "not allowed for this type"},
        ),
        ({"type": "Text", "minValue": 1}, {"minValue": "not allowed for this type"}),
        ({"type": "Boolean", "selectOptions": ["a"]}, {"selectOptions": "not allowed for this type"}),
        ({"type": "Number", "minValue": 2, "maxValue": 1}, {"minValue": "should not be greater than maxValue"}),
        ({"type": "Number", "minValue": True}, {"minValue": "should be of type number"}),
        ({"type": "Text", "minLength": 2, "maxLength": 1}, {"minLength": "should not be greater than maxLength"}),
        ({"type": "Text", "minLength": -1}, {"minLength": "should be a whole number from 0 to 10000"}),
        ({"type": "Text", "maxLength": 1.5}, {"maxLength": "should be a whole number from 0 to 10000"}),
        ({"type": "Date", "minValue": 2024}, {"minValue": "should be a date in ISO 8601 form"}),
        (
            {"type": "Date", "minValue": "2025-01-01", "maxValue": "2024-01-01T00:00:00+02:00"},
            {"minValue": "should not be greater than maxValue"},
        ),
        ({"type": "SingleSelect"}, {"selectOptions": "should be an array of 1 to 1000 options"}),
        ({"type": "MultiSelect", "selectOptions": []}, {"selectOptions": "should be an array of 1 to 1000 options"}),
        (
            {"type": "MultiSelect", "selectOptions": ["a", None]},
            {"selectOptions": "should hold strings, numbers and booleans only"},
        ),
        (
            {"type": "MultiSelect", "selectOptions": ["a\0"]},
            {"selectOptions": "should hold strings, numbers and booleans only"},
        ),
        (
            {"type": "MultiSelect", "selectOptions": [" "]},
            {"selectOptions": "should hold strings of 1 to 500 characters"},
        ),
        ({"type": "MultiSelect", "selectOptions": [1, 1.0]}, {"selectOptions": "should not hold an option twice"}),
        ({"type": "Text", "isValueRequired": "yes"}, {"isValueRequired": "should be of type boolean"}),
        (
            {"type": "Text", "isValueRequired": True},
            {"defaultValue": "is required when isValueRequired is true"},
        ),
        ({"type": "Number", "maxValue": 5, "defaultValue": 6}, {"defaultValue": "should be at most 5"}),
        (
            {"type": "MultiSelect", "selectOptions": ["a"], "defaultValue": "a"},
            {"defaultValue": "should be an array of options of the field"},
        ),
        ({"type": "Text", "colour": "red"}, {"colour": "is not a member of a schema"}),
    ],
)
def test_what_is_wrong_with_a_schema_is_said_member_by_member(schema, errors):
    assert check_schema(schema) == errors


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "Text"}, ""),
        ({"type": "Text", "minLength": 2, "maxLength": 2}, "ab"),
        ({"type": "Number"}, 0),
        ({"type": "Number", "minValue": 1, "maxValue": 2}, 1.5),
        ({"type": "Date"}, "2024-02-29"),
        ({"type": "Date"}, "2024-02-29T10:00:00.000Z"),
        ({"type": "Date", "minValue": "2024-01-01"}, "2024-01-01T00:00:00+00:00"),
        ({"type": "Boolean"}, False),
        (SIZES, 44),
        (SIZES, True),
        ({"type": "MultiSelect", "selectOptions": ["a", 1]}, ["a", 1]),
        ({"type": "MultiSelect", "selectOptions": ["a", 1]}, []),
    ],
)
def test_a_right_value_passes(schema, value):
    assert check_value(schema, value) is None


NO_DATE = "should be a date in ISO 8601 form, such as 2024-03-12 or 2024-03-12T10:00:00Z"


@pytest.mark.rel("B25")
@pytest.mark.parametrize(
    ("schema", "value", "fault"),
    [
        ({"type": "Text"}, 5, "should be of type string"),
        ({"type": "Text"}, "a\0b", "should be of type string"),
        ({"type": "Text"}, "\ud800", "should be of type string"),
        ({"type": "Text", "minLength": 2}, "a", "should have at least 2 characters"),
        ({"type": "Textarea", "maxLength": 2}, "abc", "should have at most 2 characters"),
        ({"type": "Textarea"}, "x" * 10_001, "should have at most 10000 characters"),
        ({"type": "Number"}, "5", "should be of type number"),
        ({"type": "Number"}, True, "should be of type number"),
        ({"type": "Number"}, float("nan"), "should be of type number"),
        ({"type": "Number"}, float("inf"), "should be of type number"),
        ({"type": "Number", "minValue": 1}, 0.5, "should be at least 1"),
        ({"type": "Date"}, "29.2.2024", NO_DATE),
        ({"type": "Date"}, "2023-02-29", NO_DATE),
        ({"type": "Date"}, 20240229, NO_DATE),
        ({"type": "Date"}, "20240229", NO_DATE),
        ({"type": "Date"}, "2024-W09-4", NO_DATE),
        ({"type": "Date"}, "2024-02-29T10", NO_DATE),
        ({"type": "Date"}, "2024-02-29T10:00:00+0100", NO_DATE),
        ({"type": "Date", "maxValue": "2024-01-01"}, "2024-01-02", "should not be after 2024-01-01"),
        ({"type": "Date", "minValue": "2024-01-01"}, "2023-12-31", "should not be before 2024-01-01"),
        ({"type": "Boolean"}, 1, "should be of type boolean"),
        ({"type": "Boolean"}, "true", "should be of type boolean"),
        (SIZES, 1, "should be one of the options of the field"),
        (SIZES, "44", "should be one of the options of the field"),
        (SIZES, ["S"], "should be one of the options of the field"),
        ({"type": "MultiSelect", "selectOptions": ["a"]}, "a", "should be an array of options of the field"),
        ({"type": "MultiSelect", "selectOptions": ["a"]}, ["a", "b"], "should hold options of the field only"),
        ({"type": "MultiSelect", "selectOptions": ["a"]}, [["a"]], "should hold options of the field only"),
        ({"type": "MultiSelect", "selectOptions": ["a"]}, ["a", "a"], "should not hold an option twice"),
        ({"type": "MultiSelect", "selectOptions": ["a"]}, {"a": 1}, "should be an array of options of the field"),
    ],
)
def test_a_value_of_another_kind_is_refused_and_not_coerced(schema, value, fault):
    assert check_value(schema, value) == fault


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-12",
        "2024-03-12T20:58",
        "2024-03-12 20:58:47",
        "2024-03-12T20:58:47.123456789Z",
        "2024-03-12T20:58-14:00",
    ],
)
def test_a_date_is_what_both_databases_compare(text):
    assert check_value({"type": "Date"}, text) is None


OTHER_DATES = ["20240312", "2024-W11-2", "2024-03-12T20", "2024-03-12t20:58z", "2024-03-12T24:00", "2024-02-30"]
OTHER_DATES += ["2024-03-12T20:58+14:01", "2024-03-12T20:58:47+23:59", "0000-01-01", "2024-03-12\n", " 2024-03-12"]
OTHER_DATES += ["٢٠٢٤-٠٣-١٢", "yesterday", ""]


@pytest.mark.parametrize("text", [*OTHER_DATES, 5, None])
def test_any_other_form_of_a_date_is_refused(text):
    assert check_value({"type": "Date"}, text) == NO_DATE


@pytest.mark.parametrize("value", [2**63, -(2**63), 9.3e18, 1e300, float("inf"), float("nan")])
def test_a_number_of_more_than_64_bits_is_refused(value):
    assert check_value({"type": "Number"}, value) == "should be of type number"
