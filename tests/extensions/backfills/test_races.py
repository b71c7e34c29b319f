"""A backfill and people at the same run in the same moment: the work is asked for, and paid for, once."""

import threading
import time

import pytest
from django.db import connections, transaction

from extensions.backfills.services import retry_failed
from extensions.models import ExtensionRun
from extensions.runs.services import retry_run
from library.services.accounts import create_account
from tests.extensions.backfills.conftest import do_runs, feed, start
from tests.extensions.scenes import make_asset


@pytest.mark.rel("L4")
def test_a_failed_run_that_somebody_tries_again_meanwhile_is_not_tried_twice(committed_db, settings):
    account = create_account(slug="acme").account
    make_asset(account)
    chains = settings.MEDIAHUB_PROVIDER_CHAINS
    settings.MEDIAHUB_PROVIDER_CHAINS = {**chains, "local-auto-tagging": ["nobody"]}
    backfill = start(account)
    feed()
    do_runs()
    feed()
    settings.MEDIAHUB_PROVIDER_CHAINS = chains
    failed = ExtensionRun.objects.get(state="failed")
    backfill.refresh_from_db()
    retry_failed(backfill=backfill, actor="t")
    is_asked = threading.Event()

    def retry():
        try:
            with transaction.atomic():
                retry_run(run=failed, actor="somebody")
                is_asked.set()
                time.sleep(0.5)  # the backfill looks for failed runs and waits for the file
        finally:
            connections.close_all()

    thread = threading.Thread(target=retry)
    thread.start()
    is_asked.wait(10)
    feed()
    thread.join()

    assert failed.retries.count() == 1
