"""What the steps of all bulk jobs share: the transaction under the lease, paths at the target, files left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from library.models import Asset, BulkJob, Folder
from library.names import clean_folder_path
from library.services.jobs.leases import Claim, hold
from mediahub.lib.clock import now as clock_now
from mediahub.lib.errors import DomainError

MOST_LEFT_OUT = 1000


class Overtaken(Exception):
    """The lease ran out and another worker has the job; what this step was doing does not count."""


class TooManyLeftOut(DomainError):
    """So many files cannot be taken along that the job ends."""

    code = "too_many_left_out"


@contextmanager
def step_of(claim: Claim) -> Iterator[datetime]:
    """One transaction under the claim's lease; gives the present moment. Raises Overtaken."""
    with transaction.atomic():
        now = clock_now()
        if not hold(claim, now=now):
            raise Overtaken
        yield now


def at_target(job: BulkJob, path: str) -> str:
    """Where a path of the source tree lies in the target tree. Raises BadName if that is too deep or too long."""
    return clean_folder_path(job.target_path + path[len(job.source_path) :])


def some_files(job: BulkJob, files: QuerySet[Asset], *, most: int) -> QuerySet[Asset]:
    """At most so many of the files that lie in the source tree, in any order.

    Folders are looked up first: from the files' side the database would walk past all that lie elsewhere, step after
    step.
    """
    tree = Folder.objects.of_account(job.account).in_tree(job.source_path)
    keys = list(tree.filter(Exists(files.filter(folder=OuterRef("pk")))).values_list("pk", flat=True)[:most])
    return files.filter(folder__in=keys)[:most]


def leave_out(job: BulkJob, asset: Asset, error: DomainError) -> None:
    """Note that a file stays as it is, and why. Raises TooManyLeftOut."""
    job.left_out.append({"fileId": asset.file_id, "error": error.message})
    if len(job.left_out) > MOST_LEFT_OUT:
        raise TooManyLeftOut(
            f"More than {MOST_LEFT_OUT} files cannot be taken along. The first reason: {error.message}"
        )


def left_out_ids(job: BulkJob) -> list[str]:
    """Ids of the files that stay as they are."""
    return [item["fileId"] for item in job.left_out]
