"""The pages of saved extensions, and the choice of them on the upload and asset pages."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from extensions.forms import field_texts
from extensions.models import ExtensionRun, SavedExtension
from library.models import AuditEntry
from tests.extensions.scenes import FAKE_CHAINS, picture
from tests.factories import CustomMetadataFieldFactory, SavedExtensionFactory

TASKS = [{"type": "select_tags", "instruction": "Name it.", "vocabulary": ["cup", "plate"]}]


@pytest.fixture(autouse=True)
def fake_chains(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)


@pytest.fixture
def editing(client, editor):
    client.force_login(editor)
    return client


def new(client, **posted):
    return client.post("/admin/saved-extensions/new/", {"name": "Cups", "description": "Names cups", **posted})


def test_one_is_made_by_the_fields_of_its_extension(editing, new_account):
    response = new(
        editing,
        extension="google-auto-tagging",
        **{"google-auto-tagging-minConfidence": "80.5", "google-auto-tagging-maxTags": "5"},
    )
    assert response.status_code == 302
    saved = SavedExtension.objects.get(account=new_account.account)
    assert saved.config == {"name": "google-auto-tagging", "minConfidence": 80.5, "maxTags": 5}
    assert AuditEntry.objects.get(action="saved_extension.created").actor == "edda"


def test_one_is_made_as_json(editing):
    new(editing, config=json.dumps({"name": "ai-tasks", "tasks": TASKS}))
    assert SavedExtension.objects.get().config == {"name": "ai-tasks", "tasks": TASKS}


def test_the_example_that_the_form_begins_with_can_be_saved(editing):
    for extension in FAKE_CHAINS:
        page = editing.get("/admin/saved-extensions/new/", {"extension": extension})
        fields = {key: text for _field, key, text in page.context["fields"]}
        assert new(editing, name=extension, extension=extension, **fields).status_code == 302
        shown = editing.get("/admin/saved-extensions/new/", {"extension": extension, "json": ""})
        assert new(editing, name=f"{extension} 2", config=shown.context["config"]).status_code == 302


@pytest.mark.parametrize(
    ("posted", "says"),
    [
        ({"extension": "ai-tasks", "ai-tasks-tasks": "[{"}, "ai-tasks: The JSON is invalid."),
        ({"extension": "ai-tasks", "ai-tasks-tasks": "[]"}, "config.tasks: must be an array of 1 to 10 task objects."),
        ({"config": "no"}, "Configuration: The JSON is invalid."),
        ({"config": "[]"}, "config: must be an extension object"),
        ({"config": '{"name": "saved-extension", "id": "ext_1"}'}, "config.name: must be a base extension"),
        ({"extension": "local-auto-tagging", "local-auto-tagging-maxTags": "few"}, "Most tags must be a number."),
        ({"extension": "remove-bg", "name": ""}, "name is required"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(editing, posted, says):
    response = new(editing, **{"description": "Kept <words>", **posted})
    text = response.content.decode()
    assert response.status_code == 400
    assert says in text
    assert "Kept &lt;words&gt;" in text
    assert not SavedExtension.objects.exists()


@pytest.mark.parametrize("extension", ["", "nope", "saved-extension"])
def test_there_is_no_form_for_an_unknown_extension(editing, extension):
    assert editing.get("/admin/saved-extensions/new/", {"extension": extension}).status_code == 404
    assert new(editing, extension=extension).status_code == 404


def test_one_is_changed_and_deleted(editing, new_account):
    saved = SavedExtensionFactory(account=new_account.account)
    url = f"/admin/saved-extensions/{saved.saved_id}/"
    assert dict(editing.get(url).context["posted"])["local-auto-tagging-maxTags"] == "5"
    editing.post(
        url,
        {"name": "New", "description": "x", "extension": "local-auto-tagging", "local-auto-tagging-maxTags": "7"},
    )
    saved.refresh_from_db()
    assert (saved.name, saved.config) == ("New", {"name": "local-auto-tagging", "maxTags": 7})
    assert editing.post(f"{url}delete/").status_code == 302
    assert not SavedExtension.objects.exists()


def test_what_the_fields_cannot_express_is_edited_as_json_and_keeps_every_option(editing, new_account):
    config = {"name": "remove-bg", "options": {"bg_color": "fff", "add_shadow": True}}
    saved = SavedExtensionFactory(account=new_account.account, config=config)
    page = editing.get(f"/admin/saved-extensions/{saved.saved_id}/")
    assert page.context["as_json"]
    assert json.loads(page.context["config"]) == config


@pytest.mark.parametrize(
    ("config", "can"),
    [
        ({"name": "remove-bg"}, True),
        ({"name": "remove-bg", "options": {"bg_color": "fff"}}, True),
        ({"name": "remove-bg", "options": {}}, False),
        ({"name": "remove-bg", "options": {"bg_color": 5}}, False),
        ({"name": "local-auto-tagging", "minConfidence": 0}, True),
        ({"name": "ai-tasks", "tasks": TASKS}, True),
        ({"name": "ai-auto-description"}, True),
    ],
)
def test_fields_are_used_only_where_they_give_the_same_back(config, can):
    assert (field_texts(config) is not None) is can


def test_the_list_shows_prices_and_what_each_stands_for(editing, new_account):
    SavedExtensionFactory(account=new_account.account, name="Cups", config={"name": "ai-tasks", "tasks": TASKS})
    SavedExtensionFactory(account=new_account.account, name="Old", config={"name": "old-tagging"})
    SavedExtensionFactory(name="Foreign")
    text = editing.get("/admin/saved-extensions/").content.decode()
    assert "AI tasks" in text
    assert "not on this server" in text
    assert "Foreign" not in text


def test_viewers_see_the_list_without_buttons(client, viewer, new_account):
    SavedExtensionFactory(account=new_account.account, name="Cups")
    client.force_login(viewer)
    text = client.get("/admin/saved-extensions/").content.decode()
    assert "Cups" in text
    assert "Delete" not in text


def test_saved_ones_are_offered_with_their_price_and_run_as_what_they_stand_for(editing, new_account):
    saved = SavedExtensionFactory(account=new_account.account, name="Cups", config={"name": "ai-tasks", "tasks": TASKS})
    assert f'value="{saved.saved_id}" data-units="5"' in editing.get("/admin/upload/").content.decode()
    file = SimpleUploadedFile("cup.png", picture())
    editing.post("/admin/upload/", {"files": [file], "saved": [saved.saved_id], "remove-bg": "1"})
    assert sorted(ExtensionRun.objects.values_list("extension", flat=True)) == ["ai-tasks", "remove-bg"]


def test_the_asset_page_offers_and_runs_them_too(editing, scene):
    url = scene.url("file")
    assert f'value="{scene.saved.saved_id}"' in editing.get(url).content.decode()
    editing.post(scene.url("file-extensions"), {"saved": [scene.saved.saved_id]})
    run = ExtensionRun.objects.get(extension="local-auto-tagging")
    assert run.params == {"maxTags": 5}


def test_a_foreign_or_deleted_one_cannot_be_ticked(editing, new_account):
    foreign = SavedExtensionFactory()
    response = editing.post(
        "/admin/upload/", {"files": [SimpleUploadedFile("cup.png", picture())], "saved": [foreign.saved_id]}
    )
    assert "there is no saved extension of this id" in response.content.decode()
    assert not ExtensionRun.objects.exists()


def test_tasks_in_a_form_are_held_against_the_accounts_fields(editing, scene):
    task = {"type": "select_metadata", "instruction": "?", "field": "finish"}
    posted = {"ai-tasks": "1", "ai-tasks-tasks": json.dumps([task])}
    editing.post(scene.url("file-extensions"), posted)
    assert not ExtensionRun.objects.filter(extension="ai-tasks").exists()
    CustomMetadataFieldFactory(account=scene.account, name="finish")
    editing.post(scene.url("file-extensions"), posted)
    assert ExtensionRun.objects.filter(extension="ai-tasks").exists()


def test_the_run_page_tells_of_each_task(editing, scene):
    tasks = [
        {"task": 1, "type": "select_tags", "outcome": "applied", "problems": [], "selected": ["cup", True]},
        {"task": 2, "type": "yes_no", "outcome": "failed", "problems": ["<b>no</b> verdict"]},
    ]
    ExtensionRun.objects.filter(pk=scene.run.pk).update(facts={"tasks": tasks})
    text = editing.get(scene.url("run")).content.decode()
    assert "cup, yes" in text
    assert "&lt;b&gt;no&lt;/b&gt; verdict" in text
