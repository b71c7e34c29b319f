"""imagekitio 5, unmodified and strict: custom metadata, metadata of pictures, and upload fields that depend on them."""

from pathlib import Path

import pytest
from imagekitio import BadRequestError, NotFoundError

pytestmark = pytest.mark.process
PHOTO = Path(__file__).parents[1] / "files" / "photos" / "cat.jpg"

SCHEMAS = {
    "text": {"type": "Text", "min_length": 2, "max_length": 10},
    "prose": {"type": "Textarea", "default_value": "none given", "is_value_required": False},
    "height": {"type": "Number", "min_value": 300, "max_value": 900},
    "made_on": {"type": "Date", "min_value": "2020-01-01T00:00:00.000Z"},
    "sold": {"type": "Boolean"},
    "wood": {"type": "SingleSelect", "select_options": ["oak", "ash", 3, True]},
    "rooms": {"type": "MultiSelect", "select_options": ["kitchen", "hall"]},
}
VALUES = {
    "text": "chair",
    "height": 450,
    "made_on": "2024-03-12T20:58:47.313Z",
    "sold": False,
    "wood": "oak",
    "rooms": ["hall"],
}


@pytest.fixture
def fields(client):
    return {
        name: client.custom_metadata_fields.create(name=name, label=name.title(), schema=schema)
        for name, schema in SCHEMAS.items()
    }


@pytest.mark.sdk(
    "custom_metadata_fields.create",
    "custom_metadata_fields.list",
    "custom_metadata_fields.update",
    "custom_metadata_fields.delete",
)
def test_fields_of_every_type(client, fields):
    assert {name: field.schema_.type for name, field in fields.items()} == {
        name: schema["type"] for name, schema in SCHEMAS.items()
    }
    assert fields["height"].schema_.max_value == 900
    assert fields["wood"].schema_.select_options == ["oak", "ash", 3, True]
    assert [item.name for item in client.custom_metadata_fields.list()] == list(SCHEMAS)

    field_id = fields["text"].id
    changed = client.custom_metadata_fields.update(field_id, label="Words", schema={"max_length": 20})
    assert (changed.label, changed.schema_.max_length) == ("Words", 20)
    assert client.custom_metadata_fields.delete(field_id) is None
    assert "text" not in [item.name for item in client.custom_metadata_fields.list()]
    assert "text" in [item.name for item in client.custom_metadata_fields.list(include_deleted=True)]
    with pytest.raises(NotFoundError):
        client.custom_metadata_fields.update("0" * 24, label="x")
    with pytest.raises(BadRequestError):
        client.custom_metadata_fields.create(name="text", label="Again", schema={"type": "Text"})
    with pytest.raises(BadRequestError) as refused:
        client.custom_metadata_fields.create(name="n", label="N", schema={"type": "Number", "min_length": 3})
    assert list(refused.value.body["errors"]) == ["minLength"]


def test_values_are_stored_merged_unset_and_searched(client, fields):
    made = client.files.upload(
        file=b"one", file_name="a.txt", custom_metadata=VALUES, response_fields=["customMetadata"]
    )
    assert made.custom_metadata == VALUES
    changed = client.files.update(made.file_id, custom_metadata={"sold": True, "wood": None})
    assert changed.custom_metadata == {name: VALUES[name] for name in VALUES if name != "wood"} | {"sold": True}
    found = client.assets.list(search_query='"customMetadata.height" < 500 AND "customMetadata.rooms" IN ["hall"]')
    assert [item.file_id for item in found] == [made.file_id]
    assert client.assets.list(search_query='"customMetadata.wood" EXISTS') == []


def test_values_that_break_the_schema_are_named_and_change_nothing(client, fields):
    made = client.files.upload(file=b"one", file_name="a.txt", custom_metadata=VALUES)
    for bad in ({"height": 1}, {"wood": "pine"}, {"unknown": 1}):
        with pytest.raises(BadRequestError) as refused:
            client.files.update(made.file_id, custom_metadata={"sold": True, **bad})
        assert list(refused.value.body["errors"]) == list(bad)
        with pytest.raises(BadRequestError):
            client.files.upload(file=b"two", file_name="b.txt", custom_metadata=bad)
    assert client.files.get(made.file_id).custom_metadata == VALUES
    assert len(client.assets.list()) == 1


@pytest.mark.sdk("files.metadata.get", "files.metadata.get_from_url")
def test_metadata_of_a_picture(client):
    made = client.files.upload(
        file=PHOTO.read_bytes(), file_name="cat.jpg", response_fields=["metadata", "embeddedMetadata"]
    )
    found = client.files.metadata.get(made.file_id)
    assert (found.width, found.height, found.size, found.format) == (made.width, made.height, made.size, "jpg")
    assert len(found.p_hash) == 16
    assert found.has_transparency is False
    assert client.files.metadata.get_from_url(url=made.url) == found
    assert made.metadata.p_hash == found.p_hash
    assert made.embedded_metadata is not None
    with pytest.raises(NotFoundError):
        client.files.metadata.get("0" * 24)
    with pytest.raises(BadRequestError):
        client.files.metadata.get_from_url(url="https://other.example/cat.jpg")


@pytest.mark.sdk("beta.v2.files.upload")
def test_uploads_by_v2_with_a_private_key(client):
    made = client.beta.v2.files.upload(file=b"one", file_name="a.txt", tags=["a"], response_fields=["tags"])
    assert (made.tags, client.files.get(made.file_id).size) == (["a"], 3)


def test_checks_decide_before_anything_is_stored(client):
    photo = PHOTO.read_bytes()
    client.files.upload(file=photo, file_name="cat.jpg", checks='"mediaMetadata.width" >= 640 AND "file.size" < "3mb"')
    for checks in ('"mediaMetadata.width" < 640', '"file.size" <'):
        with pytest.raises(BadRequestError):
            client.files.upload(file=photo, file_name="no.jpg", checks=checks)
    assert len(client.assets.list()) == 1


def test_a_picture_is_transformed_before_it_is_stored(client):
    made = client.files.upload(file=PHOTO.read_bytes(), file_name="cat.jpg", transformation={"pre": "w-200,q-70"})
    assert made.width == 200
    assert client.files.get(made.file_id).width == 200
    with pytest.raises(BadRequestError):
        client.files.upload(
            file=PHOTO.read_bytes(),
            file_name="cat.jpg",
            transformation={"post": [{"type": "transformation", "value": "w-100"}]},
        )


def test_either_of_two_folder_trees_is_found(client):
    for folder in ("/a/deep", "/b/deep", "/c"):
        client.files.upload(file=b"one", file_name="x.txt", folder=folder, use_unique_file_name=False)
    found = client.assets.list(search_query='path : "/a" OR path : "/b"')
    assert sorted(item.file_path for item in found) == ["/a/deep/x.txt", "/b/deep/x.txt"]
