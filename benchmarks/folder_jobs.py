"""How long do jobs on trees of 100 000 objects take, and how long is one step's transaction at most?

Run by hand: `python -m benchmarks.folder_jobs [OBJECTS] [COPIED]`, on the database that DATABASE_URL names or on SQLite
in a scratch folder. It works on the jobs in this process, as a worker would; the files have no bytes, those of the copy
apart.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

BATCH = 2000


def main(objects: int, copied: int) -> None:
    """Seed a tree, send it through every kind of job, print seconds."""
    from library.services.accounts import create_account
    from library.services.jobs import requests
    from mediahub.lib.clock import now

    account = create_account(slug=f"bench-{time.time_ns()}").account
    seed(account, "/t", objects - 200)  # room for the folder that it is moved into
    to = {"account": account, "actor": "benchmark"}
    timed("rename", lambda: requests.request_rename(path="/t", name="n", purge_cache=False, now=now(), **to))
    timed("move", lambda: requests.request_move(source="/n", destination="/x", now=now(), **to))
    seed(account, "/y/n", 100)
    timed(
        "move into a folder that is there",
        lambda: requests.request_move(source="/x/n", destination="/y", now=now(), **to),
    )
    time.sleep(0.01)
    timed("delete", lambda: requests.request_delete(path="/y", now=now(), **to))
    seed(account, "/c", copied, with_bytes=True)
    timed("copy", lambda: requests.request_copy(source="/c", destination="/d", include_versions=True, now=now(), **to))


def timed(name, ask) -> None:
    """Ask for a job and work on it to its end."""
    from library.services.jobs.leases import claim_job, end
    from library.services.jobs.working import STEPS
    from mediahub.lib.clock import now

    started = time.perf_counter()
    job = ask()
    asked = time.perf_counter()
    claim, longest, more = claim_job(now=now(), job_id=job.job_id), 0.0, True
    while more:
        step = time.perf_counter()
        more = STEPS[job.type](claim)
        longest = max(longest, time.perf_counter() - step)
    end(claim, now=now())
    job.refresh_from_db()
    took = time.perf_counter() - asked
    print(
        f"{name}: {job.objects_total} objects, asked in {asked - started:.2f} s, done in {took:.1f} s, "
        f"longest step {longest:.2f} s",
        flush=True,
    )
    assert job.objects_done >= job.objects_total, (job.objects_done, job.objects_total)


def seed(account, path: str, objects: int, *, with_bytes: bool = False) -> None:
    """A tree with one folder for every hundred objects, made of rows."""
    from django.db import transaction

    from library.identifiers import new_object_id
    from library.models import Asset, AssetVersion
    from library.services.blobs import store_bytes
    from library.services.folders import ensure_folder
    from mediahub.lib.clock import now

    moment, number = now(), 0
    folders = max(1, objects // 100)
    with transaction.atomic():
        rows = [ensure_folder(account=account, path=f"{path}/{n // 100}/{n}", now=moment) for n in range(folders)]
    files = objects - folders - (folders + 99) // 100
    while number < files:
        count = min(BATCH, files - number)
        names = range(number, number + count)
        blobs = {n: store_bytes(data=b"x" * 1000, name="x.txt") for n in names} if with_bytes else {}
        with transaction.atomic():
            assets = Asset.objects.bulk_create(
                Asset(account=account, folder=rows[n % folders], name=f"{n}.txt", created_at=moment, updated_at=moment)
                for n in names
            )
            versions = AssetVersion.objects.bulk_create(
                AssetVersion(
                    asset=asset, number=1, version_id=asset.file_id, size_bytes=1000, mime="text/plain",
                    origin="upload", created_at=moment, sha256=blobs[n].sha256 if blobs else "0" * 64,
                    blob_key=blobs[n].blob_key if blobs else f"00/00/{'0' * 64}-{new_object_id()}",
                )
                for n, asset in zip(names, assets, strict=True)
            )  # fmt: skip
            for asset, version in zip(assets, versions, strict=True):
                asset.current_version = version
            Asset.objects.bulk_update(assets, ["current_version"], batch_size=500)
        number += count


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["MEDIAHUB_DATA_DIR"] = scratch
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediahub.settings")
        Path(scratch, "tmp").mkdir()
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        main(*(int(text) for text in (sys.argv[1:] + ["100000", "10000"][len(sys.argv) - 1 :])))
