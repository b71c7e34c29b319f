"""The pages of custom metadata fields, and the values on an asset's page."""

import pytest

from library.models import Asset, CustomMetadataField
from tests.extensions.admin.test_markup import Markup
from tests.factories import CustomMetadataFieldFactory

NEW = "/admin/metadata-fields/new/"
SCHEMAS = [
    {"type": "Text", "minLength": 2, "maxLength": 10, "defaultValue": "3 b", "isValueRequired": True},
    {"type": "Text", "defaultValue": "true"},
    {"type": "Textarea", "defaultValue": "\none\n\ntwo "},
    {"type": "Number", "minValue": -0.5, "maxValue": 1e-7, "defaultValue": 0},
    {"type": "Date", "minValue": "2020-01-01", "maxValue": "2030-01-01T10:00:00Z", "defaultValue": "2024-02-29"},
    {"type": "Boolean", "defaultValue": False, "isValueRequired": True},
    {"type": "SingleSelect", "selectOptions": ["oak", 3, "3", True, "true", " x", '"', "a,b"], "defaultValue": "3"},
    {"type": "MultiSelect", "selectOptions": ["a", 1.5, "null"], "defaultValue": ["null", 1.5]},
]


@pytest.fixture
def signed_in(client, owner):
    client.force_login(owner)
    return client


@pytest.fixture
def fields(new_account):
    schemas = {
        "prose": {"type": "Textarea"},
        "height": {"type": "Number", "minValue": 300},
        "day": {"type": "Date"},
        "sold": {"type": "Boolean"},
        "wood": {"type": "SingleSelect", "selectOptions": ["oak", 3, True]},
        "rooms": {"type": "MultiSelect", "selectOptions": ["hall", "kitchen", 1]},
    }
    return {
        name: CustomMetadataFieldFactory(account=new_account.account, name=name, label=name.title(), schema=schema)
        for name, schema in schemas.items()
    }


def posted(client, scene):
    """What a browser sends of the custom metadata if nothing was touched."""
    context = client.get(scene.url("file")).context
    form = {"shown-fields": context["shown_fields"]}
    for item in context["inputs"]:
        chosen = [sent for sent, _, is_chosen in item.choices if is_chosen]
        form[item.key] = chosen if item.choices else item.text.replace("\n", "\r\n")
    return form


def stored(scene):
    return Asset.objects.get(pk=scene.asset.pk).custom_metadata


def save(client, scene, form, **more):
    return client.post(scene.url("file-metadata"), form, **more)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema["type"])
def test_a_schema_is_the_same_after_its_form_was_saved_untouched(signed_in, new_account, schema):
    field = CustomMetadataFieldFactory(account=new_account.account, schema=schema)
    address = f"/admin/metadata-fields/{field.field_id}/"
    context = signed_in.get(address).context
    form = {item.name: text.replace("\n", "\r\n") for item, text in context["inputs"]}
    form |= {name: context["posted"][name] for name in ("label", "description", "isValueRequired")}

    assert signed_in.post(address, form).status_code == 302

    assert CustomMetadataField.objects.get(pk=field.pk).schema == schema


def test_a_field_is_made_listed_changed_and_deleted(signed_in, new_account):
    form = {"type": "SingleSelect", "name": "wood", "label": "Wood", "selectOptions": "oak\r\n3\r\n\r\ntrue"}
    assert signed_in.post(NEW, form).status_code == 302
    field = CustomMetadataField.objects.get(account=new_account.account)
    assert field.schema == {"type": "SingleSelect", "selectOptions": ["oak", 3, True]}
    assert "Wood" in signed_in.get("/admin/metadata-fields/").content.decode()
    address = f"/admin/metadata-fields/{field.field_id}/"
    signed_in.post(address, {"label": "Timber", "selectOptions": "ash", "name": "other"})
    field.refresh_from_db()
    assert (field.label, field.name, field.schema["selectOptions"]) == ("Timber", "wood", ["ash"])
    signed_in.post(f"{address}delete/")
    assert list(signed_in.get("/admin/metadata-fields/").context["rows"]) == []
    assert signed_in.get(address).status_code == 404


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"type": "Number", "minValue": "few"}, "minValue should be of type number."),
        ({"type": "Number", "minValue": "9", "maxValue": "1"}, "minValue should not be greater than maxValue."),
        ({"type": "SingleSelect"}, "selectOptions should be an array of 1 to 1000 options."),
        ({"type": "Text", "isValueRequired": "1"}, "defaultValue is required when isValueRequired is true."),
        ({"type": "Text", "name": "_x"}, "name must begin with a letter or digit"),
        ({"type": "Text", "label": " "}, "label must be a text of 1 to 100 characters."),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(signed_in, form, says):
    response = signed_in.post(NEW, {"name": "n", "label": "L", "description": "Kept <words>", **form})
    text = response.content.decode()
    assert response.status_code == 400
    assert says in text
    assert "Kept &lt;words&gt;" in text
    assert not CustomMetadataField.objects.exists()


def test_there_is_no_form_of_an_unknown_type(signed_in):
    assert signed_in.get(NEW, {"type": "Picture"}).status_code == 404


def test_values_are_set_changed_and_unset(signed_in, scene, fields):
    form = posted(signed_in, scene)
    key = {name: f"value-{field.field_id}" for name, field in fields.items()}
    form |= {key["prose"]: "two\r\nlines", key["height"]: "450", key["day"]: "2024-03-12", key["sold"]: "false"}
    form |= {key["wood"]: "3", key["rooms"]: ['"hall"', "1"]}
    save(signed_in, scene, form)
    values = {"prose": "two\nlines", "height": 450, "day": "2024-03-12", "sold": False, "wood": 3}
    assert stored(scene) == values | {"rooms": ["hall", 1]}

    form = posted(signed_in, scene) | {key["height"]: "", key["rooms"]: [], key["wood"]: "true"}
    save(signed_in, scene, form)
    assert stored(scene) == {"prose": "two\nlines", "day": "2024-03-12", "sold": False, "wood": True}


def test_what_nobody_touched_stays_even_if_it_no_longer_fits(signed_in, scene, fields):
    values = {"prose": "", "height": 5, "wood": "pine", "rooms": ["bath", "hall"], "brand": "a\nb", "gone": 1}
    Asset.objects.filter(pk=scene.asset.pk).update(custom_metadata=values)
    day = f"value-{fields['day'].field_id}"

    save(signed_in, scene, posted(signed_in, scene) | {day: "2024-03-12"})

    assert stored(scene) == values | {"day": "2024-03-12"}


def test_fields_made_since_the_page_was_shown_are_left_alone(signed_in, scene, fields, new_account):
    form = posted(signed_in, scene)
    later = CustomMetadataFieldFactory(account=new_account.account, name="later")
    Asset.objects.filter(pk=scene.asset.pk).update(custom_metadata={later.name: "x"})
    save(signed_in, scene, form)
    assert stored(scene) == {"later": "x"}


def test_a_required_field_begins_with_its_default(signed_in, scene, new_account):
    schema = {"type": "SingleSelect", "selectOptions": ["Ana", "Bo"], "isValueRequired": True, "defaultValue": "Bo"}
    field = CustomMetadataFieldFactory(account=new_account.account, name="who", label="Who", schema=schema)
    form = posted(signed_in, scene)
    save(signed_in, scene, form)
    assert stored(scene) == {"who": "Bo"}
    answer = save(signed_in, scene, form | {f"value-{field.field_id}": ""}, follow=True)
    assert "Who is required and cannot be unset." in answer.content.decode()


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["plain", "htmx"])
def test_a_bad_value_is_named_by_its_label_and_nothing_is_saved(signed_in, scene, fields, headers):
    form = posted(signed_in, scene)
    form |= {f"value-{fields['height'].field_id}": "5", f"value-{fields['prose'].field_id}": "new"}
    answer = save(signed_in, scene, form, headers=headers, follow=True)
    assert "Height should be at least 300." in answer.content.decode()
    assert stored(scene) == {}


def test_what_was_typed_is_shown_again_without_script(signed_in, scene, fields):
    key = {name: f"value-{field.field_id}" for name, field in fields.items()}
    form = posted(signed_in, scene) | {key["height"]: "5", key["prose"]: "a <b>", key["rooms"]: ['"kitchen"']}
    answer = save(signed_in, scene, form | {key["sold"]: "false"})
    assert answer.status_code == 400
    shown = {item.key: item for item in answer.context["inputs"]}
    assert [shown[key[name]].text for name in ("height", "prose")] == ["5", "a <b>"]
    assert [choice[2] for choice in shown[key["rooms"]].choices] == [False, True, False]
    assert [choice[2] for choice in shown[key["sold"]].choices] == [False, True]
    assert "a &lt;b&gt;" in answer.content.decode()


def test_viewers_read_the_values(client, viewer, scene, fields):
    Asset.objects.filter(pk=scene.asset.pk).update(custom_metadata={"sold": True, "gone": 5})
    client.force_login(viewer)
    text = client.get(scene.url("file")).content.decode()
    assert '>Sold</dt><dd class="breakable">yes<' in text
    assert '>gone</dt><dd class="breakable">5<' in text
    assert "shown-fields" not in text


def test_every_input_of_the_values_has_a_label(signed_in, scene, fields):
    page = Markup(signed_in.get(scene.url("file")).content.decode())
    labelled = {label.get("for") for label in page.all("label")}
    for tag in ("input", "select", "textarea"):
        for attrs in page.all(tag):
            if (attrs.get("name") or "").startswith("value-") and attrs.get("type") != "checkbox":
                assert attrs["id"] in labelled
