"""Fills what 0004 added for the assets and tags that are there already. On an empty library it does nothing."""

from django.db import migrations

from library.words import spaced, words_of

BATCH = 2000


def fill(apps, schema_editor):
    assets = apps.get_model("library", "Asset").objects.using(schema_editor.connection.alias)
    rows = []
    for asset in assets.order_by("pk").only("pk", "name").iterator(BATCH):
        asset.name_words = spaced(asset.name)
        rows.append(asset)
        if len(rows) == BATCH:
            assets.bulk_update(rows, ["name_words"])
            rows = []
    assets.bulk_update(rows, ["name_words"])
    # The triggers write the facts of each row's current version.
    schema_editor.execute("UPDATE library_asset SET current_version_id = current_version_id", params=None)
    words = apps.get_model("library", "TagWord").objects.using(schema_editor.connection.alias)
    names = set()
    for model in ("Tag", "AITag"):
        tags = apps.get_model("library", model).objects.using(schema_editor.connection.alias)
        names |= set(tags.order_by().values_list("name", flat=True).distinct())
    found = [words.model(name=name, word=word) for name in sorted(names) for word in sorted(set(words_of(name)))]
    words.bulk_create(found, batch_size=BATCH, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("library", "0007_search")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
