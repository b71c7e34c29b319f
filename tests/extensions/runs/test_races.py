"""Races between real connections: claims, holds, updates against settlements (REL sections 1, 2 and 8)."""

import threading

import pytest
from django.db import connection, transaction

from extensions.models import ExtensionRun, UnitEntry
from extensions.runs import pipeline
from extensions.runs.claim import claim
from extensions.units import audit, services
from library.models import AITag, Asset
from library.services.accounts import create_account
from library.services.assets import AssetChanges, delete_asset, update_asset
from mediahub.lib import clock
from mediahub.lib.errors import DomainError
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset

TAGGER = "local-auto-tagging"


def together(*functions):
    """Run functions at the same moment, each on a connection of its own; return what they returned or raised."""
    start, results = threading.Barrier(len(functions)), [None] * len(functions)

    def run(index, function):
        start.wait()
        try:
            results[index] = function()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(functions)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return results


@pytest.mark.rel("J4")
def test_of_many_workers_at_once_each_run_is_claimed_by_one(committed_db):
    asset = make_asset(create_account(slug="crowd").account)
    for _ in range(12):
        ask_for(asset, TAGGER)

    def worker():
        claimed = []
        while (run := claim("tagging", now=clock.now())) is not None:
            claimed.append(run.pk)
        return claimed

    claimed = [pk for found in together(*[worker] * 6) for pk in found]
    assert len(claimed) == len(set(claimed)) == 12
    assert set(ExtensionRun.objects.values_list("attempts", flat=True)) == {1}


@pytest.mark.rel("L2", "L9", "F50")
def test_fifty_requests_at_once_hold_no_more_than_there_is(committed_db):
    account = create_account(slug="short", units_per_month=20 * 130).account
    asset = make_asset(account)

    def request():
        ask_for(asset, "remove-bg")

    results = together(*[request] * 50)
    refused = [error for error in results if error is not None]
    assert len(refused) == 30
    assert all(isinstance(error, services.InsufficientUnits) for error in refused), refused
    assert UnitEntry.objects.filter(kind="hold").count() == 20
    assert ExtensionRun.objects.count() == 20
    assert services.balance(account, now=clock.now()).available == 0
    assert audit.differences() == []


@pytest.mark.rel("L10")
def test_the_first_need_of_a_month_by_many_at_once_makes_one_ledger(committed_db):
    account = create_account(slug="first").account

    def need():
        with transaction.atomic():
            return services.ledger_for(account, now=clock.now()).pk

    assert len(set(together(*[need] * 8))) == 1
    assert UnitEntry.objects.filter(kind="grant").count() == 1


@pytest.mark.rel("F48")
def test_two_runs_of_one_tagger_at_once_leave_one_set_of_tags_and_two_charges(committed_db, settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    asset = make_asset(create_account(slug="twice").account)
    for _ in range(2):
        ask_for(asset, {"name": "aws-auto-tagging", "minConfidence": 0, "maxTags": 9})
    together(*[lambda: pipeline.work("tagging")] * 2)
    assert set(ExtensionRun.objects.values_list("state", flat=True)) == {"succeeded"}
    assert AITag.objects.count() == 3
    assert UnitEntry.objects.filter(kind="post").count() == 2
    assert audit.differences() == []


@pytest.mark.rel("F49")
def test_updates_deletes_and_settlements_at_once_leave_no_orphan(committed_db, settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    account = create_account(slug="busy", units_per_month=100_000).account
    for number in range(8):
        asset = make_asset(account, name=f"a{number}.png")
        ask_for(asset, "remove-bg")
        results = together(
            lambda: pipeline.work("images"),
            lambda asset=asset: update_asset(asset=asset, changes=AssetChanges(tags=("x", "y")), now=clock.now()),
            lambda asset=asset: delete_asset(asset=asset),
        )
        assert all(error is None or isinstance(error, (ExtensionRun, DomainError)) for error in results), results
    assert not Asset.objects.exists()
    assert not ExtensionRun.objects.open().exists()
    assert audit.differences() == []
