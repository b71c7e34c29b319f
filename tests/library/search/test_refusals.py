"""Expressions that cannot be answered get a 400 that says where, and none takes long (REL B23)."""

import time

import pytest

from library.search.errors import SearchError
from library.search.parse import parse
from tests.factories import CustomMetadataFieldFactory
from tests.library.search.library import make_library


@pytest.mark.rel("B23")
@pytest.mark.parametrize(
    ("expression", "position", "words"),
    [
        ("", 1, "ends too soon"),
        ("widht > 3", 1, "no field 'widht'"),
        ('name = "a" AND colour = "red"', 16, "no field 'colour'"),
        ('"customMetadata." EXISTS', 1, "no field"),
        ('"customMetadata.a\\"b" EXISTS', 1, "no field"),
        ('"embeddedMetadata.Make" = "Acme"', 1, "no field"),
        ('name = "abc', 8, "not closed"),
        ('name = "a" OR tags IN ["x', 24, "not closed"),
        ("name =", 7, "ends too soon"),
        ('(name = "a"', 12, "ends too soon"),
        ('name = "a")', 11, "Not expected here: ')'"),
        ('name ~ "a"', 6, "Not expected here"),
        ('name = "a" name = "b"', 12, "Not expected here"),
        ('tags = "a"', 1, "tags does not go with ="),
        ("tags IN []", 10, "Not expected here"),
        ('name = ["a"]', 1, "a list needs IN"),
        ('width = "wide"', 1, "takes a number"),
        ("width = true", 1, "takes a number"),
        ("name = 5", 1, "takes a text"),
        ("width > 1e400", 11, "Not expected"),
        ('private = "true"', 1, "takes true or false"),
        ('type = "video"', 1, "takes one of"),
        ('format = "exe"', 1, "takes one of jpg"),
        ('size > "10 parsecs"', 1, "takes bytes"),
        ('createdAt > "soon"', 1, "takes a date"),
        ('createdAt > "2024-02-30"', 1, "takes a date"),
        ('createdAt > "999999y"', 1, "takes a date"),
        ('createdAt = "9999-12-31"', 1, "takes a date"),
        ('"embeddedMetadata.LocationTaken" = "91,0 5km"', 1, "takes"),
        ('"embeddedMetadata.LocationTaken" = "1,1|2,2|3,3"', 1, "takes"),
        ("width = 99999999999999999999999999", 9, "digits"),
        ("(" * 1000 + 'name = "a"' + ")" * 1000, 51, "nested 50 deep"),
        (" OR ".join(['name="a"'] * 101), 1201, "100 clauses"),
        ("name IN [" + ", ".join(['"a"'] * 501) + "]", 1, "500 values"),
        ('name = "a" OR createdAt IN [' + ", ".join(["1d"] * 101) + "]", 15, "100 dates"),
        ('name = "a" OR tags HAS "' + "a " * 201 + '"', 15, "200 words"),
        ('name = "' + "a" * 100_000 + '"', 10_001, "10000 characters"),
        ("x' OR '1'='1", 2, "Not expected here"),
        ('name = "a"; DROP TABLE library_asset', 11, "Not expected here"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_named_with_its_place(expression, position, words):
    with pytest.raises(SearchError) as refusal:
        parse(expression)
    assert refusal.value.errors == {"position": position}
    assert words in refusal.value.message
    assert len(refusal.value.message) < 400


WORDS = [
    ("", "name"),
    ("", "tags"),
    ("", '"customMetadata.brand"'),
    ('type = "folder" AND ', "name"),
    ('type = "file-version" AND ', "name"),
    ('type = "file-version" AND ', "tags"),
]
NUMBERS = [str(50_000 + n) for n in range(500)]
DATES = [f"20{10 + n // 50}-{n % 12 + 1:02}-{n // 12 % 25 + 1:02}" for n in range(100)]
LISTS = [
    ("width", NUMBERS),
    ("size", NUMBERS),
    ('"customMetadata.brand"', NUMBERS),
    ("createdAt", DATES),
    ('"embeddedMetadata.DateTimeOriginal"', DATES),
    ('"customMetadata.when"', [f"{n}d" for n in range(500)]),
]
"""As many words and values as there may be, in every way that they are asked for."""


@pytest.mark.django_db
@pytest.mark.rel("B23")
@pytest.mark.parametrize(
    "expression",
    [
        'name = "' + "a" * 100_000 + '"',
        "(" * 1000,
        'name = "x\' OR 1=1 --"',
        'tags IN ["%", "_", "x\'; DROP TABLE library_asset; --"]',
        '"customMetadata.a" = "\') OR 1=1 --"',
        'name HAS "%" OR name : "%" OR name : "_rm"',
        '"customMetadata.a" HAS "((((a+)+)+)+)$"',
        " OR ".join(["private = true"] * 1000),
        "(" * 49 + 'name = "a"' + ")" * 49,
        'name = "a" OR ' * 5000 + 'name = "a',
        " OR ".join(f'name HAS "w{n} a"' for n in range(100)),
        " OR ".join(f'(tags IN ["t{n}"] AND path : "/p{n}")' for n in range(50)),
        " AND ".join(f'"customMetadata.f{n}" NOT = "x"' for n in range(100)),
        "tags IN [" + ", ".join(f'"t{n}"' for n in range(500)) + "]",
        'name HAS "' + "a " * 4900 + '"',
        'tags HAS "' + "oak " * 200 + 'b"',
        *(f'{kind}{field} HAS "' + " ".join(f"w{n}" for n in range(200)) + '"' for kind, field in WORDS),
        *(f"{field} IN [{', '.join(values)}]" for field, values in LISTS),
    ],
    ids=lambda value: value[:40],
)
def test_hostile_expressions_are_answered_within_two_seconds(api, new_account, expression):
    make_library(new_account.account)
    CustomMetadataFieldFactory(account=new_account.account, name="when", schema={"type": "Date"})
    start = time.monotonic()
    response = api.get("/v1/files", {"searchQuery": expression})
    assert time.monotonic() - start < 2
    assert response.status_code in (200, 400)
    if response.status_code == 200:
        assert len(response.json()) == (5 if "NOT =" in expression else 0)
    else:
        assert response.json()["field"] == "searchQuery"


@pytest.mark.django_db
@pytest.mark.rel("B4")
def test_nul_in_an_expression_is_refused(api):
    response = api.get("/v1/files", {"searchQuery": 'name = "a\x00b"'})
    assert (response.status_code, response.json()["field"]) == (400, "searchQuery")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('name = "a" AND private = true', 'name="a"and private=TRUE'),
        ('"name" = "a"', 'name = "a"'),
        ("customMetadata.x = 1", '"customMetadata.x" = 1'),
        ('tags not in ["a"]', 'tags NOT   IN ["a"]'),
        ('name = "a" OR name = "b" AND name = "c"', 'name = "a" OR (name = "b" AND name = "c")'),
        ("createdAt > 7d", 'createdAt > "7d"'),
        ("createdAt > 2024-01-01T10:00:00Z", 'createdAt > "2024-01-01T10:00:00Z"'),
    ],
)
def test_spellings_that_mean_the_same(one, other):
    def meaning(expr):
        if hasattr(expr, "items"):
            return type(expr).__name__, [meaning(item) for item in expr.items]
        return expr.field, expr.op, expr.values

    assert meaning(parse(one)) == meaning(parse(other))


def test_a_quotation_mark_in_a_text_is_written_with_a_backslash():
    assert parse(r'name = "say \"hi\" \\ AND"').values == (r'say "hi" \ AND',)
