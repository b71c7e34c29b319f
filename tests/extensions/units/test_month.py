"""What happens at the edges: the month turns with runs open, and two uploads want the last units."""

import json
from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from extensions.models import ExtensionRun, UnitEntry, UnitLedger
from extensions.runs import pipeline
from extensions.units import audit, services
from library.models import Asset
from library.services.accounts import create_account
from mediahub.lib import clock
from tests.conftest import client_for
from tests.extensions.runs.test_races import together
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset, picture


def at(moment: datetime) -> None:
    clock.shift(0)
    clock.shift((moment - clock.now()).total_seconds())


@pytest.mark.rel("F51", "L11")
@pytest.mark.django_db
def test_a_run_open_over_the_turn_of_the_month_is_posted_to_the_old_ledger_and_new_holds_go_to_the_new(
    new_account, settings
):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    asset = make_asset(new_account.account)
    at(datetime(2027, 1, 31, 23, 59, 50, tzinfo=UTC))
    [old] = ask_for(asset, "remove-bg")
    at(datetime(2027, 2, 1, 0, 0, 10, tzinfo=UTC))
    [new] = ask_for(asset, "remove-bg")

    pipeline.work("images")

    old.refresh_from_db()
    assert old.state == "succeeded"
    january, february = UnitLedger.objects.order_by("period_start")
    assert (january.period_start.month, january.held, january.spent) == (1, 0, 130)
    assert (february.period_start.month, february.held + february.spent) == (2, 130)
    assert UnitEntry.objects.get(run_id=new.pk, kind="hold").ledger == february
    assert audit.differences() == []


@pytest.mark.django_db
def test_unused_units_packs_and_grants_do_not_carry_over(new_account):
    account = new_account.account
    at(datetime(2027, 1, 31, 23, 59, 50, tzinfo=UTC))
    services.add_packs(account=account, packs=1, actor="olga")
    services.grant(account=account, amount=77, actor="t", reason="fair")
    at(datetime(2027, 2, 1, 0, 0, 0, tzinfo=UTC))
    assert services.balance(account, now=clock.now()).available == 10_000
    ask_for(make_asset(account), "remove-bg")
    assert services.balance(account, now=clock.now()).available == 10_000 - 130


@pytest.mark.rel("F50")
def test_of_two_uploads_at_once_that_want_the_last_units_one_is_refused_and_leaves_nothing(committed_db):
    made = create_account(slug="last", units_per_month=130)

    def upload(name):
        return client_for(made.private_key).post(
            "/api/v1/files/upload",
            {
                "file": SimpleUploadedFile(name, picture(), "image/png"),
                "fileName": name,
                "extensions": json.dumps([{"name": "remove-bg"}]),
            },
        )

    answers = together(lambda: upload("a.png"), lambda: upload("b.png"))

    assert sorted(answer.status_code for answer in answers) == [200, 400]
    refused = next(answer for answer in answers if answer.status_code == 400)
    assert refused.json()["message"] == "Extensions quota exceeded."
    assert (Asset.objects.count(), ExtensionRun.objects.count()) == (1, 1)
    assert UnitLedger.objects.get().available == 0
    assert audit.differences() == []
