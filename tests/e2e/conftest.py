"""One running MediaHub for each module of process tests: starting it costs seconds, so tests share it."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from extensions.models import ExtensionRun, WebhookDelivery
from library.models import AssetVersion
from library.services.accounts import NewAccount, create_account
from tests import conftest as suite
from tests.environment import ON_POSTGRESQL
from tests.receivers import Receiver
from tests.runtime import Runtime, wait_until
from tests.uploading import picture


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in Path(item.fspath).parents:
            item.add_marker(pytest.mark.process)
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="module")
def module_db(_template_database: str, django_db_blocker, tmp_path_factory) -> Iterator[str]:
    """A copy of the migrated database for all tests of a module; this process's connection points at it."""
    if ON_POSTGRESQL:
        name, url = suite._clone_postgresql(_template_database)
    else:
        name = str(tmp_path_factory.mktemp("db") / "e2e.sqlite3")
        shutil.copyfile(_template_database, name)
        url = f"sqlite:///{name}"
    with django_db_blocker.unblock(), suite._connected_to(name):
        yield url
    if ON_POSTGRESQL:
        suite._postgresql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Settings of a module's own."""
    return {}


@pytest.fixture(scope="module")
def runtime(module_db: str, tmp_path_factory, environment: dict[str, str]) -> Iterator[Runtime]:
    """`manage.py up`, running."""
    runtime = Runtime(database_url=module_db, data_dir=tmp_path_factory.mktemp("up"), **environment)
    runtime.up()
    yield runtime
    print(runtime.logs())
    runtime.stop()


@pytest.fixture(scope="module")
def tenant(module_db: str) -> NewAccount:
    """An account with units for every test of the module."""
    return create_account(slug="acme", units_per_month=1_000_000)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where webhooks of the test go."""
    with Receiver() as receiver:
        yield receiver


@dataclass
class Scene:
    """A running MediaHub, one account on it and a webhook receiver."""

    runtime: Runtime
    tenant: NewAccount
    receiver: Receiver

    def upload(self, extension: str = "remove-bg", **fields: Any) -> dict[str, Any]:
        """Upload a picture and ask for one extension."""
        block = {"name": extension}
        if extension.endswith("auto-tagging"):
            block |= {"minConfidence": 10, "maxTags": 5}
        fields = {"extensions": json.dumps([block]), "webhookUrl": self.receiver.url, **fields}
        return self.runtime.upload(picture(), private_key=self.tenant.private_key, **fields)

    def run_of(self, answer: dict[str, Any]) -> ExtensionRun:
        """The one run of an upload."""
        return ExtensionRun.objects.get(file_id=answer["fileId"])

    def finished(self, answer: dict[str, Any], *, within_s: float = 30) -> ExtensionRun:
        """The upload's run, once it is over."""
        return wait_until(
            lambda: (run := self.run_of(answer)).is_terminal and run, within_s=within_s, what="the end of the run"
        )

    def delivered(self, run: ExtensionRun, *, within_s: float = 30) -> WebhookDelivery:
        """The run's webhook, once the receiver has it and the row says so."""
        deliveries = WebhookDelivery.objects.filter(run_id=run.pk, state="delivered")
        return wait_until(deliveries.first, within_s=within_s, what="the webhook")

    def posts(self, delivery: WebhookDelivery) -> list[bytes]:
        """Bodies that the receiver got under this delivery's id."""
        return [one.body for one in self.receiver.requests if one.headers["webhook-id"] == delivery.message_id]

    def assert_died_at(self, point: str) -> None:
        """Some process died at this crash point; what it had committed may be seen a moment before that."""
        wait_until(lambda: self.runtime.crashed_at(point), within_s=10, what=f"death at {point}")

    def assert_exact(self, run: ExtensionRun) -> None:
        """Applied once, charged once, announced once; the ledger adds up."""
        run.refresh_from_db()
        assert run.state == "succeeded", (run.state, run.error_code, run.last_error)
        if run.extension == "remove-bg":
            assert AssetVersion.objects.filter(asset__file_id=run.file_id).count() == 2
        assert WebhookDelivery.objects.filter(run_id=run.pk).count() <= 1
        assert ledger_differences() == []


def ledger_differences() -> list[dict[str, str]]:
    """What `check_ledger` finds."""
    out = StringIO()
    call_command("check_ledger", "--json", stdout=out)
    found: list[dict[str, str]] = json.loads(out.getvalue())["differences"]
    return found


@pytest.fixture
def scene(runtime: Runtime, tenant: NewAccount, receiver: Receiver) -> Iterator[Scene]:
    """The shared MediaHub, with a provider that answers at once and no crash point armed."""
    runtime.plan()
    wait_until(runtime.answers, within_s=30, what="the web process")
    yield Scene(runtime, tenant, receiver)
    for left in runtime.crash_dir.iterdir():
        left.unlink()
    connection.close()
