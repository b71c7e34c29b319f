"""The official Python SDK, unmodified, keeps an account's webhooks on a live server and reads what they send."""

import pytest
from imagekitio import BadRequestError, NotFoundError
from imagekitio.types import FileCreateEvent

from extensions.webhooks.delivery import deliver_one
from tests import receivers
from tests.receivers import Receiver


@pytest.mark.process
@pytest.mark.sdk(
    "accounts.webhooks.create",
    "accounts.webhooks.get",
    "accounts.webhooks.list",
    "accounts.webhooks.update",
    "accounts.webhooks.delete",
    "webhooks.unwrap",
)
def test_sdk_makes_lists_changes_and_deletes_webhooks_and_unwraps_events(client, settings):
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = ("127.0.0.0/8",)
    with Receiver(receivers.answer(204, b"")) as receiver:
        made = client.accounts.webhooks.create(endpoint=receiver.url, events=["file.created", "folder.deleted"])
        assert (made.endpoint, made.enabled, made.events) == (receiver.url, True, ["file.created", "folder.deleted"])
        assert client.accounts.webhooks.get(made.id).secret == made.secret
        assert [item.id for item in client.accounts.webhooks.list()] == [made.id]

        uploaded = client.files.upload(file=b"hello", file_name="note.txt")
        deliver_one()
    [request] = receiver.requests
    event = client.webhooks.unwrap(request.body.decode(), headers=request.headers, key=made.secret)
    assert isinstance(event, FileCreateEvent)
    assert event.data.file_id == uploaded.file_id

    changed = client.accounts.webhooks.update(made.id, enabled=False, events=["file.deleted"])
    assert (changed.enabled, changed.events, changed.endpoint) == (False, ["file.deleted"], receiver.url)
    with pytest.raises(BadRequestError):
        client.accounts.webhooks.create(endpoint=receiver.url, events=["file.created"])
    assert client.accounts.webhooks.delete(made.id) is None
    with pytest.raises(NotFoundError):
        client.accounts.webhooks.get(made.id)
