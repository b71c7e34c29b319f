"""Fixtures for the whole suite: people, accounts, API clients, and databases that can be committed to.

Ordinary tests run in a transaction that is rolled back. Tests that need commits, several connections or several
processes use `committed_db`: a fresh copy of a migrated template, because the append-only triggers refuse a flush.
"""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test.utils import setup_databases, teardown_databases

from tests.environment import ON_POSTGRESQL

pytest_plugins: list[str] = []
_numbers = itertools.count(1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only tests that touch a database or start processes run: the rest cannot differ."""
    if not ON_POSTGRESQL:
        return
    chosen = [item for item in items if _touches_a_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if not _touches_a_database(item)])
    items[:] = chosen


def _touches_a_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("one_database"):
        return False
    fixtures = set(getattr(item, "fixturenames", ()))
    is_marked = any(item.get_closest_marker(name) for name in ("django_db", "process"))
    return is_marked or not fixtures.isdisjoint({"db", "transactional_db", "committed_db"})


@pytest.fixture(autouse=True)
def blobs_in_tmp_path(tmp_path: Path, settings):
    """Blobs and spool files of a test live in its own folder."""
    media = tmp_path / "media"
    spool = tmp_path / "spool"
    spool.mkdir()
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "library.storage.DiskStorage", "OPTIONS": {"location": str(media)}},
        "blobs": {"BACKEND": "library.storage.DiskStorage", "OPTIONS": {"location": str(media)}},
    }
    settings.FILE_UPLOAD_TEMP_DIR = str(spool)
    settings.MEDIAHUB_TMP_DIR = spool
    return media


@pytest.fixture(autouse=True)
def fast_passwords(settings):
    """Hashing a password takes a second on purpose; tests make hundreds of users."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def true_clock():
    """Whatever a test did to the clock ends with it."""
    from mediahub.lib import clock, wakeup

    wakeup._paused_until = 0.0
    yield
    clock.shift(0)


@pytest.fixture(autouse=True)
def empty_counters():
    """What one test has asked or failed is not held against the next."""
    from mediahub.lib.limits import choosing

    choosing.forget()


@pytest.fixture(scope="session")
def valkey() -> Iterator[Path]:
    """A Valkey server of the suite's own; the path of its socket, short enough for one."""
    import subprocess
    import tempfile

    from mediahub.lib import broker
    from tests.runtime import wait_until

    folder = Path(tempfile.mkdtemp(prefix="mh-valkey-"))
    socket_path = folder / "valkey.sock"
    server = subprocess.Popen(broker.command(socket_path=socket_path), stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: broker.answers(socket_path), within_s=10, what="Valkey")
        yield socket_path
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _template_database(django_db_setup, django_db_blocker) -> Iterator[str]:
    """The migrated test database, closed, so that it can be copied."""
    with django_db_blocker.unblock():
        # pytest-django makes a database only if some collected test carries its mark.
        is_there = "library_account" in connection.introspection.table_names()
        made = None if is_there else setup_databases(verbosity=0, interactive=False, aliases={"default"})
        if ON_POSTGRESQL:
            connection.close()
            template = str(connection.settings_dict["NAME"])
        else:
            template = str(Path(settings.MEDIAHUB_DATA_DIR) / "template.sqlite3")
            connection.ensure_connection()
            connection.connection.execute(f"VACUUM INTO '{template}'")
    yield template
    if made:
        with django_db_blocker.unblock():
            teardown_databases(made, verbosity=0)


@pytest.fixture
def committed_db(_template_database: str, django_db_blocker, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own to commit to, and its URL for other processes. Dropped afterwards.

    Tests that use it carry no `django_db` mark. Threads of the test reach the same database.
    """
    if ON_POSTGRESQL:
        name, url = _clone_postgresql(_template_database)
    else:
        name = str(tmp_path / "test.sqlite3")
        shutil.copyfile(_template_database, name)
        url = f"sqlite:///{name}"
    with django_db_blocker.unblock(), _connected_to(name):
        yield url
        _end_watch_of_uploads()
    if ON_POSTGRESQL:
        _postgresql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _end_watch_of_uploads() -> None:
    """The thread that notes slow uploads ends by itself a moment after the last one; then nobody uses the database."""
    from library.services import under_way

    if (watch := under_way._watch) is not None:
        watch.join(20)


@contextmanager
def _connected_to(name: str) -> Iterator[None]:
    """Point this process's connection at another database; the suite's own, which may live in memory, is kept aside."""
    original, kept = connection.settings_dict["NAME"], connection.connection
    connection.connection = None
    for options in (connection.settings_dict, connections.settings["default"]):
        options["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        for options in (connection.settings_dict, connections.settings["default"]):
            options["NAME"] = original
        connection.connection = kept


def _postgresql(statement: str) -> None:
    import psycopg

    with psycopg.connect(_base_url(), autocommit=True) as admin:
        admin.execute(statement)


def _base_url() -> str:
    import os

    return os.environ["MEDIAHUB_TEST_DATABASE_URL"]


def _clone_postgresql(template: str) -> tuple[str, str]:
    from urllib.parse import urlsplit, urlunsplit

    from tests.environment import WORKER

    name = f"mediahub_{WORKER}_{next(_numbers)}"
    others = f"datname = '{template}' AND pid <> pg_backend_pid()"
    _postgresql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    _postgresql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    parts = urlsplit(_base_url())
    return name, urlunsplit(parts._replace(path=f"/{name}"))


@pytest.fixture
def account(db):
    from library.services.accounts import create_account

    return create_account(slug="plain").account


@pytest.fixture
def new_account(db):
    """An account made by the service, with its keys in clear."""
    from library.services.accounts import create_account

    return create_account(slug="acme", units_per_month=10_000)


@pytest.fixture
def api(new_account):
    """A client of the API that carries the account's private key as official SDKs send it."""
    return client_for(new_account.private_key)


def client_for(private_key: str):
    """An API client with Basic auth: the key as user name, the SDKs' placeholder as password.

    Every answer that it gets is held against the OpenAPI document.
    """
    import base64

    from tests.described import DescribedClient

    client = DescribedClient(raise_request_exception=False)
    token = base64.b64encode(f"{private_key}:do_not_set".encode()).decode()
    client.credentials(HTTP_AUTHORIZATION=f"Basic {token}")
    return client


def _member(account, role: str | None, name: str):
    from django.contrib.auth import get_user_model

    from library.models import Membership

    user = get_user_model().objects.create_user(username=name, password="correct horse battery")
    if role is not None:
        Membership.objects.create(account=account, user=user, role=role)
    return user


@pytest.fixture
def owner(new_account):
    return _member(new_account.account, "owner", "olga")


@pytest.fixture
def editor(new_account):
    return _member(new_account.account, "editor", "edda")


@pytest.fixture
def viewer(new_account):
    return _member(new_account.account, "viewer", "vito")


@pytest.fixture
def stranger(db):
    """A user who belongs to another account only."""
    from library.services.accounts import create_account

    return _member(create_account(slug="elsewhere").account, "owner", "stan")
