"""Events: which change writes which, in the change's own transaction, and what the SDKs make of them (API 5.2)."""

import json

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from imagekitio import ImageKit
from imagekitio.types import (
    FileCreateEvent,
    FileDeleteEvent,
    FileUpdateEvent,
    FileVersionCreateEvent,
    FileVersionDeleteEvent,
    FolderCreateEvent,
    FolderDeleteEvent,
    FolderUpdateEvent,
)
from standardwebhooks.webhooks import Webhook

from extensions.models import WebhookDelivery
from extensions.runs import pipeline
from extensions.webhooks.delivery import deliver_one
from extensions.webhooks.events import EMITTED
from library import wire
from library.models import Account, Asset, AssetVersion, Folder
from library.services.accounts import create_account
from library.services.assets import AssetChanges, UploadFields, delete_asset, update_asset, upload_asset
from library.services.blobs import store_bytes
from library.services.folders import ensure_folder
from library.services.reviews import review_ai_tag
from library.services.versions import add_version, delete_version, restore_version
from library.signals import folder_deleted, folder_updated
from mediahub.lib import clock
from tests import receivers
from tests.extensions.scenes import ask_for, make_asset, picture
from tests.factories import AITagFactory
from tests.receivers import Receiver

pytestmark = pytest.mark.django_db
CLASSES = {
    "file.created": FileCreateEvent,
    "file.updated": FileUpdateEvent,
    "file.deleted": FileDeleteEvent,
    "file-version.created": FileVersionCreateEvent,
    "file-version.deleted": FileVersionDeleteEvent,
    "folder.created": FolderCreateEvent,
    "folder.updated": FolderUpdateEvent,
    "folder.deleted": FolderDeleteEvent,
}


def body_of(delivery):
    return json.loads(bytes(delivery.body))


def upload(account, name="disc.png", *, folder="/", colour="teal", overwrite=True):
    blob = store_bytes(data=picture(colour=colour), name=name)
    fields = UploadFields(file_name=name, folder=folder, use_unique_file_name=not overwrite)
    return upload_asset(account=account, blob=blob, fields=fields, now=clock.now())


def fresh(asset):
    return Asset.objects.with_details().get(pk=asset.pk)


def second_version(asset, *, make_current=True):
    with transaction.atomic():
        return add_version(
            asset=asset,
            blob=store_bytes(data=picture(colour="navy"), name="two.png"),
            origin=AssetVersion.Origin.EXTENSION,
            is_published=True,
            make_current=make_current,
            now=clock.now(),
        )


@pytest.mark.rel("W1")
def test_an_upload_is_a_file_created_with_the_file_object_of_that_moment(new_account, listen, events):
    endpoint = listen()

    version = upload(new_account.account)

    assert events() == ["file.created"]
    delivery = WebhookDelivery.objects.get()
    body = body_of(delivery)
    assert body["id"] == delivery.message_id
    assert body["data"] == json.loads(json.dumps(wire.file_object(fresh(version.asset))))
    assert set(body) == {"type", "id", "created_at", "data"}
    assert (delivery.endpoint, delivery.url, delivery.file_id) == (endpoint, endpoint.url, version.asset.file_id)


def test_folders_implied_by_an_upload_are_told_of_first(new_account, listen, events):
    listen()

    upload(new_account.account, folder="/shop/chairs")

    assert events() == ["folder.created", "folder.created", "file.created"]
    paths = [body_of(row)["data"].get("folderPath") for row in WebhookDelivery.objects.order_by("pk")]
    assert paths == ["/shop", "/shop/chairs", None]


def test_an_overwriting_upload_is_a_new_version_and_a_changed_file(new_account, listen, events):
    upload(new_account.account)
    listen()

    version = upload(new_account.account, colour="red")

    assert events() == ["file-version.created", "file.updated"]
    assert {body_of(row)["data"]["versionInfo"]["id"] for row in WebhookDelivery.objects.all()} == {version.version_id}


def test_the_result_of_an_extension_is_a_new_version_and_a_changed_file(asset, listen, events):
    listen()
    ask_for(asset, "remove-bg")

    pipeline.work("images")

    assert events() == ["file-version.created", "file.updated"]


def test_a_result_that_does_not_become_current_is_a_new_version_only(asset, listen, events):
    listen()

    second_version(asset, make_current=False)

    assert events() == ["file-version.created"]
    assert body_of(WebhookDelivery.objects.get())["data"]["type"] == "file-version"


def test_tags_found_by_a_tagger_are_a_changed_file_that_carries_them(asset, listen, events):
    listen()
    ask_for(asset, "local-auto-tagging")

    pipeline.work("tagging")

    assert events() == ["file.updated"]
    assert body_of(WebhookDelivery.objects.get())["data"]["AITags"]


def test_details_reviewed_tags_and_a_restored_version_are_changes(asset, listen, events):
    second_version(asset)
    tag = AITagFactory(asset=asset)
    listen()

    update_asset(asset=asset, changes=AssetChanges(description="new"), now=clock.now())
    review_ai_tag(ai_tag=tag, state="rejected")
    restore_version(asset=asset, version=asset.versions.get(number=1), now=clock.now())

    assert events() == ["file.updated"] * 3


def test_a_deleted_version_and_a_deleted_file_are_told_of_by_their_ids(asset, listen, events):
    old = asset.current_version
    second_version(asset)
    listen()

    delete_version(asset=asset, version=old)
    assert body_of(WebhookDelivery.objects.get())["data"] == {"fileId": asset.file_id, "versionId": old.version_id}
    third = second_version(asset, make_current=False)
    WebhookDelivery.objects.all().delete()
    delete_asset(asset=asset)

    assert events() == ["file.deleted", "file-version.deleted"]
    told = [body_of(row)["data"] for row in WebhookDelivery.objects.order_by("pk")]
    assert told == [{"fileId": asset.file_id}, {"fileId": asset.file_id, "versionId": third.version_id}]


def test_changed_and_deleted_folders_are_told_of(new_account, listen, events):
    folder = ensure_folder(account=new_account.account, path="/a", now=clock.now())
    listen()

    folder_updated.send(sender=Folder, folder=folder)
    folder_deleted.send(sender=Folder, account=new_account.account, folder_id=folder.folder_id)

    assert events() == ["folder.updated", "folder.deleted"]
    assert body_of(WebhookDelivery.objects.get(event="folder.deleted"))["data"] == {"folderId": folder.folder_id}


def test_only_endpoints_that_are_on_and_ask_for_the_type_get_it(new_account, listen):
    wanted = listen("https://a.example/", events=["file.created"])
    listen("https://b.example/", events=["file.deleted", "video.transformation.ready"])
    listen("https://c.example/", enabled=False)

    upload(new_account.account)

    assert [row.endpoint for row in WebhookDelivery.objects.all()] == [wanted]


def test_another_accounts_endpoint_is_told_nothing(new_account, listen):
    listen(account=create_account(slug="other").account)

    upload(new_account.account)

    assert not WebhookDelivery.objects.exists()


@pytest.mark.rel("J8")
def test_a_change_that_is_rolled_back_is_told_to_nobody(new_account, listen, events):
    listen()

    with pytest.raises(RuntimeError), transaction.atomic():
        upload(new_account.account)
        raise RuntimeError("the request failed")

    assert events() == []
    upload(new_account.account)
    assert events() == ["file.created"]


def test_an_upload_without_endpoints_asks_one_question_more_however_many_folders_it_makes(new_account, open_door):
    account = Account.objects.get(pk=new_account.account.pk)

    with transaction.atomic(), CaptureQueriesContext(connection) as seen:
        upload(account, folder="/one/two/three/four")

    asked = [query["sql"] for query in seen.captured_queries if "extensions_webhook" in query["sql"]]
    assert len(asked) == 1
    assert "extensions_webhookendpoint" in asked[0]


def test_a_savepoint_that_is_rolled_back_takes_back_what_was_read_in_it(new_account, listen, events):
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            upload(new_account.account)
            raise RuntimeError("this part failed")
        listen()
        upload(new_account.account)

    assert events() == ["file.created"]


def cause_everything(account):
    """Each type of event once or more."""
    version = upload(account, folder="/a/b")
    asset = fresh(version.asset)
    upload(account, folder="/a/b", colour="red")
    delete_version(asset=asset, version=asset.versions.get(number=1))
    folder = Folder.objects.get(account=account, path="/a")
    folder_updated.send(sender=Folder, folder=folder)
    folder_deleted.send(sender=Folder, account=account, folder_id=folder.folder_id)
    delete_asset(asset=asset)


@pytest.mark.rel("W10", "W11")
def test_every_type_is_verified_and_read_as_its_own_class_by_the_sdk(new_account, listen):
    with Receiver(receivers.answer(204)) as receiver:
        endpoint = listen(receiver.url)
        cause_everything(new_account.account)
        while deliver_one():
            pass
    client = ImageKit(private_key="private_x", webhook_secret=endpoint.secret)
    seen = {}
    for request in receiver.requests:
        body = request.body.decode()
        headers = {name: request.headers[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
        assert Webhook(endpoint.secret).verify(body, headers)["id"] == request.headers["webhook-id"]
        event = client.webhooks.unwrap(body, headers=headers)
        seen[event.type] = event
        type(event).model_validate(json.loads(body))
    assert {name: type(event) for name, event in seen.items()} == CLASSES
    assert set(seen) == set(EMITTED)
    assert seen["file.created"].data.file_path == "/a/b/disc.png"
    assert not WebhookDelivery.objects.exclude(state="delivered", last_status=204).exists()


def test_the_accounts_own_secret_does_not_verify_an_event(new_account, listen):
    with Receiver(receivers.answer(200)) as receiver:
        listen(receiver.url)
        make_asset(new_account.account)
        deliver_one()
    [request] = receiver.requests
    headers = {name: request.headers[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    with pytest.raises(Exception, match="signature"):
        Webhook(new_account.webhook_secret).verify(request.body.decode(), headers)
