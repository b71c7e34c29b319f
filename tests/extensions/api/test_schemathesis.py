"""schemathesis over the whole OpenAPI document, through the real WSGI application (REL B30).

It makes requests that the document allows and ones that it forbids, and looks for answers that the document does not
describe. The library is small and real, and ids and paths of it take the place of made-up ones, so that requests get
past "there is no such file". Each request meets the same library: what it changes is rolled back.

`make fuzz` runs the same with more examples and other ones each time (MEDIAHUB_TEST_EXAMPLES).
"""

import base64
import os
import re
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks as of_openapi

from extensions.models import WebhookEndpoint
from extensions.saved.services import create_saved
from extensions.webhooks.endpoints import create_endpoint, send_test
from library.models import Account, Asset
from library.services import waiting
from library.services.folders import create_folder
from library.services.jobs.requests import request_copy
from library.services.metadata import create_field
from library.services.purges import write_purge
from library.wire import asset_url
from mediahub.lib import clock
from mediahub.wsgi import application
from tests.described import document
from tests.extensions.scenes import ask_for, make_asset, picture

pytestmark = [pytest.mark.django_db, pytest.mark.rel("B30")]

EXAMPLES = int(os.environ.get("MEDIAHUB_TEST_EXAMPLES", "0"))
"""So many examples of each operation, and different ones each time; 0: few, and always the same ones."""

CONFIG = {
    "seed": 1,
    "generation": {"mode": "all", "max-examples": EXAMPLES or 6, "deterministic": not EXAMPLES},
    "phases": {"coverage": {"enabled": True}},
}
schema = schemathesis.openapi.from_dict(document(), config=SchemathesisConfig.from_dict(CONFIG))
schema.app = application

NOT_ASKED = [
    # What the document allows may still be refused: a path with `..`, a name that is taken, too few units.
    of_openapi.positive_data_acceptance,
    # Ours is stricter, see below.
    not_a_server_error,
]


@dataclass(frozen=True)
class Library:
    """A small library: values that are real, by the names of parameters and members."""

    authorization: str
    values: dict[str, list[Any]]


@pytest.fixture
def library(new_account, connection_stays, monkeypatch) -> Library:
    _refuse_outbound_calls(monkeypatch)
    monkeypatch.setattr(waiting, "WAIT_S", 0)
    return Library(_authorization(new_account.private_key), _values(new_account.account))


@schema.parametrize()
@settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    derandomize=not EXAMPLES,
)
def test_answers_are_as_the_document_says(case, library):
    # What was wrong on purpose may be right once it was replaced, and what is empty or unknown counts as absent.
    is_altered = make_real(case, library) or has_empty_values(case) or has_unknown_parameters(case)
    not_asked = [*NOT_ASKED, of_openapi.negative_data_rejection] if is_altered else NOT_ASKED
    with rolled_back():
        case.call_and_validate(
            headers={"Authorization": library.authorization},
            excluded_checks=not_asked,
            additional_checks=[no_server_error],
        )


def no_server_error(ctx: Any, response: Any, case: Any) -> None:
    """501 where it is documented, and 503 where no broker or worker answers; nothing else."""
    allowed = {503} if case.path in ("/api/health/ready", "/v1/files/{fileId}/metadata", "/v1/metadata") else {501}
    assert response.status_code < 500 or response.status_code in allowed, response.text


@contextmanager
def rolled_back() -> Iterator[None]:
    """Whatever happens within has not happened afterwards."""
    point = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)


def has_empty_values(case: Any) -> bool:
    """Whether a query parameter, or a member of what may be a form or a filter, is empty; an empty list is not sent."""
    parts = [part for part in (case.query, case.body) if isinstance(part, dict)]
    parts += [value for part in parts for value in part.values() if isinstance(value, dict)]
    return any(value in ("", []) for part in parts for value in part.values())


def has_unknown_parameters(case: Any) -> bool:
    """Whether a query parameter has a name that the document does not know; ImageKit ignores them, and so do we."""
    return bool(set(case.query or ()) - {parameter.name for parameter in case.operation.query})


def make_real(case: Any, library: Library) -> bool:
    """Put values of the library in place of made-up ones, in three of four requests; whether any was."""
    dice = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode(errors="replace"))
    parts = [part for part in (case.path_parameters, case.query, case.body) if isinstance(part, dict)]
    filled = [_fill(part, library, dice) for part in parts] if dice % 4 else []
    return any(filled)


def _fill(part: dict[str, Any], library: Library, dice: int) -> bool:
    names = set(part) & set(library.values)
    # A value of another kind is there on purpose.
    fitting = [name for name in names if type(part[name]) is type(library.values[name][0])]
    for name in fitting:
        known = library.values[name]
        part[name] = known[dice % len(known)]
    return bool(fitting)


def _values(account: Account) -> dict[str, list[Any]]:
    now = clock.now()
    asset, other = (make_asset(account, name=name, data=picture(colour=name[:-4])) for name in ("teal.png", "red.png"))
    create_folder(account=account, parent_path="/", name="shelf", now=now)
    create_folder(account=account, parent_path="/shelf", name="below", now=now)
    create_field(account=account, name="brand", label="Brand", schema={"type": "Text"}, actor="somebody", now=now)
    [run] = ask_for(asset, "remove-bg")
    job = request_copy(
        account=account, source="/shelf/below", destination="/", include_versions=False, actor="", now=now
    )
    endpoint = _endpoint(account)
    delivery = send_test(endpoint=endpoint, actor="test")
    saved = create_saved(
        account=account, name="cut", description="out", config={"name": "remove-bg"}, actor="test", now=now
    )
    purge = write_purge(account=account, url=asset_url(asset), now=now)
    return _by_name(
        files=[asset, other],
        run=str(run.pk),
        job=job.job_id,
        endpoint=endpoint.endpoint_id,
        delivery=str(delivery.pk),
        saved=saved.saved_id,
        purge=purge.request_id,
    )


def _by_name(*, files: list[Asset], **ids: str) -> dict[str, list[Any]]:
    paths, folders = [asset.path for asset in files], ["/shelf", "/shelf/below", "/"]
    return {
        "fileId": [asset.file_id for asset in files],
        "versionId": [asset.file_id for asset in files],
        "fileIds": [[asset.file_id for asset in files], [files[0].file_id]],
        "sourceFilePath": paths,
        "filePath": paths,
        "path": folders,
        "destinationPath": folders,
        "folderPath": folders,
        "sourceFolderPath": folders,
        "url": [asset_url(asset) for asset in files],
        "runId": [ids["run"]],
        "jobId": [ids["job"]],
        "endpointId": [ids["endpoint"]],
        "deliveryId": [ids["delivery"]],
        "savedId": [ids["saved"]],
        "requestId": [ids["purge"]],
        "since": ["2020-01-01T00:00:00Z"],
        "receiver": ["https://hooks.example.test"],
        "endpoint": ["https://others.example.test/hook"],
        "startDate": ["2026-11-01", "2026-11-20"],
        "endDate": ["2026-11-21"],
        "searchQuery": [
            'name HAS "teal" AND size > "1kb"',
            'type = "folder"',
            'tags IN ["a"] OR "customMetadata.brand" EXISTS',
        ],
    }


def _endpoint(account: Account) -> WebhookEndpoint:
    return create_endpoint(
        account=account, url="https://hooks.example.test/hook", events=["file.created"], actor="test"
    )


def _authorization(private_key: str) -> str:
    return f"Basic {base64.b64encode(f'{private_key}:do_not_set'.encode()).decode()}"


def _refuse_outbound_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    connect: Callable[..., Any] = socket.socket.connect

    def only_local(self: socket.socket, address: Any) -> Any:
        # What asks for a name or opens a connection on its own would do so in use as well.
        assert self.family == socket.AF_UNIX or re.match(r"127\.|::1", address[0]), f"a call to {address}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_local)
