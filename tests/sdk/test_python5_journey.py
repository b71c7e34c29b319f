"""The official Python SDK, unmodified, against a live server: one journey through everything it can call so far."""

import base64
from pathlib import Path

import pytest
from imagekitio import BadRequestError, ImageKit, NotFoundError, PermissionDeniedError

PHOTOS = Path(__file__).parents[1] / "files" / "photos"


@pytest.mark.process
@pytest.mark.sdk("files.upload", "files.get", "files.update", "files.delete", "assets.list")
def test_sdk_uploads_reads_updates_lists_and_deletes_a_file(client):
    made = client.files.upload(
        file=(PHOTOS / "coffee.jpg").read_bytes(),
        file_name="Morning coffee.jpg",
        folder="/drinks/hot",
        tags=["coffee", "cup"],
        use_unique_file_name=False,
        custom_coordinates="1,2,30,40",
        response_fields=["tags", "customCoordinates"],
    )
    assert made.file_path == "/drinks/hot/Morning_coffee.jpg"
    assert made.tags == ["coffee", "cup"]
    assert made.custom_coordinates == "1,2,30,40"
    assert made.version_info.id == made.file_id

    found = client.files.get(made.file_id)
    assert (found.width, found.height, found.mime) == (made.width, made.height, "image/jpeg")

    changed = client.files.update(made.file_id, tags=["espresso"], description="In the morning")
    assert changed.tags == ["espresso"]
    assert changed.description == "In the morning"

    assert [item.file_id for item in client.assets.list(path="/drinks/hot")] == [made.file_id]
    assert [item.type for item in client.assets.list(type="all")] == ["folder", "folder", "file"]

    client.files.delete(made.file_id)
    with pytest.raises(NotFoundError, match="The requested file does not exist"):
        client.files.get(made.file_id)


@pytest.mark.process
def test_sdk_works_with_versions(client):
    first = client.files.upload(file=b"one", file_name="note.txt", use_unique_file_name=False)
    second = client.files.upload(file=b"two", file_name="note.txt", use_unique_file_name=False)
    assert second.file_id == first.file_id
    assert second.version_info.name == "Version 2"

    versions = client.files.versions.list(first.file_id)
    assert [(item.type, item.version_info.name) for item in versions] == [
        ("file", "Version 2"),
        ("file-version", "Version 1"),
    ]
    restored = client.files.versions.restore(first.file_id, file_id=first.file_id)
    assert restored.version_info.name == "Version 1"
    client.files.versions.delete(second.version_info.id, file_id=first.file_id)
    assert len(client.files.versions.list(first.file_id)) == 1
    assert client.files.versions.get(first.file_id, file_id=first.file_id).size == 3


@pytest.mark.process
def test_sdk_uploads_base64_and_asks_for_an_extension(client):
    text = base64.b64encode((PHOTOS / "cat.jpg").read_bytes()).decode()
    made = client.files.upload(
        file=(None, text),
        file_name="cat.jpg",
        extensions=[{"name": "google-auto-tagging", "min_confidence": 70, "max_tags": 5}],
    )
    assert made.width == 1024
    assert made.extension_status.google_auto_tagging == "pending"


@pytest.mark.process
def test_sdk_is_told_of_an_unknown_key(server, key):
    stranger = ImageKit(private_key="private_wrong", base_url=server, max_retries=0)
    with stranger, pytest.raises(PermissionDeniedError, match="Your account cannot be authenticated"):
        stranger.assets.list()


@pytest.mark.process
@pytest.mark.sdk(
    "saved_extensions.create",
    "saved_extensions.list",
    "saved_extensions.get",
    "saved_extensions.update",
    "saved_extensions.delete",
)
def test_sdk_keeps_saved_extensions_and_uses_one(client, settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = {**settings.MEDIAHUB_PROVIDER_CHAINS, "ai-tasks": ["fake"]}
    tasks = [
        {"type": "select_tags", "instruction": "Name it.", "vocabulary": ["cup", "plate"], "max_selections": 1},
        {"type": "yes_no", "instruction": "A hand?", "on_yes": {"add_tags": ["hand"]}},
    ]
    made = client.saved_extensions.create(
        name="Tableware", description="Names it", config={"name": "ai-tasks", "tasks": tasks}
    )
    assert made.id.startswith("ext_")
    assert made.config.tasks[0].vocabulary == ["cup", "plate"]
    assert client.saved_extensions.get(made.id) == made
    assert client.saved_extensions.list() == [made]

    uploaded = client.files.upload(
        file=(PHOTOS / "coffee.jpg").read_bytes(),
        file_name="coffee.jpg",
        extensions=[{"name": "saved-extension", "id": made.id}],
    )
    assert uploaded.extension_status.ai_tasks == "pending"

    changed = client.saved_extensions.update(made.id, config={"name": "remove-bg"})
    assert (changed.name, changed.config.name) == ("Tableware", "remove-bg")
    with pytest.raises(BadRequestError, match="Invalid extension configuration"):
        client.saved_extensions.update(made.id, config={"name": "ai-tasks", "tasks": []})
    client.saved_extensions.delete(made.id)
    with pytest.raises(NotFoundError, match="The requested saved extension does not exist"):
        client.saved_extensions.get(made.id)
