"""The floor under uploads: a Django view that hashes, writes the file and inserts one row, and does nothing else.

`python -m benchmarks.floor FOLDER PORT` serves it by the same waitress options and SQLite settings as MediaHub.
"""

import hashlib
import sys
import uuid
from pathlib import Path

import django
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import path

FOLDER = Path(sys.argv[1])
TABLE = "CREATE TABLE upload (id INTEGER PRIMARY KEY, name TEXT, sha256 TEXT, size INTEGER)"


def upload(request: HttpRequest) -> JsonResponse:
    """Store the part `file`."""
    file = request.FILES["file"]
    digest, target = hashlib.sha256(), FOLDER / uuid.uuid4().hex
    with target.open("wb") as out:
        for piece in file.chunks(1024 * 1024):
            digest.update(piece)
            out.write(piece)
    row = [request.POST["fileName"], digest.hexdigest(), file.size]
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO upload (name, sha256, size) VALUES (%s, %s, %s)", row)
    return JsonResponse({"fileId": target.name})


urlpatterns = [path("api/v1/files/upload", upload)]


if __name__ == "__main__":
    import mediahub  # noqa: F401 - the same SQLite library

    pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-20000; PRAGMA temp_store=MEMORY;"
    options = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": pragmas}
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "floor.sqlite3", "OPTIONS": options}
    settings.configure(
        ROOT_URLCONF="__main__",
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": database},
        FILE_UPLOAD_TEMP_DIR=str(FOLDER),
        SECRET_KEY="only a floor",
    )
    django.setup()
    from django.core.wsgi import get_wsgi_application
    from django.db import connection

    from mediahub.lib.webserver import serve

    with connection.cursor() as first:
        first.execute(TABLE)
    connection.close()
    serve(
        get_wsgi_application(),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        threads=16,
        largest_body=1 << 26,
        tmp_dir=FOLDER,
    )
