"""Migrating a library that has files from before the search: what is derived is filled in, interrupted or not."""

from importlib import import_module

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from library.models import Asset, NameWord, TagWord
from tests.factories import AccountFactory, AITagFactory, AssetFactory, AssetVersionFactory, TagFactory

fill_search = import_module("library.migrations.0008_fill_search")
BEFORE, FILLED = [("library", "0006_bulk_jobs")], [("library", "0008_fill_search")]
NAMES = ["Arm-Chair_oak.jpg", "%.%", "Élan Straße.webp", "plain"]


@pytest.fixture
def old_library(committed_db, monkeypatch):
    """A database as it was before the search, with files and tags in it; gives the names of all triggers.

    Batches are small, so that there are several.
    """
    account = AccountFactory()
    assets = [AssetFactory(account=account, name=name, version__width=10 + n) for n, name in enumerate(NAMES)]
    AssetVersionFactory(asset=assets[0], is_current=True, mime="image/png", width=99, is_published=False)
    for number in range(5):
        TagFactory(asset=assets[0], name=f"Dining Room {number}")
    AITagFactory(asset=assets[1], name="Ship", state="rejected")
    monkeypatch.setattr(fill_search, "BATCH", 2)
    before = triggers()
    migrate(BEFORE)
    return before


def triggers():
    """Names of all triggers of the database."""
    table = {"sqlite": "sqlite_master WHERE type = 'trigger'", "postgresql": "pg_trigger WHERE NOT tgisinternal"}
    column = {"sqlite": "name", "postgresql": "tgname"}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column[connection.vendor]} FROM {table[connection.vendor]}")
        return {name for (name,) in cursor.fetchall()}


def migrate(targets):
    MigrationExecutor(connection).migrate(targets)


def test_files_and_tags_from_before_the_search_are_found(old_library):
    migrate(FILLED)
    assert dict(Asset.objects.values_list("name", "name_words")) == {
        "Arm-Chair_oak.jpg": " arm chair oak jpg ",
        "%.%": "",
        "Élan Straße.webp": " élan strasse webp ",
        "plain": " plain ",
    }
    found = sorted(NameWord.objects.values_list("asset__name", "word"))
    assert found == sorted(
        (name, word) for name, words in Asset.objects.values_list("name", "name_words") for word in words.split()
    )
    facts = Asset.objects.order_by("pk").values_list("mime", "width", "is_published", "has_alpha", "size_bytes")
    assert list(facts) == [
        ("image/png", 99, False, False, 1000),
        *(("image/jpeg", 10 + n, True, False, 1000) for n in (1, 2, 3)),
    ]
    assert all(asset.original_at == asset.created_at for asset in Asset.objects.all())
    assert triggers() == old_library
    assert set(TagWord.objects.values_list("name", "word")) == {
        ("Ship", "ship"),
        *((f"Dining Room {n}", word) for n in range(5) for word in ("dining", "room", str(n))),
    }


@pytest.mark.parametrize("statement", [2, 6], ids=["in the second batch of files", "in the second batch of tags"])
def test_an_interrupted_migration_goes_on_where_it_was(old_library, statement):
    class Interrupted(Exception):
        pass

    written = []

    def interrupt(execute, sql, params, many, context):
        if sql.startswith(("UPDATE library_asset", 'INSERT INTO "library_tagword"', "INSERT OR IGNORE")):
            written.append(sql)
            if len(written) == statement:
                raise Interrupted
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interrupt), pytest.raises(Interrupted):
        migrate(FILLED)
    migrate(FILLED)
    assert Asset.objects.filter(name_words=None).count() == 0
    assert Asset.objects.filter(mime=None).count() == 0
    assert NameWord.objects.count() == 8
    assert TagWord.objects.count() == 16
