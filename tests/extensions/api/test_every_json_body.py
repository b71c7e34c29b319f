"""Bad input to every endpoint that the site map has, so that a new one is covered from its first day (REL B1 to B9).

The table is made by walking the URL patterns. Endpoints that read a body are sent what is no JSON of ours; those in
`BODIES` are also sent variants of a good body. Nothing may answer 5xx, and every error has the API's body.
"""

import json
import re
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from django.db import transaction
from django.urls import get_resolver

from library.renditions import request_rendition
from library.services.folders import ensure_folder
from mediahub.lib import clock
from tests.conftest import client_for
from tests.extensions.scenes import ask_for, draw_thumbnails, make_asset
from tests.factories import (
    AssetVersionFactory,
    BackfillFactory,
    BulkJobFactory,
    CustomMetadataFieldFactory,
    PurgeRequestFactory,
    SavedExtensionFactory,
    WebhookDeliveryFactory,
    WebhookEndpointFactory,
)

pytestmark = pytest.mark.django_db

NO_BODY = {
    ("file", "delete"),
    ("version", "delete"),
    ("version-restore", "put"),
    ("run-cancel", "post"),
    ("run-retry", "post"),
    ("metadata-field", "delete"),
    ("saved-extension", "delete"),
    ("webhook-endpoint", "delete"),
    ("webhook-delivery-replay", "post"),
    ("backfill-pause", "post"),
    ("backfill-cancel", "post"),
    ("backfill-retry", "post"),
}
"""What these do is said by their address alone; a body is not looked at."""

BLOCKS = [{"name": "remove-bg", "options": {"bg_color": "red"}}]
BODIES = {
    ("bulk-delete", "post"): {"fileIds": ["{file_id}"]},
    ("add-tags", "post"): {"fileIds": ["{file_id}"], "tags": ["a"]},
    ("remove-tags", "post"): {"fileIds": ["{file_id}"], "tags": ["a"]},
    ("remove-ai-tags", "post"): {"fileIds": ["{file_id}"], "AITags": ["Car"]},
    ("file-copy", "post"): {"sourceFilePath": "{file_path}", "destinationPath": "/b", "includeFileVersions": False},
    ("file-move", "post"): {"sourceFilePath": "{file_path}", "destinationPath": "/b"},
    ("file-rename", "put"): {"filePath": "{file_path}", "newFileName": "y.png", "purgeCache": False},
    ("purge", "post"): {"url": "http://127.0.0.1:8000/media/acme{file_path}"},
    ("folder", "post"): {"folderName": "new", "parentFolderPath": "/"},
    ("folder", "delete"): {"folderPath": "/a"},
    ("copy-folder", "post"): {"sourceFolderPath": "/a", "destinationPath": "/c", "includeVersions": True},
    ("move-folder", "post"): {"sourceFolderPath": "/a", "destinationPath": "/c"},
    ("rename-folder", "post"): {"folderPath": "/a", "newFolderName": "z", "purgeCache": False},
    ("file-details", "patch"): {
        "description": "x",
        "tags": ["a"],
        "removeAITags": ["Car"],
        "customCoordinates": "1,2,3,4",
        "customMetadata": {"brand": "Acme", "rooms": ["hall"]},
        "webhookUrl": "https://shop.example/hook",
        "publish": {"isPublished": True, "includeFileVersions": True},
        "extensions": BLOCKS,
    },
    ("estimates", "post"): {"fileIds": ["{file_id}"], "extensions": BLOCKS},
    ("metadata-field-list", "post"): {
        "name": "seat height",
        "label": "Seat height",
        "description": "x",
        "schema": {"type": "Number", "minValue": 3, "maxValue": 9.5, "isValueRequired": True, "defaultValue": 4},
    },
    ("metadata-field", "patch"): {
        "label": "Rooms",
        "description": "x",
        "schema": {"selectOptions": ["hall", 3, True], "defaultValue": ["hall"]},
    },
    ("saved-extension-list", "post"): {"name": "cut", "description": "x", "config": BLOCKS[0]},
    ("saved-extension", "patch"): {"name": "cut", "description": "x", "config": BLOCKS[0]},
    ("webhook-endpoints", "post"): {"endpoint": "https://shop.example/hook", "events": ["file.created"]},
    ("webhook-endpoint", "patch"): {"endpoint": "https://shop.example/hook", "enabled": True},
    ("webhook-deliveries-replay", "post"): {"receiver": "https://shop.example", "since": "2026-01-01T00:00:00Z"},
    ("webhook-deliveries-test", "post"): {"endpointId": "{endpoint_id}"},
    ("webhook-secret-rotate", "post"): {"endpointId": "{endpoint_id}"},
}
"""A body that each of them accepts; ids are filled in. An endpoint that is not here gets the table's bad JSON only."""

BAD_JSON = {
    "arrays 100 000 deep": b"[" * 100_000,
    "objects 100 000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "33 deep": b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
    "1e400": b'{"a": 1e400}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "5 000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "beyond 64 bits": b'{"a": 9223372036854775808}',
    "below 64 bits": b'{"a": -9223372036854775809}',
    "surrogate": b'{"a": "\\ud800"}',
    "surrogate in a name": b'{"\\udfff": 1}',
    "NUL": b'{"a": "x\\u0000"}',
    "NUL in a name": b'{"\\u0000": 1}',
    "invalid UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"5",
    "null": b"null",
    "true": b"true",
    "cut off": b'{"a": ',
    "two values": b"{} {}",
    "a form": b"a=1&b=2",
}
WRONG_VALUES = [
    None,
    True,
    5,
    -1,
    2**63 - 1,
    1.5,
    "",
    "x",
    "  ",
    "😀\u202e",
    "../..",
    "%00",
    [],
    [[]],
    [None],
    {},
    {"a": {}},
]
WRONG_QUERIES = ["-1", "0", "1000000000000", "9" * 400, "abc", "٣", "\0", "x" * 5000, "\ud800", "2026-02-31"]
PARAMETERS = ["skip", "limit", "since", "until", "before", "after", "state", "status", "type", "fileType", "path"]
PARAMETERS += ["name", "tags", "sort", "searchQuery", "includeFolder", "extension", "receiver", "event", "startDate"]
PARAMETERS += ["includeDeleted", "folderPath", "endDate", "days", "month", "url", "fileId", "provider", "source"]


def _patterns(patterns):
    for item in patterns:
        if hasattr(item, "url_patterns"):
            if not str(item.pattern).startswith(("admin", "media")):
                yield from _patterns(item.url_patterns)
        elif hasattr(item.callback, "view_class"):
            yield item


def endpoints(*methods):
    """(name, method, address with its arguments in braces) of every API view that has one of the methods."""
    found = []
    for item in _patterns(get_resolver().url_patterns):
        view = item.callback.view_class
        if view.__name__ == "AbsentView" or not str(item.pattern).startswith(("^v1/", "^api/")):
            continue
        address = re.sub(r"\(\?P<(\w+)>[^)]+\)", r"{\1}", str(item.pattern))
        address = "/" + address.removeprefix("^").removesuffix("$").removesuffix("/?")
        found += [(item.name or address, method, address) for method in methods if hasattr(view, method)]
    return list(dict.fromkeys(found))


def is_upload(address):
    return address.endswith("/files/upload")


WITH_BODY = [
    item for item in endpoints("post", "put", "patch", "delete") if item[:2] not in NO_BODY and not is_upload(item[2])
]
# The second route of a name is the library's, behind the extensions'; the first is the one that answers.
WITH_BODY = list({item[:2]: item for item in reversed(WITH_BODY)}.values())
WITH_SAMPLE = [item for item in WITH_BODY if item[:2] in BODIES]
READING = endpoints("get")
IN_ADDRESS = [item for item in endpoints("get", "post", "put", "patch", "delete") if "{" in item[2]]


def names(items):
    return [f"{method} {name}" for name, method, _ in items]


@pytest.fixture
def there(new_account, settings):
    """One object of each kind, by the names that addresses give their ids."""
    account = new_account.account
    asset = make_asset(account)
    request_rendition(version=asset.current_version, spec="ik_ml_thumbnail")
    draw_thumbnails()
    older = AssetVersionFactory(asset=asset)
    CustomMetadataFieldFactory(account=account, name="brand")
    rooms = CustomMetadataFieldFactory(
        account=account, name="rooms", schema={"type": "MultiSelect", "selectOptions": ["hall"]}
    )
    (run,) = ask_for(asset, "remove-bg")
    ensure_folder(account=account, path="/a", now=clock.now())
    return {
        "file_id": asset.file_id,
        "field_id": rooms.field_id,
        "file_path": f"/{asset.name}",
        "version_id": older.version_id,
        "run_id": str(run.pk),
        "job_id": BulkJobFactory(account=account).job_id,
        "request_id": PurgeRequestFactory(account=account).request_id,
        "saved_id": SavedExtensionFactory(account=account).saved_id,
        "endpoint_id": WebhookEndpointFactory(account=account).endpoint_id,
        "backfill_id": BackfillFactory(account=account, state="paused", error_code="by_a_person").backfill_id,
        "delivery_id": str(WebhookDeliveryFactory(account=account, state="delivered", finished_at=clock.now()).pk),
    }


@pytest.fixture
def ask(new_account, there):
    """Ask an endpoint; whatever it changes is undone before the next question."""
    client = client_for(new_account.private_key)

    def ask(method, address, body=b"", content_type="application/json", query="", **ids):
        known = there | ids
        path = re.sub(r"\{(\w+)\}", lambda match: known.get(match[1], "0" * 24), address)
        with transaction.atomic():
            response = client.generic(method.upper(), path + query, body, content_type=content_type)
            transaction.set_rollback(True)
        found = SimpleNamespace(status=response.status_code, text=response.content.decode())
        assert found.status < 500, (method, path, query, body[:200], found.text)
        if found.status >= 400:
            error = json.loads(found.text)
            assert error["message"], found.text
            assert error["help"], found.text
        return found

    return ask


@pytest.fixture
def sample(there):
    def sample(name, method):
        text = json.dumps(BODIES[name, method])
        for key, value in there.items():
            text = text.replace("{" + key + "}", value)
        return json.loads(text)

    return sample


def test_the_site_map_was_walked():
    assert len(WITH_BODY) >= 22
    assert set(BODIES) <= {item[:2] for item in WITH_BODY}
    assert not NO_BODY - {item[:2] for item in endpoints("post", "put", "patch", "delete")}


@pytest.mark.rel("B1", "B2", "B3", "B4", "B6", "B7", "B8")
@pytest.mark.parametrize(("name", "method", "address"), WITH_BODY, ids=names(WITH_BODY))
def test_what_is_no_json_of_ours_is_a_400(ask, name, method, address):
    answers = {what: ask(method, address, body) for what, body in BAD_JSON.items()}
    assert {what: answer.status for what, answer in answers.items()} == dict.fromkeys(BAD_JSON, 400)
    assert "Text may not contain the NUL character." in answers["NUL"].text


@pytest.mark.parametrize(("name", "method", "address"), WITH_SAMPLE, ids=names(WITH_SAMPLE))
def test_the_good_bodies_of_this_table_are_good(ask, sample, name, method, address):
    assert ask(method, address, json.dumps(sample(name, method)).encode()).status < 300


@pytest.mark.rel("B7", "B9")
@pytest.mark.parametrize(("name", "method", "address"), WITH_SAMPLE, ids=names(WITH_SAMPLE))
def test_a_byte_order_mark_is_skipped_and_the_last_of_repeated_members_counts(ask, sample, name, method, address):
    good = json.dumps(sample(name, method))
    twice = "{" + "".join(f'"{member}": [[{{}}]], ' for member in sample(name, method)) + good[1:]
    assert ask(method, address, b"\xef\xbb\xbf" + twice.encode()).status < 300


@pytest.mark.rel("B5", "B6")
@pytest.mark.parametrize(("name", "method", "address"), WITH_SAMPLE, ids=names(WITH_SAMPLE))
def test_any_value_in_any_place_is_an_answer(ask, sample, name, method, address):
    for path in _places(sample(name, method)):
        for value in WRONG_VALUES:
            ask(method, address, json.dumps(_with(sample(name, method), path, value)).encode())


@pytest.mark.rel("B5")
@pytest.mark.parametrize(("name", "method", "address"), WITH_SAMPLE, ids=names(WITH_SAMPLE))
def test_a_text_longer_than_any_column_is_refused(ask, sample, name, method, address):
    good = sample(name, method)
    for path in _places(good):
        if isinstance(_at(good, path), str):
            body = json.dumps(_with(sample(name, method), path, "x" * 100_000)).encode()
            assert 400 <= ask(method, address, body).status < 500, path


@pytest.mark.rel("B16")
@pytest.mark.parametrize(("name", "method", "address"), WITH_BODY, ids=names(WITH_BODY))
@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "text/plain",
        "",
        "application/xml",
        "nonsense",
    ],
)
def test_what_is_not_sent_as_json_is_a_415(ask, name, method, address, content_type):
    assert ask(method, address, b'{"a": 1}', content_type=content_type).status == 415


@pytest.mark.rel("B24")
@pytest.mark.parametrize(("name", "method", "address"), READING, ids=names(READING))
def test_any_value_of_any_parameter_is_an_answer(ask, name, method, address):
    # What is asked of one object by its id has no parameters that we know of: all at once will do.
    one_by_one = [[parameter] for parameter in PARAMETERS] if "{" not in address else [PARAMETERS]
    for value in WRONG_QUERIES:
        text = quote(value.encode(errors="surrogatepass"))
        for given in one_by_one:
            ask(method, address, query="?" + "&".join(f"{parameter}={text}" for parameter in given))
    ask(method, address, query="?%ff=%ff&=&&a")


@pytest.mark.parametrize(("name", "method", "address"), IN_ADDRESS, ids=names(IN_ADDRESS))
def test_any_id_in_an_address_is_refused_or_unknown(ask, there, name, method, address):
    for wrong in (
        "0" * 24,
        "x",
        "%00",
        "%ff",
        "%2e%2e",
        "..",
        "x" * 3000,
        "%F0%9F%98%80",
        "-1",
        "9" * 30,
        "%D9%A3",
        "null",
    ):
        argument = re.findall(r"\{(\w+)\}", address)[-1]
        answer = ask(method, address, b"{}", **{argument: wrong})
        assert answer.status in (400, 404, 405), (wrong, answer.text)


def _places(value, path=()):
    """The way to every member and item, the containers included."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(inner, (dict, list)):
            yield from _places(inner, (*path, key))


def _at(value, path):
    for key in path:
        value = value[key]
    return value


def _with(value, path, new):
    _at(value, path[:-1])[path[-1]] = new
    return value
