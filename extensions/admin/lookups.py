"""Finds whose account an address of the admin names, for the guard of `library.adminsite.page`, and loads the rows."""

from typing import Any
from uuid import UUID

from django.http import Http404

from extensions.models import Backfill, ExtensionRun, SavedExtension, WebhookDelivery
from library.desks import Desk
from library.identifiers import is_object_id
from library.models import Account, Asset


def account_of_asset(*, file_id: str, **_: Any) -> Account | None:
    """The account of an asset, None if there is no such asset."""
    return Account.objects.filter(assets__file_id=file_id).first() if is_object_id(file_id) else None


def account_of_run(*, run_id: UUID, **_: Any) -> Account | None:
    """The account of a run."""
    return Account.objects.filter(runs__pk=run_id).first()


def account_of_delivery(*, pk: int, **_: Any) -> Account | None:
    """The account of a webhook delivery."""
    return Account.objects.filter(deliveries__pk=pk).first()


def account_of_saved(*, saved_id: str) -> Account | None:
    """The account of a saved extension."""
    return Account.objects.filter(saved_extensions__saved_id=saved_id).first()


def account_of_backfill(*, backfill_id: str) -> Account | None:
    """The account of a backfill."""
    return Account.objects.filter(backfills__backfill_id=backfill_id).first() if is_object_id(backfill_id) else None


def asset_at(desk: Desk, file_id: str) -> Asset:
    """An asset of the desk's account with what pages show of it. Raises Http404."""
    asset = Asset.objects.of_account(desk.account).with_details().filter(file_id=file_id).first()
    if asset is None:
        raise Http404("No such asset.")
    return asset


def run_at(desk: Desk, run_id: UUID) -> ExtensionRun:
    """A run of the desk's account. Raises Http404."""
    runs = ExtensionRun.objects.of_account(desk.account).select_related("asset__folder", "account", "retry_of")
    run = runs.filter(pk=run_id).first()
    if run is None:
        raise Http404("No such run.")
    return run


def backfill_at(desk: Desk, backfill_id: str) -> Backfill:
    """A backfill of the desk's account. Raises Http404."""
    found = Backfill.objects.of_account(desk.account).select_related("account").filter(backfill_id=backfill_id).first()
    if found is None:
        raise Http404("No such backfill.")
    return found


def delivery_at(desk: Desk, pk: int) -> WebhookDelivery:
    """A delivery of the desk's account. Raises Http404."""
    delivery = (
        WebhookDelivery.objects.of_account(desk.account).select_related("account", "endpoint").filter(pk=pk).first()
    )
    if delivery is None:
        raise Http404("No such delivery.")
    return delivery


def saved_at(desk: Desk, saved_id: str) -> SavedExtension:
    """A saved extension of the desk's account. Raises Http404."""
    saved = SavedExtension.objects.of_account(desk.account).select_related("account").filter(saved_id=saved_id).first()
    if saved is None:
        raise Http404("No such saved extension.")
    return saved
