"""imagekitio 5, unmodified and strict about answers: each method is called by a test, or named here as absent."""

import time

import pytest
from imagekitio import ImageKit, InternalServerError, NotFoundError
from imagekitio._resource import SyncAPIResource

from library.signing import upload_signature
from tests.receivers import Receiver
from tests.sdk.relay import passing
from tests.sdk.surface import marked, methods_of

pytestmark = pytest.mark.process

ABSENT = {
    "accounts.origins.list": (),
    "accounts.origins.create": (),
    "accounts.origins.get": ("1",),
    "accounts.origins.update": ("1",),
    "accounts.origins.delete": ("1",),
    "accounts.url_endpoints.list": (),
    "accounts.url_endpoints.create": (),
    "accounts.url_endpoints.get": ("1",),
    "accounts.url_endpoints.update": ("1",),
    "accounts.url_endpoints.delete": ("1",),
    "named_transformations.list": (),
    "named_transformations.create": (),
    "named_transformations.get": ("1",),
    "named_transformations.update": ("1",),
    "named_transformations.delete": ("1",),
}
"""What this server answers by 501, and what it takes to call it besides the keywords of `KEYWORDS`."""

KEYWORDS = {
    "accounts.origins.create": {"name": "o", "type": "WEB_FOLDER", "base_url": "https://a.example"},
    "accounts.origins.update": {"name": "o", "type": "WEB_FOLDER", "base_url": "https://a.example"},
    "accounts.url_endpoints.create": {"description": "d"},
    "accounts.url_endpoints.update": {"description": "d"},
    "named_transformations.create": {"name": "small", "transformation": "w-10"},
    "named_transformations.update": {"name": "small"},
}

DUMMY = "dummy.create"
"""It exists to force the generation of shared types; nobody serves it (API 3.1)."""


def test_every_method_is_called_by_a_test_or_known_to_be_absent():
    methods = methods_of(ImageKit(private_key="private_x"), (SyncAPIResource,))
    assert len(methods) > 60
    assert methods == marked("test_python5_*.py") | set(ABSENT) | {DUMMY}


def test_what_is_absent_says_so_once(server, key):
    with (
        Receiver(passing(server), path="") as relay,
        ImageKit(private_key=key, base_url=relay.url, max_retries=2) as client,
    ):
        for name, words in ABSENT.items():
            act = client
            for part in name.split("."):
                act = getattr(act, part)
            with pytest.raises(InternalServerError, match="not part of this server") as refused:
                act(*words, **KEYWORDS.get(name, {}))
            assert refused.value.status_code == 501, name
        assert len(relay.requests) == len(ABSENT), "a 501 is no reason to ask again"
        with pytest.raises(NotFoundError):
            client.dummy.create()


@pytest.mark.sdk("accounts.usage.get", "accounts.usage_analytics.get")
def test_usage(client):
    client.files.upload(file=b"12345", file_name="five.txt")
    usage = client.accounts.usage.get(start_date="2026-01-01", end_date="2026-02-01")
    assert (usage.media_library_storage_bytes, usage.extension_units_count) == (5, 0)
    analytics = client.accounts.usage_analytics.get(start_date="2026-01-01", end_date="2026-01-31")
    assert (analytics.start_date.isoformat(), analytics.extensions) == ("2026-01-01", [])


@pytest.mark.sdk("helper.build_url", "helper.build_transformation_string")
def test_urls_of_the_helpers_are_those_of_the_server(client):
    photo = b"\x89PNG" + b"x" * 10
    made = client.files.upload(file=photo, file_name="a b.png", folder="/x y", use_unique_file_name=False)
    endpoint = made.url.removesuffix(made.file_path)
    assert client.helper.build_url(url_endpoint=endpoint, src=made.file_path) == made.url
    thumbnail = client.helper.build_url(
        url_endpoint=endpoint,
        src=made.file_path,
        transformation=[{"named": "ik_ml_thumbnail"}],
        transformation_position="path",
    )
    assert thumbnail == f"{endpoint}/tr:n-ik_ml_thumbnail{made.file_path}"
    assert client.helper.build_transformation_string([{"named": "ik_ml_thumbnail"}]) == "n-ik_ml_thumbnail"


@pytest.mark.sdk("helper.get_authentication_parameters")
def test_authentication_parameters_are_what_the_server_expects(client, key):
    made = client.helper.get_authentication_parameters()
    assert made["signature"] == upload_signature(key, made["token"], str(made["expire"]))
    assert 0 < made["expire"] - time.time() < 3600


@pytest.mark.sdk("webhooks.unsafe_unwrap")
def test_a_webhook_can_be_read_without_its_secret(client):
    event = client.webhooks.unsafe_unwrap('{"type": "file.deleted", "id": "1", "data": {"fileId": "a"}}')
    assert (event.type, event.data.file_id) == ("file.deleted", "a")
