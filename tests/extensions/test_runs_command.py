"""`manage.py runs`: what it lists, cancels and tries again, and how it ends."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from extensions.models import ExtensionRun
from extensions.runs.services import cancel_run
from library.models import AuditEntry
from tests.extensions.scenes import ask_for, make_asset

pytestmark = pytest.mark.django_db


def answer_of(*words: str) -> str:
    out = StringIO()
    call_command("runs", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def run(new_account):
    return ask_for(make_asset(new_account.account), "remove-bg")[0]


def test_runs_are_listed_by_filter(run):
    assert str(run.pk) in answer_of("list", "--account", "acme", "--state", "queued")
    assert json.loads(answer_of("list", "--state", "failed", "--json")) == []


def test_one_run_is_shown(run):
    assert json.loads(answer_of("show", str(run.pk)))["fileId"] == run.file_id


def test_a_run_is_cancelled_and_tried_again(run):
    assert json.loads(answer_of("cancel", str(run.pk), "--json"))[0]["state"] == "cancelled"
    [again] = json.loads(answer_of("retry", "--account", "acme", "--json"))
    assert again["retryOf"] == str(run.pk)
    assert json.loads(answer_of("retry", "--account", "acme", "--json")) == []
    assert AuditEntry.objects.filter(actor__startswith="command by").count() == 2


def test_a_dry_run_changes_nothing(run):
    said = answer_of("cancel", "--account", "acme", "--dry-run")
    assert "1 runs of 130 units" in said
    assert ExtensionRun.objects.get().state == "queued"


def test_what_is_refused_is_said_and_ends_with_an_error(run):
    cancel_run(run=run, actor="edda")
    out = StringIO()
    with pytest.raises(CommandError, match="refused for 1 of 1"):
        call_command("runs", "cancel", str(run.pk), "--json", stdout=out)
    assert json.loads(out.getvalue())[0]["refused"]["code"] == "run_is_over"


@pytest.mark.parametrize(
    "words",
    [
        ("show",),
        ("cancel",),
        ("retry",),
        ("show", "nothing"),
        ("show", "00000000-0000-4000-8000-000000000000"),
        ("list", "--account", "nobody"),
        ("list", "--state", "done"),
    ],
)
def test_a_command_that_names_nothing_sensible_is_refused(run, words):
    with pytest.raises(CommandError):
        answer_of(*words)
    assert ExtensionRun.objects.get().state == "queued"
