"""Columns, tables and indexes of the search, and the triggers that keep what is derived (decision 0014).

Every column that is added may be null and has no default, so SQLite does not rebuild a table and loses no trigger.
Note for later migrations: SQLite drops a table's triggers when Django rebuilds the table; run `install` again.
"""

import django.db.models.deletion
import library.models.fields
from django.db import migrations, models


FACTS = "mime, size_bytes, width, height, has_alpha, is_published, original_at"
FACTS_OF_VERSION = """SELECT v.mime, v.size_bytes, v.width, v.height, v.has_alpha, v.is_published,
            COALESCE(e.taken_at, NEW.created_at)
        FROM library_assetversion v LEFT JOIN library_embeddedmetadata e ON e.version_id = v.id"""

# Of SQLite: a trigger cannot change the row that is being written, so it writes it once more where that is needed;
# triggers are not recursive there. The words of a name are letters, marks and digits, so they need no escaping in JSON.
_SQLITE_FACTS = f"""UPDATE library_asset SET ({FACTS}) = (
        {FACTS_OF_VERSION.replace("NEW.created_at", "library_asset.created_at")}
        WHERE v.id = library_asset.current_version_id)"""
_SQLITE_WORDS = """INSERT INTO library_nameword (account_id, asset_id, word)
        SELECT DISTINCT NEW.account_id, NEW.id, word.value
        FROM json_each('["' || replace(trim(NEW.name_words), ' ', '","') || '"]') AS word WHERE word.value <> '';"""
SQLITE = [
    f"""CREATE TRIGGER asset_facts_on_update
    AFTER UPDATE OF current_version_id, created_at, {FACTS} ON library_asset
    WHEN ({", ".join(f"NEW.{name.strip()}" for name in FACTS.split(","))}) IS NOT (
        {FACTS_OF_VERSION} WHERE v.id = NEW.current_version_id)
    BEGIN {_SQLITE_FACTS} WHERE id = NEW.id; END""",
    f"""CREATE TRIGGER asset_facts_on_insert AFTER INSERT ON library_asset WHEN NEW.current_version_id IS NOT NULL
    BEGIN {_SQLITE_FACTS} WHERE id = NEW.id; END""",
    f"""CREATE TRIGGER version_facts_reach_asset
    AFTER UPDATE OF mime, size_bytes, width, height, has_alpha, is_published ON library_assetversion
    BEGIN {_SQLITE_FACTS} WHERE current_version_id = NEW.id; END""",
    *(
        f"""CREATE TRIGGER embedded_{event.lower()}_reaches_asset AFTER {event} ON library_embeddedmetadata
    BEGIN {_SQLITE_FACTS} WHERE current_version_id = {row}.version_id; END"""
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
    ),
    f"""CREATE TRIGGER asset_words_on_insert AFTER INSERT ON library_asset
    BEGIN {_SQLITE_WORDS} END""",
    f"""CREATE TRIGGER asset_words_on_update AFTER UPDATE OF name_words ON library_asset
    WHEN NEW.name_words IS NOT OLD.name_words
    BEGIN DELETE FROM library_nameword WHERE asset_id = NEW.id; {_SQLITE_WORDS} END""",
]
TRIGGERS = {
    "asset_facts_on_update": "library_asset",
    "asset_facts_on_insert": "library_asset",
    "version_facts_reach_asset": "library_assetversion",
    "embedded_insert_reaches_asset": "library_embeddedmetadata",
    "embedded_update_reaches_asset": "library_embeddedmetadata",
    "embedded_delete_reaches_asset": "library_embeddedmetadata",
    "asset_words_on_insert": "library_asset",
    "asset_words_on_update": "library_asset",
}
POSTGRESQL = [
    f"""CREATE FUNCTION mediahub_asset_facts() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {FACTS_OF_VERSION} WHERE v.id = NEW.current_version_id
        INTO {", ".join(f"NEW.{name.strip()}" for name in FACTS.split(","))};
        RETURN NEW;
    END $$""",
    """CREATE FUNCTION mediahub_version_facts() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE library_asset SET mime = NEW.mime WHERE current_version_id = NEW.id;
        RETURN NULL;
    END $$""",
    """CREATE FUNCTION mediahub_embedded_facts() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE library_asset SET original_at = created_at WHERE current_version_id = COALESCE(NEW.version_id, OLD.version_id);
        RETURN NULL;
    END $$""",
    """CREATE FUNCTION mediahub_asset_words() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            DELETE FROM library_nameword WHERE asset_id = NEW.id;
        END IF;
        INSERT INTO library_nameword (account_id, asset_id, word)
        SELECT DISTINCT NEW.account_id, NEW.id, word
        FROM unnest(string_to_array(trim(NEW.name_words), ' ')) AS word WHERE word <> '';
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER asset_facts_on_update BEFORE UPDATE ON library_asset
    FOR EACH ROW EXECUTE FUNCTION mediahub_asset_facts()""",
    """CREATE TRIGGER asset_facts_on_insert BEFORE INSERT ON library_asset
    FOR EACH ROW WHEN (NEW.current_version_id IS NOT NULL) EXECUTE FUNCTION mediahub_asset_facts()""",
    """CREATE TRIGGER version_facts_reach_asset AFTER UPDATE ON library_assetversion FOR EACH ROW WHEN (
        (NEW.mime, NEW.size_bytes, NEW.width, NEW.height, NEW.has_alpha, NEW.is_published)
        IS DISTINCT FROM (OLD.mime, OLD.size_bytes, OLD.width, OLD.height, OLD.has_alpha, OLD.is_published))
    EXECUTE FUNCTION mediahub_version_facts()""",
    *(
        f"""CREATE TRIGGER embedded_{event.lower()}_reaches_asset AFTER {event} ON library_embeddedmetadata
    FOR EACH ROW EXECUTE FUNCTION mediahub_embedded_facts()"""
        for event in ("INSERT", "UPDATE", "DELETE")
    ),
    """CREATE TRIGGER asset_words_on_insert AFTER INSERT ON library_asset
    FOR EACH ROW EXECUTE FUNCTION mediahub_asset_words()""",
    """CREATE TRIGGER asset_words_on_update AFTER UPDATE OF name_words ON library_asset
    FOR EACH ROW WHEN (NEW.name_words IS DISTINCT FROM OLD.name_words) EXECUTE FUNCTION mediahub_asset_words()""",
    # Values of custom metadata that equal something; SQLite has no such index.
    "CREATE INDEX asset_by_custom_metadata ON library_asset USING gin (custom_metadata jsonb_path_ops)",
]
FUNCTIONS = ("asset_facts", "version_facts", "embedded_facts", "asset_words")


def install(apps, schema_editor):
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    for name, table in TRIGGERS.items():
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}" + (f" ON {table}" if on_postgresql else ""), params=None)
    if on_postgresql:
        schema_editor.execute("DROP INDEX IF EXISTS asset_by_custom_metadata", params=None)
        for name in FUNCTIONS:
            schema_editor.execute(f"DROP FUNCTION IF EXISTS mediahub_{name}()", params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('library', '0006_bulk_jobs'),
    ]

    operations = [
        migrations.CreateModel(
            name='EmbeddedKeyword',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=500)),
            ],
        ),
        migrations.CreateModel(
            name='EmbeddedMetadata',
            fields=[
                ('version', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='embedded', serialize=False, to='library.assetversion')),
                ('data', models.JSONField(default=dict)),
                ('taken_at', models.DateTimeField(db_index=True, null=True)),
                ('latitude', models.FloatField(null=True)),
                ('longitude', models.FloatField(null=True)),
            ],
            options={
                'verbose_name_plural': 'embedded metadata',
            },
        ),
        migrations.CreateModel(
            name='NameWord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('word', models.CharField(max_length=100)),
            ],
        ),
        migrations.CreateModel(
            name='TagWord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('word', models.CharField(max_length=100)),
                ('name', models.CharField(max_length=500)),
            ],
        ),
        migrations.RemoveIndex(
            model_name='aitag',
            name='ai_tag_by_name',
        ),
        migrations.RemoveIndex(
            model_name='tag',
            name='tag_by_name',
        ),
        migrations.AddField(
            model_name='asset',
            name='has_alpha',
            field=models.BooleanField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='asset',
            name='height',
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='asset',
            name='is_published',
            field=models.BooleanField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='asset',
            name='mime',
            field=models.CharField(editable=False, max_length=100, null=True),
        ),
        migrations.AddField(
            model_name='asset',
            name='name_words',
            field=library.models.fields.WordsField(editable=False, null=True, of='name'),
        ),
        migrations.AddField(
            model_name='asset',
            name='original_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='asset',
            name='size_bytes',
            field=models.PositiveBigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='asset',
            name='width',
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name='aitag',
            index=models.Index(fields=['name', 'state', 'asset'], name='ai_tag_by_name_state'),
        ),
        migrations.AddIndex(
            model_name='asset',
            index=models.Index(fields=['account', 'name', 'id'], name='asset_by_name_prefix', opclasses=['int8_ops', 'varchar_pattern_ops', 'int8_ops']),
        ),
        migrations.AddIndex(
            model_name='asset',
            index=models.Index(fields=['folder', 'created_at', 'id'], name='asset_by_folder'),
        ),
        migrations.AddIndex(
            model_name='asset',
            index=models.Index(fields=['account', 'mime', 'created_at', 'id'], name='asset_by_mime'),
        ),
        migrations.AddIndex(
            model_name='asset',
            index=models.Index(fields=['account', 'size_bytes', 'id'], name='asset_by_size'),
        ),
        migrations.AddIndex(
            model_name='asset',
            index=models.Index(fields=['account', 'width', 'id'], name='asset_by_width'),
        ),
        migrations.AddIndex(
            model_name='asset',
            index=models.Index(fields=['account', 'height', 'id'], name='asset_by_height'),
        ),
        migrations.AddIndex(
            model_name='asset',
            index=models.Index(fields=['account', 'original_at', 'id'], name='asset_by_original'),
        ),
        migrations.AddIndex(
            model_name='asset',
            index=models.Index(condition=models.Q(('is_private', True)), fields=['account', 'created_at', 'id'], name='asset_private'),
        ),
        migrations.AddIndex(
            model_name='asset',
            index=models.Index(condition=models.Q(('is_published', False)), fields=['account', 'created_at', 'id'], name='asset_unpublished'),
        ),
        migrations.AddIndex(
            model_name='asset',
            index=models.Index(condition=models.Q(('has_alpha', True)), fields=['account', 'created_at', 'id'], name='asset_with_alpha'),
        ),
        migrations.AddIndex(
            model_name='folder',
            index=models.Index(fields=['account', 'path'], name='folder_by_prefix', opclasses=['int8_ops', 'varchar_pattern_ops']),
        ),
        migrations.AddIndex(
            model_name='tag',
            index=models.Index(fields=['name', 'asset'], name='tag_by_name_asset'),
        ),
        migrations.AddIndex(
            model_name='embeddedmetadata',
            index=models.Index(fields=['latitude', 'longitude'], name='embedded_by_place'),
        ),
        migrations.AddField(
            model_name='embeddedkeyword',
            name='metadata',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='keywords', to='library.embeddedmetadata'),
        ),
        migrations.AddField(
            model_name='nameword',
            name='account',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='library.account'),
        ),
        migrations.AddField(
            model_name='nameword',
            name='asset',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='library.asset'),
        ),
        migrations.AddIndex(
            model_name='tagword',
            index=models.Index(fields=['word', 'name'], name='tag_word', opclasses=['varchar_pattern_ops', 'varchar_pattern_ops']),
        ),
        migrations.AddConstraint(
            model_name='tagword',
            constraint=models.UniqueConstraint(fields=('name', 'word'), name='one_word_per_tag_name'),
        ),
        migrations.AddIndex(
            model_name='embeddedkeyword',
            index=models.Index(fields=['name', 'metadata'], name='keyword_by_name'),
        ),
        migrations.AddConstraint(
            model_name='embeddedkeyword',
            constraint=models.UniqueConstraint(fields=('metadata', 'name'), name='one_keyword_per_name'),
        ),
        migrations.AddIndex(
            model_name='nameword',
            index=models.Index(fields=['account', 'word', 'asset'], name='name_word', opclasses=['int8_ops', 'varchar_pattern_ops', 'int8_ops']),
        ),
        migrations.AddIndex(
            model_name='nameword',
            index=models.Index(fields=['asset', 'word'], name='word_by_asset', opclasses=['int8_ops', 'varchar_pattern_ops']),
        ),
        migrations.AlterField(
            model_name='tag',
            name='asset',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tags', to='library.asset'),
        ),
        migrations.AlterField(
            model_name='aitag',
            name='asset',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='ai_tags', to='library.asset'),
        ),
        migrations.RunPython(install, remove),
    ]
