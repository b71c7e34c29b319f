"""`/v1/saved-extensions`, and references in uploads and updates (API 3.11, 4.6)."""

import json

import pytest

from extensions.models import ExtensionRun, SavedExtension, UnitEntry
from library.models import ApiKey, Asset
from tests.extensions.scenes import FAKE_CHAINS, make_asset
from tests.factories import CustomMetadataFieldFactory, SavedExtensionFactory
from tests.uploading import assert_refused, picture, upload

pytestmark = pytest.mark.django_db
URL = "/v1/saved-extensions"
TASKS = [{"type": "select_tags", "instruction": "Name the tableware you can see.", "vocabulary": ["cup", "plate"]}]
BODY = {
    "name": "Tableware tags",
    "description": "Names the tableware in a picture",
    "config": {"name": "ai-tasks", "tasks": TASKS},
}


@pytest.fixture(autouse=True)
def fake_chains(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)


def post(api, **changes):
    body = {name: value for name, value in {**BODY, **changes}.items() if value is not ...}
    return api.post(URL, body, format="json")


def patch(api, saved_id, body):
    return api.patch(f"{URL}/{saved_id}", body, format="json")


def test_one_is_made_shown_listed_changed_and_deleted(api):
    made = post(api)
    assert made.status_code == 201
    shown = made.json()
    assert list(shown) == ["id", "name", "description", "config", "createdAt", "updatedAt"]
    assert {name: shown[name] for name in BODY} == BODY
    assert shown["createdAt"].endswith("Z")
    assert api.get(f"{URL}/{shown['id']}").json() == shown
    assert api.get(URL).json() == [shown]
    assert api.get(f"{URL}/").json() == [shown]
    changed = patch(api, shown["id"], {"name": "Cups"})
    assert (changed.status_code, changed.json()["name"], changed.json()["config"]) == (200, "Cups", BODY["config"])
    assert patch(api, shown["id"], {}).status_code == 200
    gone = api.delete(f"{URL}/{shown['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert api.get(URL).json() == []


@pytest.mark.parametrize("member", ["name", "description", "config"])
def test_each_member_is_required(api, member):
    response = post(api, **{member: ...})
    assert (response.status_code, response.json()["field"]) == (400, member)
    assert not SavedExtension.objects.exists()


@pytest.mark.rel("B10")
@pytest.mark.parametrize(
    "config", [None, [], "x", 5, {}, {"name": 5}, {"name": "saved-extension", "id": "ext_1"}, {"name": "ai-tasks"}]
)
def test_a_wrong_configuration_has_the_documented_message(api, config):
    response = post(api, config=config)
    body = response.json()
    assert (response.status_code, body["message"]) == (400, "Invalid extension configuration.")
    assert body["help"]
    assert list(body["errors"]) == [body["field"]]
    saved = SavedExtensionFactory(account=ApiKey.objects.get().account)
    assert patch(api, saved.saved_id, {"config": config}).json()["message"] == "Invalid extension configuration."


@pytest.mark.parametrize("member", ["name", "description"])
@pytest.mark.parametrize("value", ["", None, 5])
def test_a_change_to_nothing_is_refused(api, member, value):
    saved = SavedExtensionFactory(account=ApiKey.objects.get().account)
    response = patch(api, saved.saved_id, {member: value})
    assert (response.status_code, response.json()["field"]) == (400, member)


@pytest.mark.rel("B8")
@pytest.mark.parametrize("body", [b"[]", b'"x"', b"null", b"{", b'{"name": "\\u0000"}'])
def test_a_body_that_is_no_object_is_a_400(api, body):
    assert api.generic("POST", URL, body, content_type="application/json").status_code == 400


@pytest.mark.parametrize("saved_id", ["x", "ext_", "ext_a-b", "6" * 24, "ext_" + "a" * 41, "ext_%00"])
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_what_cannot_be_an_id_is_a_400(api, method, saved_id):
    response = getattr(api, method)(f"{URL}/{saved_id}")
    assert (response.status_code, response.json()["message"]) == (400, "Invalid saved extension ID.")


@pytest.mark.rel("A4", "B26")
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_unknown_and_foreign_ids_are_the_same_404(api, method):
    foreign = SavedExtensionFactory()
    bodies = [getattr(api, method)(f"{URL}/{saved_id}") for saved_id in ("ext_abc123", foreign.saved_id)]
    assert [response.status_code for response in bodies] == [404, 404]
    assert bodies[0].json() == bodies[1].json()
    assert bodies[0].json()["message"] == "The requested saved extension does not exist."
    assert SavedExtension.objects.filter(pk=foreign.pk).exists()
    assert api.get(URL).json() == []


@pytest.mark.parametrize(
    ("rights", "read", "write"),
    [
        ({}, 403, 403),
        ({"media": "write"}, 403, 403),
        ({"extensions": "read"}, 200, 403),
        ({"extensions": "write"}, 200, 201),
    ],
)
def test_restricted_keys_need_the_group_extensions(api, rights, read, write):
    ApiKey.objects.update(is_restricted=True, rights=rights)
    assert (api.get(URL).status_code, post(api).status_code) == (read, write)


def test_without_a_key_there_is_a_401(client):
    assert client.get(URL).status_code == 401


def refer(saved_id, *more):
    return json.dumps([{"name": "saved-extension", "id": saved_id}, *more])


def test_an_upload_runs_what_is_stored_under_its_own_name(api):
    saved_id = post(api).json()["id"]
    answer = upload(api, picture(), fileName="cup.png", extensions=refer(saved_id))
    assert answer.status_code == 200
    assert list(answer.json()["extensionStatus"]) == ["ai-tasks"]
    run = ExtensionRun.objects.get()
    assert (run.extension, run.params) == ("ai-tasks", {"tasks": TASKS})
    assert UnitEntry.objects.get(run_id=run.pk, kind="hold").amount == 5


@pytest.mark.rel("B10")
def test_an_upload_that_names_no_stored_one_stores_nothing(api):
    assert_refused(upload(api, picture(), extensions=refer("ext_nope")), field="extensions[0].id")


@pytest.mark.rel("B12")
def test_an_upload_with_two_of_one_extension_stores_nothing(api):
    saved_id = post(api).json()["id"]
    response = upload(api, picture(), extensions=refer(saved_id, BODY["config"]))
    assert_refused(response, field="extensions[1].name")


@pytest.mark.rel("B10")
def test_an_upload_whose_tasks_name_an_unknown_field_stores_nothing(api):
    task = {"type": "select_metadata", "instruction": "?", "field": "finish"}
    extensions = json.dumps([{"name": "ai-tasks", "tasks": [TASKS[0], task]}])
    assert_refused(upload(api, picture(), extensions=extensions), field="extensions[0].tasks[1].field")


@pytest.mark.rel("B10")
def test_an_upload_whose_tasks_break_a_rule_stores_nothing(api):
    extensions = json.dumps([{"name": "ai-tasks", "tasks": [TASKS[0], {**TASKS[0], "vocabulary": []}]}])
    assert_refused(upload(api, picture(), extensions=extensions), field="extensions[0].tasks[1].vocabulary")


def test_an_update_takes_references_too_and_changes_nothing_when_refused(api, new_account):
    asset = make_asset(new_account.account)
    url = f"/v1/files/{asset.file_id}/details"
    refused = api.patch(
        url, {"tags": ["new"], "extensions": [{"name": "saved-extension", "id": "ext_nope"}]}, format="json"
    )
    assert (refused.status_code, refused.json()["field"]) == (400, "extensions[0].id")
    assert not Asset.objects.get(pk=asset.pk).tags.exists()
    saved_id = post(api).json()["id"]
    answer = api.patch(url, {"extensions": [{"name": "saved-extension", "id": saved_id}]}, format="json")
    assert answer.status_code == 200
    assert list(answer.json()["extensionStatus"]) == ["ai-tasks"]


def test_an_update_holds_tasks_against_the_accounts_fields(api, new_account):
    asset = make_asset(new_account.account)
    CustomMetadataFieldFactory(name="finish")
    task = {"type": "select_metadata", "instruction": "?", "field": "finish"}
    body = {"extensions": [{"name": "ai-tasks", "tasks": [task]}]}
    url = f"/v1/files/{asset.file_id}/details"
    assert api.patch(url, body, format="json").json()["field"] == "extensions[0].tasks[0].field"
    CustomMetadataFieldFactory(account=new_account.account, name="finish")
    assert api.patch(url, body, format="json").status_code == 200
