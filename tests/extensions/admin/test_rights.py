"""Every page and action of the admin, asked as owner, editor, viewer, stranger and visitor (REL S6, A4)."""

import pytest

from library.adminsite import _pages

# name: (method, least role that may, whether the address names an object of the account)
RIGHTS = {
    "audit": ("get", "owner", False),
    "backfill": ("get", "viewer", True),
    "backfill-act": ("post", "editor", True),
    "backfill-new": ("get", "editor", False),
    "backfills": ("get", "viewer", False),
    "file": ("get", "viewer", True),
    "file-ai-tag": ("post", "editor", True),
    "file-delete": ("post", "editor", True),
    "file-details": ("post", "editor", True),
    "file-extensions": ("post", "editor", True),
    "file-live": ("get", "viewer", True),
    "file-metadata": ("post", "editor", True),
    "file-move": ("post", "editor", True),
    "file-rename": ("post", "editor", True),
    "file-restore": ("post", "editor", True),
    "files": ("get", "viewer", False),
    "files-news": ("get", "viewer", False),
    "files-selection": ("post", "editor", False),
    "folder": ("get", "viewer", True),
    "folder-delete": ("post", "editor", True),
    "folder-jobs": ("get", "viewer", False),
    "folder-move": ("post", "editor", True),
    "folder-rename": ("post", "editor", True),
    "folders": ("get", "viewer", False),
    "key-disable": ("post", "owner", True),
    "keys": ("get", "owner", False),
    "member-remove": ("post", "owner", True),
    "members": ("get", "owner", False),
    "metadata-field": ("get", "owner", True),
    "metadata-field-delete": ("post", "owner", True),
    "metadata-field-new": ("get", "owner", False),
    "metadata-fields": ("get", "owner", False),
    "original": ("get", "viewer", True),
    "preview": ("get", "viewer", True),
    "provider-reset": ("post", "superuser", False),
    "providers": ("get", "viewer", False),
    "review": ("get", "viewer", False),
    "review-act": ("post", "editor", False),
    "run": ("get", "viewer", True),
    "run-cancel": ("post", "editor", True),
    "run-retry": ("post", "editor", True),
    "runs": ("get", "viewer", False),
    "saved": ("get", "viewer", False),
    "saved-delete": ("post", "editor", True),
    "saved-edit": ("get", "editor", True),
    "saved-new": ("get", "editor", False),
    "switch": ("post", "viewer", True),
    "units": ("get", "viewer", False),
    "units-alert-dismiss": ("post", "viewer", False),
    "units-grant": ("post", "superuser", False),
    "units-packs": ("post", "owner", False),
    "units-plan": ("post", "owner", False),
    "upload": ("get", "editor", False),
    "upload-result": ("get", "viewer", True),
    "webhook": ("get", "viewer", True),
    "webhook-endpoint": ("get", "owner", True),
    "webhook-endpoint-delete": ("post", "owner", True),
    "webhook-endpoint-secret": ("post", "owner", True),
    "webhook-endpoint-test": ("post", "owner", True),
    "webhook-endpoints": ("get", "owner", False),
    "webhook-replay": ("post", "owner", True),
    "webhook-secret": ("post", "owner", False),
    "webhooks": ("get", "viewer", False),
    "webhooks-replay": ("post", "owner", False),
}
RANK = {"viewer": 0, "editor": 1, "owner": 2, "superuser": 3}
DONE = {200, 204, 302, 503}


def ask(client, scene, name: str):
    method = RIGHTS[name][0]
    return getattr(client, method)(
        scene.url(name), {"account": scene.account.slug, "ids": scene.asset.file_id, "extension": "ai-tasks"}
    )


def test_the_table_names_every_page_and_no_other():
    assert set(RIGHTS) == {page.name for page in _pages}


@pytest.mark.rel("S6")
@pytest.mark.parametrize("who", ["viewer", "editor", "owner"])
@pytest.mark.parametrize("name", RIGHTS)
def test_members_may_what_their_role_allows_and_no_more(client, scene, people, name, who):
    client.force_login(people[who])

    status = ask(client, scene, name).status_code

    if RANK[who] >= RANK[RIGHTS[name][1]]:
        assert status in DONE
    else:
        assert status == 403


@pytest.mark.rel("S6", "A4")
@pytest.mark.parametrize("name", RIGHTS)
def test_strangers_see_nothing_of_the_account(client, scene, people, name):
    client.force_login(people["stranger"])

    response = ask(client, scene, name)

    if RIGHTS[name][2]:
        assert response.status_code == 404
    content = b"".join(response) if response.streaming else response.content
    for secret in (
        scene.asset.name,
        scene.account.slug,
        scene.asset.file_id,
        str(scene.run.pk),
        scene.saved.saved_id,
        scene.backfill.backfill_id,
    ):
        assert secret.encode() not in content


@pytest.mark.rel("S6")
@pytest.mark.parametrize("name", RIGHTS)
def test_visitors_are_sent_to_the_log_in(client, scene, name):
    response = ask(client, scene, name)

    assert response.status_code == 302
    assert response.url.startswith("/admin/login/")


@pytest.mark.rel("S6")
def test_counts_are_of_ones_own_account_only(client, scene, people):
    client.force_login(people["stranger"])

    assert client.get(scene.url("files")).context["page"].paginator.count == 0
    assert client.get(scene.url("runs")).context["total"] == 0
    assert client.get(scene.url("webhooks")).context["total"] == 0


@pytest.mark.rel("S6")
def test_a_former_member_sees_nothing_any_more(client, scene, people):
    client.force_login(people["editor"])
    assert client.get(scene.url("file")).status_code == 200
    people["editor"].memberships.all().delete()

    assert client.get(scene.url("file")).status_code == 302


@pytest.mark.rel("S6")
def test_a_disabled_user_is_sent_to_the_log_in(client, scene, people):
    client.force_login(people["editor"])
    type(people["editor"]).objects.filter(pk=people["editor"].pk).update(is_active=False)

    assert client.get(scene.url("file")).status_code == 302


def test_superusers_see_every_account(admin_client, scene):
    assert admin_client.get(scene.url("file")).status_code == 200
    assert admin_client.get(scene.url("keys")).status_code == 200


@pytest.mark.rel("A7")
@pytest.mark.parametrize("name", [name for name, right in RIGHTS.items() if right[0] == "post"])
def test_actions_need_the_csrf_token(scene, people, name):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(people["owner"])

    assert ask(client, scene, name).status_code == 403


@pytest.mark.parametrize(
    "name", ["file-delete", "run-retry", "run-cancel", "webhook-replay", "units-grant", "key-disable"]
)
def test_actions_cannot_be_asked_for_by_get(client, scene, people, name):
    client.force_login(people["owner"])

    assert client.get(scene.url(name)).status_code == 405


@pytest.mark.rel("A4")
@pytest.mark.parametrize("file_id", ["0" * 24, "not-an-id", "a%00b"])
def test_unknown_assets_are_404(client, scene, people, file_id):
    client.force_login(people["owner"])

    assert client.get(f"/admin/files/{file_id}/").status_code == 404


@pytest.mark.parametrize("name", ["files", "files-news", "runs", "units"])
def test_nul_characters_are_a_bad_request(client, scene, people, name):
    client.force_login(people["owner"])

    assert client.get(f"{scene.url(name)}?q=a%00b").status_code == 400
