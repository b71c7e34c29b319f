"""No search reads a table from end to end: the plans of both databases over twenty thousand generated assets.

PostgreSQL plans by statistics, so it is told to look at the rows first; SQLite has none, as in use.
"""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.library_rows import grow, name_of
from library.api.listing import list_objects
from library.api.serializers import parse_list_query
from tests.factories import AccountFactory

SIZE = 20_000
NAME = name_of(4711)

SEARCHES = {
    "equality of name": {"searchQuery": f'name = "{NAME}"'},
    "names in a list": {"searchQuery": f'name IN ["{NAME}", "none"]'},
    "equality of id": {"searchQuery": 'id = "000000000000000000001267"'},
    "equality of size": {"searchQuery": "size = 4711"},
    "equality of width": {"searchQuery": "width = 4711"},
    "equality of height": {"searchQuery": "height = 1711"},
    "equality of format": {"searchQuery": 'format = "pdf"'},
    "private": {"searchQuery": "private = true"},
    "unpublished": {"searchQuery": "published = false"},
    "prefix of name": {"searchQuery": f'name : "{NAME[:-6]}"'},
    "words of name": {"searchQuery": 'name HAS "4711"'},
    "start of a word": {"searchQuery": 'name HAS "sofa 47"'},
    "rare tag": {"searchQuery": 'tags IN ["rare"]'},
    "common tag": {"searchQuery": 'tags IN ["common"]'},
    "tag of people or machines": {"searchQuery": 'tags IN ["rare", "Room 7"]'},
    "words of tags": {"searchQuery": 'tags HAS "armch"'},
    "either of two sets": {"searchQuery": 'tags IN ["rare"] OR name HAS "4711"'},
    "day": {"searchQuery": 'createdAt = "2024-03-12"'},
    "days": {"searchQuery": 'updatedAt > "2024-03-12" AND updatedAt < "2024-03-20"'},
    "age": {"searchQuery": 'createdAt > "1h"'},
    "folder": {"searchQuery": 'path = "/c1/s2/d3"'},
    "tree": {"searchQuery": 'path : "/c1/s2"'},
    "two tags": {"searchQuery": 'tags IN ["rare"] AND tags IN ["common"] AND size > 5'},
    "tag in a folder": {"path": "/big", "searchQuery": 'tags IN ["rare", "hundredth"]'},
    "tag in a tree": {"searchQuery": 'path : "/c1" AND tags IN ["Room 7"]'},
    "words and days": {"searchQuery": 'name HAS "sofa" AND createdAt > "2024-01-01" AND createdAt < "2024-02-01"'},
    "an hour by name": {
        "searchQuery": 'createdAt > "2024-03-12T10:00" AND createdAt < "2024-03-12T12:00"',
        "sort": "ASC_NAME",
    },
    "relevance": {"searchQuery": 'name HAS "sofa 47"', "sort": "DESC_RELEVANCE"},
    "folder parameter": {"path": "/c1/s2/d3", "sort": "DESC_CREATED"},
    "first page": {},
    "by name": {"sort": "DESC_NAME"},
    "by size": {"sort": "ASC_SIZE"},
    "by width": {"sort": "DESC_WIDTH"},
    "by height": {"sort": "ASC_HEIGHT"},
    "by change": {"sort": "DESC_UPDATED"},
    "by original date": {"sort": "ASC_ORIGINAL_CREATION_DATE"},
    "what is no image": {"fileType": "non-image"},
    "folders by prefix": {"searchQuery": 'type = "folder" AND path : "/c1/s2"'},
}
LARGE = ("asset", "assetversion", "tag", "aitag", "nameword")
"""The tables that grow with the library. Folders are few; PostgreSQL may join a page's details with all of them."""

SCANS = {
    # A scan of an index that is in the order of the list stops at the end of the page.
    "sqlite": re.compile(rf"SCAN library_({'|'.join(LARGE)})(?! USING (COVERING )?INDEX)"),
    "postgresql": re.compile(rf"Seq Scan on library_({'|'.join(LARGE)})\b"),
}


@pytest.fixture(scope="module")
def big_account(django_db_setup, django_db_blocker):
    """The generated library, in a transaction that ends with the module."""
    from django.db import transaction

    with django_db_blocker.unblock():
        atomic = transaction.atomic()
        atomic.__enter__()
        try:
            account = AccountFactory()
            grow(account, SIZE)
            # Another account with as much, so that the account alone selects little.
            grow(AccountFactory(), SIZE)
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("ANALYZE")
            yield account
        finally:
            transaction.set_rollback(True)
            atomic.__exit__(None, None, None)


@pytest.mark.django_db
@pytest.mark.parametrize("name", SEARCHES)
def test_nothing_is_read_from_end_to_end(big_account, name):
    query = parse_list_query({"limit": "50", **SEARCHES[name]})
    with CaptureQueriesContext(connection) as asked:
        list_objects(big_account, query)
    plans = [plan_of(one["sql"]) for one in asked.captured_queries if one["sql"].startswith("SELECT")]
    assert plans
    for plan in plans:
        assert not SCANS[connection.vendor].search(plan), plan


def plan_of(sql: str) -> str:
    prefix = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        cursor.execute(prefix + sql.replace("%", "%%") if connection.vendor == "sqlite" else prefix + sql)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())
