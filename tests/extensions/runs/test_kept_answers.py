"""The sweep of blobs leaves alone what an open run has kept, and takes it when the run is over without a version."""

import os

import pytest

from extensions.models import ExtensionRun
from extensions.runs import pipeline
from extensions.runs.claim import claim
from extensions.sweeping import sweep_blobs
from library.models import UploadReceipt
from library.tasks import sweep_receipts
from mediahub.lib import clock
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset

pytestmark = pytest.mark.django_db
DAYS_AGO_S = 3 * 24 * 3600


@pytest.mark.rel("J9", "U12")
def test_a_kept_answer_outlives_the_sweep_while_its_run_is_open(new_account, settings, blobs_in_tmp_path):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    [run] = ask_for(make_asset(new_account.account), "remove-bg")
    pipeline._answer(claim("images", now=clock.now()))
    kept = blobs_in_tmp_path / ExtensionRun.objects.get(pk=run.pk).answer_blob_key
    for blob in blobs_in_tmp_path.rglob("*-*"):
        os.utime(blob, (blob.stat().st_mtime - DAYS_AGO_S,) * 2)
    assert sweep_blobs() == 0
    assert kept.exists()
    ExtensionRun.objects.filter(pk=run.pk).update(state="failed", error_code="x", token=None, finished_at=clock.now())
    assert sweep_blobs() == 1
    assert not kept.exists()


@pytest.mark.rel("U15")
def test_receipts_are_forgotten_when_no_repeat_can_come(new_account):
    key = new_account.account.api_keys.get()
    UploadReceipt.objects.create(api_key=key, fingerprint="f", file_id="a", version_id="b", created_at=clock.now())
    assert sweep_receipts() == 0
    clock.shift(3600)
    assert sweep_receipts() == 1
