"""`/v1/customMetadataFields` (API 3.10, errors as in 1.6)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from library.models import CustomMetadataField
from library.services import metadata
from mediahub.lib.env import Rate
from tests.conftest import client_for
from tests.factories import AccountFactory, CustomMetadataFieldFactory

pytestmark = pytest.mark.django_db
URL = "/v1/customMetadataFields"
BODY = {
    "name": "seat_height",
    "label": "Seat height",
    "description": "In millimetres",
    "schema": {"type": "Number", "minValue": 300, "maxValue": 900},
}


def post(api, **changes):
    return api.post(
        URL, {name: value for name, value in {**BODY, **changes}.items() if value is not ...}, format="json"
    )


def patch(api, field_id, body):
    return api.patch(f"{URL}/{field_id}", body, format="json")


def refused(response, field, status=400):
    body = response.json()
    assert (response.status_code, body.get("field")) == (status, field), body
    assert body["message"]
    assert body["help"]
    return body


def test_one_is_made_listed_changed_and_deleted(api):
    made = post(api)
    assert made.status_code == 201
    shown = made.json()
    assert shown == {"id": shown["id"], **BODY}
    assert len(shown["id"]) == 24
    assert api.get(URL).json() == api.get(f"{URL}/").json() == [shown]
    changed = patch(api, shown["id"], {"label": "Height", "schema": {"minValue": 1}})
    assert changed.status_code == 200
    assert changed.json() == shown | {"label": "Height", "schema": {"type": "Number", "minValue": 1}}
    gone = api.delete(f"{URL}/{shown['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert api.get(URL).json() == []


def test_deleted_fields_are_listed_on_request(api, new_account):
    gone = post(api).json()
    api.delete(f"{URL}/{gone['id']}")
    kept = post(api, name="other").json()
    assert api.get(URL, {"includeDeleted": "false"}).json() == [kept]
    assert api.get(URL, {"includeDeleted": ""}).json() == [kept]
    assert api.get(URL, {"includeDeleted": "true", "folderPath": "/x"}).json() == [gone, kept]
    refused(api.get(URL, {"includeDeleted": "1"}), "includeDeleted")


@pytest.mark.parametrize("description", [..., "", None])
def test_a_description_is_shown_only_where_there_is_one(api, description):
    assert "description" not in post(api, description=description).json()


def test_a_description_is_taken_away(api):
    made = post(api).json()
    assert "description" not in patch(api, made["id"], {"description": None}).json()


SCHEMAS = [
    {"type": "Text", "minLength": 2, "maxLength": 10, "defaultValue": "ab", "isValueRequired": True},
    {"type": "Textarea", "isValueRequired": False},
    {"type": "Number", "minValue": -0.5, "maxValue": 9e18},
    {"type": "Date", "minValue": "2020-01-01T00:00:00.000Z", "maxValue": "2030-12-31", "defaultValue": "2024-02-29"},
    {"type": "Boolean", "defaultValue": False},
    {"type": "SingleSelect", "selectOptions": ["oak", 3, 3.5, True, "3"], "defaultValue": 3},
    {"type": "MultiSelect", "selectOptions": ["a", "b"], "isValueRequired": True, "defaultValue": ["b"]},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema["type"])
def test_a_schema_of_each_type_comes_back_as_it_was_sent(api, schema):
    assert post(api, schema=schema).json()["schema"] == schema
    assert api.get(URL).json()[0]["schema"] == schema


NOT_ALLOWED = "not allowed for this type"
TYPES = "should be one of Text, Textarea, Number, Date, Boolean, SingleSelect, MultiSelect"
PICK = {"type": "SingleSelect", "selectOptions": ["a"]}
BAD_SCHEMAS = [
    (
        {"type": "Number", "maxValue": "9", "minLength": 1},
        {"maxValue": "should be of type number", "minLength": NOT_ALLOWED},
    ),
    (
        {"type": "Text", "selectOptions": ["a"], "minValue": 1},
        {"selectOptions": NOT_ALLOWED, "minValue": NOT_ALLOWED},
    ),
    ({"type": "Text", "minLength": 9, "maxLength": 3}, {"minLength": "should not be greater than maxLength"}),
    ({"type": "Number", "minValue": True}, {"minValue": "should be of type number"}),
    ({"type": "Date", "minValue": "yesterday"}, {"minValue": "should be a date in ISO 8601 form"}),
    ({"type": "Boolean", "isValueRequired": True}, {"defaultValue": "is required when isValueRequired is true"}),
    ({"type": "Boolean", "defaultValue": "true"}, {"defaultValue": "should be of type boolean"}),
    ({"type": "SingleSelect"}, {"selectOptions": "should be an array of 1 to 1000 options"}),
    ({**PICK, "defaultValue": "b"}, {"defaultValue": "should be one of the options of the field"}),
    ({"type": "MultiSelect", "selectOptions": ["a", "a"]}, {"selectOptions": "should not hold an option twice"}),
    ({**PICK, "selectOptions": [None]}, {"selectOptions": "should hold strings, numbers and booleans only"}),
    ({"type": "Text", "__proto__": {}}, {"__proto__": "is not a member of a schema"}),
    ({"type": "Picture"}, {"type": TYPES}),
    ({}, {"type": TYPES}),
    ([], {"schema": "should be an object"}),
    (None, {"schema": "should be an object"}),
    (..., {"schema": "should be an object"}),
]


@pytest.mark.parametrize(("schema", "errors"), BAD_SCHEMAS)
def test_a_bad_schema_is_refused_member_by_member(api, schema, errors):
    body = refused(post(api, schema=schema), "schema")
    assert (body["message"], body["errors"]) == ("Invalid field object", errors)
    assert not CustomMetadataField.objects.exists()


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", ...),
        ("name", 5),
        ("name", "_internal_original_created_datetime"),
        ("name", "x" * 101),
        ("label", ...),
        ("label", None),
        ("label", " "),
        ("label", "x" * 101),
        ("description", 5),
        ("description", "x" * 501),
    ],
)
def test_a_bad_member_is_named(api, member, value):
    refused(post(api, **{member: value}), member)
    assert not CustomMetadataField.objects.exists()


def test_names_stay_taken_and_labels_do_not(api):
    made = post(api).json()
    refused(post(api, label="Other"), "name")
    refused(post(api, name="other"), "label")
    api.delete(f"{URL}/{made['id']}")
    refused(post(api, label="Other"), "name")
    assert post(api, name="other").status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, None),
        ({"name": "seat_height"}, None),
        ({"name": "other", "label": "Other"}, "name"),
        ({"name": None, "label": "Other"}, "name"),
        ({"label": "Taken"}, "label"),
        ({"label": None}, "label"),
        ({"label": 5}, "label"),
        ({"schema": None}, "schema"),
        ({"schema": []}, "schema"),
        ({"schema": {"minLength": 1}}, "schema"),
        ({"description": "x" * 501}, "description"),
    ],
)
def test_a_bad_update_is_refused_and_changes_nothing(api, new_account, body, field):
    CustomMetadataFieldFactory(account=new_account.account, label="Taken")
    made = post(api).json()
    refused(patch(api, made["id"], body), field)
    assert made in api.get(URL).json()


def test_the_type_in_an_update_is_ignored(api):
    made = post(api).json()
    changed = patch(api, made["id"], {"name": "seat_height", "schema": {"type": "Text", "maxValue": 5}})
    assert changed.json()["schema"] == {"type": "Number", "maxValue": 5}


def test_a_deleted_field_is_not_changed_and_deleting_it_again_changes_nothing(api):
    made = post(api).json()
    for _ in range(2):
        assert api.delete(f"{URL}/{made['id']}").status_code == 204
    assert "deleted" in refused(patch(api, made["id"], {"label": "New"}), None)["message"]


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_an_unknown_id_is_a_404_and_a_malformed_one_a_400(api, method):
    theirs = CustomMetadataFieldFactory()
    for field_id in ("0" * 24, theirs.field_id):
        refused(getattr(api, method)(f"{URL}/{field_id}", {"label": "x"}, format="json"), None, status=404)
    refused(getattr(api, method)(f"{URL}/xyz", {"label": "x"}, format="json"), "id")
    theirs.refresh_from_db()
    assert (theirs.deleted_at, theirs.label == "x") == (None, False)


def test_accounts_do_not_see_or_hinder_each_other(api):
    CustomMetadataFieldFactory(account=AccountFactory(), name="seat_height", label="Seat height")
    assert api.get(URL, {"includeDeleted": "true"}).json() == []
    assert post(api).status_code == 201


def test_a_list_takes_the_same_queries_for_one_field_and_many(api, new_account, django_assert_num_queries):
    CustomMetadataFieldFactory(account=new_account.account)
    with CaptureQueriesContext(connection) as one:
        api.get(URL)
    CustomMetadataFieldFactory.create_batch(20, account=new_account.account)
    with django_assert_num_queries(len(one)):
        assert len(api.get(URL).json()) == 21


def test_all_schemas_together_have_a_size(api, monkeypatch):
    monkeypatch.setattr(metadata, "MOST_SCHEMA_CHARACTERS", 9000)
    options = [f"{number:0400}" for number in range(10)]
    schema = {"type": "MultiSelect", "selectOptions": options}
    made = post(api, schema=schema).json()
    assert post(api, name="b", label="B", schema=schema).status_code == 201
    body = refused(post(api, name="c", label="C", schema=schema), "schema")
    assert "9000 characters" in body["message"]
    refused(patch(api, made["id"], {"schema": {"selectOptions": [*options, "x" * 499, "y" * 499]}}), "schema")
    assert patch(api, made["id"], {"schema": {"selectOptions": options[:5]}}).status_code == 200


def test_changes_count_as_bulk_changes(api, settings):
    settings.MEDIAHUB_RATE_LIMITS = {"bulk": Rate(7, 14)}
    made = post(api)
    assert made["X-RateLimit-Limit"]
    assert patch(api, made.json()["id"], {"label": "New"})["X-RateLimit-Limit"]
    assert "X-RateLimit-Limit" not in api.get(URL).headers


def test_a_viewers_key_reads_only(new_account):
    client = client_for(new_account.private_key)
    made = post(client).json()
    new_account.account.api_keys.update(is_restricted=True, rights={"media": "read"})
    assert client.get(URL).status_code == 200
    assert post(client, name="b", label="B").status_code == 403
    assert client.delete(f"{URL}/{made['id']}").status_code == 403
