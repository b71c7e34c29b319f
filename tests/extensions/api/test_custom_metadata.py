"""Values of custom metadata in uploads and updates (API 2.1, 2.7, 3.5; REL B25)."""

import json

import pytest

from library.models import Asset, AssetVersion
from tests.conftest import client_for
from tests.factories import AssetFactory, CustomMetadataFieldFactory
from tests.uploading import assert_nothing_stored, assert_refused, upload

pytestmark = pytest.mark.django_db
SCHEMAS = {
    "text": {"type": "Text", "minLength": 2, "maxLength": 10},
    "prose": {"type": "Textarea"},
    "height": {"type": "Number", "minValue": 300, "maxValue": 900},
    "any": {"type": "Number"},
    "made on": {"type": "Date", "minValue": "2020-01-01", "maxValue": "2030-01-01T00:00:00Z"},
    "sold": {"type": "Boolean"},
    "wood": {"type": "SingleSelect", "selectOptions": ["oak", "ash", 3, True]},
    "rooms": {"type": "MultiSelect", "selectOptions": ["kitchen", "hall", 1]},
}
GOOD = [
    ("text", "äöü 😀"),
    ("text", "x" * 10),
    ("prose", ""),
    ("prose", "two\nlines\t\u202e"),
    ("prose", "x" * 10_000),
    ("height", 300),
    ("height", 899.5),
    ("any", 2**63 - 1),
    ("any", -9.2e18),
    ("any", 5e-324),
    ("made on", "2024-02-29"),
    ("made on", "2024-03-12T20:58:47.313Z"),
    ("made on", "2024-03-12T20:58+14:00"),
    ("sold", False),
    ("wood", "oak"),
    ("wood", 3),
    ("wood", True),
    ("rooms", []),
    ("rooms", ["hall", 1]),
]
BAD = [
    ("text", "x"),
    ("text", "x" * 11),
    ("text", 5),
    ("text", ["ab"]),
    ("prose", "x" * 10_001),
    ("prose", {"a": 1}),
    ("height", 299),
    ("height", 900.1),
    ("height", "450"),
    ("height", True),
    ("any", -(2**63)),
    ("any", 1.7976931348623157e308),
    ("made on", "2019-12-31"),
    ("made on", "2030-01-01T00:00:01Z"),
    ("made on", "2024-02-30"),
    ("made on", "2024-W10-1"),
    ("made on", "2024-03-12T20:58+15:00"),
    ("made on", "٢٠٢٤-٠٣-١٢"),
    ("made on", 1710277127313),
    ("sold", "true"),
    ("sold", 1),
    ("wood", "pine"),
    ("wood", ["oak"]),
    ("wood", 1),
    ("wood", "3"),
    ("rooms", "hall"),
    ("rooms", ["bath"]),
    ("rooms", ["hall", "hall"]),
    ("rooms", [True]),
    ("rooms", [None]),
    ("rooms", [[]]),
    ("unknown", 1),
    ("__proto__", {"sold": True}),
    ("constructor", None),
    ("", 1),
    ("x" * 5000, 1),
    ("TEXT", "ab"),
]
WRONG_TEXTS = {
    "no JSON": "brand=Acme",
    "cut off": '{"text": ',
    "too deep": '{"text": ' + "[" * 40 + "]" * 40 + "}",
    "very deep": "[" * 100_000,
    "NUL": '{"prose": "a\\u0000b"}',
    "a surrogate": '{"prose": "\\ud800"}',
    "a surrogate in a name": '{"\\udfff": 1}',
    "NaN": '{"any": NaN}',
    "too large a number": '{"any": 1e400}',
    "a large integer": '{"any": 9223372036854775808}',
}
WRONG_SHAPES = {"an array": "[]", "a text": '"x"', "a number": "5", "null": "null", "twice JSON": '"{}"'}


@pytest.fixture
def fields(new_account):
    return {
        name: CustomMetadataFieldFactory(account=new_account.account, name=name, schema=schema)
        for name, schema in SCHEMAS.items()
    }


@pytest.fixture
def asset(new_account):
    return AssetFactory(account=new_account.account, custom_metadata={"prose": "old", "gone": 5})


def send(api, values, **more):
    return upload(api, customMetadata=json.dumps(values), responseFields="customMetadata", **more)


def patch(api, asset, body):
    data = body if isinstance(body, str) else json.dumps(body)
    return api.generic("PATCH", f"/v1/files/{asset.file_id}/details", data, content_type="application/json")


def change(api, asset, values):
    return patch(api, asset, {"customMetadata": values})


def stored(asset):
    return Asset.objects.get(pk=asset.pk).custom_metadata


def assert_invalid(response, *names):
    body = response.json()
    assert (response.status_code, body["message"]) == (400, "Invalid custom metadata."), body
    assert (body["field"], list(body["errors"])) == ("customMetadata", list(names))
    assert all(isinstance(text, str) and text for text in body["errors"].values())
    return body["errors"]


def shown(name):
    return name[:100]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_a_good_value_is_answered_and_kept_whichever_way_it_came(api, fields, asset, name, value):
    made = send(api, {name: value})
    assert made.status_code == 200
    assert made.json()["customMetadata"] == {name: value}
    details = api.get(f"/v1/files/{made.json()['fileId']}/details").json()
    assert details["customMetadata"] == {name: value}
    assert change(api, asset, {name: value}).json()["customMetadata"] == {"prose": "old", "gone": 5, name: value}


@pytest.mark.rel("B25")
@pytest.mark.parametrize(("name", "value"), BAD)
def test_an_upload_with_a_bad_value_is_refused_and_stores_nothing(api, fields, name, value):
    response = send(api, {"sold": True, name: value} if name != "sold" else {name: value})
    assert_invalid(response, shown(name))
    assert_nothing_stored()


@pytest.mark.rel("B25")
@pytest.mark.parametrize(("name", "value"), BAD)
def test_an_update_with_a_bad_value_changes_nothing(api, fields, asset, name, value):
    body = {"description": "new", "tags": ["new"], "customMetadata": {"prose": "new", name: value}}
    assert_invalid(patch(api, asset, body), *(["prose"] if name == "prose" else [shown(name)]))
    after = api.get(f"/v1/files/{asset.file_id}/details").json()
    assert (after["customMetadata"], after.get("description"), after["tags"]) == (
        {"prose": "old", "gone": 5},
        None,
        None,
    )


@pytest.mark.rel("B25")
@pytest.mark.parametrize("text", WRONG_TEXTS.values(), ids=WRONG_TEXTS)
def test_text_that_is_no_json_of_ours_is_a_400(api, fields, asset, text):
    body = assert_refused_beside(asset, upload(api, customMetadata=text))
    assert (body["field"], body["message"].split(":")[0]) == ("customMetadata", "customMetadata")
    assert patch(api, asset, f'{{"customMetadata": {text}}}').status_code == 400
    assert stored(asset) == {"prose": "old", "gone": 5}


@pytest.mark.rel("B25")
@pytest.mark.parametrize("text", WRONG_SHAPES.values(), ids=WRONG_SHAPES)
def test_what_is_no_object_is_refused(api, fields, asset, text):
    assert_invalid(upload(api, customMetadata=text), "customMetadata")
    assert_invalid(patch(api, asset, f'{{"customMetadata": {text}}}'), "customMetadata")
    assert (Asset.objects.count(), stored(asset)) == (1, {"prose": "old", "gone": 5})


def assert_refused_beside(asset, response):
    assert response.status_code == 400
    assert list(Asset.objects.all()) == [asset]
    return response.json()


@pytest.mark.rel("B25")
def test_ten_thousand_keys_are_refused(api, fields, asset):
    values = {f"key_{number}": number for number in range(10_000)}
    assert_invalid(change(api, asset, values), "customMetadata")
    assert stored(asset) == {"prose": "old", "gone": 5}
    Asset.objects.all().delete()
    assert_invalid(send(api, values), "customMetadata")
    assert not Asset.objects.exists()


@pytest.mark.rel("B25")
def test_five_hundred_unknown_keys_are_each_named(api, fields):
    values = {f"key_{number}": number for number in range(500)}
    assert_invalid(send(api, values), *values)
    assert_nothing_stored()


@pytest.mark.rel("B25")
def test_a_file_carries_so_much_and_no_more(api, new_account, asset):
    names = [f"prose {number}" for number in range(11)]
    for name in names:
        CustomMetadataFieldFactory(account=new_account.account, name=name, schema={"type": "Textarea"})
    values = dict.fromkeys(names, "ä" * 9_000)
    assert change(api, asset, values).status_code == 200
    before = stored(asset)
    assert_invalid(change(api, asset, {"prose 0": "ä" * 10_000, "prose 1": "ä" * 10_000}), "customMetadata")
    assert stored(asset) == before
    assert_invalid(send(api, dict.fromkeys(names, "ä" * 10_000)), "customMetadata")
    assert Asset.objects.count() == 1


def test_the_last_of_repeated_members_counts(api, fields):
    made = upload(api, customMetadata='{"sold": 5, "sold": true}', responseFields="customMetadata")
    assert made.json()["customMetadata"] == {"sold": True}


# --- merging and overwriting ------------------------------------------------------------------------------------------


def test_an_update_merges_key_by_key_and_null_unsets(api, fields, asset):
    assert change(api, asset, {"sold": True, "wood": "oak"}).status_code == 200
    answer = change(api, asset, {"sold": False, "wood": None, "text": None}).json()
    assert answer["customMetadata"] == {"prose": "old", "gone": 5, "sold": False}
    assert stored(asset) == answer["customMetadata"]


def test_null_in_an_upload_is_no_value(api, fields):
    assert send(api, {"sold": None, "wood": "oak"}).json()["customMetadata"] == {"wood": "oak"}


def test_values_are_answered_only_where_they_were_asked_for(api, fields):
    assert "customMetadata" not in upload(api, customMetadata='{"sold": true}').json()


class TestOverwriting:
    """A second upload to the same path."""

    @pytest.fixture
    def first(self, api, fields):
        return send(api, {"sold": True, "wood": "oak"}, fileName="a.bin", useUniqueFileName="false").json()

    def again(self, api, **more):
        names = {"fileName": "a.bin", "useUniqueFileName": "false", "responseFields": "customMetadata"}
        return upload(api, b"second", **names, **more)

    @pytest.mark.parametrize("switch", ["true", "false", ""])
    def test_values_of_the_request_replace_all_old_ones_whatever_the_switch_says(self, api, first, switch):
        body = self.again(api, customMetadata='{"wood": "ash"}', overwriteCustomMetadata=switch).json()
        assert (body["fileId"], body["customMetadata"]) == (first["fileId"], {"wood": "ash"})

    @pytest.mark.parametrize("given", [None, "", "{}", " { } "])
    def test_without_values_the_switch_decides(self, api, first, given):
        kept = self.again(api, customMetadata=given, overwriteCustomMetadata="false").json()
        assert kept["customMetadata"] == {"sold": True, "wood": "oak"}
        assert self.again(api, customMetadata=given).json()["customMetadata"] == {}

    def test_a_bad_value_leaves_the_file_as_it_was(self, api, first):
        assert_invalid(self.again(api, customMetadata='{"wood": "pine"}'), "wood")
        assert AssetVersion.objects.count() == 1
        assert Asset.objects.get().custom_metadata == {"sold": True, "wood": "oak"}


# --- required fields --------------------------------------------------------------------------------------------------


@pytest.fixture
def required(new_account):
    schema = {"type": "Text", "isValueRequired": True, "defaultValue": "none"}
    return CustomMetadataFieldFactory(account=new_account.account, name="owner", schema=schema)


def test_whoever_sets_values_must_carry_the_required_ones(api, fields, required, asset):
    assert assert_invalid(change(api, asset, {"sold": True}), "owner") == {"owner": "is required"}
    assert_invalid(send(api, {"sold": True}), "owner")
    assert_invalid(change(api, asset, {"owner": None}), "owner")
    assert change(api, asset, {"sold": True, "owner": "Ana"}).status_code == 200
    assert send(api, {"owner": "Ana"}).status_code == 200


def test_whoever_sets_none_need_not(api, fields, required, asset):
    assert upload(api, responseFields="customMetadata").json()["customMetadata"] == {}
    assert patch(api, asset, {"description": "new", "customMetadata": {}}).status_code == 200


def test_a_deleted_field_takes_no_values_and_is_not_required(api, fields, required, asset):
    for name in ("owner", "prose"):
        field = required if name == "owner" else fields[name]
        assert api.delete(f"/v1/customMetadataFields/{field.field_id}").status_code == 204
    assert_invalid(change(api, asset, {"prose": "new"}), "prose")
    assert change(api, asset, {"sold": True}).json()["customMetadata"]["prose"] == "old"


# --- accounts, repeats, search ----------------------------------------------------------------------------------------


def test_fields_of_other_accounts_are_unknown(api, asset):
    CustomMetadataFieldFactory(name="theirs")
    errors = {"theirs": "is not a custom metadata field of this account"}
    assert assert_invalid(send(api, {"theirs": "x"}), "theirs") == errors
    assert assert_invalid(change(api, asset, {"theirs": "x"}), "theirs") == errors


def test_a_file_of_another_account_is_unknown_before_its_values_are_looked_at(api, fields):
    assert change(api, AssetFactory(), {"sold": "x"}).status_code == 404


def test_a_repeat_gets_the_first_answer_although_the_field_is_gone(api, fields):
    once = send(api, {"sold": True}).json()
    api.delete(f"/v1/customMetadataFields/{fields['sold'].field_id}")
    repeat = send(api, {"sold": True}, headers={"x-stainless-retry-count": "1"})
    assert (repeat.status_code, repeat.json()["fileId"]) == (200, once["fileId"])
    other = send(api, {"sold": False}, headers={"x-stainless-retry-count": "1"})
    assert_invalid(other, "sold")


@pytest.mark.parametrize(
    ("values", "query"),
    [
        ({"text": "chair"}, '"customMetadata.text" = "chair"'),
        ({"prose": "a long walk"}, '"customMetadata.prose" HAS "walk"'),
        ({"height": 450}, '"customMetadata.height" < 500'),
        ({"any": 9.2e18}, '"customMetadata.any" > 5'),
        ({"made on": "2024-03-12T20:58:47+14:00"}, '"customMetadata.made on" = "2024-03-12"'),
        ({"made on": "2024-03-12"}, '"customMetadata.made on" < "2024-03-13"'),
        ({"sold": False}, '"customMetadata.sold" = false'),
        ({"wood": "ash"}, '"customMetadata.wood" IN ["ash"]'),
        ({"rooms": ["hall"]}, '"customMetadata.rooms" IN ["hall"]'),
    ],
)
def test_a_search_finds_what_the_api_has_set(api, fields, asset, values, query):
    made = send(api, values).json()
    assert [item["fileId"] for item in api.get("/v1/files", {"searchQuery": query}).json()] == [made["fileId"]]
    change(api, asset, values)
    assert len(api.get("/v1/files", {"searchQuery": query}).json()) == 2
    change(api, asset, dict.fromkeys(values))
    assert len(api.get("/v1/files", {"searchQuery": query}).json()) == 1


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00"])
def test_the_farthest_dates_break_no_search(api, new_account, value):
    CustomMetadataFieldFactory(account=new_account.account, name="day", schema={"type": "Date"})
    assert send(api, {"day": value}).status_code == 200
    for operator in ("<", ">", "="):
        answer = api.get("/v1/files", {"searchQuery": f'"customMetadata.day" {operator} "2024-03-12"'})
        assert answer.status_code == 200


def test_a_signed_upload_carries_values_too(new_account, fields):
    client = client_for(new_account.private_key)
    made = client.post(
        "/api/v2/files/upload",
        {
            "file": "aGVsbG8=",
            "fileName": "x.bin",
            "customMetadata": '{"sold": true}',
            "responseFields": "customMetadata",
        },
        format="multipart",
    )
    assert (made.status_code, made.json().get("customMetadata")) == (200, {"sold": True})


def test_a_schema_of_path_policies_is_accepted_and_absent(api):
    made = upload(api, responseFields="customMetadata,selectedFieldsSchema")
    assert made.status_code == 200
    assert "selectedFieldsSchema" not in made.json()


def test_a_refused_upload_by_url_fetches_nothing(api, fields):
    # Port 1 answers nobody: the fault named is that of the values.
    assert_refused(upload(api, "http://127.0.0.1:1/x.bin", customMetadata='{"sold": 1}'), field="customMetadata")
