"""Every trigger that the ledgers and versions rely on exists after all migrations (decision 0003)."""

import pytest
from django.db import connection

EXPECTED = {
    "asset_current_version_is_its_own",
    "unitentry_close_needs_hold",
    "unitentry_moves_ledger",
    "unitledger_no_delete",
    "unitledger_only_by_entries",
    "version_bytes_are_immutable",
}
BY_VENDOR = {
    "sqlite": {"unitentry_no_update", "unitentry_no_delete", "unitledger_starts_empty"},
    "postgresql": {"unitentry_no_change", "unitentry_no_truncate"},
}
QUERIES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}


@pytest.mark.django_db
@pytest.mark.rel("L1", "L3", "L6")
def test_every_trigger_is_there():
    with connection.cursor() as cursor:
        cursor.execute(QUERIES[connection.vendor])
        found = {name for (name,) in cursor.fetchall()}
    assert found >= EXPECTED | BY_VENDOR[connection.vendor]
