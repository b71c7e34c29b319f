"""The project: wiring only.

Importing it puts the newer SQLite library in place before Django looks for one, and makes the Celery application the
current one, so that wake-ups are published to our broker from every process.
"""

from mediahub.lib.sqlite import prefer_newer_sqlite

prefer_newer_sqlite()

from mediahub.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
