"""Random expressions over random small libraries: the database agrees with a reading of API 3.4 in plain Python."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from library.models import Asset
from library.search.compile import Search, condition
from library.search.nodes import And, Clause, Or
from tests.factories import AccountFactory, AITagFactory, AssetFactory, FolderFactory, TagFactory

NAMES = ["a.jpg", "A.jpg", "a_b.png", "a%b", "Éa é.webp", "ab c.txt", "100% b_a", "b"]
TAGS = ["a", "A", "a b", "É", "100%", "b_c"]
PATHS = ["/", "/a", "/a/b", "/A", "/ab"]
TEXTS = ["a", "A", "b", "é", "ab", "%", "_", "a b", "100%", "", "b a", *NAMES]
DAYS = [datetime(2024, 1, day, hour, tzinfo=UTC) for day in (1, 2, 3) for hour in (0, 23)]
DATES = ["2024-01-01", "2024-01-02", "2024-01-02T23:00:00Z", "2023-12-31", "2024-01-03T00:00"]
NUMBERS = [-1, 0, 1, 5, 5.5, 10, 2**40]
MIMES = {"jpg": "image/jpeg", "png": "image/png", "txt": "text/plain"}

assets = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "path": st.sampled_from(PATHS),
        "tags": st.lists(st.sampled_from(TAGS), unique=True, max_size=2),
        "ai": st.dictionaries(
            st.sampled_from(TAGS), st.sampled_from(["suggested", "accepted", "rejected"]), max_size=2
        ),
        "size": st.sampled_from([0, 1, 5, 10]),
        "width": st.sampled_from([None, 1, 5, 10]),
        "format": st.sampled_from(sorted(MIMES)),
        "private": st.booleans(),
        "published": st.booleans(),
        "created": st.sampled_from(DAYS),
        "brand": st.sampled_from([None, "a", "A", "ab", 5, True]),
    }
)
libraries = st.lists(assets, max_size=5, unique_by=lambda asset: (asset["name"], asset["path"]))


def clauses():
    texts, lists = st.sampled_from(TEXTS), st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3)
    one = st.tuples(texts)
    order = st.sampled_from(["=", "<", "<=", ">", ">=", "NOT ="])
    several = st.sampled_from(["IN", "NOT IN"])
    return st.one_of(
        st.builds(Clause, st.just("name"), st.sampled_from(["=", ":", "NOT =", "HAS"]), one),
        st.builds(Clause, st.just("name"), several, lists.map(tuple)),
        st.builds(Clause, st.just("tags"), several, lists.map(tuple)),
        st.builds(Clause, st.just("tags"), st.just("HAS"), one),
        st.builds(Clause, st.just("tags"), st.sampled_from(["EXISTS", "NOT EXISTS"])),
        st.builds(Clause, st.sampled_from(["width", "size"]), order, st.tuples(st.sampled_from(NUMBERS))),
        st.builds(
            Clause, st.just("width"), several, st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3).map(tuple)
        ),
        st.builds(Clause, st.just("createdAt"), order, st.tuples(st.sampled_from(DATES))),
        st.builds(
            Clause, st.just("createdAt"), several, st.lists(st.sampled_from(DATES), min_size=1, max_size=2).map(tuple)
        ),
        st.builds(Clause, st.sampled_from(["private", "published"]), st.just("="), st.tuples(st.booleans())),
        st.builds(Clause, st.just("format"), st.just("IN"), st.tuples(st.sampled_from(sorted(MIMES)))),
        st.builds(Clause, st.just("path"), st.sampled_from(["=", ":", "NOT ="]), st.tuples(st.sampled_from(PATHS))),
        st.builds(Clause, st.just("type"), st.sampled_from(["=", "NOT ="]), st.sampled_from([("file",), ("folder",)])),
        st.builds(
            Clause,
            st.just("customMetadata.brand"),
            st.sampled_from(["=", "NOT =", "<", ">="]),
            st.tuples(st.sampled_from(["a", "A", 5, 4.5, True])),
        ),
    )


def joined(children):
    items = st.lists(children, min_size=2, max_size=3).map(tuple)
    return st.builds(And, items) | st.builds(Or, items)


expressions = st.recursive(clauses(), joined, max_leaves=6)


def holds(expr, asset):
    if isinstance(expr, And):
        return all(holds(item, asset) for item in expr.items)
    if isinstance(expr, Or):
        return any(holds(item, asset) for item in expr.items)
    negated = expr.op.startswith("NOT")
    return one_holds(expr.field, expr.op.removeprefix("NOT ") if negated else expr.op, expr.values, asset) != negated


def one_holds(field, op, values, asset):
    tags = {*asset["tags"], *(name for name, state in asset["ai"].items() if state != "rejected")}
    if field == "tags":
        if op == "EXISTS":
            return bool(tags)
        return has(" ".join(sorted(tags)), values[0]) if op == "HAS" else not tags.isdisjoint(values)
    if field == "name":
        if op == "HAS":
            return has(asset["name"], values[0])
        return asset["name"].startswith(values[0]) if op == ":" else asset["name"] in values
    if field == "path":
        below = asset["path"] == values[0] or asset["path"].startswith(values[0].rstrip("/") + "/")
        return below if op == ":" else asset["path"] in values
    if field == "type":
        return "file" in values
    if field == "createdAt":
        return any(compare_date(asset["created"], op, value) for value in values)
    if field == "customMetadata.brand":
        return same_kind(asset["brand"], values[0]) and compare(asset["brand"], op, values[0])
    value = asset[field]
    return value is not None and any(compare(value, op, other) for other in values)


def same_kind(one, other):
    kinds = [
        bool if isinstance(value, bool) else float if isinstance(value, (int, float)) else type(value)
        for value in (one, other)
    ]
    return kinds[0] == kinds[1]


def compare(value, op, other):
    return {
        "=": lambda: value == other,
        "IN": lambda: value == other,
        "<": lambda: value < other,
        "<=": lambda: value <= other,
        ">": lambda: value > other,
        ">=": lambda: value >= other,
    }[op]()


def compare_date(moment, op, text):
    start = datetime.fromisoformat(text).replace(tzinfo=UTC)
    length = {10: timedelta(days=1), 16: timedelta(minutes=1), 20: timedelta(seconds=1)}[len(text)]
    last = start + length - timedelta(microseconds=1)
    if op in ("=", "IN"):
        return start <= moment <= last
    return compare(moment, op, start if op in ("<", ">=") else last)


def has(text, wanted):
    def split(words):
        return re.findall(r"[^\W_]+", unicodedata.normalize("NFC", words).casefold())

    *whole, last = split(wanted) or [None]
    there = split(text)
    return last is not None and set(whole) <= set(there) and any(word.startswith(last) for word in there)


@pytest.mark.django_db
@given(
    libraries,
    expressions,
    st.fixed_dictionaries(
        {
            "RARE": st.sampled_from([0, 1, 10_000]),
            "COMMON": st.sampled_from([0, 1, 2, 10_000]),
            "COMMON_BESIDE_OTHERS": st.sampled_from([0, 1, 10_000]),
        }
    ),
    st.sampled_from(["", "created_at", "size_bytes"]),
)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_database_agrees_with_the_definition(library, expression, limits, sort):
    """Whatever is thought to be rare or common, and by whichever column the list is sorted."""
    account = AccountFactory()
    for asset in library:
        make(account, asset)
    search = Search(account, "file", datetime(2024, 2, 1, tzinfo=UTC), sort=sort)
    with patch.multiple("library.search.sets", **limits):
        found = condition(expression, search).q
        rows = Asset.objects.of_account(account)
        rows = rows if found is True else rows.none() if found is False else rows.filter(found)
        names = sorted(rows.values_list("name", "folder__path"))
    assert names == sorted((asset["name"], asset["path"]) for asset in library if holds(expression, asset))


def make(account, asset):
    row = AssetFactory(
        account=account,
        folder=FolderFactory(account=account, path=asset["path"]),
        name=asset["name"],
        is_private=asset["private"],
        created_at=asset["created"],
        custom_metadata={} if asset["brand"] is None else {"brand": asset["brand"]},
        version__size_bytes=asset["size"],
        version__width=asset["width"],
        version__height=asset["width"],
        version__mime=MIMES[asset["format"]],
        version__is_published=asset["published"],
    )
    for name in asset["tags"]:
        TagFactory(asset=row, name=name)
    for name, state in asset["ai"].items():
        AITagFactory(asset=row, name=name, state=state)
