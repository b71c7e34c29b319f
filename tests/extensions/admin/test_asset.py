"""The asset page: review, versions, requests, and parts that change without a reload."""

import pytest

from extensions.models import ExtensionRun, UnitEntry
from library.models import AITag, Asset, AuditEntry
from library.services.blobs import store_bytes
from library.services.embedded import record_embedded
from library.services.versions import add_version
from mediahub.lib import clock
from tests.extensions.scenes import ask_for, picture
from tests.factories import AITagFactory


@pytest.fixture
def signed_in(client, editor):
    client.force_login(editor)
    return client


def second_version(asset: Asset):
    blob = store_bytes(data=picture(colour="red"), name="second.png")
    return add_version(asset=asset, blob=blob, origin="extension", is_published=True, now=clock.now())


def test_nothing_is_sent_while_nothing_has_changed(signed_in, scene):
    mark = signed_in.get(scene.url("file")).context["mark"]

    assert signed_in.get(f"{scene.url('file-live')}?seen={mark}").status_code == 204


def test_the_end_of_a_run_changes_the_page_without_a_reload(signed_in, scene):
    mark = signed_in.get(scene.url("file")).context["mark"]
    ExtensionRun.objects.update(state="failed", error_code="x", error_message="Too dark.", finished_at=clock.now())

    response = signed_in.get(f"{scene.url('file-live')}?seen={mark}")

    shown = response.content.decode()
    assert response.status_code == 200
    assert "Too dark." in shown
    assert 'id="part-runs"' in shown
    assert 'hx-trigger="every' not in shown  # a finished page asks no more
    assert "remove-bg: failed" in shown  # for the live region


def test_an_open_run_makes_the_page_ask_again(signed_in, scene):
    assert 'hx-trigger="every 2s"' in signed_in.get(scene.url("file")).content.decode()


@pytest.mark.parametrize("state", ["accepted", "rejected"])
def test_ai_tags_can_be_accepted_and_rejected(signed_in, scene, state):
    signed_in.post(scene.url("file-ai-tag"), {"state": state})

    assert AITag.objects.get(pk=scene.ai_tag.pk).state == state


def test_an_unknown_state_of_a_tag_is_refused(signed_in, scene):
    signed_in.post(scene.url("file-ai-tag"), {"state": "invented"})

    assert AITag.objects.get(pk=scene.ai_tag.pk).state == "suggested"


@pytest.mark.rel("A4")
def test_a_tag_of_another_asset_is_404(signed_in, scene):
    other = AITagFactory()

    assert signed_in.post(scene.url("file-ai-tag", pk=other.pk), {"state": "accepted"}).status_code == 404


@pytest.mark.rel("A7")
def test_a_hostile_ai_tag_is_shown_as_text(signed_in, scene):
    AITagFactory(asset=scene.asset, name='"><script>alert(1)</script>', provider='"><b>')

    shown = signed_in.get(scene.url("file")).content.decode()

    assert "<script>alert(1)" not in shown
    assert '"><b>' not in shown


def test_human_tags_and_description_are_saved(signed_in, scene):
    signed_in.post(scene.url("file-details"), {"tags": " sea, bird ,sea", "description": "By the river."})

    asset = Asset.objects.get(pk=scene.asset.pk)
    assert [tag.name for tag in asset.tags.all()] == ["sea", "bird"]
    assert asset.description == "By the river."


def test_a_bad_tag_is_refused_with_a_sentence(signed_in, scene):
    response = signed_in.post(scene.url("file-details"), {"tags": "100%"}, headers={"HX-Request": "true"})

    assert "may not contain" in response.content.decode()
    assert not scene.asset.tags.exists()


def test_an_older_version_can_be_restored(signed_in, scene):
    first = scene.asset.current_version
    second_version(scene.asset)

    signed_in.post(scene.url("file-restore"))

    assert Asset.objects.get(pk=scene.asset.pk).current_version_id == first.pk


def test_extensions_can_be_requested_with_their_units_held(signed_in, scene):
    signed_in.post(scene.url("file-extensions"), {"remove-bg": "1"})

    assert scene.asset.runs.count() == 2
    assert UnitEntry.objects.filter(kind="hold").count() == 2


def test_a_request_without_units_leaves_no_run(signed_in, scene):
    scene.account.refresh_from_db()
    for _ in range(75):
        ask_for(scene.asset, "remove-bg")
    before = scene.asset.runs.count()

    response = signed_in.post(scene.url("file-extensions"), {"remove-bg": "1"}, follow=True)

    assert "Extensions quota exceeded." in response.content.decode()
    assert scene.asset.runs.count() == before


def test_a_request_without_a_tick_is_refused(signed_in, scene):
    response = signed_in.post(scene.url("file-extensions"), follow=True)

    assert "Tick at least one extension." in response.content.decode()


def test_htmx_gets_the_changing_parts_and_what_happened(signed_in, scene):
    response = signed_in.post(scene.url("file-ai-tag"), {"state": "accepted"}, headers={"HX-Request": "true"})

    shown = response.content.decode()
    assert "<html" not in shown
    assert "Bird is accepted." in shown
    assert shown.count('hx-swap-oob="true"') == 5


def test_an_asset_can_be_deleted_and_its_runs_stay(signed_in, scene):
    response = signed_in.post(scene.url("file-delete"))

    assert response.status_code == 302
    assert not Asset.objects.filter(pk=scene.asset.pk).exists()
    assert ExtensionRun.objects.filter(file_id=scene.asset.file_id).exists()


@pytest.mark.rel("A8")
def test_cancelling_gives_units_back_and_leaves_an_audit_line(signed_in, scene):
    signed_in.post(scene.url("run-cancel"))

    assert ExtensionRun.objects.get(pk=scene.run.pk).state == "cancelled"
    assert UnitEntry.objects.filter(run_id=scene.run.pk, kind="void").exists()
    assert AuditEntry.objects.get(action="run.cancelled").actor == "edda"


@pytest.mark.rel("A8")
def test_retrying_makes_a_new_run_and_leaves_an_audit_line(signed_in, scene):
    signed_in.post(scene.url("run-cancel"))

    signed_in.post(scene.url("run-retry"))

    assert ExtensionRun.objects.get(retry_of=scene.run).state == "queued"
    assert AuditEntry.objects.filter(action="run.retried").exists()


def test_retrying_an_open_run_is_refused_with_a_sentence(signed_in, scene):
    response = signed_in.post(scene.url("run-retry"), follow=True)

    assert "has not ended yet" in response.content.decode()
    assert not ExtensionRun.objects.filter(retry_of=scene.run).exists()


def test_actions_return_to_the_page_they_were_asked_from(signed_in, scene):
    assert signed_in.post(scene.url("run-cancel"), {"next": "/admin/runs/?state=queued"}).url.endswith("?state=queued")


@pytest.mark.parametrize("target", ["https://example.org/", "//example.org/", "javascript:alert(1)"])
def test_actions_never_lead_to_another_site(signed_in, scene, target):
    assert signed_in.post(scene.url("run-cancel"), {"next": target}).url == scene.url("run")


@pytest.mark.rel("J20")
def test_a_run_is_explained_from_its_rows(signed_in, scene):
    ExtensionRun.objects.filter(pk=scene.run.pk).update(
        state="failed",
        error_code="bad_provider_result",
        error_message="No alpha.",
        provider="rembg",
        model="u2netp",
        node="node-7",
        process_id=4321,
        attempts=3,
        started_at=clock.now(),
        finished_at=clock.now(),
    )

    shown = signed_in.get(scene.url("run")).content.decode()

    for fact in ("bad_provider_result", "No alpha.", "rembg", "u2netp", "node-7", "4321", "hold", "130"):
        assert fact in shown


@pytest.mark.rel("S4", "S6")
def test_the_original_comes_as_an_inert_download(signed_in, scene):
    response = signed_in.get(scene.url("original"))

    assert b"".join(response.streaming_content) == picture()
    assert response["Content-Disposition"].startswith("attachment")
    assert "sandbox" in response["Content-Security-Policy"]
    assert "private" in response["Cache-Control"]


def test_a_thumbnail_in_the_making_is_asked_for_again(signed_in, scene):
    response = signed_in.get(scene.url("preview"))

    assert response.status_code == 503
    assert response["Retry-After"] == "2"


@pytest.mark.rel("S6", "S7")
def test_a_finished_thumbnail_is_served_to_members(signed_in, scene):
    from library.renditions import claim_rendition, make_rendition

    signed_in.get(scene.url("preview"))
    make_rendition(claim_rendition(now=clock.now()))

    response = signed_in.get(scene.url("preview"))

    assert response["Content-Type"] == "image/webp"
    assert response["Cache-Control"] == "private, max-age=60, must-revalidate"
    assert b"".join(response.streaming_content)[:4] == b"RIFF"


@pytest.mark.rel("S7")
def test_only_known_previews_are_made(signed_in, scene):
    assert signed_in.get(scene.url("preview", spec="w-9999")).status_code == 404


def test_what_the_file_says_of_itself_is_shown_as_text(signed_in, scene):
    record_embedded(
        version=scene.asset.current_version,
        data={"Make": "<script>alert(1)</script>", "Keywords": ["sea", "harbour"], "XResolution": 72},
    )
    page = signed_in.get(scene.url("file")).content.decode()
    assert "Metadata in the file (3)" in page
    assert "sea, harbour" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_file_that_says_nothing_has_no_table_of_metadata(signed_in, scene):
    page = signed_in.get(scene.url("file")).content.decode()
    assert "Metadata in the file" not in page
