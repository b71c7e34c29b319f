"""An account with pictures, backfills on them, and a worker that does all that is due."""

import pytest

from extensions.backfills import services
from extensions.backfills.working import one_stretch
from extensions.catalog import parse_blocks
from extensions.filters import clean_filter
from extensions.models import Backfill
from extensions.runs import pipeline
from mediahub.lib import clock
from tests.extensions.scenes import FAKE_CHAINS, make_asset

TAG = {"name": "local-auto-tagging", "maxTags": 5}
CUT = {"name": "remove-bg"}


@pytest.fixture(autouse=True)
def fake_chains(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)


@pytest.fixture
def assets(new_account):
    """Three pictures with bytes."""
    return [make_asset(new_account.account, name=f"{number}.png") for number in range(3)]


def start(account, *blocks, given=None, **more) -> Backfill:
    """A backfill as the API asks for it."""
    wanted = {"skip_done": True, "unit_limit": None, "webhook_url": "", "actor": "test", "now": clock.now(), **more}
    parsed = parse_blocks(list(blocks) or [TAG], both_spellings=False)
    return services.start_backfill(account=account, given=clean_filter(given or {}), blocks=parsed, **wanted)


def feed() -> bool:
    """A stretch of the backfill whose turn it is; the wait for runs counts as over."""
    Backfill.objects.filter(state="running", token=None).update(due_at=clock.now())
    return one_stretch(60.0, lambda: False)


def do_runs() -> int:
    """Do every run that is due; returns how many."""
    done = 0
    while pipeline.work("tagging") or pipeline.work("images"):
        done += 1
    return done


def finish(backfill: Backfill, *, rounds: int = 50) -> Backfill:
    """Feed and work until the backfill stops."""
    for _ in range(rounds):
        feed()
        do_runs()
        backfill.refresh_from_db()
        if backfill.state not in Backfill.ACTIVE:
            return backfill
    raise AssertionError(f"{backfill.state} after {rounds} rounds")
