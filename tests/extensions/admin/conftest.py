"""An account with one of everything that the admin shows, and the addresses of all its pages."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import reverse

from extensions.models import Backfill, ExtensionRun, SavedExtension, WebhookDelivery, WebhookEndpoint
from library.models import Account, AITag, ApiKey, Asset, CustomMetadataField, Membership
from tests.extensions.scenes import ask_for, make_asset
from tests.factories import (
    AITagFactory,
    BackfillFactory,
    CustomMetadataFieldFactory,
    SavedExtensionFactory,
    UserFactory,
    WebhookAttemptFactory,
    WebhookDeliveryFactory,
    WebhookEndpointFactory,
)


@dataclass
class Scene:
    """One of everything, in one account."""

    account: Account
    asset: Asset
    ai_tag: AITag
    run: ExtensionRun
    delivery: WebhookDelivery
    endpoint: WebhookEndpoint
    key: ApiKey
    member: Membership
    saved: SavedExtension
    backfill: Backfill
    field: CustomMetadataField

    def url(self, name: str, **more: Any) -> str:
        """The address of a page, with the scene's ids filled in."""
        known = {
            "file_id": self.asset.file_id,
            "version_id": self.asset.file_id,
            "folder_id": self.asset.folder.folder_id,
            "run_id": self.run.pk,
            "endpoint_id": self.endpoint.endpoint_id,
            "spec": "ik_ml_thumbnail",
            "saved_id": self.saved.saved_id,
            "backfill_id": self.backfill.backfill_id,
            "field_id": self.field.field_id,
        }
        known["pk"] = {
            "file-ai-tag": self.ai_tag.pk,
            "key-disable": self.key.pk,
            "member-remove": self.member.pk,
        }.get(name, self.delivery.pk)
        from library.adminsite import _pages

        route = next(page.route for page in _pages if page.name == name)
        wanted = {key: value for key, value in (known | more).items() if f":{key}>" in route}
        return reverse(f"admin:{name}", kwargs=wanted)


@pytest.fixture
def scene(new_account):
    account = new_account.account
    asset = make_asset(account, name="kingfisher.png")
    [run] = ask_for(asset, "remove-bg")
    delivery = WebhookDeliveryFactory(account=account, file_id=asset.file_id, run_id=run.pk)
    WebhookAttemptFactory(delivery=delivery)
    return Scene(
        account=account,
        asset=asset,
        ai_tag=AITagFactory(asset=asset, name="Bird"),
        run=run,
        delivery=delivery,
        endpoint=WebhookEndpointFactory(account=account),
        key=ApiKey.objects.get(account=account),
        member=Membership.objects.create(account=account, user=UserFactory(username="mina"), role="viewer"),
        saved=SavedExtensionFactory(account=account, name="House style"),
        backfill=BackfillFactory(account=account),
        field=CustomMetadataFieldFactory(account=account, name="brand", label="Brand"),
    )


@pytest.fixture
def people(owner, editor, viewer, stranger):
    """Users by what they are to the account."""
    return {"owner": owner, "editor": editor, "viewer": viewer, "stranger": stranger}
