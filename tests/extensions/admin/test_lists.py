"""The lists: what they show, how they filter, and that a longer list costs no more queries."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from extensions.models import ExtensionRun
from mediahub.lib import clock
from tests.extensions.scenes import ask_for, make_asset
from tests.factories import AITagFactory, AssetFactory, FolderFactory, TagFactory, WebhookDeliveryFactory


@pytest.fixture
def signed_in(client, viewer):
    client.force_login(viewer)
    return client


def queries(client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize(
    "address", ["/admin/files/", "/admin/runs/", "/admin/webhooks/", "/admin/units/", "/admin/folders/"]
)
def test_more_rows_need_no_more_queries(signed_in, new_account, address):
    fill(new_account.account, 2)
    few = queries(signed_in, address)
    fill(new_account.account, 8)

    assert queries(signed_in, address) == few
    assert few <= 16


def fill(account, number: int) -> None:
    for _ in range(number):
        asset = make_asset(account)
        AITagFactory(asset=asset)
        [run] = ask_for(asset, "remove-bg")
        WebhookDeliveryFactory(account=account, run_id=run.pk, file_id=asset.file_id)
        FolderFactory(account=account, path=f"/{asset.file_id}")


def test_an_asset_page_costs_the_same_for_many_tags_runs_and_calls(signed_in, new_account):
    asset = make_asset(new_account.account)
    address = f"/admin/files/{asset.file_id}/"
    ask_for(asset, "remove-bg")
    few = queries(signed_in, address)
    for _ in range(5):
        AITagFactory(asset=asset)
        [run] = ask_for(asset, "local-auto-tagging")
        WebhookDeliveryFactory(account=asset.account, run_id=run.pk, file_id=asset.file_id)

    assert queries(signed_in, address) == few
    assert few <= 20


def test_the_grid_counts_ai_tags_that_nobody_rejected(signed_in, new_account):
    asset = make_asset(new_account.account)
    AITagFactory(asset=asset)
    AITagFactory(asset=asset, state="rejected")

    assert "1 AI tag<" in signed_in.get("/admin/files/").content.decode()


def test_the_grid_shows_open_and_failed_runs(signed_in, new_account):
    [run] = ask_for(make_asset(new_account.account), "remove-bg")
    assert "1 run open" in signed_in.get("/admin/files/").content.decode()
    ExtensionRun.objects.filter(pk=run.pk).update(state="failed", error_code="x", finished_at=clock.now())

    assert "last run failed" in signed_in.get("/admin/files/").content.decode()


def test_cards_with_open_runs_ask_for_news_until_the_end(signed_in, new_account):
    asset = make_asset(new_account.account)
    [run] = ask_for(asset, "remove-bg")
    shown = signed_in.get(f"/admin/news/?ids={asset.file_id}").content.decode()
    assert f"ids={asset.file_id}" in shown
    ExtensionRun.objects.filter(pk=run.pk).update(state="succeeded", finished_at=clock.now())

    later = signed_in.get(f"/admin/news/?ids={asset.file_id}").content.decode()

    assert "hx-get" not in later
    assert f'id="foot-{asset.file_id}"' in later


@pytest.mark.parametrize(
    ("query", "found"),
    [("q=CRAB", ["crab"]), ("q=nothing", []), ("q=%25", []), ("q=", ["bee", "crab"]), ("folder=/sea", ["crab"])],
)
def test_search_and_folder_narrow_the_grid(signed_in, new_account, query, found):
    crab = make_asset(new_account.account, name="crab.png")
    crab.folder = FolderFactory(account=new_account.account, path="/sea/shore")
    crab.save()
    make_asset(new_account.account, name="bee.png")

    page = signed_in.get(f"/admin/files/?{query}").context["page"]

    assert sorted(asset.name.partition("_")[0] for asset in page.object_list) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cra", ["crab"]),
        ("rab", []),
        ("crab sand", ["crab"]),
        ("SAND png", ["crab"]),
        ("crab bee", []),
        ("no = crab", []),
        ('name = "bee.png"', ["bee"]),
        ('tags IN ["wet sand"] OR name HAS "bee"', ["bee", "crab"]),
        ("tags NOT EXISTS", ["bee"]),
        ('(path : "/sea" AND size > 0)', ["crab"]),
        ('type = "folder"', []),
    ],
)
def test_words_and_expressions_find_files(signed_in, new_account, text, found):
    folder = FolderFactory(account=new_account.account, path="/sea")
    crab = AssetFactory(account=new_account.account, name="crab.png", folder=folder)
    TagFactory(asset=crab, name="wet sand")
    AssetFactory(account=new_account.account, name="bee.png")
    AssetFactory(name="crab bee.png")

    page = signed_in.get("/admin/files/", {"q": text}).context["page"]

    assert sorted(asset.name.partition(".")[0] for asset in page.object_list) == found


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "part"])
def test_a_wrong_expression_is_shown_with_its_place(signed_in, new_account, headers):
    make_asset(new_account.account)

    answer = signed_in.get("/admin/files/", {"q": 'name = "<b>" AND colour = "red"'}, headers=headers)

    assert answer.context["page"].paginator.count == 0
    shown = answer.content.decode()
    assert "Character 18: There is no field &#x27;colour&#x27;." in shown
    assert "name = &quot;&lt;b&gt;&quot; AND <mark>colour = &quot;red&quot;</mark>" in shown


def test_an_expression_that_ends_too_soon_is_marked_at_its_end(signed_in):
    shown = signed_in.get("/admin/files/", {"q": "width >"}).content.decode()
    assert "Character 8: The expression ends too soon." in shown


def test_search_and_folder_go_together_and_stay_on_the_next_page(signed_in, new_account):
    folder = FolderFactory(account=new_account.account, path="/sea")
    for number in range(25):
        AssetFactory(account=new_account.account, name=f"crab {number}.png", folder=folder)
    AssetFactory(account=new_account.account, name="crab.png")

    answer = signed_in.get("/admin/files/", {"q": 'name HAS "crab"', "folder": "/sea"})

    assert answer.context["page"].paginator.count == 25
    assert "q=name+HAS+%22crab%22&amp;folder=%2Fsea&amp;page=2" in answer.content.decode()


def test_a_folder_does_not_show_those_whose_names_begin_alike(signed_in, new_account):
    asset = make_asset(new_account.account)
    asset.folder = FolderFactory(account=new_account.account, path="/seaside")
    asset.save()

    assert signed_in.get("/admin/files/?folder=/sea").context["page"].paginator.count == 0


def test_a_page_number_out_of_range_shows_the_last_page(signed_in, new_account):
    make_asset(new_account.account)

    assert signed_in.get("/admin/files/?page=99").context["page"].number == 1


def test_runs_can_be_narrowed_by_state_and_extension(signed_in, new_account):
    asset = make_asset(new_account.account)
    [run] = ask_for(asset, "remove-bg")
    ExtensionRun.objects.filter(pk=run.pk).update(
        state="failed", error_code="image_too_small", error_message="Too small.", finished_at=clock.now()
    )
    ask_for(asset, "local-auto-tagging")

    shown = signed_in.get("/admin/runs/?state=failed").content.decode()

    assert "image_too_small" in shown
    assert "Too small." in shown
    assert len(signed_in.get("/admin/runs/?state=failed").context["page"].object_list) == 1
    assert len(signed_in.get("/admin/runs/?extension=local-auto-tagging").context["page"].object_list) == 1


def test_runs_of_a_deleted_asset_stay_in_the_list(signed_in, new_account):
    asset = make_asset(new_account.account)
    ask_for(asset, "remove-bg")
    from library.services.assets import delete_asset

    delete_asset(asset=asset)

    assert "deleted asset" in signed_in.get("/admin/runs/").content.decode()


def test_providers_say_why_they_cannot(signed_in):
    shown = signed_in.get("/admin/providers/").content.decode()

    assert "not available" in shown
    assert "provider_not_configured" in shown


def test_empty_lists_say_so(signed_in):
    assert "This library is empty." in signed_in.get("/admin/files/").content.decode()
    assert "No extension was asked for yet." in signed_in.get("/admin/runs/").content.decode()
    assert "Nothing was announced yet." in signed_in.get("/admin/webhooks/").content.decode()
