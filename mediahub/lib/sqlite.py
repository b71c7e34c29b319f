"""Run on pysqlite3's SQLite library where its wheel is installed (REL section 12).

SQLite 3.7.0 to 3.51.2 has a rare WAL corruption fault and many systems ship such a version; the wheel carries a newer
one. `mediahub/__init__.py` calls this before Django imports its SQLite backend; a system check warns otherwise.
"""

import importlib
import sys

FIRST_SOUND_VERSION = (3, 51, 3)


def prefer_newer_sqlite() -> None:
    """Let `import sqlite3` mean pysqlite3, when that wheel is installed and newer than Python's own library."""
    try:
        newer = importlib.import_module("pysqlite3")
    except ImportError:
        return
    if "django.db.backends.sqlite3.base" not in sys.modules:
        sys.modules["sqlite3"] = newer
        sys.modules["sqlite3.dbapi2"] = newer.dbapi2
