"""What every page's markup promises: nothing inline, labels on inputs, one heading, whole without script."""

from html.parser import HTMLParser

import pytest

from tests.extensions.admin.test_rights import RIGHTS

PAGES = [
    "audit", "backfill", "backfill-new", "backfills", "file", "files", "folder", "folders", "keys", "members",
    "metadata-field", "metadata-field-new", "metadata-fields", "providers", "review", "run", "runs", "saved",
    "saved-edit", "saved-new", "units", "upload", "webhook", "webhook-endpoint", "webhook-endpoints", "webhooks",
]  # fmt: skip


class Markup(HTMLParser):
    """Collects tags with their attributes, ids, and what is inside script and style elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture
def markup(client, owner, scene):
    client.force_login(owner)
    return lambda name: Markup(client.get(scene.url(name), {"extension": "ai-tasks"}).content.decode())


def test_the_pages_here_are_all_that_are_read():
    shown_by_parts = {"file-live", "files-news", "folder-jobs", "upload-result", "original", "preview"}
    assert set(PAGES) == {name for name, right in RIGHTS.items() if right[0] == "get"} - shown_by_parts


@pytest.mark.rel("A7")
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_inline_so_the_policy_can_be_strict(markup, name):
    page = markup(name)

    assert all(script.get("src") for script in page.all("script"))
    assert page.all("style") == []
    for tag, attrs in page.tags:
        assert "style" not in attrs, tag
        assert not [attr for attr in attrs if attr.startswith(("on", "hx-on"))], tag


@pytest.mark.rel("A7")
def test_the_policy_forbids_inline_script_and_framing(client):
    policy = client.get("/admin/login/")["Content-Security-Policy"]

    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("name", PAGES)
def test_every_input_has_a_name_for_people(markup, name):
    page = markup(name)
    labelled = {label.get("for") for label in page.all("label")}

    for tag in ("input", "select", "textarea"):
        for attrs in page.all(tag):
            if attrs.get("type") in ("hidden", "checkbox"):  # checkboxes stand inside their labels
                continue
            assert attrs.get("aria-label") or attrs.get("id") in labelled, attrs


@pytest.mark.parametrize("name", PAGES)
def test_ids_are_unique_and_there_is_one_heading(markup, name):
    page = markup(name)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]

    assert sorted(ids) == sorted(set(ids))
    assert len(page.all("h1")) == 1


@pytest.mark.parametrize("name", PAGES)
def test_forms_work_without_script(markup, name):
    for form in markup(name).all("form"):
        assert form.get("method") in ("get", "post")
        assert form.get("action") or form["method"] == "get"
