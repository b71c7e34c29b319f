# ruff: noqa: E402 - models can be imported only when Django is set up
"""What a process of `benchmarks.ledger` does: hold units of one account, and post or void them, through our services.

`python -m benchmarks.spending prepare PRICES | spend OPERATIONS`; the last line of output is the result as JSON.
`spend` says `ready`, waits for a line and then begins, so that all processes begin together, and says `spent`.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediahub.settings")
django.setup()

from django.core.management import call_command
from django.db import transaction

from extensions.catalog import CATALOG
from extensions.models import ExtensionRun
from extensions.units import services
from library.identifiers import new_object_id
from library.models import Account
from library.services.accounts import create_account
from mediahub.lib import clock

EXTENSION = CATALOG["remove-bg"]
VOID_EVERY = 4
State = ExtensionRun.State


def prepare(prices: str) -> int:
    """Make an account whose month has so many prices' worth of units; returns them."""
    call_command("migrate", interactive=False, verbosity=0)
    account = create_account(slug="bench", units_per_month=int(prices) * EXTENSION.units).account
    return services.ledger_for(account, now=clock.now()).granted


def spend(operations: str) -> dict[str, int]:
    """So many operations, each in a transaction of its own: a hold, or the post or void of the hold before.

    The ledger is what is measured, so the runs' rows, which `check_ledger` compares with it, are written afterwards.
    """
    account = Account.objects.get(slug="bench")
    done = {"posted": 0, "voided": 0, "refused": 0}
    runs: list[ExtensionRun] = []
    _say("ready")
    sys.stdin.readline()
    for number in range(int(operations)):
        if runs and not runs[-1].is_terminal:
            succeeded = number // 2 % VOID_EVERY > 0
            _end(runs[-1], succeeded=succeeded)
            done["posted" if succeeded else "voided"] += 1
        elif run := _hold(account):
            runs.append(run)
        else:
            done["refused"] += 1
    _say("spent")
    if runs and not runs[-1].is_terminal:
        _end(runs[-1], succeeded=False)
    ExtensionRun.objects.bulk_create(runs)
    return done


def _say(word: str) -> None:
    print(word, flush=True)


def _hold(account: Account) -> ExtensionRun | None:
    now = clock.now()
    run = ExtensionRun(
        account=account,
        file_id=new_object_id(),
        version_id=new_object_id(),
        extension=EXTENSION.name,
        queue=EXTENSION.queue,
        units=EXTENSION.units,
        due_at=now,
        created_at=now,
    )
    try:
        with transaction.atomic():
            services.hold(account=account, runs=[run], now=now)
    except services.InsufficientUnits:
        return None
    return run


def _end(run: ExtensionRun, *, succeeded: bool) -> None:
    now = clock.now()
    with transaction.atomic():
        services.close(run=run, succeeded=succeeded, now=now)
    run.state, run.finished_at = (State.SUCCEEDED if succeeded else State.FAILED), now
    run.error_code = "" if succeeded else "bench"


if __name__ == "__main__":
    print(json.dumps({"prepare": prepare, "spend": spend}[sys.argv[1]](*sys.argv[2:])))
