"""Fills what 0007 added for the assets and tags that are there already. On an empty library it does nothing.

In short transactions, so that a big library needs neither much memory nor one long lock; after an interruption `migrate`
goes on with the assets that have no words yet, and repeats the vocabulary of tags, which changes nothing.
"""

from django.db import migrations, transaction

from library.words import spaced, words_of

BATCH = 2000

# Naming the current version has SQLite's trigger write the facts of the row as well; PostgreSQL's does in any case.
_FILL = "UPDATE library_asset SET name_words = %s, current_version_id = current_version_id WHERE id = %s"


def fill(apps, schema_editor):
    connection = schema_editor.connection
    assets = apps.get_model("library", "Asset").objects.using(connection.alias)
    while _fill_some(connection, assets.filter(name_words=None).order_by("pk")):
        pass
    words = apps.get_model("library", "TagWord").objects.using(connection.alias)
    for model in ("Tag", "AITag"):
        names = apps.get_model("library", model).objects.using(connection.alias).order_by("name")
        last = ""
        while found := list(names.filter(name__gt=last).values_list("name", flat=True).distinct()[:BATCH]):
            rows = [words.model(name=name, word=word) for name in found for word in sorted(set(words_of(name)))]
            words.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
            last = found[-1]


def _fill_some(connection, assets):
    with transaction.atomic(connection.alias):
        rows = [(spaced(name), key) for key, name in assets.values_list("pk", "name")[:BATCH]]
        with connection.cursor() as cursor:
            cursor.executemany(_FILL, rows)
    return len(rows)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("library", "0007_search")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
