"""Triggers of the unit ledger, in both dialects (REL L1 to L6, L12).

Entries are the only thing ever written. Inserting one moves the ledger's columns; nothing else may. On SQLite the
trigger opens a gate row for the time of its own UPDATE; on PostgreSQL the depth of triggers says who is writing.
Note for later migrations: SQLite drops a table's triggers when Django rebuilds the table; run `install` again.
"""

from django.db import migrations

EFFECT = """
    granted = granted + CASE NEW.kind WHEN 'grant' THEN NEW.amount WHEN 'adjust_up' THEN NEW.amount
                                      WHEN 'adjust_down' THEN -NEW.amount ELSE 0 END,
    held = held + CASE NEW.kind WHEN 'hold' THEN NEW.amount WHEN 'post' THEN -NEW.amount
                                WHEN 'void' THEN -NEW.amount ELSE 0 END,
    spent = spent + CASE NEW.kind WHEN 'post' THEN NEW.amount ELSE 0 END
"""

SQLITE = [
    "CREATE TABLE IF NOT EXISTS extensions_unitgate (ledger_id bigint PRIMARY KEY)",
    """CREATE TRIGGER unitentry_close_needs_hold BEFORE INSERT ON extensions_unitentry
    WHEN NEW.kind IN ('post', 'void') AND NOT EXISTS (
        SELECT 1 FROM extensions_unitentry h WHERE h.kind = 'hold' AND h.run_id = NEW.run_id
        AND h.ledger_id = NEW.ledger_id AND h.amount = NEW.amount)
    BEGIN SELECT RAISE(ABORT, 'a post or void repeats the ledger and amount of its hold'); END""",
    f"""CREATE TRIGGER unitentry_moves_ledger AFTER INSERT ON extensions_unitentry
    BEGIN
        INSERT INTO extensions_unitgate (ledger_id) VALUES (NEW.ledger_id);
        UPDATE extensions_unitledger SET {EFFECT} WHERE id = NEW.ledger_id;
        DELETE FROM extensions_unitgate WHERE ledger_id = NEW.ledger_id;
    END""",
    """CREATE TRIGGER unitentry_no_update BEFORE UPDATE ON extensions_unitentry
    BEGIN SELECT RAISE(ABORT, 'unit entries are never changed'); END""",
    """CREATE TRIGGER unitentry_no_delete BEFORE DELETE ON extensions_unitentry
    BEGIN SELECT RAISE(ABORT, 'unit entries are never deleted'); END""",
    """CREATE TRIGGER unitledger_only_by_entries BEFORE UPDATE OF granted, held, spent ON extensions_unitledger
    WHEN (NEW.granted, NEW.held, NEW.spent) IS NOT (OLD.granted, OLD.held, OLD.spent)
        AND NOT EXISTS (SELECT 1 FROM extensions_unitgate WHERE ledger_id = OLD.id)
    BEGIN SELECT RAISE(ABORT, 'ledger columns follow from entries only'); END""",
    """CREATE TRIGGER unitledger_starts_empty BEFORE INSERT ON extensions_unitledger
    WHEN NEW.granted <> 0 OR NEW.held <> 0 OR NEW.spent <> 0
    BEGIN SELECT RAISE(ABORT, 'ledger columns follow from entries only'); END""",
    """CREATE TRIGGER unitledger_no_delete BEFORE DELETE ON extensions_unitledger
    BEGIN SELECT RAISE(ABORT, 'ledgers are never deleted'); END""",
]
SQLITE_UNDO = [
    "DROP TRIGGER IF EXISTS unitentry_close_needs_hold",
    "DROP TRIGGER IF EXISTS unitentry_moves_ledger",
    "DROP TRIGGER IF EXISTS unitentry_no_update",
    "DROP TRIGGER IF EXISTS unitentry_no_delete",
    "DROP TRIGGER IF EXISTS unitledger_only_by_entries",
    "DROP TRIGGER IF EXISTS unitledger_starts_empty",
    "DROP TRIGGER IF EXISTS unitledger_no_delete",
    "DROP TABLE IF EXISTS extensions_unitgate",
]

POSTGRESQL = [
    """CREATE FUNCTION mediahub_close_needs_hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.kind IN ('post', 'void') AND NOT EXISTS (
            SELECT 1 FROM extensions_unitentry h WHERE h.kind = 'hold' AND h.run_id = NEW.run_id
            AND h.ledger_id = NEW.ledger_id AND h.amount = NEW.amount) THEN
            RAISE EXCEPTION 'a post or void repeats the ledger and amount of its hold' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$""",
    f"""CREATE FUNCTION mediahub_move_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE extensions_unitledger SET {EFFECT} WHERE id = NEW.ledger_id;
        RETURN NULL;
    END $$""",
    """CREATE FUNCTION mediahub_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'check_violation';
    END $$""",
    """CREATE FUNCTION mediahub_ledger_by_entries() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF (NEW.granted, NEW.held, NEW.spent) IS DISTINCT FROM (0::bigint, 0::bigint, 0::bigint) THEN
                RAISE EXCEPTION 'ledger columns follow from entries only' USING ERRCODE = 'check_violation';
            END IF;
        ELSIF (NEW.granted, NEW.held, NEW.spent) IS DISTINCT FROM (OLD.granted, OLD.held, OLD.spent)
            AND pg_trigger_depth() < 2 THEN
            RAISE EXCEPTION 'ledger columns follow from entries only' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$""",
    """CREATE TRIGGER unitentry_close_needs_hold BEFORE INSERT ON extensions_unitentry
    FOR EACH ROW EXECUTE FUNCTION mediahub_close_needs_hold()""",
    """CREATE TRIGGER unitentry_moves_ledger AFTER INSERT ON extensions_unitentry
    FOR EACH ROW EXECUTE FUNCTION mediahub_move_ledger()""",
    """CREATE TRIGGER unitentry_no_change BEFORE UPDATE OR DELETE ON extensions_unitentry
    FOR EACH ROW EXECUTE FUNCTION mediahub_refuse('unit entries are never changed or deleted')""",
    """CREATE TRIGGER unitentry_no_truncate BEFORE TRUNCATE ON extensions_unitentry
    FOR EACH STATEMENT EXECUTE FUNCTION mediahub_refuse('unit entries are never truncated')""",
    """CREATE TRIGGER unitledger_only_by_entries BEFORE INSERT OR UPDATE ON extensions_unitledger
    FOR EACH ROW EXECUTE FUNCTION mediahub_ledger_by_entries()""",
    """CREATE TRIGGER unitledger_no_delete BEFORE DELETE ON extensions_unitledger
    FOR EACH ROW EXECUTE FUNCTION mediahub_refuse('ledgers are never deleted')""",
]
POSTGRESQL_UNDO = [
    "DROP TRIGGER IF EXISTS unitentry_close_needs_hold ON extensions_unitentry",
    "DROP TRIGGER IF EXISTS unitentry_moves_ledger ON extensions_unitentry",
    "DROP TRIGGER IF EXISTS unitentry_no_change ON extensions_unitentry",
    "DROP TRIGGER IF EXISTS unitentry_no_truncate ON extensions_unitentry",
    "DROP TRIGGER IF EXISTS unitledger_only_by_entries ON extensions_unitledger",
    "DROP TRIGGER IF EXISTS unitledger_no_delete ON extensions_unitledger",
    "DROP FUNCTION IF EXISTS mediahub_close_needs_hold(), mediahub_move_ledger(), mediahub_refuse(), "
    "mediahub_ledger_by_entries()",
]


def install(apps, schema_editor):
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    for statement in POSTGRESQL_UNDO if schema_editor.connection.vendor == "postgresql" else SQLITE_UNDO:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("extensions", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
