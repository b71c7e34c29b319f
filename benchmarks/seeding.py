# ruff: noqa: E402 - models can be imported only when Django is set up
"""Writes what a benchmark needs through MediaHub's own services; `benchmarks.system` runs it as a process of its own.

`python -m benchmarks.seeding account | runs COUNT WEBHOOK_URL | work COUNT |
deliveries EACH BYTES URL...`; the last line of output is the result as JSON.
"""

import io
import json
import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediahub.settings")
django.setup()

from django.core.management import call_command
from django.db import transaction
from PIL import Image

from extensions import turns
from extensions.catalog import parse_blocks
from extensions.models import ExtensionRun, WebhookDelivery
from extensions.providers.base import Output, RunInput
from extensions.providers.registry import get_provider
from extensions.runs import pipeline
from extensions.runs.services import request_runs
from extensions.webhooks.publish import QUEUE, receiver_of
from extensions.webhooks.signing import new_message_id
from library.models import Account
from library.services.accounts import create_account
from library.services.assets import UploadFields, upload_asset
from library.services.blobs import store_bytes
from mediahub.lib import clock

UNITS = 2_000_000_000
BATCH = 100


def account() -> str:
    """Make the account `bench` and return its private key."""
    return create_account(slug="bench", units_per_month=UNITS).private_key


def runs(count: str, webhook_url: str) -> int:
    """Queue so many tagging runs, each on an asset of its own, as if requested while nothing else ran."""
    call_command("migrate", interactive=False, verbosity=0)
    account()
    owner = Account.objects.get(slug="bench")
    for first in range(0, int(count), BATCH):
        with transaction.atomic():
            for number in range(first, min(first + BATCH, int(count))):
                _asset_with_run(owner, number, webhook_url)
    # No broker was there to wake anyone, so the sweep must not take these for woken.
    return ExtensionRun.objects.update(woken_at=None)


def work(count: str) -> list[float]:
    """Do so many queued tagging runs in this process; returns for each the milliseconds beside its provider's call."""
    provider, called_s = get_provider("fake"), 0.0
    answer = provider.run

    def timed(run_input: RunInput) -> Output:
        nonlocal called_s
        start = time.perf_counter()
        try:
            return answer(run_input)
        finally:
            called_s = time.perf_counter() - start

    provider.run = timed  # type: ignore[method-assign]
    taken = []
    for _ in range(int(count)):
        start = time.perf_counter()
        run = pipeline.work("tagging")
        taken.append((time.perf_counter() - start - called_s) * 1000)
        if run is None or not ExtensionRun.objects.filter(pk=run.pk, state="succeeded").exists():
            raise RuntimeError("a run did not succeed")
    return taken


def deliveries(each: str, body_bytes: str, *urls: str) -> str:
    """Have so many deliveries of so many bytes wait for each receiver, made in turns, due since the same moment.

    Returns the private key of the account they belong to.
    """
    call_command("migrate", interactive=False, verbosity=0)
    private_key = account()
    owner, now = Account.objects.get(slug="bench"), clock.now()
    turns.join_queue(QUEUE, [receiver_of(url) for url in urls], now=now)
    body = json.dumps({"service": "local-auto-tagging", "status": "SUCCESS", "filler": "x" * int(body_bytes)}).encode()
    rows = [
        WebhookDelivery(
            message_id=new_message_id(),
            account=owner,
            kind=WebhookDelivery.Kind.EXTENSION,
            event="local-auto-tagging",
            url=url,
            receiver=receiver_of(url),
            body=body[-int(body_bytes) :],
            first_due_at=now,
            due_at=now,
            created_at=now,
        )
        for _ in range(int(each))
        for url in urls
    ]
    WebhookDelivery.objects.bulk_create(rows, batch_size=BATCH)
    return private_key


def _asset_with_run(owner: Account, number: int, webhook_url: str) -> None:
    name = f"seed-{number}.png"
    blob = store_bytes(data=_picture(number), name=name)
    version = upload_asset(account=owner, blob=blob, fields=UploadFields(file_name=name), now=clock.now())
    request_runs(
        asset=version.asset,
        version=version,
        blocks=parse_blocks([{"name": "local-auto-tagging"}], both_spellings=False),
        webhook_url=webhook_url,
        now=clock.now(),
    )


def _picture(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (number % 256, number // 256 % 256, 120)).save(buffer, "PNG")
    return buffer.getvalue()


if __name__ == "__main__":
    print(
        json.dumps(
            {"account": account, "deliveries": deliveries, "runs": runs, "work": work}[sys.argv[1]](*sys.argv[2:])
        )
    )
