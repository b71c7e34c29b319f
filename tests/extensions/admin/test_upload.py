"""The upload page: files become assets, runs and holds together or not at all."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from extensions.models import ExtensionRun, UnitEntry
from extensions.units.services import balance
from library.models import Asset
from mediahub.lib import clock
from tests.extensions.scenes import picture


@pytest.fixture
def page(client, editor, new_account):
    """Posts the upload form as an editor."""
    client.force_login(editor)

    def post(*files: SimpleUploadedFile, part: bool = False, **fields: str):
        headers = {"HX-Request": "true"} if part else {}
        return client.post("/admin/upload/", {"files": list(files), **fields}, headers=headers)

    return post


def png(name: str = "crab.png", colour: str = "teal") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture(colour=colour))


def blobs(folder) -> list:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_each_file_becomes_an_asset_with_its_runs_and_holds(page, new_account):
    response = page(png("crab.png"), png("bee.png", "red"), folder="/animals", **{"remove-bg": "1"})

    assert response.status_code == 200
    assert sorted(asset.path.split("_")[0] for asset in Asset.objects.all()) == ["/animals/bee", "/animals/crab"]
    assert [run.extension for run in ExtensionRun.objects.all()] == ["remove-bg", "remove-bg"]
    assert balance(new_account.account, now=clock.now()).held == 260


def test_parameters_reach_the_runs(page):
    page(
        png(),
        **{
            "local-auto-tagging": "1",
            "local-auto-tagging-minConfidence": "40",
            "local-auto-tagging-maxTags": "7",
            "remove-bg": "1",
            "remove-bg-options-bg_color": "f4f1ea",
        },
    )

    params = {run.extension: run.params for run in ExtensionRun.objects.all()}
    assert params == {
        "local-auto-tagging": {"minConfidence": 40, "maxTags": 7},
        "remove-bg": {"options": {"bg_color": "f4f1ea"}},
    }


def test_without_enough_units_nothing_remains(page, new_account, blobs_in_tmp_path):
    new_account.account.units_per_month = 100
    new_account.account.save()

    response = page(png(), **{"remove-bg": "1"})

    assert "Extensions quota exceeded." in response.content.decode()
    assert not Asset.objects.exists()
    assert not ExtensionRun.objects.exists()
    assert not UnitEntry.objects.exclude(kind="grant").exists()
    assert blobs(blobs_in_tmp_path) == []


def test_a_bad_parameter_refuses_the_files_by_name(page, blobs_in_tmp_path):
    response = page(png(), **{"local-auto-tagging": "1", "local-auto-tagging-minConfidence": "140"})

    assert "minConfidence" in response.content.decode()
    assert not Asset.objects.exists()
    assert blobs(blobs_in_tmp_path) == []


def test_a_file_beyond_the_limit_is_refused_and_the_others_are_not(page, settings):
    settings.MEDIAHUB_MAX_UPLOAD_BYTES = 1500

    response = page(png("small.png"), SimpleUploadedFile("large.bin", b"x" * 1501))

    assert "larger than" in response.content.decode()
    assert [asset.name.split("_")[0] for asset in Asset.objects.all()] == ["small"]


@pytest.mark.rel("A7", "B22")
def test_hostile_names_and_tags_are_shown_as_text(page, client):
    page(png("<img src=x onerror=alert(1)>.png"), tags="<script>alert(2)</script>")
    asset = Asset.objects.get()

    shown = client.get(f"/admin/files/{asset.file_id}/").content.decode()

    assert "<script>alert(2)" not in shown
    assert "&lt;script&gt;alert(2)" in shown
    assert "<img src=x" not in shown


def test_a_refused_hostile_name_is_shown_as_text(page):
    response = page(SimpleUploadedFile(".<b>x<b>", b"x"))

    assert "<b>x" not in response.content.decode()
    assert not Asset.objects.exists()


def test_htmx_gets_the_results_alone(page):
    shown = page(png(), part=True, **{"remove-bg": "1"}).content.decode()

    assert "<html" not in shown
    assert 'data-result data-left="9870"' in shown  # what is left for the next estimate


def test_a_result_asks_again_until_its_runs_are_over(page, client):
    shown = page(png(), part=True, **{"remove-bg": "1"}).content.decode()
    run = ExtensionRun.objects.get()
    assert f"/admin/files/{run.file_id}/result/" in shown
    ExtensionRun.objects.update(state="failed", error_code="x", error_message="Too dark.", finished_at=clock.now())

    later = client.get(f"/admin/files/{run.file_id}/result/?runs={run.pk}").content.decode()

    assert "hx-get" not in later
    assert "Too dark." in later


def test_no_file_is_a_sentence_not_an_error(page):
    assert "Choose at least one file." in page().content.decode()


def test_private_files_are_marked_private(page):
    page(png(), is_private="1")

    assert Asset.objects.get().is_private


def test_the_form_names_price_provider_and_balance(client, editor):
    client.force_login(editor)

    shown = client.get("/admin/upload/").content.decode()

    assert 'data-units="130"' in shown
    assert 'data-left="10000"' in shown
    assert "Not available." in shown  # the suppliers without keys


def test_an_extension_that_nobody_can_do_cannot_be_ticked(client, editor, settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = settings.MEDIAHUB_PROVIDER_CHAINS | {"remove-bg": ["remove.bg"]}
    client.force_login(editor)

    shown = client.get("/admin/upload/").content.decode()

    box = shown[shown.index('name="remove-bg"') :].split(">")[0]
    assert "disabled" in box
