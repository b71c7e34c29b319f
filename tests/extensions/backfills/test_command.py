"""`manage.py backfill`: what an operator sees and does."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from extensions.models import Backfill
from library.models import AuditEntry
from tests import factories
from tests.extensions.backfills.conftest import feed, finish

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command("backfill", *words, stdout=out)
    return out.getvalue()


def test_a_dry_run_says_the_cost_and_changes_nothing(new_account, assets):
    said = run("start", "--account", "acme", "--extensions", "remove-bg", "--dry-run")
    assert "3 files, 3 runs, 390 units of 10000 available" in said
    assert "Nothing was changed." in said
    assert not Backfill.objects.exists()


def test_it_is_started_shown_and_listed(new_account, assets):
    factories.TagFactory(asset=assets[0], name="sale")
    blocks = '[{"name": "local-auto-tagging", "maxTags": 5}]'
    words = ("--extensions", blocks, "--search", 'tags IN ["sale"]', "--unit-limit", "5")
    [made] = json.loads(run("start", "--account", "acme", *words, "--json"))
    assert (made["state"], made["files"]["found"], made["unitLimit"]) == ("pending", 1, 5)
    finish(Backfill.objects.get())
    assert '"state": "completed"' in run("show", made["id"])
    line = run("list", "--account", "acme")
    assert line.startswith(made["id"])
    assert "100 %  1 of 1 files  1 done, 0 failed, 0 open" in line
    assert run("list", "--state", "paused") == ""


def test_it_pauses_resumes_and_is_cancelled(new_account, assets):
    [made] = json.loads(run("start", "--account", "acme", "--extensions", "local-auto-tagging", "--json"))
    assert "paused: Paused by command by" in run("pause", made["id"])
    assert not feed()
    assert "running" in run("resume", made["id"], "--unit-limit", "7")
    assert Backfill.objects.get().unit_limit == 7
    assert "cancelled" in run("cancel", made["id"])
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert [one.partition(".")[2] for one in actions if one.startswith("backfill")] == [
        "started",
        "paused",
        "resumed",
        "cancelled",
    ]


def test_following_prints_the_end_and_fails_where_it_failed(new_account, assets):
    [made] = json.loads(run("start", "--account", "acme", "--extensions", "local-auto-tagging", "--json"))
    finish(Backfill.objects.get())
    assert run("show", made["id"], "--follow").count("completed") == 2
    paused = factories.BackfillFactory(
        account=new_account.account, state="paused", error_code="insufficient_units", error_message="No units."
    )
    with pytest.raises(CommandError, match="No units"):
        run("show", paused.backfill_id, "--follow")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["start", "--extensions", "remove-bg"], "Name --account"),
        (["start", "--account", "nobody", "--extensions", "remove-bg"], "no account 'nobody'"),
        (["start", "--account", "acme"], "--extensions"),
        (["start", "--account", "acme", "--extensions", "paint"], "not an extension"),
        (["start", "--account", "acme", "--extensions", "[nonsense"], "JSON"),
        (["start", "--account", "acme", "--extensions", "remove-bg", "--search", "("], "searchQuery"),
        (["start", "--account", "acme", "--extensions", "remove-bg", "--path", ""], "filter.path must not be empty"),
        (["start", "--account", "acme", "--extensions", "remove-bg", "--unit-limit", "-1"], "unitLimit"),
        (["pause"], "Name the backfills"),
        (["pause", "0" * 24], "no backfill"),
        (["list", "--state", "done"], "unknown"),
    ],
)
def test_what_cannot_be_done_is_said(new_account, words, said):
    with pytest.raises(CommandError, match=said):
        run(*words)
    assert not Backfill.objects.exists()
