"""Triggers on versions: bytes are immutable, and an asset's current version is one of its own (architecture 2).

Note for later migrations: SQLite drops a table's triggers when Django rebuilds the table; run `install` again.
"""

from django.db import migrations

SQLITE = [
    """CREATE TRIGGER version_bytes_are_immutable
    BEFORE UPDATE OF version_id, asset_id, number, blob_key, sha256, size_bytes ON library_assetversion
    WHEN (NEW.version_id, NEW.asset_id, NEW.number, NEW.blob_key, NEW.sha256, NEW.size_bytes)
        IS NOT (OLD.version_id, OLD.asset_id, OLD.number, OLD.blob_key, OLD.sha256, OLD.size_bytes)
    BEGIN SELECT RAISE(ABORT, 'the bytes of a version are immutable'); END""",
    """CREATE TRIGGER asset_current_version_is_its_own
    BEFORE UPDATE OF current_version_id ON library_asset
    WHEN NEW.current_version_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM library_assetversion v WHERE v.id = NEW.current_version_id AND v.asset_id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the current version belongs to another asset'); END""",
]
SQLITE_UNDO = [
    "DROP TRIGGER IF EXISTS version_bytes_are_immutable",
    "DROP TRIGGER IF EXISTS asset_current_version_is_its_own",
]
POSTGRESQL = [
    """CREATE FUNCTION mediahub_version_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.version_id, NEW.asset_id, NEW.number, NEW.blob_key, NEW.sha256, NEW.size_bytes)
            IS DISTINCT FROM (OLD.version_id, OLD.asset_id, OLD.number, OLD.blob_key, OLD.sha256, OLD.size_bytes) THEN
            RAISE EXCEPTION 'the bytes of a version are immutable' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$""",
    """CREATE FUNCTION mediahub_current_version_own() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.current_version_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM library_assetversion v WHERE v.id = NEW.current_version_id AND v.asset_id = NEW.id) THEN
            RAISE EXCEPTION 'the current version belongs to another asset' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$""",
    """CREATE TRIGGER version_bytes_are_immutable BEFORE UPDATE ON library_assetversion
    FOR EACH ROW EXECUTE FUNCTION mediahub_version_immutable()""",
    """CREATE TRIGGER asset_current_version_is_its_own BEFORE UPDATE OF current_version_id ON library_asset
    FOR EACH ROW EXECUTE FUNCTION mediahub_current_version_own()""",
]
POSTGRESQL_UNDO = [
    "DROP TRIGGER IF EXISTS version_bytes_are_immutable ON library_assetversion",
    "DROP TRIGGER IF EXISTS asset_current_version_is_its_own ON library_asset",
    "DROP FUNCTION IF EXISTS mediahub_version_immutable(), mediahub_current_version_own()",
]


def install(apps, schema_editor):
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    for statement in POSTGRESQL_UNDO if schema_editor.connection.vendor == "postgresql" else SQLITE_UNDO:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("library", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
