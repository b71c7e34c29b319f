"""`/api/backfills`: asked for, estimated, paused, resumed, cancelled and tried again by programs (REL A3, A4)."""

import pytest

from extensions.models import Backfill, ExtensionRun, SavedExtension, UnitLedger
from extensions.units import audit
from library.models import ApiKey, AuditEntry
from library.services.accounts import create_account
from tests import factories
from tests.conftest import client_for
from tests.extensions.backfills.conftest import CUT, TAG, do_runs, feed, finish
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset

pytestmark = pytest.mark.django_db
ADDRESS = "/api/backfills"


@pytest.fixture(autouse=True)
def fake_chains(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)


@pytest.fixture
def assets(new_account):
    return [make_asset(new_account.account, name=f"{number}.png") for number in range(3)]


def ask(api, **body):
    return api.post(ADDRESS, {"extensions": [TAG], "filter": {}, **body}, format="json")


def act(api, made, verb, **body):
    return api.post(f"{ADDRESS}/{made['id']}/{verb}", body, format="json")


def test_a_backfill_is_told_from_its_start_to_its_end(api, new_account, assets):
    answer = ask(api, filter={"path": "/"}, unitLimit=500)
    assert answer.status_code == 201
    made = answer.json()
    assert made == {
        "id": made["id"],
        "state": "pending",
        "extensions": [TAG],
        "filter": {"path": "/"},
        "skipDone": True,
        "unitLimit": 500,
        "webhookUrl": None,
        "percent": 0,
        "files": {"found": 3, "lookedAt": 0},
        "runs": {"requested": 0, "open": 0, "succeeded": 0, "failed": 0, "cancelled": 0},
        "skipped": [],
        "units": {"spent": 0, "held": 0},
        "reason": None,
        "requestedBy": f"key {new_account.public_key}",
        "createdAt": made["createdAt"],
        "finishedAt": None,
    }
    finish(Backfill.objects.get())
    body = api.get(f"{ADDRESS}/{made['id']}").json()
    assert (body["state"], body["percent"], body["runs"]["succeeded"]) == ("completed", 100, 3)
    assert body["finishedAt"]
    entry = AuditEntry.objects.get(action="backfill.started")
    assert (entry.target, entry.detail["files"]) == (made["id"], 3)


def test_a_dry_run_says_what_it_would_cost_and_writes_nothing(api, new_account, assets):
    factories.AssetFactory(account=new_account.account, version__mime="application/pdf")
    ask_for(assets[0], CUT)
    do_runs()
    ledger = UnitLedger.objects.get()
    answer = ask(api, extensions=[CUT], dryRun=True)
    assert answer.status_code == 200
    assert answer.json() == {
        "files": 4,
        "runs": 2,
        "units": 260,
        "byExtension": [{"name": "remove-bg", "runs": 2, "unitsEach": 130, "units": 260}],
        "skipped": [{"reason": "already_requested", "count": 1}, {"reason": "unsupported_file_type", "count": 1}],
        "available": 10_000 - 130,
        "enough": True,
    }
    assert not Backfill.objects.exists()
    ledger.refresh_from_db()
    assert ledger.held == 0


def test_the_estimate_is_what_the_backfill_then_asks_for(api, new_account, assets):
    factories.AssetFactory(account=new_account.account, version__mime="application/pdf")
    ask_for(assets[0], CUT)
    do_runs()
    estimate = ask(api, extensions=[CUT, TAG], dryRun=True).json()
    ask(api, extensions=[CUT, TAG])
    backfill = finish(Backfill.objects.get())
    body = api.get(f"{ADDRESS}/{backfill.backfill_id}").json()
    assert (body["runs"]["requested"], body["units"]["spent"]) == (estimate["runs"], estimate["units"])
    assert body["skipped"] == estimate["skipped"]


def test_a_saved_extension_stands_for_what_it_said_at_the_start(api, new_account, assets):
    saved = factories.SavedExtensionFactory(account=new_account.account, config=TAG)
    made = ask(api, extensions=[{"name": "saved-extension", "id": saved.saved_id}]).json()
    SavedExtension.objects.all().delete()
    assert made["extensions"] == [TAG]
    assert finish(Backfill.objects.get()).state == "completed"


def test_a_search_chooses_files(api, assets):
    factories.TagFactory(asset=assets[2], name="sale")
    made = ask(api, filter={"searchQuery": 'tags IN ["sale"]'}).json()
    assert made["files"]["found"] == 1


def test_it_pauses_and_goes_on(api, assets):
    made = ask(api).json()
    paused = act(api, made, "pause").json()
    assert (paused["state"], paused["reason"]["code"]) == ("paused", "paused")
    assert not feed()
    resumed = act(api, made, "resume").json()
    assert (resumed["state"], resumed["reason"]) == ("running", None)
    assert finish(Backfill.objects.get()).state == "completed"
    actions = AuditEntry.objects.filter(target=made["id"]).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["backfill.started", "backfill.paused", "backfill.resumed"]


def test_the_limit_may_be_changed_when_it_is_resumed(api, assets):
    made = ask(api, extensions=[CUT], unitLimit=130).json()
    backfill = finish(Backfill.objects.get())
    assert backfill.error_code == "unit_limit_reached"
    assert act(api, made, "resume", unitLimit=None).json()["unitLimit"] is None
    assert finish(backfill).state == "completed"


def test_a_cancelled_one_gives_back_what_nobody_has_begun(api, assets):
    made = ask(api, extensions=[CUT]).json()
    feed()
    cancelled = act(api, made, "cancel").json()
    assert (cancelled["state"], cancelled["runs"]["cancelled"], cancelled["units"]) == (
        "cancelled",
        3,
        {"spent": 0, "held": 0},
    )
    assert audit.differences() == []
    assert not feed()
    assert do_runs() == 0


@pytest.mark.parametrize(
    ("state", "verb"),
    [
        ("paused", "pause"),
        ("completed", "pause"),
        ("running", "resume"),
        ("cancelled", "resume"),
        ("completed", "cancel"),
        ("failed", "cancel"),
        ("paused", "retry"),
        ("cancelled", "retry"),
    ],
)
def test_what_a_state_forbids_is_a_409(api, new_account, assets, state, verb):
    is_over = state in ("completed", "cancelled", "failed")
    backfill = factories.BackfillFactory(
        account=new_account.account,
        state=state,
        error_code="" if state in ("running", "completed") else "x",
        finished_at=factories.EPOCH if is_over else None,
    )
    failed = {"state": "failed", "error_code": "x", "finished_at": factories.EPOCH}
    factories.ExtensionRunFactory(asset=assets[0], backfill=backfill, **failed)
    answer = act(api, {"id": backfill.backfill_id}, verb)
    assert (answer.status_code, answer.json()["code"]) == (409, "backfill_state")
    backfill.refresh_from_db()
    assert backfill.state == state


def test_failed_runs_are_tried_again(api, assets, settings):
    made = ask(api).json()
    assert act(api, made, "retry").status_code == 409
    chains = settings.MEDIAHUB_PROVIDER_CHAINS
    settings.MEDIAHUB_PROVIDER_CHAINS = {**chains, "local-auto-tagging": ["nobody"]}
    backfill = finish(Backfill.objects.get())
    settings.MEDIAHUB_PROVIDER_CHAINS = chains
    again = act(api, made, "retry").json()
    assert (again["state"], again["runs"]["failed"], again["finishedAt"]) == ("running", 3, None)
    finish(backfill)
    assert api.get(f"{ADDRESS}/{made['id']}").json()["runs"]["succeeded"] == 3
    assert len(api.get(f"/api/runs?backfill={made['id']}&state=failed").json()) == 3


def test_failed_runs_are_not_tried_again_beside_ten_that_have_not_ended(api, new_account):
    done = factories.BackfillFactory(account=new_account.account, state="completed", finished_at=factories.EPOCH)
    asset = factories.AssetFactory(account=new_account.account)
    failed = {"state": "failed", "error_code": "x", "finished_at": factories.EPOCH}
    factories.ExtensionRunFactory(asset=asset, backfill=done, **failed)
    for _ in range(10):
        factories.BackfillFactory(account=new_account.account)
    answer = act(api, {"id": done.backfill_id}, "retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_backfills")
    Backfill.objects.exclude(pk=done.pk).first().delete()
    assert act(api, {"id": done.backfill_id}, "retry").status_code == 200


def test_runs_say_which_backfill_asked_and_are_found_by_it(api, assets):
    made = ask(api).json()
    feed()
    [alone] = ask_for(assets[0], CUT)
    found = api.get(f"/api/runs?backfill={made['id']}").json()
    assert {run["backfillId"] for run in found} == {made["id"]}
    assert len(found) == 3
    assert api.get(f"/api/runs/{alone.pk}").json()["backfillId"] is None


def test_they_are_listed_newest_first_by_state_in_pages(api, assets):
    made = [ask(api).json()["id"] for _ in range(3)]
    act(api, {"id": made[0]}, "pause")

    def ids(query=""):
        return [one["id"] for one in api.get(f"{ADDRESS}{query}").json()]

    assert ids() == made[::-1]
    assert ids("?state=paused") == [made[0]]
    assert ids("?limit=1&skip=1") == [made[1]]


@pytest.mark.rel("B24")
@pytest.mark.parametrize(
    ("query", "field"), [("state=done", "state"), ("limit=0", "limit"), ("limit=101", "limit"), ("skip=x", "skip")]
)
def test_a_bad_filter_of_the_list_is_named(api, query, field):
    answer = api.get(f"{ADDRESS}?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"extensions": []}, "extensions"),
        ({"extensions": [{"name": "paint"}]}, "extensions[0].name"),
        ({"extensions": [TAG, TAG]}, "extensions[1].name"),
        ({"extensions": [{"name": "saved-extension", "id": "ext_nothing"}]}, "extensions[0].id"),
        ({"filter": None}, "filter"),
        ({"filter": {"colour": "red"}}, "filter.colour"),
        ({"filter": {"type": "folder"}}, "filter.type"),
        ({"filter": {"path": ""}}, "filter.path"),
        ({"filter": {"searchQuery": "("}}, "searchQuery"),
        ({"skipDone": "yes"}, "skipDone"),
        ({"dryRun": 1}, "dryRun"),
        ({"unitLimit": -1}, "unitLimit"),
        ({"unitLimit": 1.5}, "unitLimit"),
        ({"unitLimit": True}, "unitLimit"),
        ({"unitLimit": 10**12}, "unitLimit"),
        ({"webhookUrl": "ftp://x.example"}, "webhookUrl"),
        ({"speed": "fast"}, "speed"),
    ],
)
def test_a_bad_body_is_a_400_that_names_the_field(api, body, field):
    answer = ask(api, **body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert not Backfill.objects.exists()


def test_a_body_without_a_filter_is_refused(api):
    answer = api.post(ADDRESS, {"extensions": [TAG]}, format="json")
    assert (answer.status_code, answer.json()["field"]) == (400, "filter")


def test_the_eleventh_unfinished_one_is_refused(api, new_account):
    for _ in range(10):
        factories.BackfillFactory(account=new_account.account)
    answer = ask(api)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_backfills")
    Backfill.objects.first().delete()
    assert ask(api).status_code == 201


@pytest.mark.rel("A4", "B26")
@pytest.mark.parametrize("way", ["get:", "post:/pause", "post:/resume", "post:/cancel", "post:/retry"])
def test_backfills_of_others_and_ids_of_nobody_look_the_same(api, assets, way):
    made = ask(api).json()
    stranger = client_for(create_account(slug="elsewhere").private_key)
    method, _, rest = way.partition(":")
    answers = [
        getattr(stranger, method)(f"{ADDRESS}/{backfill_id}{rest}")
        for backfill_id in (made["id"], "0" * 24, "nothing", "a%00b")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].json() == answers[1].json() == answers[2].json() == answers[3].json()
    assert Backfill.objects.get().state == "pending"
    assert stranger.get(ADDRESS).json() == []


@pytest.mark.rel("A3")
def test_a_key_that_may_only_read_sees_and_does_not_act(api, assets):
    made = ask(api).json()
    ApiKey.objects.update(is_restricted=True, rights={"media": "read"})
    assert api.get(ADDRESS).status_code == 200
    assert ask(api).status_code == 403
    for verb in ("pause", "resume", "cancel", "retry"):
        assert act(api, made, verb).status_code == 403
    ApiKey.objects.update(rights={})
    assert api.get(ADDRESS).status_code == 403


def test_a_webhook_tells_of_each_end(api, assets):
    from extensions.models import WebhookDelivery

    ask(api, webhookUrl="https://receiver.example/hook")
    finish(Backfill.objects.get())
    assert WebhookDelivery.objects.count() == 3


def test_a_list_of_many_costs_as_few_queries_as_one(api, new_account, assets, django_assert_num_queries):
    for _ in range(5):
        factories.BackfillFactory(account=new_account.account)
    with django_assert_num_queries(3):
        api.get(ADDRESS)


def test_a_backfill_of_anothers_files_by_path_finds_none(api):
    factories.AssetFactory()
    assert ask(api).json()["files"]["found"] == 0
    assert not ExtensionRun.objects.exists()
