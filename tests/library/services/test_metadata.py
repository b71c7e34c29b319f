"""Fields are made, changed and deleted; values are merged key by key or refused with a reason for each."""

import pytest
from django.db import IntegrityError, transaction

from library.models import Asset, AuditEntry, CustomMetadataField
from library.services import metadata
from library.services.assets import AssetChanges, update_asset
from library.services.metadata import BadField, BadMetadata, create_field, delete_field, set_metadata, update_field
from library.signals import asset_updated
from mediahub.lib import clock
from mediahub.lib.errors import NotFound
from tests.factories import AccountFactory, AssetFactory, CustomMetadataFieldFactory

pytestmark = pytest.mark.django_db
NUMBER = {"type": "Number", "minValue": 300, "maxValue": 900}
REQUIRED = {"type": "Text", "isValueRequired": True, "defaultValue": "none"}


def make(account, name="seat_height", label="Seat height", schema=None, **more):
    return create_field(
        account=account,
        name=name,
        label=label,
        schema={"type": "Text"} if schema is None else schema,
        actor="somebody",
        now=clock.now(),
        **more,
    )


def change(field, **changes):
    return update_field(field=field, actor="somebody", now=clock.now(), **changes)


@pytest.fixture
def asset(account):
    return AssetFactory(account=account)


@pytest.fixture
def height(account):
    return CustomMetadataFieldFactory(account=account, name="height", schema=NUMBER)


def put(asset, changes, **more):
    return set_metadata(asset=asset, changes=changes, now=clock.now(), **more)


def stored(asset):
    return Asset.objects.get(pk=asset.pk).custom_metadata


# --- fields -----------------------------------------------------------------------------------------------------------


def test_a_field_is_made_with_an_id_of_24_digits(account):
    field = make(account, schema=NUMBER, description="In millimetres")
    assert len(field.field_id) == 24
    assert (field.name, field.label, field.description, field.schema) == (
        "seat_height",
        "Seat height",
        "In millimetres",
        NUMBER,
    )


def test_a_name_stays_taken_after_its_field_is_deleted(account):
    delete_field(field=make(account), actor="somebody", now=clock.now())
    with pytest.raises(BadField) as caught:
        make(account, label="Other")
    assert caught.value.field == "name"


def test_a_label_is_free_again_after_its_field_is_deleted(account):
    delete_field(field=make(account), actor="somebody", now=clock.now())
    assert make(account, name="other").label == "Seat height"


def test_a_label_in_use_is_refused(account):
    make(account)
    with pytest.raises(BadField) as caught:
        make(account, name="other")
    assert caught.value.field == "label"


def test_the_database_refuses_a_second_field_of_a_name_too(account):
    CustomMetadataFieldFactory(account=account, name="a")
    with pytest.raises(IntegrityError), transaction.atomic():
        CustomMetadataFieldFactory(account=account, name="a")


def test_accounts_do_not_share_names(account):
    make(account)
    assert make(AccountFactory()).name == "seat_height"


@pytest.mark.parametrize(
    "name", ["", " ", "_x", "__proto__", "_internal_x", "a/b", 'a"b', "a\0b", "x" * 101, 5, None, "a "]
)
def test_a_name_that_could_not_be_searched_for_is_refused(account, name):
    with pytest.raises(BadField) as caught:
        make(account, name=name)
    assert caught.value.field == "name"


@pytest.mark.parametrize(("member", "value"), [("label", ""), ("label", "x" * 101), ("description", "x" * 501)])
def test_texts_beyond_their_length_are_refused(account, member, value):
    with pytest.raises(BadField) as caught:
        make(account, **{member: value})
    assert caught.value.field == member


def test_a_bad_schema_is_refused_with_its_errors(account):
    with pytest.raises(BadField) as caught:
        make(account, schema={"type": "Number", "maxValue": "9", "minLength": 1})
    assert caught.value.message == "Invalid field object"
    assert caught.value.errors == {"maxValue": "should be of type number", "minLength": "not allowed for this type"}
    assert not CustomMetadataField.objects.exists()


def test_the_number_of_fields_is_limited(account, monkeypatch):
    monkeypatch.setattr(metadata, "MOST_FIELDS", 1)
    make(account)
    with pytest.raises(BadField, match="may have 1 custom"):
        make(account, name="other", label="Other")


def test_a_changed_schema_keeps_its_type(account):
    field = make(account, schema=NUMBER)
    changed = change(field, schema={"type": "Text", "minValue": 1})
    assert changed.schema == {"type": "Number", "minValue": 1}


def test_a_changed_schema_is_checked_against_the_old_type(account):
    field = make(account, schema=NUMBER)
    with pytest.raises(BadField) as caught:
        change(field, schema={"minLength": 1})
    assert caught.value.errors == {"minLength": "not allowed for this type"}


def test_a_field_keeps_its_own_label(account):
    field = make(account)
    assert change(field, label="Seat height", description="").label == "Seat height"


def test_an_update_of_nothing_or_of_a_deleted_field_is_refused(account):
    field = make(account)
    with pytest.raises(BadField, match="label, schema or description"):
        change(field)
    delete_field(field=field, actor="somebody", now=clock.now())
    with pytest.raises(BadField, match="deleted"):
        change(field, label="New")


def test_changes_of_fields_are_in_the_audit_once_each(account):
    field = make(account, schema=NUMBER)
    change(field, label="Height", schema={"type": "Number", "maxValue": 950})
    for _ in range(2):
        delete_field(field=field, actor="else", now=clock.now())
    with pytest.raises(BadField):
        make(account, label="Other")
    lines = AuditEntry.objects.order_by("pk").values_list("actor", "action", "target", "detail")
    assert list(lines) == [
        ("somebody", "metadata_field.created", "seat_height", NUMBER),
        (
            "somebody",
            "metadata_field.changed",
            "seat_height",
            {"label": "Height", "schema": {"type": "Number", "maxValue": 950}},
        ),
        ("else", "metadata_field.deleted", "seat_height", {}),
    ]


def test_deleting_twice_keeps_the_first_moment(account):
    field = make(account)
    delete_field(field=field, actor="somebody", now=clock.now())
    first = field.deleted_at
    delete_field(field=field, actor="somebody", now=clock.now())
    assert field.deleted_at == first


# --- values -----------------------------------------------------------------------------------------------------------


def test_values_are_merged_and_null_unsets(asset, height):
    CustomMetadataFieldFactory(account=asset.account, name="brand")
    put(asset, {"height": 400, "brand": "Acme"})
    assert put(asset, {"height": None, "brand": "Best"}) == {"brand": "Best"}
    assert stored(asset) == {"brand": "Best"}


@pytest.mark.rel("B25")
def test_wrong_values_are_refused_together_and_nothing_is_written(asset, height):
    with pytest.raises(BadMetadata) as caught:
        put(asset, {"height": 100, "__proto__": 1, "other": None})
    assert (caught.value.message, caught.value.status) == ("Invalid custom metadata.", 400)
    assert caught.value.errors == {
        "height": "should be at least 300",
        "__proto__": "is not a custom metadata field of this account",
        "other": "is not a custom metadata field of this account",
    }
    assert stored(asset) == {}


@pytest.mark.rel("B25")
@pytest.mark.parametrize("changes", [[], "x", 5, None, {str(number): 1 for number in range(10_000)}])
def test_what_is_no_object_or_too_large_is_refused(asset, changes):
    with pytest.raises(BadMetadata) as caught:
        put(asset, changes)
    assert list(caught.value.errors) == ["customMetadata"]


def test_fields_of_other_accounts_and_deleted_ones_are_unknown(asset):
    CustomMetadataFieldFactory(name="foreign")
    CustomMetadataFieldFactory(account=asset.account, name="gone", deleted_at=clock.now())
    with pytest.raises(BadMetadata) as caught:
        put(asset, {"foreign": "x", "gone": "x"})
    assert set(caught.value.errors) == {"foreign", "gone"}


def test_whoever_sets_metadata_must_carry_required_fields(asset, height):
    CustomMetadataFieldFactory(account=asset.account, name="source", schema=REQUIRED)
    with pytest.raises(BadMetadata) as caught:
        put(asset, {"height": 400})
    assert caught.value.errors == {"source": "is required"}
    assert put(asset, {"height": 400, "source": "shop"})["source"] == "shop"


def test_a_required_field_cannot_be_unset(asset):
    CustomMetadataFieldFactory(account=asset.account, name="source", schema=REQUIRED)
    with pytest.raises(BadMetadata) as caught:
        put(asset, {"source": None}, must_carry_required=False)
    assert caught.value.errors == {"source": "is required and cannot be unset"}


def test_machines_need_not_carry_required_fields(asset, height):
    CustomMetadataFieldFactory(account=asset.account, name="source", schema=REQUIRED)
    assert put(asset, {"height": 400}, must_carry_required=False) == {"height": 400}


def test_values_that_no_longer_fit_stay_until_they_are_set_again(asset, height):
    put(asset, {"height": 400})
    CustomMetadataFieldFactory(account=asset.account, name="brand")
    change(height, schema={"minValue": 500})
    assert put(asset, {"brand": "Acme"}) == {"height": 400, "brand": "Acme"}


def test_an_update_of_an_asset_carries_metadata_too(asset, height):
    update_asset(asset=asset, changes=AssetChanges(custom_metadata={"height": 500}, tags=("a",)), now=clock.now())
    assert stored(asset) == {"height": 500}
    with pytest.raises(BadMetadata):
        update_asset(asset=asset, changes=AssetChanges(custom_metadata={"height": 1}, tags=()), now=clock.now())
    assert list(asset.tags.values_list("name", flat=True)) == ["a"]


def test_setting_metadata_is_announced_and_dated(asset, height):
    seen = []

    def listen(sender, asset, **more):
        seen.append(asset.pk)

    asset_updated.connect(listen)
    now = clock.now()
    try:
        set_metadata(asset=asset, changes={"height": 400}, now=now)
    finally:
        asset_updated.disconnect(listen)
    assert seen == [asset.pk]
    assert Asset.objects.get(pk=asset.pk).updated_at == now


def test_an_asset_that_is_gone_is_not_found(asset, height):
    Asset.objects.filter(pk=asset.pk).update(current_version=None)
    Asset.objects.filter(pk=asset.pk).delete()
    with pytest.raises(NotFound):
        put(asset, {"height": 400})
